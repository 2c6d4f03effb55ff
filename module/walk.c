// SPDX-License-Identifier: GPL-2.0
/*
 * From the top-level table down to the entries of a live VMA. Knows nothing of who listens.
 *
 * The rule by which page tables are read, here and in view_translate.c: mmap_lock is held, the
 * tables serve a live VMA, and interrupts are off from the read of the top-level entry to the read
 * of the last entry. mmap_lock keeps the tables of a live VMA, except hugetlb tables unshared and,
 * since 6.5, file tables retracted by khugepaged, both without the target's mmap_lock. A table
 * unlinked like that is not freed before interrupts are on again: it is freed through RCU, for
 * which they are a read-side critical section, or after an IPI to every processor
 * (tlb_remove_table_sync_one(), pte_free_defer(), huge_pmd_unshare_flush()).
 *
 * It is not the rule of lockless GUP, which reads the memory it runs on: munmap() frees tables
 * with mmap_lock held for reading, and unless a hypervisor flushes for it, after an IPI to the
 * processors that run the target only (native_tlb_remove_table()).
 *
 * Every entry is read once. One span is a copy of entries taken in one go; what is derived from
 * it is derived with interrupts on.
 */
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "compat.h"
#include "walk.h"

/* Where a descent ended. */
struct stop {
	enum mms_level level;
	u64 *slot;		/* the entry for the address in the table of that level */
};

/* Instructions of one descent and the bookkeeping of one span, and per entry copied; generous. */
#define DESCENT_COST 250
#define COPY_COST 4

/*
 * Descends to the table of level @lowest that serves @addr, or to the lowest there is. Anything
 * but a proper table entry ends the descent. Interrupts are off.
 */
static struct stop descend(const struct mms_walk *walk, unsigned long addr, enum mms_level lowest)
{
	struct stop stop = { .level = MMS_PGD };
	u64 *table = mms_mm_root(walk->mm);

	lockdep_assert_irqs_disabled();
	for (;;) {
		u64 entry;

		stop.slot = table + mms_level_index(addr, stop.level, walk->nr_levels);
		if (stop.level == lowest)
			return stop;
		entry = READ_ONCE(*stop.slot);
		if (!mms_entry_user_table(entry, stop.level))
			return stop;
		table = mms_entry_to_table(entry);
		stop.level = mms_level_below(stop.level, walk->nr_levels);
	}
}

/* Entries copied at a time. */
#define BATCH 8

/* Copies entries, and more as long as whole batches of them are without a table. Return: how many. */
static __always_inline unsigned int copy_batches(u64 *to, const u64 *from, unsigned int max,
						 const bool tables)
{
	unsigned int done, i;

	for (done = 0; done + BATCH <= max; done += BATCH, from += BATCH, to += BATCH) {
		u64 any = 0;

#pragma GCC unroll 8
		for (i = 0; i < BATCH; i++) {
			to[i] = READ_ONCE(from[i]);
			any |= to[i];
		}
		if (tables && (any & MMS_X86_P))
			break;
	}
	return done;
}

/* Copies up to @max entries from @stop on, ending before the first table. Interrupts are off. */
static unsigned int copy_entries(struct mms_walk *walk, const struct stop *stop, unsigned int max)
{
	const bool tables = stop->level > MMS_PTE;
	unsigned int i;

	if (tables)
		i = copy_batches(walk->entries, stop->slot, max, true);
	else
		i = copy_batches(walk->entries, stop->slot, max, false);
	for (; i < max; i++) {
		walk->entries[i] = READ_ONCE(stop->slot[i]);
		if (mms_entry_user_table(walk->entries[i], stop->level))
			break;
	}
	return i;
}

/* How many entries of a table to show at most: to the table's end or the VMA's. */
static unsigned int entries_ahead(const struct mms_walk *walk, unsigned int shift)
{
	unsigned long index = (walk->addr >> shift) % MMS_TABLE_ENTRIES;
	unsigned long end = walk->addr + min(walk->vma.end - walk->addr, walk->span_limit);
	unsigned long to_end = ((end - 1) >> shift) - (walk->addr >> shift) + 1;

	return min(MMS_TABLE_ENTRIES - index, to_end);
}

/* Reads the next span at walk->addr; may come back empty, if a table appeared under the reader. */
static void read_span(struct mms_walk *walk, struct mms_span *span)
{
	unsigned long flags;
	struct stop stop;

	local_irq_save(flags);
	stop = descend(walk, walk->addr, MMS_PTE);
	span->shift = mms_level_shift(stop.level, walk->nr_levels);
	span->nr = copy_entries(walk, &stop, entries_ahead(walk, span->shift));
	span->shared_table = walk->vma.hugetlb && stop.level == MMS_PMD &&
			     hugetlb_pmd_shared((pte_t *)stop.slot);
	local_irq_restore(flags);

	span->level = stop.level;
	span->addr = walk->addr;
	span->end = min(((walk->addr >> span->shift) + span->nr) << span->shift, walk->vma.end);
	if (span->end - span->addr > walk->span_limit)
		span->end = span->addr + walk->span_limit;
	span->entries = walk->entries;
}

/*
 * Reports the tables passed on the way down to @level that the walk had not reached before. Where
 * one had been, those above it had too.
 */
static void report_tables(struct mms_walk *walk, enum mms_level level)
{
	for (;; level = mms_level_above(level, walk->nr_levels)) {
		u64 range = walk->addr >> mms_level_shift(level, walk->nr_levels) >> MMS_LEVEL_BITS;

		if (walk->last_table[level] == range + 1)
			return;
		walk->last_table[level] = range + 1;
		walk->cost[MMS_COST_TABLES]++;
		if (walk->sink->table)
			walk->sink->table(walk, level);
		if (level == MMS_PGD)
			return;
	}
}

void mms_walk_vma(struct mms_walk *walk)
{
	struct mms_span span;

	mmap_assert_locked(walk->mm);
	while (walk->addr < walk->vma.end && !walk->stop && walk->spent < mms_hold_budget) {
		read_span(walk, &span);
		walk->spent += DESCENT_COST + span.nr * COPY_COST;
		if (!span.nr) {
			walk->cost[MMS_COST_RETRIES]++;
			continue;
		}
		report_tables(walk, span.level);
		walk->sink->span(walk, &span);
		walk->cost[MMS_COST_ENTRIES] += span.nr;
		walk->addr = span.end;
	}
}

u64 mms_walk_peek(struct mms_walk *walk, unsigned long addr, enum mms_level level)
{
	unsigned long flags;
	struct stop stop;
	u64 entry;

	mmap_assert_locked(walk->mm);
	local_irq_save(flags);
	stop = descend(walk, addr, level);
	entry = stop.level == level ? READ_ONCE(*stop.slot) : 0;
	local_irq_restore(flags);
	return entry;
}
