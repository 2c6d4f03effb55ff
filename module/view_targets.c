// SPDX-License-Identifier: GPL-2.0
/*
 * targets: who is attached.
 */
#include <linux/pid.h>
#include <linux/sched/mm.h>

#include "view.h"

static const char *state_of(const struct mms_target *target)
{
	struct mm_struct *mm = mms_pid_mm(target->pid);

	if (!mm)
		return "exited";
	/* May be the last reference: not to be put under the list's lock. */
	mmput_async(mm);
	return "running";
}

/* pid is the reader's view of it, 0 if it is in another PID namespace; dir is its directory. */
static void show_target(const struct mms_target *target, void *arg)
{
	struct seq_file *m = arg;

	seq_printf(m, "%d %d %s %s %u ", pid_vnr(target->pid), target->nr, state_of(target),
		   target->attached ? "yes" : "no", target->holds);
	mms_show_comm(m, target->comm);
	seq_putc(m, '\n');
}

static void targets_head(struct seq_file *m, struct mms_read *read)
{
	seq_puts(m, "pid dir state attached holds comm\n");
	mms_targets_for_each(show_target, m);
}

const struct mms_view mms_view_targets = {
	.fops = MMS_VIEW_FOPS,
	.name = "targets",
	.mode = 0400,
	.head = targets_head,
};
