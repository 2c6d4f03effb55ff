// SPDX-License-Identifier: GPL-2.0
/*
 * From spans to runs of equal, consecutive leaf entries. Knows nothing of text or streams.
 */
#include <linux/string.h>

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

/* How many entries from @first on are each @step above the one before, the first of them @expected. */
static unsigned int count_steps(const u64 *first, const u64 *end, u64 expected, const u64 step)
{
	const u64 *entry = first;

	/* Most often all are: four for one decision. */
	for (; end - entry >= 4; entry += 4, expected += 4 * step)
		if ((entry[0] ^ expected) | (entry[1] ^ (expected + step)) |
		    (entry[2] ^ (expected + 2 * step)) | (entry[3] ^ (expected + 3 * step)))
			break;
	for (; entry < end && *entry == expected; entry++)
		expected += step;
	return entry - first;
}

/* All of a record but its place, in one word. */
static u64 *rest_of(struct mms_record *record)
{
	return (void *)record + offsetof(struct mms_record, nr);
}

/*
 * Records behind @to for entries that are runs of their own and differ from @like in their frames only,
 * the first of them at @addr and not @expected: four for one decision, as long as all four are.
 *
 * Return: how many.
 */
static __always_inline unsigned int add_singles(struct mms_record *to, const u64 *first,
						const u64 *end, unsigned long addr, u64 expected,
						const u64 step, const u64 like, const u64 rest)
{
	const u64 same = ~mms_layout.pfn_mask;
	const u64 *entry, *last = end - 4;
	unsigned int i;

	for (entry = first; entry <= last; entry += 4, to += 4, addr += 4 * PAGE_SIZE) {
		const u64 raw[] = { entry[0], entry[1], entry[2], entry[3] };
		u64 any = like | raw[0] | raw[1] | raw[2] | raw[3];
		u64 all = like & raw[0] & raw[1] & raw[2] & raw[3];

		if (raw[0] == expected || raw[1] == raw[0] + step || raw[2] == raw[1] + step ||
		    raw[3] == raw[2] + step || ((any ^ all) & same))
			break;
#pragma GCC unroll 4
		for (i = 0; i < 4; i++) {
			to[i + 1].addr = addr + i * PAGE_SIZE;
			to[i + 1].entry = raw[i];
			*rest_of(&to[i + 1]) = rest;
		}
		expected = raw[3] + step;
	}
	return entry - first;
}

/*
 * Adds small pages from @first on, as long as their entries differ in their frames only, so that
 * they share a class that is known. One comparison tells that an entry continues a run; one that
 * does not costs little more than its record.
 *
 * Return: how many.
 */
static unsigned int add_small(struct mms_runs *runs, struct mms_walk *walk,
			      const struct mms_span *span, unsigned int first, enum mms_class class)
{
	const u64 *entry = span->entries + first, *end = span->entries + span->nr;
	const u64 like = *entry, same = ~mms_layout.pfn_mask;
	struct mms_record next = {
		.addr = mms_span_addr(span, first),
		.entry = like,
		.nr = 1,
		.level = MMS_PTE,
		.class = class,
		.flags = class == MMS_CLASS_ANON ? MMS_REC_ANON : 0,
	};
	const u64 step = mms_run_step(&next, walk->nr_levels);
	const u64 single = *rest_of(&next);
	unsigned long addr = next.addr;
	unsigned int nr = runs->nr, nr_more;
	struct mms_record *to;
	u64 expected;

	add_run(runs, walk, &next);
	/* The open run is built where it will be when it is closed. */
	to = runs->run + runs->nr;
	*to = runs->open;
	expected = like + step;
	for (entry++; entry < end; entry++) {
		u64 raw = *entry;

		addr += PAGE_SIZE;
		if (raw == expected) {
			nr_more = count_steps(entry, end, expected, step);
			to->nr += nr_more;
			addr += nr_more * PAGE_SIZE;
			entry += nr_more;
			if (entry == end)
				break;
			raw = *entry;
		}
		if ((raw ^ like) & same)
			break;
		to++;
		to->addr = addr;
		to->entry = raw;
		*rest_of(to) = single;
		expected = raw + step;
		nr_more = add_singles(to, entry + 1, end, addr + PAGE_SIZE, expected, step, like,
				      single);
		to += nr_more;
		entry += nr_more;
		addr += nr_more * PAGE_SIZE;
		expected = *entry + step;
	}
	runs->open = *to;
	runs->nr = to - runs->run;
	memset(runs->kind + nr, walk->vma.kind, runs->nr - nr);
	walk->spent += SMALL_COST + (entry - span->entries - first) * SMALL_ENTRY_COST;
	return entry - span->entries - first;
}

/* Adds entries from @i on. Return: how many. */
static unsigned int add_entries(struct mms_runs *runs, struct mms_walk *walk,
				const struct mms_span *span, unsigned int i)
{
	u64 entry = span->entries[i];
	enum mms_class class;
	unsigned int nr;

	if (mms_entry_none(entry)) {
		nr = mms_stretch(&mms_layout, span->entries + i, span->nr - i, span->level);
		walk->spent += SMALL_COST + nr * MMS_STRETCH_ENTRY_COST;
		return nr;
	}
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
	.kinds = true,
};
