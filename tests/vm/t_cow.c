// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write as the tracer counts it: each cause and each way against what is known by
 * construction, and against the frames in /proc/PID/pagemap. Each case runs in a process of its own,
 * for selected processes; those of small pages also for everyone, and with all the detail, of which
 * the sums are the records.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>

#include "../../userspace/error.h"
#include "../../userspace/tracer.h"
#include "cow_lab.h"
#include "event_names.h"
#include "proc.h"
#include "tap.h"

static const struct cow_case *const all[] = { cow_pages, cow_ways, cow_kinds, cow_huge };
static struct cow_result *result;

/* With more options, the programs are others. */
static const struct mode {
	const char *name;
	unsigned int nr_all;		/* how much of all[] is run */
	bool preempted;			/* as if booted with preempt=full */
	struct tracer_options options;
} modes[] = {
	{ "selected", 4, false, { .question = { [MMS_QUESTION_COW] = true }, .follow = true } },
	{ "everyone", 1, false, { .question = { [MMS_QUESTION_COW] = true }, .everyone = true } },
	{ "detail", 1, false, { .question = { [MMS_QUESTION_COW] = true }, .follow = true,
				.by_vma = true, .user_stacks = true, .kernel_stacks = true } },
	{ "preempted", 1, true, { .question = { [MMS_QUESTION_COW] = true }, .follow = true } },
};

#define PREEMPTION "/sys/kernel/debug/sched/preempt"

static unsigned int nr_cases(const struct mode *mode)
{
	unsigned int i, j, nr = 0;

	for (i = 0; i < mode->nr_all; i++)
		for (j = 0; all[i][j].name; j++)
			nr++;
	return nr;
}

static void run(const char *command)
{
	if (system(command))
		tap_diag("failed: %s", command);
}

