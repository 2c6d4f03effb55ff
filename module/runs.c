// SPDX-License-Identifier: GPL-2.0
/*
 * From spans to runs of equal, consecutive leaf entries. Knows nothing of text or streams.
 */
#include <linux/build_bug.h>

#include "frame.h"
#include "runs.h"

static void close_run(struct mms_runs *runs, enum mms_kind kind)
{
	if (!runs->open.nr)
		return;
	runs->run[runs->nr] = runs->open;
	runs->kind[runs->nr++] = kind;
	runs->open.nr = 0;
}

static void runs_vma_begin(struct mms_walk *walk, struct vm_area_struct *vma)
{
	struct mms_runs *runs = walk->arg;

	runs->first = true;
}

/* Upper estimates: of some small pages, of each of them, of an entry whose frame is looked at. */
#define SMALL_COST 100
#define SMALL_ENTRY_COST 30
#define ENTRY_COST 250

static void add_run(struct mms_runs *runs, struct mms_walk *walk, struct mms_record *next)
{
	if (runs->first)
		next->flags |= MMS_REC_VMA_START;
	runs->first = false;
	if (runs->open.nr && mms_run_extend(&runs->open, next, walk->nr_levels))
		return;
	close_run(runs, walk->vma.kind);
	runs->open = *next;
}

static void add_entry(struct mms_runs *runs, struct mms_walk *walk, const struct mms_span *span,
		      unsigned int i)
{
	struct mms_record next = {
		.addr = mms_span_addr(span, i),
		.entry = span->entries[i],
		.nr = 1,
		.level = span->level,
	};
	struct mms_frame frame;

	walk->spent += ENTRY_COST;
	next.class = mms_leaf_class(walk, next.entry, next.level, next.addr, &frame);
	if (frame.page && mms_frame_anon(&frame))
		next.flags = MMS_REC_ANON;
	add_run(runs, walk, &next);
}

/*
 * Adds small pages from @first on, as long as their entries differ in their frames only, so that
 * they share a class that is known. One comparison tells that an entry continues a run.
 *
 * Return: how many.
 */
static unsigned int add_small(struct mms_runs *runs, struct mms_walk *walk,
			      const struct mms_span *span, unsigned int first, enum mms_class class)
{
	const u64 *entries = span->entries;
	const unsigned long base = mms_span_addr(span, first) - first * PAGE_SIZE;
	const u64 like = entries[first], same = ~mms_layout.pfn_mask;
	struct mms_record open = {
		.addr = base + first * PAGE_SIZE,
		.entry = like,
		.nr = 1,
		.level = MMS_PTE,
		.class = class,
		.flags = class == MMS_CLASS_ANON ? MMS_REC_ANON : 0,
	};
	const u64 step = mms_run_step(&open, walk->nr_levels);
	const u16 flags = open.flags;
	u64 expected = like + step;
	unsigned int begun, i;

	add_run(runs, walk, &open);
	/* It may have continued a run: as if that had begun in this table. */
	open = runs->open;
	begun = first + 1 - open.nr;
	for (i = first + 1; i < span->nr; i++, expected += step) {
		if (entries[i] == expected)
			continue;
		if ((entries[i] ^ like) & same)
			break;
		open.nr = i - begun;
		runs->kind[runs->nr] = walk->vma.kind;
		runs->run[runs->nr++] = open;
		open.addr = base + i * PAGE_SIZE;
		open.entry = expected = entries[i];
		open.flags = flags;
		begun = i;
	}
	open.nr = i - begun;
	runs->open = open;
	walk->spent += SMALL_COST + (i - first) * SMALL_ENTRY_COST;
	return i - first;
}

/* Adds entries from @i on. Return: how many. */
static unsigned int add_entries(struct mms_runs *runs, struct mms_walk *walk,
				const struct mms_span *span, unsigned int i)
{
	u64 entry = span->entries[i];
	enum mms_class class;

	if (mms_entry_none(entry))
		return mms_stretch(&mms_layout, span->entries + i, span->nr - i, span->level);
	class = mms_entry_counted(&walk->vma, entry, span->level) ?
			mms_sure_class(&walk->vma, entry) : MMS_CLASS_NONE;
	if (class != MMS_CLASS_NONE)
		return add_small(runs, walk, span, i, class);
	add_entry(runs, walk, span, i);
	return 1;
}

static void runs_span(struct mms_walk *walk, struct mms_span *span)
{
	struct mms_runs *runs = walk->arg;
	unsigned int i = 0;

	while (i < span->nr) {
		i += add_entries(runs, walk, span, i);
		if (walk->spent >= mms_hold_budget)
			mms_span_cut(span, i);
	}
	/* The next span may close as many runs as it has entries, and the VMA's end one more. */
	if (runs->nr + MMS_TABLE_ENTRIES + 1 > MMS_MAX_RUNS)
		walk->stop = true;
}

static void runs_vma_end(struct mms_walk *walk, bool complete)
{
	struct mms_runs *runs = walk->arg;

	close_run(runs, walk->vma.kind);
	if (runs->nr + MMS_TABLE_ENTRIES + 1 > MMS_MAX_RUNS)
		walk->stop = true;
}

const struct mms_sink mms_runs_sink = {
	.vma_begin = runs_vma_begin,
	.span = runs_span,
	.vma_end = runs_vma_end,
	.vma_cost = 50,
};
