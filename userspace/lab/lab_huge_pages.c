// SPDX-License-Identifier: GPL-2.0
/*
 * One entry covers 512 pages, until a part of them is unmapped, or copied after a fork.
 */
#include <sys/mman.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define HUGE	(2UL << 20)
#define PAGES	(HUGE / PAGE)
#define NR	16UL
#define SIZE	(NR * HUGE)
#define THP	"/sys/kernel/mm/transparent_hugepage/enabled"

struct work {
	bool huge;		/* it is to use huge pages */
	bool asks;		/* it does */
	char *at;
	struct lab_worker *child;
};

static void child_work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	lab_write_pages(shared->at, 1, 0);
	lab_done(worker);
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	char *room = lab_map(SIZE + 3 * HUGE);

	/* Pages below and above, so that all tables are there but those of the last level. */
	shared->at = room + 2 * HUGE - (uintptr_t)room % HUGE;
	lab_write_pages(shared->at - PAGE, 1, 0);
	lab_write_pages(shared->at + SIZE, 1, 0);
	if (shared->asks && madvise(shared->at, SIZE, MADV_HUGEPAGE))
		lab_give_up(worker, "this kernel knows no huge pages");
	lab_done(worker);
	lab_write_pages(shared->at, SIZE / PAGE, PAGE);
	lab_done(worker);
	munmap(shared->at + 2 * HUGE + HUGE / 2, PAGE);
	lab_done(worker);
	lab_fork(worker, shared->child);
	lab_done(worker);
}

/* What maps the buffer. */
struct entries {
	uint64_t small, huge;
};

static void count_entry(void *data, uint64_t addr, const struct lab_entry *entry)
{
	struct entries *entries = data;

	if (entry->level == MMS_PTE)
		entries->small++;
	else if (addr % HUGE == 0)
		entries->huge++;
}

static struct entries entries_of(struct lab_target *target, const char *at)
{
	struct entries entries = { 0, 0 };

	lab_each_page(target, (uint64_t)at, SIZE / PAGE, count_entry, &entries);
	return entries;
}

static void check_entries(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			  const char *at, struct entries predicted)
{
	struct entries entries = entries_of(target, at);

	lab_check(lab, .what = "entries for 4 KiB", LAB_EXACTLY(predicted.small),
		  .measured = entries.small);
	lab_check(lab, .what = "entries for 2 MiB", LAB_EXACTLY(predicted.huge),
		  .measured = entries.huge,
		  LAB_WITNESS("smaps", lab_smaps_sum(lab, worker->pid, "AnonHugePages") / HUGE));
}

/* Has a process fill its buffer of 32 MiB. Return: how many entries map it then. */
static uint64_t fill(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
		     struct work *shared)
{
	struct entries entries;
	uint64_t tables, deposited, all, by_status, faults, nr = shared->huge ? NR : NR * PAGES;

	lab_go(lab, worker);
	tables = lab_tables(target, MMS_PTE, "tables");
	deposited = lab_tables_line(target, "deposited");
	all = lab_tables_below(target);
	faults = lab_counted_at(lab, worker->pid, (uint64_t)shared->at, LAB_HANDLED);
	by_status = lab_status(lab, worker->pid, "VmPTE");
	lab_go(lab, worker);
	if (shared->asks && entries_of(target, shared->at).small)
		lab_skip(lab, "not enough memory is free in pieces of 2 MiB");
	lab_check(lab, .what = "faults", LAB_EXACTLY(nr),
		  .measured = lab_counted_at(lab, worker->pid, (uint64_t)shared->at, LAB_HANDLED) -
			      faults);
	check_entries(lab, worker, target, shared->at,
		      shared->huge ? (struct entries){ 0, NR } : (struct entries){ NR * PAGES, 0 });
	lab_check(lab, .what = "tables to walk, more", LAB_EXACTLY(shared->huge ? 0 : NR),
		  .measured = lab_tables(target, MMS_PTE, "tables") - tables);
	lab_check(lab, .what = "tables set aside, more", LAB_EXACTLY(shared->huge ? NR : 0),
		  .measured = lab_tables_line(target, "deposited") - deposited);
	lab_check(lab, .what = "their memory", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_tables_below(target) - all,
		  LAB_WITNESS("status", lab_status(lab, worker->pid, "VmPTE") - by_status));
	lab_show_walk(lab, target, "the buffer's first byte", (uint64_t)shared->at);
	entries = entries_of(target, shared->at);
	return entries.small + entries.huge;
}

