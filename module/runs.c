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

static void add_entry(struct mms_runs *runs, struct mms_walk *walk, const struct mms_span *span,
		      u64 entry, unsigned long addr)
{
	struct mms_record next = { .addr = addr, .entry = entry, .nr = 1, .level = span->level };

	next.class = mms_leaf_class_lazy(walk, entry, span->level, addr, &next.flags);
	if (runs->first)
		next.flags |= MMS_REC_VMA_START;
	runs->first = false;
	if (runs->open.nr && mms_run_extend(&runs->open, &next, walk->nr_levels))
		return;
	close_run(runs, walk->vma.kind);
	runs->open = next;
}

static void runs_span(struct mms_walk *walk, const struct mms_span *span)
{
	unsigned int shift = mms_level_shift(span->level, walk->nr_levels);
	struct mms_runs *runs = walk->arg;
	unsigned long addr = span->addr;
	unsigned int i;

	for (i = 0; i < span->nr; i++) {
		if (!mms_entry_none(span->entries[i]))
			add_entry(runs, walk, span, span->entries[i], addr);
		addr = ((addr >> shift) + 1) << shift;
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
	.span_cost = { 0, 200, 200, 200, 200, 200 },
	.vma_cost = 50,
};