static void make_world(void)
{
	run("modprobe -q zram num_devices=1");
	if (!proc_write("/sys/block/zram0/disksize", "64M")) {
		run("mkswap /dev/zram0 >/dev/null");
		if (swapon("/dev/zram0", 0))
			tap_diag("swapon: %s", strerror(errno));
	}
	mkdir("/run/cow", 0700);
	run("modprobe -q loop; truncate -s 32M /run/cow.image && mkfs.ext4 -q -F /run/cow.image && "
	    "mount -o loop,noatime /run/cow.image /run/cow");
	proc_write("/proc/sys/vm/nr_hugepages", "12");
	proc_write("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	proc_write("/sys/kernel/mm/transparent_hugepage/defrag", "always");
	proc_write("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "600000");
}

static void unmake_world(void)
{
	umount2("/run/cow", MNT_DETACH);
	swapoff("/dev/zram0");
	proc_write("/sys/block/zram0/reset", "1");
	proc_write("/proc/sys/vm/nr_hugepages", "0");
}

static void actor_main(struct tracer *tracer, const struct cow_case *test)
{
	static struct cow cow;

	alarm(250);
	cow.tracer = tracer;
	cow.result = result;
	cow.actor = getpid();
	test->run(&cow);
	if (cow.partner)
		kill(cow.partner, SIGKILL);
	_exit(0);
}

static void run_case(struct tracer *tracer, const char *mode, const struct cow_case *test)
{
	unsigned int i;
	int status;
	pid_t pid;

	memset(result, 0, sizeof(*result));
	tap_flush();
	pid = fork();
	if (!pid)
		actor_main(tracer, test);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		tap_bail("fork: %s", strerror(errno));
	if (*result->missing) {
		tap_skip(result->missing, "%s: %s", mode, test->name);
		return;
	}
	tap_ok(!status && result->done && !result->nr_notes, "%s: %s", mode, test->name);
	if (status)
		tap_diag("status 0x%x", status);
	for (i = 0; i < result->nr_notes; i++)
		tap_diag("%s", result->notes[i]);
}

static void check_available(struct tracer *tracer)
{
	char name[MMS_COUNTER_NAME_MAX];
	unsigned int i, missing = 0;
	const char *hook;

	for (i = 0; i < MMS_NR_COW_COUNTERS; i++) {
		hook = tracer_missing_hook(tracer, MMS_QUESTION_COW, i);
		if (!hook)
			continue;
		missing++;
		tap_diag("%s: no %s", mms_counter_name(name, MMS_QUESTION_COW, i), hook);
	}
	/* Two are of transparent huge pages. */
	tap_eq(missing, proc_have_thp() ? 0 : 2, "every counter is available");
}

/* Lost events are shown, not hidden; here there are none to be shown. */
static void check_losses(struct tracer *tracer, const char *mode)
{
	struct tracer_losses losses = tracer_losses(tracer, MMS_QUESTION_COW);

	/* Stacks are: two may have the same hash. */
	tap_eq(losses.vmas + losses.processes, 0, "%s: nothing else lost", mode);
	tap_diag("%s: %llu missed", mode, (unsigned long long)losses.missed);
}

/* Of all processes but this one, which goes on. */
struct sums {
	struct tracer *tracer;
	uint64_t of[MMS_MAX_COUNTERS];
};

static bool is_other(const struct sums *sums, unsigned int slot)
{
	return tracer_slot_tgid(sums->tracer, MMS_QUESTION_COW, slot) != getpid();
}

static int add_vma(void *data, const struct tracer_vma *vma)
{
	struct sums *sums = data;

	if (is_other(sums, vma->slot))
		sums->of[vma->counter] += vma->count;
	return vma->start >= vma->end;
}

static int add_stack(void *data, const struct tracer_stack *stack)
{
	struct sums *sums = data;

	if (is_other(sums, stack->slot))
		sums->of[stack->counter] += stack->count;
	return !stack->nr_kernel;
}

/* The others have ended: records, VMAs and stacks hold the same events, but for stacks lost and told. */
static void check_detail(struct tracer *tracer)
{
	static struct mms_trace_record records[512];
	struct sums vmas = { .tracer = tracer }, stacks = { .tracer = tracer };
	uint64_t sums[MMS_MAX_COUNTERS] = {};
	struct tap_diffs by_vma = { .what = "detail: VMAs add up to the records" };
	struct tap_diffs by_stack = { .what = "detail: stacks add up to the records" };
	uint64_t lost = tracer_losses(tracer, MMS_QUESTION_COW).stacks;
	size_t i, j, nr;

	tap_eq(tracer_for_each_vma(tracer, MMS_QUESTION_COW, add_vma, &vmas) +
		       tracer_for_each_stack(tracer, MMS_QUESTION_COW, add_stack, &stacks),
	       0, "detail: every VMA has a size, every event a kernel stack");
	nr = tracer_read(tracer, MMS_QUESTION_COW, records, 512);
	for (i = MMS_SLOT_OTHERS; i < nr && i < 512; i++)
		for (j = 0; j < MMS_NR_COW_COUNTERS && records[i].owner.tgid != (uint32_t)getpid();
		     j++)
			sums[j] += records[i].count[j];
	/* Neither has pages or swapped, which are properties of breaks. */
	for (j = 0; j < MMS_COW_PAGES; j++) {
		by_vma.nr_compared += sums[j];
		by_stack.nr_compared += sums[j];
		if (vmas.of[j] != sums[j])
			tap_differs(&by_vma, "counter %zu: %lu of %lu", j, vmas.of[j], sums[j]);
		if (stacks.of[j] > sums[j] || stacks.of[j] + lost < sums[j])
			tap_differs(&by_stack, "counter %zu: %lu of %lu", j, stacks.of[j], sums[j]);
		lost -= sums[j] - stacks.of[j];
	}
	if ((int64_t)lost < 0)
		tap_differs(&by_stack, "%ld stacks more than are said to be lost", -(int64_t)lost);
	tap_no_diffs(&by_vma);
	tap_no_diffs(&by_stack);
}

/* Of the words in the file, the one in brackets is what the kernel does: "none (voluntary) full". */
static bool set_preemption(const char *wanted, char *had, size_t size)
{
	char *text = proc_read_file(PREEMPTION, NULL), *at = text ? strchr(text, '(') : NULL;

	if (at)
		snprintf(had, size, "%.*s", (int)strcspn(at + 1, ")"), at + 1);
	free(text);
	return at && !proc_write(PREEMPTION, wanted);
}

static void run_mode(const struct mode *mode, const char *only)
{
	struct tracer *tracer;
	unsigned int i, j;

	tap_flush();
	if (tracer_open(&tracer, &mode->options) || tracer_select(tracer, getpid()) ||
	    tracer_start(tracer))
		tap_bail("%s", mms_failure());
	check_available(tracer);
	for (i = 0; i < mode->nr_all; i++)
		for (j = 0; all[i][j].name; j++)
			if (!only || strstr(all[i][j].name, only))
				run_case(tracer, mode->name, &all[i][j]);
	check_losses(tracer, mode->name);
	if (mode->options.by_vma)
		check_detail(tracer);
	tracer_close(tracer);
}

static void run_preempted(const struct mode *mode, const char *only)
{
	char had[32], full[32];

	if (set_preemption("full", had, sizeof(had))) {
		run_mode(mode, only);
		set_preemption(had, full, sizeof(full));
		return;
	}
	for (unsigned int i = 0; i < nr_cases(mode) + 2; i++)
		tap_skip("no choice of preemption", "%s", mode->name);
}

int main(int argc, char **argv)
{
	size_t i, nr_modes = sizeof(modes) / sizeof(*modes), points = 3;

	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	for (i = 0; i < nr_modes; i++)
		points += nr_cases(&modes[i]) + 2;
	tap_plan(points);
	make_world();
	for (i = 0; i < nr_modes; i++)
		(modes[i].preempted ? run_preempted : run_mode)(&modes[i], argc > 1 ? argv[1] : NULL);
	unmake_world();
	return tap_done();
}
