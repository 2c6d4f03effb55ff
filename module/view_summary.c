// SPDX-License-Identifier: GPL-2.0
/*
 * PID/summary: one screen about a whole address space, "key value" lines, sizes in kB.
 */
#include <linux/seq_file.h>

#include "stat.h"
#include "view.h"

/**
 * struct summary - counts over a whole address space
 * @all: of the VMAs walked
 * @nr_vmas: VMAs by kind
 * @size: pages of address space by kind
 * @rss: resident pages by kind
 * @size_before: of the VMAs before the one being walked
 * @rss_before: likewise
 */
struct summary {
	struct mms_stat all;
	u64 nr_vmas[MMS_NR_KINDS];
	u64 size[MMS_NR_KINDS];
	u64 rss[MMS_NR_KINDS];
	u64 size_before;
	u64 rss_before;
};

/* All VMAs are counted as one: what this one adds is told by what there was before. */
static void summary_vma_begin(struct mms_walk *walk, struct vm_area_struct *vma)
{
	struct summary *summary = walk->arg;

	summary->size_before = summary->all.v[MMS_STAT_SIZE];
	summary->rss_before = mms_stat_rss(&summary->all);
	mms_stat_vma(walk, vma);
}

static void summary_span(struct mms_walk *walk, struct mms_span *span)
{
	struct summary *summary = walk->arg;

	mms_stat_span(&summary->all, walk, span);
}

static void summary_table(struct mms_walk *walk, enum mms_level level)
{
	struct summary *summary = walk->arg;

	summary->all.v[MMS_STAT_TABLES]++;
}

static void summary_vma_end(struct mms_walk *walk, bool complete)
{
	struct summary *summary = walk->arg;
	enum mms_kind kind = walk->vma.kind;

	mms_contig_break(&summary->all.contig);
	summary->nr_vmas[kind]++;
	summary->size[kind] += summary->all.v[MMS_STAT_SIZE] - summary->size_before;
	summary->rss[kind] += mms_stat_rss(&summary->all) - summary->rss_before;
}

static const struct mms_sink summary_sink = {
	.vma_begin = summary_vma_begin,
	.span = summary_span,
	.table = summary_table,
	.vma_end = summary_vma_end,
	.vma_cost = MMS_STAT_COST_VMA,
	.kinds = true,
};

static int summary_begin(struct mms_read *read)
{
	memset(read->priv, 0, sizeof(struct summary));
	return mms_walk_begin(read->walk, read->target->pid, read->opener, &summary_sink,
			      read->priv);
}

/* No rows: what was counted when the walk ended, wherever it ended, is the tail. */
static int summary_next(struct mms_read *read)
{
	struct summary *summary = read->priv;
	int err = mms_read_all(read);

	mms_stat_derive(&summary->all);
	return err;
}

static void show_kinds(struct seq_file *m, const struct summary *summary)
{
	unsigned int i;
	u64 nr = 0;

	for (i = 0; i < MMS_NR_KINDS; i++)
		nr += summary->nr_vmas[i];
	seq_printf(m, "vmas %llu\n", nr);
	for (i = 0; i < MMS_NR_KINDS; i++)
		if (summary->nr_vmas[i])
			seq_printf(m, "kind.%s vmas=%llu size=%llu rss=%llu\n", mms_kind_name(i),
				   summary->nr_vmas[i], summary->size[i] << (PAGE_SHIFT - 10),
				   summary->rss[i] << (PAGE_SHIFT - 10));
}

static void summary_tail(struct seq_file *m, struct mms_read *read)
{
	const struct summary *summary = read->priv;
	unsigned int i;

	for (i = 0; i < mms_nr_stat_fields; i++) {
		seq_puts(m, mms_stat_fields[i].name);
		seq_put_decimal_ull(m, " ", mms_stat_published(&summary->all, &mms_stat_fields[i]));
		seq_putc(m, '\n');
	}
	seq_puts(m, "contig");
	mms_stat_show_contig(m, &summary->all.contig);
	seq_puts(m, "\nnodes");
	mms_stat_show_nodes(m, &summary->all.nodes);
	seq_putc(m, '\n');
	show_kinds(m, summary);
	mms_show_cost(m, read->walk->cost);
}

const struct mms_view mms_view_summary = {
	.fops = MMS_VIEW_FOPS,
	.name = "summary",
	.mode = 0400,
	.priv_size = sizeof(struct summary),
	.begin = summary_begin,
	.head = mms_show_title,
	.next = summary_next,
	.tail = summary_tail,
};