static void check_split(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			struct work *shared)
{
	struct lab_counters splits = LAB_COUNTERS(MMS_QUESTION_COW, MMS_COW_SPLIT_PMD, 1);
	struct lab_target *of_child;

	lab_step(lab, "it unmaps 4 KiB in the middle of one of its huge pages");
	lab_go(lab, worker);
	check_entries(lab, worker, target, shared->at, (struct entries){ PAGES - 1, NR - 1 });
	lab_note(lab, "that is what the table set aside is for; the memory stays one piece, and what was unmapped of it is given back later, when memory is short");

	lab_step(lab, "it forks, and the child writes one byte to another of them");
	lab_go(lab, worker);
	lab_born(lab, shared->child);
	of_child = lab_watch(lab, shared->child->pid);
	lab_go(lab, shared->child);
	check_entries(lab, shared->child, of_child, shared->at,
		      (struct entries){ 2 * PAGES - 1, NR - 2 });
	lab_check(lab, .what = "huge pages split", LAB_EXACTLY(1),
		  .measured = lab_counted(lab, shared->child->pid, splits));
	lab_check(lab, .what = "pages copied", LAB_EXACTLY(1),
		  .measured = lab_counted_at(lab, shared->child->pid, (uint64_t)shared->at,
					     LAB_BREAKS));
	lab_check(lab, .what = "the parent's, still", LAB_EXACTLY(NR - 1),
		  .measured = entries_of(target, shared->at).huge);
	lab_show_walk(lab, of_child, "the byte that the child wrote", (uint64_t)shared->at);
}

static void run(struct lab *lab)
{
	struct work *small = lab_shared(lab, sizeof(*small)), *huge = lab_shared(lab, sizeof(*huge));
	struct lab_worker *worker;
	struct lab_target *target;
	struct lab_point points[] = { { "4 KiB", 0 }, { "2 MiB", 0 } };

	/* For those who ask. */
	lab_set(lab, THP, "madvise");
	huge->huge = true;
	huge->asks = !lab_spoilt(lab);
	worker = lab_worker(lab, work, small);
	target = lab_watch(lab, worker->pid);
	lab_count(lab, worker->pid);
	lab_step(lab, "a process fills a buffer of 32 MiB with pages of 4 KiB");
	points[0].y = fill(lab, worker, target, small);

	lab_step(lab, "another one fills its buffer with huge pages");
	huge->child = lab_child(lab, child_work, huge);
	worker = lab_worker(lab, work, huge);
	target = lab_watch(lab, worker->pid);
	lab_count_also(lab, worker->pid);
	points[1].y = fill(lab, worker, target, huge);
	lab_note(lab, "a TLB entry reaches 512 times as far: 1,536 of them cover 3 GiB in place of 6 MiB");
	lab_note(lab, "memory for tables is not saved: with each huge page goes a table, for the day it is split");
	check_split(lab, worker, target, huge);
	lab_plot(lab, "page", "entries that map 32 MiB", LAB_COUNT, points, ARRAY_SIZE(points));
}

const struct lab_def lab_def_huge_pages = {
	.name = "huge-pages",
	.topic = LAB_PLACEMENT,
	.claim = "One entry for 2 MiB does the work of 512 for 4 KiB: fewer faults, fewer entries, fewer tables to walk; until a part is unmapped, or copied.",
	.spoil = "the second process, too, uses pages of 4 KiB",
	.run = run,
};
