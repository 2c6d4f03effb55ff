// SPDX-License-Identifier: GPL-2.0
/*
 * fork() copies page tables, not memory; written pages are copied, once; the last owner keeps the original.
 */
#include <sys/wait.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define NR	1000UL
#define WRITTEN 300UL

struct work {
	char *at;
	struct lab_worker *child;
	size_t nr_first;
};

static void child_work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	lab_write_pages(shared->at, WRITTEN, PAGE);
	lab_done(worker);
}

static void parent_work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->at = lab_map(NR * PAGE);
	lab_write_pages(shared->at, NR, PAGE);
	lab_done(worker);
	lab_fork(worker, shared->child);
	lab_done(worker);
	/* Nothing, unless the premise is to be broken. */
	lab_write_pages(shared->at, shared->nr_first, PAGE);
	lab_done(worker);
	wait(NULL);
	lab_write_pages(shared->at, NR, PAGE);
	lab_done(worker);
}

/* The frames of the process's pages, 0 for one that has none. */
struct frames {
	uint64_t at, pfn[NR];
};

static void take_frame(void *data, uint64_t addr, const struct lab_entry *entry)
{
	struct frames *frames = data;

	frames->pfn[(addr - frames->at) / PAGE] = entry->present ? entry->pfn : 0;
}

static struct frames frames_of(struct lab_target *target, uint64_t at)
{
	struct frames frames = { .at = at };

	lab_each_page(target, at, NR, take_frame, &frames);
	return frames;
}

/* Pages that are where they were. */
static uint64_t nr_unchanged(struct lab_target *target, const struct frames *before)
{
	struct frames now = frames_of(target, before->at);
	uint64_t nr = 0, i;

	for (i = 0; i < NR; i++)
		nr += before->pfn[i] && now.pfn[i] == before->pfn[i];
	return nr;
}

struct forked {
	struct lab_worker *parent, *child;
	struct lab_target *of_parent, *of_child;
	uint64_t at;
	struct frames before;
};

static void check_fork(struct lab *lab, struct forked *f)
{
	lab_step(lab, "a process with 1,000 pages of its own forks; neither side writes");
	lab_go(lab, f->parent);
	lab_born(lab, f->child);
	f->of_child = lab_watch(lab, f->child->pid);
	lab_check(lab, .what = "pages copied by fork", LAB_EXACTLY(0),
		  .measured = lab_counted_at(lab, f->child->pid, f->at, LAB_BREAKS) +
			      lab_counted_at(lab, f->parent->pid, f->at, LAB_BREAKS));
	lab_check(lab, .what = "same frame in both", LAB_EXACTLY(NR),
		  .measured = nr_unchanged(f->of_child, &f->before),
		  LAB_WITNESS("pagemap",
			      lab_pagemap_same(lab, f->parent->pid, f->at, f->child->pid, f->at, NR)));
	lab_check(lab, .what = "writable entries, parent", LAB_EXACTLY(0),
		  .measured = lab_pages(f->of_parent, f->at, NR, MMS_CLASS_ANON, MMS_X86_RW, 0));
	lab_check(lab, .what = "writable entries, child", LAB_EXACTLY(0),
		  .measured = lab_pages(f->of_child, f->at, NR, MMS_CLASS_ANON, MMS_X86_RW, 0));
	lab_check(lab, .what = "shared, in the child", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(f->of_child, f->at, "shared"),
		  LAB_WITNESS("smaps", lab_smaps(lab, f->child->pid, f->at, "Shared_Dirty")));
	lab_show_walk(lab, f->of_parent, "the parent's first page", f->at);
	lab_show_walk(lab, f->of_child, "the child's first page", f->at);
}

static void check_writes(struct lab *lab, struct forked *f)
{
	lab_step(lab, "the child writes to 300 of them");
	lab_go(lab, f->parent);
	lab_go(lab, f->child);
	lab_check(lab, .what = "pages copied", LAB_EXACTLY(WRITTEN),
		  .measured = lab_counted_at(lab, f->child->pid, f->at, LAB_BREAKS) +
			      lab_counted_at(lab, f->parent->pid, f->at, LAB_BREAKS),
		  LAB_WITNESS("pagemap", NR - lab_pagemap_same(lab, f->parent->pid, f->at,
							       f->child->pid, f->at, NR)));
	lab_check(lab, .what = "private now, in the child", .unit = LAB_BYTES,
		  LAB_EXACTLY(WRITTEN * PAGE),
		  .measured = lab_vma_sum(f->of_child, f->at, "private"),
		  LAB_WITNESS("smaps", lab_smaps(lab, f->child->pid, f->at, "Private_Dirty")));
	lab_check(lab, .what = "parent's frames unchanged", LAB_EXACTLY(NR),
		  .measured = nr_unchanged(f->of_parent, &f->before));
	lab_show_walk(lab, f->of_child, "the child's first page, written", f->at);
}

static void check_last_owner(struct lab *lab, struct forked *f)
{
	uint64_t breaks = lab_counted_at(lab, f->parent->pid, f->at, LAB_BREAKS);

	lab_step(lab, "the child ends, then the parent writes to all 1,000");
	lab_empty_batches(lab);
	lab_go_on(lab, f->parent);
	lab_go_on(lab, f->child);
	lab_wait(lab, f->parent);
	lab_check(lab, .what = "pages copied", LAB_EXACTLY(0),
		  .measured = lab_counted_at(lab, f->parent->pid, f->at, LAB_BREAKS) - breaks);
	lab_check(lab, .what = "made writable where they are", LAB_EXACTLY(NR),
		  .measured = lab_counted_at(lab, f->parent->pid, f->at, LAB_REUSES));
	lab_check(lab, .what = "parent's frames unchanged", LAB_EXACTLY(NR),
		  .measured = nr_unchanged(f->of_parent, &f->before));
	lab_note(lab, "textbooks have the last owner copy, too: the kernel sees that the page is nobody else's, and only sets the entry's RW bit");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct forked f;

	shared->nr_first = lab_spoilt(lab) ? 1 : 0;
	shared->child = f.child = lab_child(lab, child_work, shared);
	f.parent = lab_worker(lab, parent_work, shared);
	lab_count(lab, f.parent->pid);
	f.of_parent = lab_watch(lab, f.parent->pid);
	lab_go(lab, f.parent);
	f.at = (uint64_t)shared->at;
	f.before = frames_of(f.of_parent, f.at);
	check_fork(lab, &f);
	check_writes(lab, &f);
	check_last_owner(lab, &f);
}

const struct lab_def lab_def_fork_cow = {
	.name = "fork-cow",
	.topic = LAB_COPYING,
	.claim = "fork() copies page tables, not memory: both sides lose the right to write, only what is written is copied, once, and the last owner keeps the original.",
	.spoil = "the parent writes, too, while the child has the page",
	.run = run,
};
