// SPDX-License-Identifier: GPL-2.0
/*
 * The hardware marks what is touched and what is written; what is clean can be dropped.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define NR	1000UL
#define READ	(NR / 2)
#define WRITTEN (NR / 4)

struct work {
	int fd;
	char *at;
	size_t nr_written;
	size_t stayed;
};

/* Without readahead: what is read is what is touched, and no neighbour is there to be mapped with it. */
static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->at = mmap(NULL, NR * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, shared->fd, 0);
	if (shared->at == MAP_FAILED || madvise(shared->at, NR * PAGE, MADV_RANDOM))
		lab_give_up(worker, "the file cannot be mapped");
	lab_done(worker);
	lab_read_pages(shared->at, READ, PAGE);
	lab_done(worker);
	lab_write_pages(shared->at, shared->nr_written, PAGE);
	lab_done(worker);
	shared->stayed = lab_page_out(shared->at, NR, WRITTEN);
	lab_done(worker);
}

/* Pages whose entries are marked so. */
static void check_marks(struct lab *lab, struct lab_target *target, uint64_t at, uint64_t accessed,
			uint64_t dirty)
{
	lab_check(lab, .what = "accessed", LAB_EXACTLY(accessed),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_FILE, MMS_X86_A, 0));
	lab_check(lab, .what = "dirty", LAB_EXACTLY(dirty),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_FILE, MMS_X86_D, 0));
	lab_check(lab, .what = "accessed, not dirty", LAB_EXACTLY(accessed - dirty),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_FILE, MMS_X86_A, MMS_X86_D));
}

static uint64_t smaps_dirty(struct lab *lab, pid_t pid, uint64_t at)
{
	return lab_smaps(lab, pid, at, "Private_Dirty") + lab_smaps(lab, pid, at, "Shared_Dirty");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker;
	struct lab_target *target;
	char path[LAB_PATH];
	uint64_t at;

	/* Nothing is written back, and thereby clean, before its time. */
	lab_set(lab, "/proc/sys/vm/dirty_writeback_centisecs", "0");
	shared->fd = lab_file(lab, path, "marks", NR * PAGE);
	shared->nr_written = lab_spoilt(lab) ? WRITTEN + 1 : WRITTEN;
	worker = lab_worker(lab, work, shared);
	target = lab_watch(lab, worker->pid);
	lab_step(lab, "a process maps a file of 1,000 pages, and touches nothing of it");
	lab_go(lab, worker);
	at = (uint64_t)shared->at;
	check_marks(lab, target, at, 0, 0);

	lab_step(lab, "it reads half of the pages");
	lab_go(lab, worker);
	check_marks(lab, target, at, READ, 0);
	lab_show_walk(lab, target, "a page that was read", at);

	lab_step(lab, "it writes to a quarter");
	lab_go(lab, worker);
	check_marks(lab, target, at, READ, WRITTEN);
	lab_check(lab, .what = "dirty", .unit = LAB_BYTES, LAB_EXACTLY(WRITTEN * PAGE),
		  .measured = lab_vma_sum(target, at, "dirty"),
		  LAB_WITNESS("smaps", smaps_dirty(lab, worker->pid, at)));
	lab_show_walk(lab, target, "the same page, written", at);

	lab_step(lab, "the kernel is asked for all of its memory (MADV_PAGEOUT)");
	lab_go(lab, worker);
	lab_check(lab, .what = "clean pages dropped", LAB_EXACTLY(READ - WRITTEN),
		  .measured = READ - lab_pages(target, at, NR, MMS_CLASS_FILE, MMS_X86_P, 0),
		  LAB_WITNESS("pagemap", READ - lab_pagemap_pages(lab, worker->pid, at, NR,
								  LAB_PAGEMAP_PRESENT)));
	lab_check(lab, .what = "dirty pages that had to stay", .unit = LAB_BYTES,
		  LAB_EXACTLY(WRITTEN * PAGE), .measured = lab_vma_sum(target, at, "dirty"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Rss")));
	lab_note(lab, "a dirty page stays until it has been written back, by the kernel's flusher threads (switched off here) or fsync()");
}

const struct lab_def lab_def_accessed_dirty = {
	.name = "accessed-dirty",
	.topic = LAB_REPLACEMENT,
	.claim = "The hardware marks which pages are touched and which are written; clean ones can be dropped at once, dirty ones must be written first.",
	.spoil = "one page more is written",
	.run = run,
};
