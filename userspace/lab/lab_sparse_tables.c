// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables of several levels cost what is used of the address space, not what it could hold.
 */
#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define ENTRY	8UL
#define ENTRIES 512UL
#define GIB	(1UL << 30)
#define SIZE	(64UL << 40)
/* What one PUD table covers. */
#define PUD_SPAN (ENTRIES * GIB)
#define SPREAD	1000UL
#define DENSE	1000UL

struct work {
	char *mapped, *at, *dense;
	size_t stride;
};

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	/* What the worker needs to work has its tables before anything is measured. */
	lab_done(worker);
	shared->mapped = lab_map(SIZE);
	/* From the beginning of a PUD table on that serves nothing else, as does one 2 TiB further up. */
	shared->at = shared->mapped + PUD_SPAN - (uintptr_t)shared->mapped % PUD_SPAN;
	shared->dense = shared->at + 4 * PUD_SPAN;
	lab_done(worker);
	lab_write_pages(shared->at, 1, PAGE);
	lab_done(worker);
	lab_write_pages(shared->at, SPREAD, shared->stride);
	lab_done(worker);
	lab_write_pages(shared->dense, DENSE, PAGE);
	lab_done(worker);
}

static uint64_t tables_for(uint64_t size, uint64_t span)
{
	return (size + span - 1) / span;
}

/* Tables and bytes at one moment. */
struct cost {
	uint64_t level[MMS_NR_LEVELS], bytes, status;
};

static struct cost cost_of(struct lab *lab, struct lab_target *target, pid_t pid)
{
	struct cost cost = { .bytes = lab_tables_line(target, "total_bytes"),
			     .status = lab_status(lab, pid, "VmPTE") };
	enum mms_level level;

	for (level = MMS_PTE; level <= MMS_PUD; level++)
		cost.level[level] = lab_tables(target, level, "tables");
	return cost;
}

/* What has come since @before, against the number of tables that @nr says for each level. */
static void check_gain(struct lab *lab, struct lab_target *target, pid_t pid,
		       const struct cost *before, const uint64_t nr[MMS_NR_LEVELS])
{
	static const char *const what[MMS_NR_LEVELS] = {
		[MMS_PTE] = "PTE tables gained", [MMS_PMD] = "PMD tables gained",
		[MMS_PUD] = "PUD tables gained",
	};
	struct cost now = cost_of(lab, target, pid);
	uint64_t sum = 0;
	enum mms_level level;

	for (level = MMS_PUD; level >= MMS_PTE; level--) {
		lab_check(lab, .what = what[level], LAB_EXACTLY(nr[level]),
			  .measured = now.level[level] - before->level[level]);
		sum += nr[level];
	}
	lab_check(lab, .what = "bytes of tables gained", .unit = LAB_BYTES, LAB_EXACTLY(sum * PAGE),
		  .measured = now.bytes - before->bytes,
		  LAB_WITNESS("VmPTE", now.status - before->status));
}

static void check_flat(struct lab *lab, struct lab_target *target)
{
	unsigned int levels = lab_machine(lab, "paging_levels");
	/* Half of what is translated is the user's. */
	unsigned int bits = 12 + 9 * levels - 1;

	lab_step(lab, "a flat table would have an entry of 8 bytes for every page that could be: this machine translates %u bits of an address, and gives half of that to a process",
		 bits + 1);
	lab_check(lab, .what = "a flat table would take", .unit = LAB_BYTES,
		  LAB_EXACTLY((1UL << (bits - 12)) * ENTRY),
		  .measured = lab_tables_line(target, "flat_bytes"));
	lab_check(lab, .what = "this process's tables take", .unit = LAB_BYTES, LAB_AT_MOST(1UL << 20),
		  .measured = lab_tables_line(target, "total_bytes"));
	lab_note(lab, "all 64 bits would be 2^52 entries of 8 bytes: 32 PiB for each process");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);
	const uint64_t none[MMS_NR_LEVELS] = { 0 };
	const uint64_t one[MMS_NR_LEVELS] = { [MMS_PTE] = 1, [MMS_PMD] = 1, [MMS_PUD] = 1 };
	/* The first of them has been touched before. */
	const uint64_t spread[MMS_NR_LEVELS] = {
		[MMS_PTE] = SPREAD - 1, [MMS_PMD] = SPREAD - 1,
		[MMS_PUD] = tables_for(SPREAD, ENTRIES) - 1,
	};
	const uint64_t dense[MMS_NR_LEVELS] = {
		[MMS_PTE] = tables_for(DENSE, ENTRIES), [MMS_PMD] = 1, [MMS_PUD] = 1,
	};
	struct cost before;

	lab_need_room(lab, SIZE);
	shared->stride = lab_spoilt(lab) ? GIB / 2 : GIB;
	lab_go(lab, worker);
	check_flat(lab, target);
	before = cost_of(lab, target, worker->pid);

	lab_step(lab, "a process maps 64 TiB, and touches nothing of it");
	lab_go(lab, worker);
	lab_check(lab, .what = "address space", .unit = LAB_BYTES, LAB_EXACTLY(SIZE),
		  .measured = lab_vma_sum(target, (uint64_t)shared->mapped, "size"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, (uint64_t)shared->mapped, "Size")));
	check_gain(lab, target, worker->pid, &before, none);

	lab_step(lab, "it touches one page in the midst of it: one table for each level that leads there");
	before = cost_of(lab, target, worker->pid);
	lab_go(lab, worker);
	check_gain(lab, target, worker->pid, &before, one);
	lab_show_walk(lab, target, "the page touched", (uint64_t)shared->at);
	lab_note(lab, "the topmost table was there already; so was the P4D table, if there are five levels: it covers 256 TiB, and so the whole process");

	lab_step(lab, "it touches 1,000 pages, each 1 GiB from the next: two tables for each page, and one more for every 512 GiB");
	before = cost_of(lab, target, worker->pid);
	lab_go(lab, worker);
	check_gain(lab, target, worker->pid, &before, spread);

	lab_step(lab, "it touches 1,000 pages side by side, in another part: one PTE table serves 512 of them");
	before = cost_of(lab, target, worker->pid);
	lab_go(lab, worker);
	check_gain(lab, target, worker->pid, &before, dense);
	lab_evidence(lab, "tables of %lu bytes in all, a flat one: %lu",
		     lab_tables_line(target, "total_bytes"), lab_tables_line(target, "flat_bytes"));
}

const struct lab_def lab_def_sparse_tables = {
	.name = "sparse-tables",
	.topic = LAB_TRANSLATION,
	.claim = "A flat page table for a 64-bit address space would be absurd; tables of several levels cost only what is used.",
	.spoil = "the 1,000 pages are half a GiB apart",
	.run = run,
};
