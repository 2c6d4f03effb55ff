// SPDX-License-Identifier: GPL-2.0
/*
 * exec throws the image away and maps a new one, of which almost nothing is resident at first.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define NR	4000UL
#define PROGRAM "/bin/bash"

struct work {
	char *at;
};

static void work(struct lab_worker *worker, void *arg)
{
	char *const argv[] = { "bash", "-c", "kill -STOP $$", NULL };
	char *const environment[] = { "LC_ALL=C", NULL };
	struct work *shared = arg;

	shared->at = lab_map(NR * PAGE);
	lab_write_pages(shared->at, NR, PAGE);
	lab_done(worker);
	/* It will stop before its first instruction, and at each signal. */
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		lab_give_up(worker, "ptrace: %s", strerror(errno));
	execve(PROGRAM, argv, environment);
	lab_give_up(worker, PROGRAM ": %s", strerror(errno));
}

/* Waits until the process stops at a signal. */
static void wait_stopped(struct lab *lab, pid_t pid, int signal)
{
	int status = lab_wait_end(lab, pid);

	if (!WIFSTOPPED(status) || WSTOPSIG(status) != signal)
		lab_broken(lab, PROGRAM " did not stop at signal %d", signal);
}

static void run_to_main(struct lab *lab, pid_t pid)
{
	if (ptrace(PTRACE_CONT, pid, NULL, NULL))
		lab_broken(lab, "ptrace: %s", strerror(errno));
	wait_stopped(lab, pid, SIGSTOP);
}

/* What the VMAs of text sum up to. */
struct text {
	struct lab_target *target;
	uint64_t size, rss;
	struct lab_vma program;
	unsigned int old;	/* VMAs of the file that ran before */
	char before[256];
};

static void add_text(void *data, const struct lab_vma *vma)
{
	struct text *text = data;

	text->old += !strcmp(vma->name, text->before);
	if (strcmp(vma->kind, "text"))
		return;
	text->size += vma->end - vma->start;
	text->rss += lab_vma_sum(text->target, vma->start, "rss");
	if (strstr(vma->name, "/bash"))
		text->program = *vma;
}

static void look(struct text *text)
{
	text->size = text->rss = text->old = 0;
	lab_each_vma(text->target, add_text, text);
}

struct image {
	struct lab_worker *worker;
	struct lab_target *target;
	struct text text;
	uint64_t at, table;
};

static uint64_t table_of(struct lab_target *target, uint64_t at)
{
	struct lab_walk walk;

	lab_walk(target, at, &walk);
	return walk.step[0].at & ~(PAGE - 1);
}

static void check_before(struct lab *lab, struct image *image)
{
	struct lab_vma vma;

	lab_step(lab, "a process has 4,000 pages of its own, and runs the text of this lab");
	if (!lab_vma_at(image->target, (uint64_t)work, &vma))
		lab_broken(lab, "the lab has no text");
	snprintf(image->text.before, sizeof(image->text.before), "%s", vma.name);
	look(&image->text);
	image->table = table_of(image->target, image->at);
	lab_check(lab, .what = "resident there", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(image->target, image->at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, image->worker->pid, image->at, "Rss")));
	lab_evidence(lab, "%u VMAs of %s", image->text.old, image->text.before);
}

