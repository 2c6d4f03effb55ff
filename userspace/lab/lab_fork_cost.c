// SPDX-License-Identifier: GPL-2.0
/*
 * fork() copies tables only, and what it costs follows them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define HUGE	(2UL << 20)
#define GIANT	(1UL << 30)
#define THP	"/sys/kernel/mm/transparent_hugepage/enabled"
/* Of forks that are timed: the fastest is the one that was least disturbed. */
#define TIMES	7

/* What the process has filled when it forks. */
static const size_t sizes[] = { 4UL << 20, 16UL << 20, 64UL << 20 };

#define NR_SIZES ARRAY_SIZE(sizes)
#define LARGEST	 (sizes[NR_SIZES - 1])

struct work {
	bool huge;
	size_t more;		/* bytes filled beyond what is said */
	char *at;
	struct lab_worker *child[NR_SIZES + 1];
	uint64_t ns[NR_SIZES + 1];
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000UL + time.tv_nsec;
}

static uint64_t time_fork(struct lab_worker *worker)
{
	uint64_t least = UINT64_MAX, begin, ns;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < TIMES; i++) {
		begin = now();
		pid = fork();
		if (!pid)
			_exit(0);
		ns = now() - begin;
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			lab_give_up(worker, "fork");
		least = ns < least ? ns : least;
	}
	return least;
}

static void child_work(struct lab_worker *worker, void *arg)
{
	(void)arg;
	lab_done(worker);
}

/* It begins at a multiple of 1 GiB: with its first page all tables are there but the last level's. */
static void map(struct lab_worker *worker, struct work *shared)
{
	char *room = lab_map(2 * GIANT);

	shared->at = room + GIANT - (uintptr_t)room % GIANT;
	/* The first of its huge pages is small either way. */
	if (shared->huge && madvise(shared->at + HUGE, LARGEST, MADV_HUGEPAGE))
		lab_give_up(worker, "this kernel knows no huge pages");
	lab_write_pages(shared->at, 1, 0);
	/* A VMA of its own. */
	if (mprotect(shared->at + HUGE - PAGE, PAGE, PROT_NONE))
		lab_give_up(worker, "mprotect");
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	size_t filled = 0, size, i;

	map(worker, shared);
	for (i = 0; i <= NR_SIZES; i++) {
		if (i) {
			size = sizes[i - 1] + shared->more;
			lab_write_pages(shared->at + HUGE + filled, (size - filled) / PAGE, PAGE);
			filled = size;
		}
		shared->ns[i] = time_fork(worker);
		lab_fork(worker, shared->child[i]);
		lab_done(worker);
	}
}

/* Entries of the child that map what its parent has filled. */
static void count_entry(void *data, uint64_t addr, const struct lab_entry *entry)
{
	uint64_t *nr = data;

	*nr += entry->level == MMS_PTE || addr % HUGE == 0;
}

/* Of a child: memory of its tables as /proc has it, and the same by /proc. */
struct tables {
	uint64_t bytes, by_status;
};

static struct tables tables_of(struct lab *lab, pid_t pid, struct lab_target *target)
{
	return (struct tables){
		lab_tables_below(target),
		lab_status(lab, pid, "VmPTE"),
	};
}

/* @base: of the child whose parent had but a page there. */
static void check_child(struct lab *lab, struct lab_worker *worker, struct work *shared,
			unsigned int i, struct tables base)
{
	pid_t pid = shared->child[i]->pid;
	struct lab_target *target = lab_watch(lab, pid);
	uint64_t at = (uint64_t)shared->at + HUGE, entries = 0;
	struct tables tables = tables_of(lab, pid, target);
	size_t size = sizes[i - 1];

	lab_each_page(target, at, GIANT / 2 / PAGE, count_entry, &entries);
	lab_check(lab, .what = "entries in the child", LAB_EXACTLY(size / (shared->huge ? HUGE : PAGE)),
		  .measured = entries);
	lab_check(lab, .what = "tables copied", .unit = LAB_BYTES, LAB_EXACTLY(size / HUGE * PAGE),
		  .measured = tables.bytes - base.bytes,
		  LAB_WITNESS("status", tables.by_status - base.by_status));
	lab_check(lab, .what = "memory copied", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = PAGE * (lab_counted_at(lab, worker->pid, at, LAB_BREAKS) +
				      lab_counted_at(lab, pid, at, LAB_BREAKS)));
	lab_check(lab, .what = "shared with the parent", .unit = LAB_BYTES, LAB_EXACTLY(size),
		  .measured = lab_vma_sum(target, at, "shared"),
		  LAB_WITNESS("smaps", lab_smaps(lab, pid, at, "Shared_Dirty")));
}

