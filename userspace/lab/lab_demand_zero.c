// SPDX-License-Identifier: GPL-2.0
/*
 * Fresh anonymous memory reads as zeros from one shared frame; a write gets a frame of its own.
 */
#include "count.h"
#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define NR	1000UL
#define WRITTEN 300UL

/* @nr_first: pages written before any is read; @nonzero: bytes found that are not zero */
struct work {
	char *at, *fresh;
	size_t nr_first;
	uint64_t nonzero;
};

static uint64_t count_nonzero(const char *at, size_t size)
{
	uint64_t nr = 0;

	while (size--)
		nr += !!*at++;
	return nr;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->at = lab_map(NR * PAGE);
	shared->fresh = lab_map(NR * PAGE);
	lab_done(worker);
	lab_write_pages(shared->at, shared->nr_first, PAGE);
	shared->nonzero = count_nonzero(shared->at, NR * PAGE);
	lab_done(worker);
	lab_write_pages(shared->at, WRITTEN, PAGE);
	lab_done(worker);
	shared->nonzero = count_nonzero(shared->at, NR * PAGE);
	lab_write_pages(shared->fresh, NR, PAGE);
	lab_done(worker);
}

struct zeroed {
	struct lab_worker *worker;
	struct lab_target *target;
	struct work *shared;
	uint64_t at;
};

static void check_reads(struct lab *lab, struct zeroed *z)
{
	pid_t pid = z->worker->pid;

	lab_step(lab, "a process maps 1,000 pages and reads every byte of them");
	lab_go(lab, z->worker);
	lab_check(lab, .what = "bytes that are not zero", LAB_EXACTLY(0),
		  .measured = z->shared->nonzero);
	lab_check(lab, .what = "entries of the zero page", LAB_EXACTLY(NR),
		  .measured = lab_pages(z->target, z->at, NR, MMS_CLASS_ZERO, 0, MMS_X86_RW),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, pid, z->at, NR,
							   LAB_PAGEMAP_PRESENT)));
	/* Each page against the one before it. */
	lab_check(lab, .what = "in the same frame as the page before", LAB_EXACTLY(NR - 1),
		  .measured = lab_same_frames(z->target, z->at, z->target, z->at + PAGE, NR - 1, NULL),
		  LAB_WITNESS("pagemap",
			      lab_pagemap_same(lab, pid, z->at, pid, z->at + PAGE, NR - 1)));
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_vma_sum(z->target, z->at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, pid, z->at, "Rss")));
	lab_check(lab, .what = "faults there: the zero page mapped", LAB_EXACTLY(NR),
		  .measured = lab_counted_at(lab, pid, z->at, LAB_FAULTS(MMS_FAULT_ZERO_PAGE)));
	lab_show_walk(lab, z->target, "a page that was read", z->at);
}

static void check_writes(struct lab *lab, struct zeroed *z)
{
	pid_t pid = z->worker->pid;

	lab_step(lab, "it writes a byte to each of 300 of them: a copy of the zero page on the first write");
	lab_go(lab, z->worker);
	lab_check(lab, .what = "copies of the zero page", LAB_EXACTLY(WRITTEN),
		  .measured = lab_counted_at(lab, pid, z->at, LAB_BREAKS_OF(MMS_COW_ZERO)));
	lab_check(lab, .what = "entries of the zero page left", LAB_EXACTLY(NR - WRITTEN),
		  .measured = lab_pages(z->target, z->at, NR, MMS_CLASS_ZERO, 0, MMS_X86_RW));
	lab_check(lab, .what = "frames of its own, writable", LAB_EXACTLY(WRITTEN),
		  .measured = lab_pages(z->target, z->at, NR, MMS_CLASS_ANON, MMS_X86_RW, 0));
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(WRITTEN * PAGE),
		  .measured = lab_vma_sum(z->target, z->at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, pid, z->at, "Rss")));
	lab_show_walk(lab, z->target, "a page that was written", z->at);
	lab_note(lab, "pages that belonged to another are cleared before they are given: nobody can read what was there before");
}

static void check_fresh(struct lab *lab, struct zeroed *z)
{
	uint64_t fresh = (uint64_t)z->shared->fresh;
	pid_t pid = z->worker->pid;

	lab_step(lab, "it reads all again, and writes to 1,000 pages never read: their own frame at once, with one fault instead of two");
	lab_go(lab, z->worker);
	lab_check(lab, .what = "bytes that are not zero", LAB_EXACTLY(WRITTEN),
		  .measured = z->shared->nonzero);
	lab_check(lab, .what = "first touches of fresh pages", LAB_EXACTLY(NR),
		  .measured = lab_counted_at(lab, pid, fresh, LAB_FAULTS(MMS_FAULT_FIRST_TOUCH)));
	lab_check(lab, .what = "copies of the zero page there", LAB_EXACTLY(0),
		  .measured = lab_counted_at(lab, pid, fresh, LAB_BREAKS_OF(MMS_COW_ZERO)));
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(z->target, fresh, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, pid, fresh, "Rss")));
	lab_note(lab, "with huge pages there is a huge zero page, too, of 2 MiB; they are switched off here (madvise)");
}

static void run(struct lab *lab)
{
	struct zeroed z = { .shared = lab_shared(lab, sizeof(*z.shared)) };

	z.shared->nr_first = lab_spoilt(lab) ? 10 : 0;
	z.worker = lab_worker(lab, work, z.shared);
	z.target = lab_watch(lab, z.worker->pid);
	lab_count(lab, z.worker->pid);
	lab_go(lab, z.worker);
	z.at = (uint64_t)z.shared->at;
	check_reads(lab, &z);
	check_writes(lab, &z);
	check_fresh(lab, &z);
}

const struct lab_def lab_def_demand_zero = {
	.name = "demand-zero",
	.topic = LAB_DEMAND,
	.claim = "Fresh anonymous memory reads as zeros, from one frame that all share; the first write to a page gets it a frame of its own.",
	.spoil = "ten of the pages are written before they are read",
	.run = run,
};
