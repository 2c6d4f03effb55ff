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
	char *own;		/* anonymous memory */
	size_t nr_written;
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
	madvise(shared->at, WRITTEN * PAGE, MADV_PAGEOUT);
	lab_page_out(shared->at + WRITTEN * PAGE, READ - WRITTEN);
	lab_done(worker);
	lab_read_pages(shared->at, READ, PAGE);
	lab_done(worker);
	shared->own = lab_map(NR * PAGE);
	lab_write_pages(shared->own, NR, PAGE);
	lab_done(worker);
	if (madvise(shared->own, NR * PAGE, MADV_FREE))
		lab_give_up(worker, "MADV_FREE");
	lab_done(worker);
	lab_read_pages(shared->own, READ, PAGE);
	lab_write_pages(shared->own, shared->nr_written, PAGE);
	lab_done(worker);
}

/* Pages whose entries are marked so. */
static void check_marks(struct lab *lab, struct lab_target *target, uint64_t at,
			enum mms_class class, uint64_t accessed, uint64_t dirty)
{
	lab_check(lab, .what = "accessed", LAB_EXACTLY(accessed),
		  .measured = lab_pages(target, at, NR, class, MMS_X86_A, 0));
	lab_check(lab, .what = "dirty", LAB_EXACTLY(dirty),
		  .measured = lab_pages(target, at, NR, class, MMS_X86_D, 0));
	lab_check(lab, .what = "accessed, not dirty", LAB_EXACTLY(accessed - dirty),
		  .measured = lab_pages(target, at, NR, class, MMS_X86_A, MMS_X86_D));
}

/* What was dropped must be read from the disk again; what was not is still in memory. */
static void check_dropped(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			  uint64_t at)
{
	const uint64_t clean = READ - WRITTEN, first = at + WRITTEN * PAGE;
	struct lab_faults before, after;
	uint64_t major;

	lab_step(lab, "the kernel is asked to take all of them (MADV_PAGEOUT)");
	/* A page that waits in a CPU's batch cannot be taken. */
	lab_empty_batches(lab);
	lab_go(lab, worker);
	lab_check(lab, .what = "clean pages taken", LAB_EXACTLY(clean),
		  .measured = clean - lab_pages(target, first, clean, MMS_CLASS_FILE, MMS_X86_P, 0),
		  LAB_WITNESS("pagemap", clean - lab_pagemap_pages(lab, worker->pid, first, clean,
								   LAB_PAGEMAP_PRESENT)));

	lab_step(lab, "the process reads the same half again");
	before = lab_stat_faults(lab, worker->pid);
	major = lab_counted(lab, worker->pid, LAB_FAULTS(MMS_FAULT_MAJOR));
	lab_go(lab, worker);
	after = lab_stat_faults(lab, worker->pid);
	lab_check(lab, .what = "read from the disk: the clean", LAB_EXACTLY(clean),
		  .measured = lab_counted(lab, worker->pid, LAB_FAULTS(MMS_FAULT_MAJOR)) - major,
		  LAB_WITNESS("majflt", after.major - before.major));
	lab_check(lab, .what = "pages present again", LAB_EXACTLY(READ),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_FILE, MMS_X86_P, 0),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, worker->pid, at, NR,
							   LAB_PAGEMAP_PRESENT)));
	lab_note(lab, "a dirty page may lose its entry, but stays in memory until it has been written back, by the kernel's flusher threads (switched off here) or fsync()");
}

/*
 * A fault marks the entry that it makes. Where entries are there and permit all, no fault comes, and
 * the processor alone marks them.
 */
static void check_hardware(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			   const struct work *shared)
{
	uint64_t at, faults;

	lab_step(lab, "it writes to 1,000 pages of its own, and tells the kernel that it may take them (MADV_FREE), which takes the marks away");
	lab_go(lab, worker);
	lab_go(lab, worker);
	at = (uint64_t)shared->own;
	lab_check(lab, .what = "present and writable", LAB_EXACTLY(NR),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_ANON, MMS_X86_P | MMS_X86_RW, 0),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, worker->pid, at, NR,
							   LAB_PAGEMAP_PRESENT)));
	check_marks(lab, target, at, MMS_CLASS_ANON, 0, 0);

	lab_step(lab, "it reads half of them, and writes to a quarter");
	faults = lab_counted_at(lab, worker->pid, at, LAB_HANDLED);
	lab_go(lab, worker);
	lab_check(lab, .what = "faults there", LAB_EXACTLY(0),
		  .measured = lab_counted_at(lab, worker->pid, at, LAB_HANDLED) - faults);
	check_marks(lab, target, at, MMS_CLASS_ANON, READ, WRITTEN);
	lab_note(lab, "no fault, and the marks are there: the processor has set them, while it looked for the address");
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
	lab_count(lab, worker->pid);
	lab_step(lab, "a process maps a file of 1,000 pages, and touches nothing of it");
	lab_go(lab, worker);
	at = (uint64_t)shared->at;
	check_marks(lab, target, at, MMS_CLASS_FILE, 0, 0);

	lab_step(lab, "it reads half of the pages");
	lab_go(lab, worker);
	check_marks(lab, target, at, MMS_CLASS_FILE, READ, 0);
	lab_show_walk(lab, target, "a page that was read", at);

	lab_step(lab, "it writes to a quarter");
	lab_go(lab, worker);
	check_marks(lab, target, at, MMS_CLASS_FILE, READ, WRITTEN);
	lab_check(lab, .what = "dirty", .unit = LAB_BYTES, LAB_EXACTLY(WRITTEN * PAGE),
		  .measured = lab_vma_sum(target, at, "dirty"),
		  LAB_WITNESS("smaps", lab_smaps_dirty(lab, worker->pid, at)));
	lab_show_walk(lab, target, "the same page, written", at);

	check_dropped(lab, worker, target, at);
	check_hardware(lab, worker, target, shared);
}

const struct lab_def lab_def_accessed_dirty = {
	.name = "accessed-dirty",
	.topic = LAB_REPLACEMENT,
	.claim = "The hardware marks which pages are touched and which are written; clean ones can be dropped at once, dirty ones must be written first.",
	.spoil = "one page more is written",
	.run = run,
};
