// SPDX-License-Identifier: GPL-2.0
/*
 * mmap() reserves, touching allocates.
 */
#include "count.h"
#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define SIZE	(1UL << 30)
#define TOUCHED 1000UL
/* One page of each 64: no two are neighbours. */
#define STRIDE	(64 * PAGE)

struct work {
	char *at;
	size_t nr;
};

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	/* The first time the worker does anything, its stack and libc fault too. */
	lab_done(worker);
	shared->at = lab_map(SIZE);
	lab_done(worker);
	lab_write_pages(shared->at, shared->nr, STRIDE);
	lab_done(worker);
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);
	struct lab_faults before, after;
	uint64_t size, minor, status_size, at;

	lab_need_room(lab, SIZE);
	shared->nr = lab_spoilt(lab) ? TOUCHED + 1 : TOUCHED;
	lab_count(lab, worker->pid);
	lab_go(lab, worker);
	size = lab_sum(target, "size");
	status_size = lab_status(lab, worker->pid, "VmSize");

	lab_step(lab, "a process maps 1 GiB of anonymous memory, and touches nothing of it");
	lab_go(lab, worker);
	at = (uint64_t)shared->at;
	/* With a page on either side that keeps it apart. */
	lab_check(lab, .what = "address space gained", .unit = LAB_BYTES, LAB_EXACTLY(SIZE + 2 * PAGE),
		  .measured = lab_sum(target, "size") - size,
		  LAB_WITNESS("status", lab_status(lab, worker->pid, "VmSize") - status_size));
	lab_check(lab, .what = "of it resident", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_vma_sum(target, at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Rss")));
	lab_check(lab, .what = "never touched", .unit = LAB_BYTES, LAB_EXACTLY(SIZE),
		  .measured = lab_vma_sum(target, at, "untouched"));
	lab_show_walk(lab, target, "an untouched address", at + STRIDE);

	lab_step(lab, "it writes one byte to each of 1,000 pages, no two of them neighbours");
	before = lab_stat_faults(lab, worker->pid);
	minor = lab_counted(lab, worker->pid, LAB_FAULTS(MMS_FAULT_MINOR));
	lab_go(lab, worker);
	after = lab_stat_faults(lab, worker->pid);
	lab_check(lab, .what = "pages present", LAB_EXACTLY(TOUCHED),
		  .measured = lab_pages(target, at, SIZE / PAGE, MMS_CLASS_ANON, 0, 0),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, worker->pid, at, SIZE / PAGE,
							   LAB_PAGEMAP_PRESENT)));
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(TOUCHED * PAGE),
		  .measured = lab_vma_sum(target, at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Rss")));
	lab_check(lab, .what = "faults there", LAB_EXACTLY(TOUCHED),
		  .measured = lab_counted_at(lab, worker->pid, at, LAB_HANDLED));
	lab_check(lab, .what = "of them first touches", LAB_EXACTLY(TOUCHED),
		  .measured = lab_counted_at(lab, worker->pid, at,
					     LAB_FAULTS(MMS_FAULT_FIRST_TOUCH)));
	lab_check(lab, .what = "minor faults in all", LAB_BETWEEN(TOUCHED, TOUCHED + 8),
		  .measured = lab_counted(lab, worker->pid, LAB_FAULTS(MMS_FAULT_MINOR)) - minor,
		  LAB_WITNESS("stat", after.minor - before.minor));
	lab_show_walk(lab, target, "a touched address", at);
	lab_note(lab, "with huge pages, one touch brings 512 pages; they are switched off here (madvise)");
}

const struct lab_def lab_def_demand_paging = {
	.name = "demand-paging",
	.topic = LAB_DEMAND,
	.claim = "mmap() reserves address space; only touching a page allocates memory for it, with one fault each.",
	.spoil = "one page more is touched",
	.run = run,
};