static void check_first(struct lab *lab, struct image *image)
{
	pid_t pid = image->worker->pid;
	uint64_t entry;

	lab_step(lab, "it executes bash, and is stopped before the first instruction of that");
	lab_go_on(lab, image->worker);
	wait_stopped(lab, pid, SIGTRAP);
	if (lab_spoilt(lab))
		run_to_main(lab, pid);
	look(&image->text);
	entry = image->text.program.start;
	if (!entry)
		lab_broken(lab, "the process has no text of bash");
	lab_check(lab, .what = "programs executed", LAB_EXACTLY(1),
		  .measured = lab_counted_execs(lab, pid));
	lab_check(lab, .what = "VMAs of the lab's program left", LAB_EXACTLY(0),
		  .measured = image->text.old);
	lab_check(lab, .what = "mapped where the 4,000 pages were", .unit = LAB_BYTES,
		  LAB_EXACTLY(0), .measured = lab_vma_sum(image->target, image->at, "anon"),
		  LAB_WITNESS("smaps", lab_smaps(lab, pid, image->at, "Anonymous")));
	lab_check_that(lab, "the tables are others", table_of(image->target, entry) != image->table);
	lab_check(lab, .what = "text mapped, of bash and its loader", .unit = LAB_BYTES,
		  LAB_AT_LEAST(2 * PAGE), .measured = image->text.size);
	lab_check(lab, .what = "of that resident", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = image->text.rss,
		  LAB_WITNESS("smaps", lab_smaps(lab, pid, entry, "Rss")));
	/*
	 * Arguments and environment, on the stack, and the page behind the data of each of the two
	 * programs, of which the kernel clears what is behind the data: 2 pages each, at most.
	 */
	lab_check(lab, .what = "resident in all", .unit = LAB_BYTES, LAB_BETWEEN(PAGE, 6 * PAGE),
		  .measured = lab_sum(image->target, "rss"),
		  LAB_WITNESS("smaps", lab_smaps_sum(lab, pid, "Rss")));
	lab_show_walk(lab, image->target, "where bash's text begins", entry);
	lab_note(lab, "what is resident was written by the kernel: the arguments, and zeros behind the data");
}

static void check_main(struct lab *lab, struct image *image)
{
	pid_t pid = image->worker->pid;
	struct lab_faults before = lab_stat_faults(lab, pid), after;
	uint64_t faults = lab_counted(lab, pid, LAB_FAULTS(MMS_FAULT_MINOR)) +
			  lab_counted(lab, pid, LAB_FAULTS(MMS_FAULT_MAJOR));
	const struct lab_vma *text = &image->text.program;

	lab_step(lab, "bash runs as far as its only command: to stop itself");
	if (!lab_spoilt(lab))
		run_to_main(lab, pid);
	after = lab_stat_faults(lab, pid);
	lab_check(lab, .what = "faults since, counted on", LAB_AT_LEAST(1),
		  .measured = lab_counted(lab, pid, LAB_FAULTS(MMS_FAULT_MINOR)) +
			      lab_counted(lab, pid, LAB_FAULTS(MMS_FAULT_MAJOR)) - faults,
		  LAB_WITNESS("stat", after.minor + after.major - before.minor - before.major));
	lab_check(lab, .what = "of them in bash's text", LAB_AT_LEAST(1),
		  .measured = lab_counted_at(lab, pid, text->start,
					     LAB_FAULTS(MMS_FAULT_FILE_MAP)));
	/* A shell that is told one thing does not need all that it can do. */
	lab_check(lab, .what = "of bash's text resident", .unit = LAB_BYTES,
		  LAB_BETWEEN(PAGE, text->end - text->start - PAGE),
		  .measured = lab_vma_sum(image->target, text->start, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, pid, text->start, "Rss")));
	lab_evidence(lab, "bash's text: %lx-%lx, %lu bytes", text->start, text->end,
		     text->end - text->start);
	lab_note(lab, "a fault in a file maps the pages around it as well, if they are in memory (fault-around), so that it takes far fewer faults than pages");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct image image = { .worker = lab_worker(lab, work, shared) };

	if (access(PROGRAM, X_OK))
		lab_skip(lab, "there is no " PROGRAM);
	image.target = image.text.target = lab_watch(lab, image.worker->pid);
	lab_count(lab, image.worker->pid);
	lab_go(lab, image.worker);
	image.at = (uint64_t)shared->at;
	check_before(lab, &image);
	check_first(lab, &image);
	check_main(lab, &image);
}

const struct lab_def lab_def_exec = {
	.name = "exec",
	.topic = LAB_DEMAND,
	.claim = "exec throws the process's image away and maps a new one, of which almost nothing is resident at first.",
	.spoil = "the new program runs before it is looked at",
	.run = run,
};