static void check_process(struct lab *lab, struct work *shared, unsigned int first)
{
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);
	struct tables base = { 0, 0 };
	unsigned int i;

	lab_count_also(lab, worker->pid);
	for (i = 0; i <= NR_SIZES; i++) {
		if (i >= first)
			lab_step(lab, "a process of %lu MiB in pages of %s forks", sizes[i - 1] >> 20,
				 shared->huge ? "2 MiB" : "4 KiB");
		lab_go(lab, worker);
		lab_born(lab, shared->child[i]);
		/* Until it has come to rest it faults in what fork() left out, tables included. */
		lab_go(lab, shared->child[i]);
		lab_wait_state(lab, shared->child[i]->pid, 'S');
		if (!i)
			base = tables_of(lab, shared->child[0]->pid,
					 lab_watch(lab, shared->child[0]->pid));
		if (i < first)
			continue;
		if (shared->huge && lab_vma_sum(target, (uint64_t)shared->at + HUGE, "thp_anon") <
					    sizes[i - 1]) {
			lab_note(lab, "left out: not enough memory is free in pieces of 2 MiB");
			return;
		}
		check_child(lab, worker, shared, i, base);
		lab_evidence(lab, "the fastest of %u forks took %lu us", TIMES, shared->ns[i] / 1000);
	}
}

static struct work *new_work(struct lab *lab, bool huge)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	unsigned int i;

	shared->huge = huge;
	shared->more = lab_spoilt(lab) ? HUGE : 0;
	for (i = 0; i <= NR_SIZES; i++)
		shared->child[i] = lab_child(lab, child_work, shared);
	return shared;
}

static void plot(struct lab *lab, const struct work *small, const struct work *huge)
{
	static char labels[NR_SIZES][32];
	struct lab_point points[NR_SIZES + 2] = { { "a page", small->ns[0] / 1000 } };
	unsigned int i;

	for (i = 0; i < NR_SIZES; i++) {
		snprintf(labels[i], sizeof(labels[i]), "%lu MiB", sizes[i] >> 20);
		points[i + 1] = (struct lab_point){ labels[i], small->ns[i + 1] / 1000 };
	}
	points[NR_SIZES + 1] = (struct lab_point){ "64 MiB, huge", huge->ns[NR_SIZES] / 1000 };
	lab_plot(lab, "filled", "microseconds of a fork", LAB_COUNT, points, ARRAY_SIZE(points));
}

static void run(struct lab *lab)
{
	struct work *small, *huge;

	lab_need_room(lab, 2 * GIANT);
	lab_set(lab, THP, "madvise");
	lab_count(lab, getpid());
	small = new_work(lab, false);
	check_process(lab, small, 1);
	huge = new_work(lab, true);
	check_process(lab, huge, NR_SIZES);
	lab_note(lab, "with each huge page goes a table for the day it is split, of which the child gets one of its own: but there is nothing in it to be copied");
	lab_note(lab, "the times are for the eye, no number is asked of them; mappings of files without copies of the process's own are not copied at all, for a fault can fill them in again");
	plot(lab, small, huge);
}

const struct lab_def lab_def_fork_cost = {
	.name = "fork-cost",
	.topic = LAB_COPYING,
	.claim = "Forking is cheap because only page tables are copied: what it costs follows their entries, not the memory.",
	.spoil = "2 MiB more are filled than said",
	.run = run,
};
