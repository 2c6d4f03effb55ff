// SPDX-License-Identifier: GPL-2.0
/*
 * PID/pages: leaf runs as text, the raw entry of each run's first page beside its meaning.
 */
#include <linux/seq_file.h>

#include "runs.h"
#include "view.h"

struct pages {
	struct mms_runs runs;
	unsigned int current_run;
	int more;		/* what the last chunk returned: the walk is over unless it is 1 */
};

static int pages_begin(struct mms_read *read)
{
	struct pages *pages = read->priv;

	memset(pages, 0, sizeof(*pages));
	pages->more = 1;
	return mms_walk_begin(read->walk, read->target->pid, read->opener, &mms_runs_sink,
			      &pages->runs);
}

static int pages_next(struct mms_read *read)
{
	struct pages *pages = read->priv;

	if (pages->current_run + 1 < pages->runs.nr) {
		pages->current_run++;
		return 1;
	}
	pages->runs.nr = 0;
	pages->current_run = 0;
	while (!pages->runs.nr && pages->more > 0)
		pages->more = mms_read_chunk(read);
	return pages->runs.nr ? 1 : pages->more;
}

static void pages_head(struct seq_file *m, struct mms_read *read)
{
	mms_show_title(m, read);
	seq_puts(m, "start end level nr frame raw flags class kind\n");
}

/* The frame, or where else the page is: swap type and offset, or nowhere. */
static void show_frame(struct seq_file *m, const struct mms_record *run, unsigned int nr_levels)
{
	if (mms_entry_present(run->entry, run->level))
		seq_printf(m, " %llx", mms_entry_pfn(&mms_layout, run->entry, run->level, nr_levels));
	else if (run->class == MMS_CLASS_SWAP)
		seq_printf(m, " swap%u:%llx", mms_swp_type(run->entry), mms_swp_offset(run->entry));
	else if (mms_class_has_pfn(run->class))
		seq_printf(m, " %llx", mms_swp_pfn(&mms_layout, run->entry));
	else
		seq_puts(m, " -");
}

static void pages_row(struct seq_file *m, struct mms_read *read)
{
	const struct pages *pages = read->priv;
	const struct mms_record *run = &pages->runs.run[pages->current_run];
	unsigned int nr_levels = read->walk->nr_levels;
	char flags[MMS_FLAG_NAMES_MAX];

	mms_flag_names(flags, sizeof(flags), &mms_layout, run->entry, run->level);
	seq_printf(m, "%llx %llx %s %u", run->addr,
		   run->addr + ((u64)run->nr << mms_level_shift(run->level, nr_levels)),
		   mms_level_name(run->level), run->nr);
	show_frame(m, run, nr_levels);
	seq_printf(m, " %016llx %s %s %s\n", run->entry, flags, mms_class_name(run->class),
		   mms_kind_name(pages->runs.kind[pages->current_run]));
}

static void pages_tail(struct seq_file *m, struct mms_read *read)
{
	mms_show_cost(m, read->walk->cost);
}

const struct mms_view mms_view_pages = {
	.fops = MMS_VIEW_FOPS,
	.name = "pages",
	.mode = 0400,
	.priv_size = sizeof(struct pages),
	.begin = pages_begin,
	.head = pages_head,
	.next = pages_next,
	.row = pages_row,
	.tail = pages_tail,
};
