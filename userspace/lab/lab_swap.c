// SPDX-License-Identifier: GPL-2.0
/*
 * Cold pages move out, the entry remembers where, touching brings them back.
 */
#include <string.h>
#include <sys/mman.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE 4096UL
#define NR   500UL

struct work {
	char *at;
	bool lock_one;
	size_t intact;
};

/* What is in page @i: no two are alike, so that none can stand for another. */
static uint64_t content_of(size_t i)
{
	return 0x6d6d73636f706500UL + i * 0x100000001UL;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	size_t i;

	shared->at = lab_map(NR * PAGE);
	for (i = 0; i < NR; i++)
		*(uint64_t *)(shared->at + i * PAGE) = content_of(i);
	if (shared->lock_one && mlock(shared->at, PAGE))
		lab_give_up(worker, "mlock failed");
	lab_done(worker);
	lab_page_out(shared->at, NR);
	lab_done(worker);
	for (i = 0; i < NR; i++)
		shared->intact += *(uint64_t *)(shared->at + i * PAGE) == content_of(i);
	lab_done(worker);
}

struct places {
	uint64_t last;
	uint64_t distinct;
	unsigned int type;
};

/* Each page has a place of its own: the offsets are collected in a bitmap, as large as the area. */
static unsigned char seen[1 << 16];

static void take_place(void *data, uint64_t addr, const struct lab_entry *entry)
{
	struct places *places = data;

	(void)addr;
	if (entry->class != MMS_CLASS_SWAP || entry->pfn >= sizeof(seen))
		return;
	places->distinct += !seen[entry->pfn];
	seen[entry->pfn] = 1;
	places->type = mms_swp_type(entry->raw);
	places->last = entry->pfn;
}

static void check_out(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
		      uint64_t at)
{
	struct places places = { 0 };

	lab_step(lab, "the kernel is asked to move them out (MADV_PAGEOUT)");
	lab_empty_batches(lab);
	lab_go(lab, worker);
	lab_check(lab, .what = "entries that are swap entries", LAB_EXACTLY(NR),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_SWAP, 0, 0),
		  LAB_WITNESS("pagemap",
			      lab_pagemap_pages(lab, worker->pid, at, NR, LAB_PAGEMAP_SWAP)));
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_vma_sum(target, at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Rss")));
	lab_check(lab, .what = "swapped", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(target, at, "swap"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Swap")));
	lab_each_page(target, at, NR, take_place, &places);
	lab_check(lab, .what = "places in swap, all different", LAB_EXACTLY(NR),
		  .measured = places.distinct);
	lab_evidence(lab, "the last page is in swap area %u, page 0x%lx", places.type, places.last);
	lab_show_walk(lab, target, "a page that is out", at + (NR - 1) * PAGE);
}

static void check_back(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
		       const struct work *shared, uint64_t at)
{
	struct lab_faults before, after;

	lab_step(lab, "the process reads them all");
	before = lab_stat_faults(lab, worker->pid);
	lab_go(lab, worker);
	after = lab_stat_faults(lab, worker->pid);
	lab_check(lab, .what = "faults that read from swap", LAB_EXACTLY(NR),
		  .measured = lab_counted_at(lab, worker->pid, at, LAB_FAULTS(MMS_FAULT_SWAP_IN)),
		  LAB_WITNESS("majflt", after.major - before.major));
	lab_check(lab, .what = "present again", LAB_EXACTLY(NR),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_ANON, MMS_X86_P, 0),
		  LAB_WITNESS("pagemap",
			      lab_pagemap_pages(lab, worker->pid, at, NR, LAB_PAGEMAP_PRESENT)));
	lab_check(lab, .what = "with their content", LAB_EXACTLY(NR), .measured = shared->intact);
	lab_show_walk(lab, target, "the same page, back", at + (NR - 1) * PAGE);
	lab_note(lab, "this swap is compressed memory, read page by page; from a disk, one fault brings its neighbours, too (readahead), and there are fewer major faults than pages");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker;
	struct lab_target *target;

	shared->lock_one = lab_spoilt(lab);
	lab_evidence(lab, "swap is on %s", lab_swap(lab, 32UL << 20));
	worker = lab_worker(lab, work, shared);
	lab_count(lab, worker->pid);
	target = lab_watch(lab, worker->pid);
	lab_step(lab, "a process writes to 500 pages");
	lab_go(lab, worker);
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(target, (uint64_t)shared->at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, (uint64_t)shared->at, "Rss")));
	check_out(lab, worker, target, (uint64_t)shared->at);
	check_back(lab, worker, target, shared, (uint64_t)shared->at);
}

const struct lab_def lab_def_swap = {
	.name = "swap",
	.topic = LAB_REPLACEMENT,
	.claim = "Pages that are not needed move out to swap; the entry remembers where, and touching the page brings it back.",
	.spoil = "one page is locked in memory (mlock)",
	.run = run,
};
