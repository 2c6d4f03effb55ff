// SPDX-License-Identifier: GPL-2.0
/*
 * When a limit cannot be met, someone is killed: seen, named, and survived by whoever watches.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"
#include "guard.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE  4096UL
#define LIMIT (32UL << 20)
#define WANTS (64UL << 20)

struct work {
	char *at;
};

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	/* Who started this may have been spared (oom_score_adj -1000), and it with him. */
	if (lab_guard_write("/proc/self/oom_score_adj", "0"))
		lab_give_up(worker, "oom_score_adj: %s", strerror(errno));
	shared->at = lab_map(WANTS);
	lab_done(worker);
	lab_write_pages(shared->at, WANTS / PAGE, PAGE);
}

static void idle(struct lab_worker *worker, void *arg)
{
	lab_write_pages(lab_map(100 * PAGE), 100, PAGE);
	lab_done(worker);
	(void)arg;
}

/* From here on; the kernel's log. */
static int open_log(struct lab *lab)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		lab_skip(lab, "the kernel's log cannot be read");
	lseek(fd, 0, SEEK_END);
	return fd;
}

/* How often the log names the process as killed for want of memory (oom_kill_process(), 6.1 and 6.12). */
static unsigned int nr_named(struct lab *lab, int log, pid_t pid)
{
	char record[2048], wanted[64];
	unsigned int nr = 0;
	ssize_t len;

	snprintf(wanted, sizeof(wanted), "Killed process %d (", pid);
	while ((len = read(log, record, sizeof(record) - 1)) > 0 || (len < 0 && errno == EPIPE)) {
		/* Some were overwritten before they were read; on with the next. */
		if (len < 0)
			continue;
		record[len] = '\0';
		record[strcspn(record, "\n")] = '\0';
		if (!strstr(record, wanted))
			continue;
		nr++;
		lab_evidence(lab, "%s", strchr(record, ';') ? strchr(record, ';') + 1 : record);
	}
	return nr;
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *victim = lab_worker(lab, work, shared), *other = lab_worker(lab, idle, NULL);
	uint64_t rss;
	struct lab_target *of_victim, *of_other;
	char cgroup[LAB_PATH];
	int status, log = open_log(lab);

	lab_cgroup(lab, cgroup);
	lab_cgroup_set(lab, cgroup, "memory.max", lab_spoilt(lab) ? "134217728" : "33554432");
	lab_cgroup_set(lab, cgroup, "memory.swap.max", "0");
	lab_cgroup_enter(lab, cgroup, victim->pid);
	lab_count(lab, victim->pid);
	of_victim = lab_watch(lab, victim->pid);
	of_other = lab_watch(lab, other->pid);

	lab_step(lab, "a process may use 32 MiB, without swap, and maps 64 MiB; another is not limited");
	lab_go(lab, victim);
	lab_go(lab, other);
	rss = lab_sum(of_other, "rss");
	lab_check(lab, .what = "killed so far", LAB_EXACTLY(0),
		  .measured = lab_cgroup_number(lab, cgroup, "memory.events", "oom_kill"));
	lab_check(lab, .what = "of it resident", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_vma_sum(of_victim, (uint64_t)shared->at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, victim->pid, (uint64_t)shared->at, "Rss")));

	lab_step(lab, "it writes to all of it");
	status = lab_last(lab, victim);
	lab_check(lab, .what = "ended by signal", LAB_EXACTLY(SIGKILL),
		  .measured = WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	lab_check(lab, .what = "killed for want of memory", LAB_EXACTLY(1),
		  .measured = nr_named(lab, log, victim->pid),
		  LAB_WITNESS("cgroup", lab_cgroup_number(lab, cgroup, "memory.events", "oom_kill")));
	/* Tables, and what each CPU has charged in advance, are in the limit, too. */
	lab_check(lab, .what = "pages it got before", LAB_BETWEEN(LIMIT / PAGE * 3 / 4, LIMIT / PAGE),
		  .measured = lab_counted_at(lab, victim->pid, (uint64_t)shared->at,
					     LAB_FAULTS(MMS_FAULT_FIRST_TOUCH)));
	lab_check_that(lab, "mmscope has seen it go", lab_exited(of_victim));
	lab_check(lab, .what = "the other's resident memory", .unit = LAB_BYTES, LAB_EXACTLY(rss),
		  .measured = lab_sum(of_other, "rss"));
	lab_note(lab, "the limit is that of a control group; where the whole machine is out of memory, the largest process is chosen, by its badness (/proc/PID/oom_score)");
}

const struct lab_def lab_def_oom = {
	.name = "oom",
	.topic = LAB_REPLACEMENT,
	.claim = "When a limit on memory cannot be met by giving any back, someone is killed.",
	.spoil = "the limit is 128 MiB",
	.run = run,
};
