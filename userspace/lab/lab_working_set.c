// SPDX-License-Identifier: GPL-2.0
/*
 * A program uses a fraction of what it holds: the working set, estimated from the accessed bits.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE   4096UL
#define NR     2000UL
#define USED   (NR / 10)
/* The pages in use are spread over all of it. */
#define STRIDE (10 * PAGE)

struct work {
	char *at;
	bool one_more;
};

static void use(const struct work *shared)
{
	int round;

	for (round = 0; round < 10; round++)
		lab_read_pages(shared->at, USED, STRIDE);
	if (shared->one_more)
		lab_read_pages(shared->at + PAGE, 1, PAGE);
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->at = lab_map(NR * PAGE);
	lab_write_pages(shared->at, NR, PAGE);
	lab_done(worker);
	lab_flush_tlb();
	use(shared);
	lab_done(worker);
	use(shared);
	lab_done(worker);
}

/* Clears A in all entries of a process: this changes it, and belongs to the lab's own processes. */
static void clear_accessed(struct lab *lab, pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		lab_skip(lab, "this kernel has no clear_refs");
	if (write(fd, "1", 1) != 1)
		lab_broken(lab, "%s cannot be written", path);
	close(fd);
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);
	uint64_t at, accessed;

	shared->one_more = lab_spoilt(lab);
	lab_step(lab, "a process writes to 2,000 pages");
	lab_go(lab, worker);
	at = (uint64_t)shared->at;
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(target, at, "rss"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Rss")));
	lab_check(lab, .what = "accessed", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(target, at, "accessed"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Referenced")));

	lab_step(lab, "the accessed bits are cleared, then a tenth of the pages is used, again and again");
	clear_accessed(lab, worker->pid);
	lab_check(lab, .what = "accessed, when cleared", LAB_EXACTLY(0),
		  .measured = lab_vma_sum(target, at, "accessed"));
	lab_go(lab, worker);
	accessed = lab_vma_sum(target, at, "accessed");
	lab_check(lab, .what = "accessed now", .unit = LAB_BYTES, LAB_EXACTLY(USED * PAGE),
		  .measured = accessed,
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Referenced")));
	lab_check(lab, .what = "working set, of what it holds", .unit = LAB_PERCENT,
		  LAB_EXACTLY(1000 * USED / NR), .measured = accessed * 1000 / (NR * PAGE));

	lab_step(lab, "the bits are cleared again, and the same pages used, without a flush of the TLB");
	clear_accessed(lab, worker->pid);
	lab_go(lab, worker);
	accessed = lab_vma_sum(target, at, "accessed");
	/* None if all its entries are still in the TLB, all if none is. */
	lab_check(lab, .what = "working set, of what it holds", .unit = LAB_PERCENT,
		  LAB_AT_MOST(1000 * USED / NR), .measured = accessed * 1000 / (NR * PAGE));
	lab_note(lab, "the processor sets the bit when it loads an entry into the TLB, not at every access: pages that are still in there look unused. The estimate is never too high, and exact if the TLB is flushed first, as task switches do without PCID");
}

const struct lab_def lab_def_working_set = {
	.name = "working-set",
	.topic = LAB_REPLACEMENT,
	.claim = "A program uses a fraction of the memory it holds: its working set shows in the accessed bits.",
	.spoil = "one page more than a tenth is used",
	.run = run,
};
