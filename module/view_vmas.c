// SPDX-License-Identifier: GPL-2.0
/*
 * PID/vmas: one row per VMA, what it is and what is really behind it. Sizes in kB.
 */
#include <linux/seq_file.h>

#include "compat.h"
#include "stat.h"
#include "text.h"
#include "view.h"

/* Rows made per hold of mmap_lock, at most. */
#define NR_ROWS 64

struct row {
	struct mms_vma vma;
	struct mms_vma_name name;
	struct mms_stat stat;
	unsigned long start;	/* of what was walked */
	unsigned long end;
	bool complete;
};

/* @rows holds @nr that are done, and behind them that of the VMA being walked, if there is one. */
struct vmas {
	struct row rows[NR_ROWS + 1];
	unsigned int nr;
	unsigned int current_row;
	int more;		/* what the last chunk returned: the walk is over unless it is 1 */
};

static struct row *open_row(const struct mms_walk *walk)
{
	struct vmas *vmas = walk->arg;

	return &vmas->rows[vmas->nr];
}

static void vmas_vma_begin(struct mms_walk *walk, struct vm_area_struct *vma)
{
	struct row *row = open_row(walk);

	memset(row, 0, sizeof(*row));
	row->vma = walk->vma;
	mms_vma_name_get(vma, &row->name);
	mms_stat_vma(walk, vma);
}

static void vmas_span(struct mms_walk *walk, struct mms_span *span)
{
	mms_stat_span(&open_row(walk)->stat, walk, span);
}

static void vmas_table(struct mms_walk *walk, enum mms_level level)
{
	open_row(walk)->stat.v[MMS_STAT_TABLES]++;
}

static void vmas_vma_end(struct mms_walk *walk, bool complete)
{
	struct vmas *vmas = walk->arg;
	struct row *row = &vmas->rows[vmas->nr++];

	mms_stat_derive(&row->stat);
	row->start = walk->from;
	row->end = walk->addr;
	row->complete = complete;
	walk->stop = vmas->nr == NR_ROWS;
}

static const struct mms_sink vmas_sink = {
	.vma_begin = vmas_vma_begin,
	.span = vmas_span,
	.table = vmas_table,
	.vma_end = vmas_vma_end,
	.vma_cost = MMS_STAT_COST_VMA,
	.kinds = true,
};

/* Of those that are done; the one being walked comes first then, with its reference to the file. */
static void drop_rows(struct vmas *vmas)
{
	unsigned int i;

	if (!vmas->nr)
		return;
	for (i = 0; i < vmas->nr; i++)
		mms_vma_name_put(&vmas->rows[i].name);
	vmas->rows[0] = vmas->rows[vmas->nr];
	vmas->rows[vmas->nr].name.file = NULL;
	vmas->nr = 0;
}

static void vmas_end(struct mms_read *read)
{
	struct vmas *vmas = read->priv;

	if (!vmas)
		return;
	drop_rows(vmas);
	mms_vma_name_put(&vmas->rows[0].name);
}

static int vmas_begin(struct mms_read *read)
{
	struct vmas *vmas = read->priv;

	vmas->more = 1;
	return mms_walk_begin(read->walk, read->target->pid, read->opener, &vmas_sink, read->priv);
}

static int vmas_next(struct mms_read *read)
{
	struct vmas *vmas = read->priv;

	if (vmas->current_row + 1 < vmas->nr) {
		vmas->current_row++;
		return 1;
	}
	drop_rows(vmas);
	vmas->current_row = 0;
	while (!vmas->nr && vmas->more > 0)
		vmas->more = mms_read_chunk(read);
	return vmas->nr ? 1 : vmas->more;
}

static void vmas_head(struct seq_file *m, struct mms_read *read)
{
	mms_show_title(m, read);
	seq_puts(m, "start end perm offset dev inode kind");
	mms_stat_show_names(m);
	seq_puts(m, " contig nodes state name\n");
}

/* "START END PERM OFFSET DEV INODE KIND" */
static void show_what(struct seq_file *m, const struct row *row)
{
	unsigned long flags = row->vma.flags;
	u64 offset = ((u64)row->vma.pgoff << PAGE_SHIFT) + row->start - row->vma.start;
	char *begin = mms_text_begin(m, 6 * MMS_NUMBER_MAX + 8), *to = begin;

	if (!begin)
		return;
	to = mms_put_hex(to, row->start, 1);
	*to++ = ' ';
	to = mms_put_hex(to, row->end, 1);
	*to++ = ' ';
	*to++ = flags & VM_READ ? 'r' : '-';
	*to++ = flags & VM_WRITE ? 'w' : '-';
	*to++ = flags & VM_EXEC ? 'x' : '-';
	*to++ = flags & VM_MAYSHARE ? 's' : 'p';
	*to++ = ' ';
	to = mms_put_hex(to, row->vma.file ? offset : 0, 1);
	*to++ = ' ';
	to = mms_put_hex(to, MAJOR(row->name.dev), 2);
	*to++ = ':';
	to = mms_put_hex(to, MINOR(row->name.dev), 2);
	*to++ = ' ';
	to = mms_put_decimal(to, row->name.ino);
	*to++ = ' ';
	mms_text_end(m, begin, to);
	seq_puts(m, mms_kind_name(row->vma.kind));
}

static void vmas_row(struct seq_file *m, struct mms_read *read)
{
	struct vmas *vmas = read->priv;
	const struct row *row = &vmas->rows[vmas->current_row];

	show_what(m, row);
	mms_stat_show_fields(m, &row->stat);
	mms_stat_show_contig(m, &row->stat.contig);
	mms_stat_show_nodes(m, &row->stat.nodes);
	seq_puts(m, row->complete ? " ok " : " changed ");
	if (row->name.file)
		seq_path(m, mms_file_path(row->name.file), "\n");
	else
		seq_puts(m, row->name.text[0] ? row->name.text : "-");
	seq_putc(m, '\n');
}

static void vmas_tail(struct seq_file *m, struct mms_read *read)
{
	mms_show_cost(m, read->walk->cost);
}

const struct mms_view mms_view_vmas = {
	.fops = MMS_VIEW_FOPS,
	.name = "vmas",
	.mode = 0400,
	.priv_size = sizeof(struct vmas),
	.begin = vmas_begin,
	.head = vmas_head,
	.next = vmas_next,
	.row = vmas_row,
	.tail = vmas_tail,
	.end = vmas_end,
};
