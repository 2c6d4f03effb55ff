// SPDX-License-Identifier: GPL-2.0
/*
 * PID/summary: one screen about a whole address space, "key value" lines, sizes in kB.
 */
#include <linux/seq_file.h>

#include "stat.h"
#include "view.h"

static int summary_begin(struct mms_read *read)
{
	memset(read->priv, 0, sizeof(struct mms_total));
	return mms_walk_begin(read->walk, read->target->pid, read->opener, &mms_total_sink,
			      read->priv);
}

/* No rows: what was counted when the walk ended, wherever it ended, is the tail. */
static int summary_next(struct mms_read *read)
{
	struct mms_total *total = read->priv;
	int err = mms_read_all(read);

	mms_stat_derive(&total->all);
	return err;
}

static void show_kinds(struct seq_file *m, const struct mms_total *total)
{
	unsigned int i;
	u64 nr = 0;

	for (i = 0; i < MMS_NR_KINDS; i++)
		nr += total->nr_vmas[i];
	seq_printf(m, "vmas %llu\n", nr);
	for (i = 0; i < MMS_NR_KINDS; i++)
		if (total->nr_vmas[i])
			seq_printf(m, "kind.%s vmas=%llu size=%llu rss=%llu\n", mms_kind_name(i),
				   total->nr_vmas[i], total->size[i] << (PAGE_SHIFT - 10),
				   total->rss[i] << (PAGE_SHIFT - 10));
}

static void summary_tail(struct seq_file *m, struct mms_read *read)
{
	const struct mms_total *total = read->priv;
	unsigned int i;

	for (i = 0; i < mms_nr_stat_fields; i++) {
		seq_puts(m, mms_stat_fields[i].name);
		seq_put_decimal_ull(m, " ", mms_stat_published(&total->all, &mms_stat_fields[i]));
		seq_putc(m, '\n');
	}
	seq_puts(m, "contig");
	mms_stat_show_contig(m, &total->all.contig);
	seq_puts(m, "\nnodes");
	mms_stat_show_nodes(m, &total->all.nodes);
	seq_putc(m, '\n');
	show_kinds(m, total);
	mms_show_cost(m, read->walk->cost);
}

const struct mms_view mms_view_summary = {
	.fops = MMS_VIEW_FOPS,
	.name = "summary",
	.mode = 0400,
	.priv_size = sizeof(struct mms_total),
	.begin = summary_begin,
	.head = mms_show_title,
	.next = summary_next,
	.tail = summary_tail,
};
