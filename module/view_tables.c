// SPDX-License-Identifier: GPL-2.0
/*
 * PID/tables: page tables as a resource. From entries alone: no struct page is touched.
 */
#include <linux/seq_file.h>

#include "compat.h"
#include "view.h"

/* What one level's tables hold; attributes and leaves in entries, not in pages. */
struct level {
	u64 tables;
	u64 leaves;		/* present entries that map memory */
	u64 nonpresent;		/* swap entries, migration entries, markers */
	u64 swap;		/* of these: swap entries */
	u64 attrs[MMS_NR_ATTRS];
};

struct tables {
	struct level level[MMS_NR_LEVELS];
	u64 deposited;		/* PTE tables set aside for splitting huge pages */
	u64 kernel_bytes;	/* mm_pgtables_bytes() at the end of the walk */
};

static void tables_table(struct mms_walk *walk, enum mms_level level)
{
	struct tables *tables = walk->arg;

	tables->level[level].tables++;
}

/* Upper estimate of the instructions for entries that mean the same. */
#define STRETCH_COST 120

/* Counts @nr entries that mean the same as @entry. */
static void count_stretch(struct tables *tables, const struct mms_walk *walk, u64 entry,
			  unsigned int nr, enum mms_level at)
{
	struct level *level = &tables->level[at];

	if (mms_entry_none(entry))
		return;
	/* pgtable_trans_huge_deposit(), for anonymous huge pages only on x86. */
	if (at == MMS_PMD && walk->vma.anonymous)
		tables->deposited += nr;
	if (mms_entry_present(entry, at)) {
		level->leaves += nr;
		mms_attrs_add(level->attrs, &mms_layout, entry, nr);
		return;
	}
	level->nonpresent += nr;
	if (mms_swp_class(&mms_layout, entry) == MMS_CLASS_SWAP)
		level->swap += nr;
}

static void tables_span(struct mms_walk *walk, struct mms_span *span)
{
	struct tables *tables = walk->arg;
	unsigned int i, nr;

	for (i = 0; i < span->nr; i += nr) {
		const u64 *entries = span->entries + i;

		nr = mms_stretch(&mms_layout, entries, span->nr - i, span->level);
		count_stretch(tables, walk, *entries, nr, span->level);
		walk->spent += STRETCH_COST + nr * MMS_STRETCH_ENTRY_COST;
	}
	tables->kernel_bytes = mm_pgtables_bytes(walk->mm);
}

static const struct mms_sink tables_sink = {
	.span = tables_span,
	.table = tables_table,
	.vma_cost = 0,
};

static int tables_begin(struct mms_read *read)
{
	memset(read->priv, 0, sizeof(struct tables));
	return mms_walk_begin(read->walk, read->target->pid, read->opener, &tables_sink,
			      read->priv);
}

static int tables_next(struct mms_read *read)
{
	return mms_read_all(read);
}

/* Entries of a table that can serve user addresses: half of the top-level table. */
static unsigned int table_capacity(enum mms_level level)
{
	return level == MMS_PGD ? MMS_TABLE_ENTRIES / 2 : MMS_TABLE_ENTRIES;
}

/* With page-table isolation the top-level table is two pages: the kernel's and the user's. */
static u64 level_bytes(const struct tables *tables, enum mms_level level)
{
	u64 pages = tables->level[level].tables;

	if (level == MMS_PGD && boot_cpu_has(X86_FEATURE_PTI))
		pages *= 2;
	return pages * MMS_TABLE_BYTES;
}

static void show_level(struct seq_file *m, const struct tables *tables, enum mms_level level,
		       u64 nr_below)
{
	const struct level *l = &tables->level[level];
	unsigned int i;

	seq_printf(m, "%s %llu %llu %llu %llu %llu %llu %llu", mms_level_name(level), l->tables,
		   level_bytes(tables, level), nr_below + l->leaves + l->nonpresent,
		   l->tables * table_capacity(level), nr_below, l->leaves, l->nonpresent);
	for (i = 0; i < MMS_NR_ATTRS; i++)
		seq_put_decimal_ull(m, " ", l->attrs[i]);
	seq_put_decimal_ull(m, " ", l->swap);
	seq_putc(m, '\n');
}

static void tables_head(struct seq_file *m, struct mms_read *read)
{
	mms_show_title(m, read);
	seq_puts(m, "level tables bytes used capacity children leaves nonpresent");
	seq_puts(m, " accessed dirty soft_dirty uffd_wp writable exec wx protnone swap\n");
}

static void tables_tail(struct seq_file *m, struct mms_read *read)
{
	const struct tables *tables = read->priv;
	unsigned int nr_levels = read->walk->nr_levels;
	unsigned int user_bits = MMS_PAGE_SHIFT + MMS_LEVEL_BITS * nr_levels - 1;
	enum mms_level level = MMS_PGD, below;
	u64 bytes = tables->deposited * MMS_TABLE_BYTES;

	for (;;) {
		bytes += level_bytes(tables, level);
		if (level == MMS_PTE)
			break;
		below = mms_level_below(level, nr_levels);
		show_level(m, tables, level, tables->level[below].tables);
		level = below;
	}
	show_level(m, tables, MMS_PTE, 0);
	seq_printf(m, "# deposited %llu\n", tables->deposited);
	seq_printf(m, "# total_bytes %llu\n", bytes);
	/* PTE, PMD and PUD tables and deposited ones; what VmPTE in /proc/PID/status shows. */
	seq_printf(m, "# kernel_bytes %llu\n", tables->kernel_bytes);
	/* One entry for each page of the user half. */
	seq_printf(m, "# flat_bytes %llu\n", sizeof(u64) * (1ULL << (user_bits - MMS_PAGE_SHIFT)));
	mms_show_cost(m, read->walk->cost);
}

const struct mms_view mms_view_tables = {
	.fops = MMS_VIEW_FOPS,
	.name = "tables",
	.mode = 0400,
	.priv_size = sizeof(struct tables),
	.begin = tables_begin,
	.head = tables_head,
	.next = tables_next,
	.tail = tables_tail,
};
