// SPDX-License-Identifier: GPL-2.0
/*
 * What several views share: walking on behalf of an open file, title and cost lines.
 */
#include <linux/sched/signal.h>
#include <linux/string_helpers.h>

#include "view.h"

int mms_read_chunk(struct mms_read *read)
{
	if (read->target && READ_ONCE(read->target->gone))
		return -ENODEV;
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	return mms_walk_chunk(read->walk);
}

int mms_read_all(struct mms_read *read)
{
	int more;

	do
		more = mms_read_chunk(read);
	while (more > 0);
	return more;
}

void mms_show_cost(struct seq_file *m, const u64 cost[MMS_NR_COSTS])
{
	unsigned int i;

	seq_puts(m, "# cost");
	for (i = 0; i < MMS_NR_COSTS; i++)
		seq_printf(m, " %s=%llu", mms_cost_name(i), cost[i]);
	seq_putc(m, '\n');
}

void mms_show_title(struct seq_file *m, struct mms_read *read)
{
	seq_printf(m, "# mmscope %s abi=%d", read->view->name, MMS_ABI_VERSION);
	if (read->target) {
		seq_printf(m, " pid=%d comm=", read->target->nr);
		mms_show_comm(m, read->target->comm);
	}
	seq_putc(m, '\n');
}

void mms_show_comm(struct seq_file *m, const char *comm)
{
	seq_escape_str(m, comm, ESCAPE_SPACE | ESCAPE_SPECIAL, "\n\\");
}
