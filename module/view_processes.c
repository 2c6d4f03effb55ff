// SPDX-License-Identifier: GPL-2.0
/*
 * processes: one row per process of the reader's PID namespace, walked as it is read. Kernel
 * threads have no address space and no row. Sizes in kB.
 */
#include <linux/idr.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "stat.h"
#include "text.h"
#include "view.h"

struct processes {
	int nr;			/* PID of the row, in the reader's namespace */
	int nr_threads;
	char comm[TASK_COMM_LEN];
	u64 nr_vmas;
	struct mms_stat stat;	/* all VMAs are counted as one */
	u64 cost[MMS_NR_COSTS];
};

static bool has_process(struct pid *pid)
{
	struct task_struct *leader = pid_task(pid, PIDTYPE_TGID);

	return leader && !(READ_ONCE(leader->flags) & PF_KTHREAD);
}

/* The process with the lowest PID not below @nr, with a reference; NULL: none. */
static struct pid *next_process(int *nr)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	struct pid *pid;

	/* One number at a time: there may be very many threads between two processes. */
	for (;; ++*nr) {
		rcu_read_lock();
		pid = idr_get_next(&ns->idr, nr);
		if (pid && has_process(pid)) {
			get_pid(pid);
			rcu_read_unlock();
			return pid;
		}
		rcu_read_unlock();
		if (!pid)
			return NULL;
		cond_resched();
	}
}

static void describe(struct processes *processes, struct pid *pid)
{
	struct task_struct *leader = get_pid_task(pid, PIDTYPE_TGID);

	processes->comm[0] = '\0';
	processes->nr_threads = 0;
	if (!leader)
		return;
	/* Threads come and go meanwhile. */
	processes->nr_threads = data_race(get_nr_threads(leader));
	get_task_comm(processes->comm, leader);
	put_task_struct(leader);
}

static void processes_span(struct mms_walk *walk, struct mms_span *span)
{
	struct processes *processes = walk->arg;

	mms_stat_span(&processes->stat, walk, span);
}

static void processes_table(struct mms_walk *walk, enum mms_level level)
{
	struct processes *processes = walk->arg;

	processes->stat.v[MMS_STAT_TABLES]++;
}

static void processes_vma_end(struct mms_walk *walk, bool complete)
{
	struct processes *processes = walk->arg;

	mms_contig_break(&processes->stat.contig);
	processes->nr_vmas++;
}

static const struct mms_sink processes_sink = {
	.vma_begin = mms_stat_vma,
	.span = processes_span,
	.table = processes_table,
	.vma_end = processes_vma_end,
	.vma_cost = MMS_STAT_COST_VMA,
};

static int walk_process(struct mms_read *read, struct pid *pid)
{
	struct processes *processes = read->priv;
	int err;

	memset(&processes->stat, 0, sizeof(processes->stat));
	processes->nr_vmas = 0;
	describe(processes, pid);
	err = mms_walk_begin(read->walk, pid, read->opener, &processes_sink, processes);
	err = err ?: mms_read_all(read);
	mms_stat_derive(&processes->stat);
	return err;
}

static void add_cost(struct processes *processes, const struct mms_walk *walk)
{
	unsigned int i;

	for (i = 0; i < MMS_NR_COSTS; i++) {
		if (i == MMS_COST_HOLD_MAX_NS)
			processes->cost[i] = max(processes->cost[i], walk->cost[i]);
		else
			processes->cost[i] += walk->cost[i];
	}
}

static int processes_begin(struct mms_read *read)
{
	memset(read->priv, 0, sizeof(struct processes));
	return 0;
}

static int processes_next(struct mms_read *read)
{
	struct processes *processes = read->priv;
	struct pid *pid;
	int err;

	for (;;) {
		processes->nr++;
		pid = next_process(&processes->nr);
		if (!pid)
			return 0;
		err = walk_process(read, pid);
		put_pid(pid);
		/* Gone before it was walked to its end: no longer a process to be shown. */
		if (err == -ESRCH || err == -EPERM)
			continue;
		if (err)
			return err;
		add_cost(processes, read->walk);
		return 1;
	}
}

static void processes_head(struct seq_file *m, struct mms_read *read)
{
	mms_show_title(m, read);
	seq_puts(m, "pid threads vmas");
	mms_stat_show_names(m);
	seq_puts(m, " comm\n");
}

static void processes_row(struct seq_file *m, struct mms_read *read)
{
	const struct processes *processes = read->priv;
	char *begin = mms_text_begin(m, 3 * MMS_NUMBER_MAX), *to = begin;

	if (!begin)
		return;
	to = mms_put_decimal(to, processes->nr);
	*to++ = ' ';
	to = mms_put_decimal(to, processes->nr_threads);
	*to++ = ' ';
	to = mms_put_decimal(to, processes->nr_vmas);
	mms_text_end(m, begin, to);
	mms_stat_show_fields(m, &processes->stat);
	seq_putc(m, ' ');
	mms_show_comm(m, processes->comm);
	seq_putc(m, '\n');
}

static void processes_tail(struct seq_file *m, struct mms_read *read)
{
	const struct processes *processes = read->priv;

	mms_show_cost(m, processes->cost);
}

const struct mms_view mms_view_processes = {
	.fops = MMS_VIEW_FOPS,
	.name = "processes",
	.mode = 0400,
	.priv_size = sizeof(struct processes),
	.begin = processes_begin,
	.head = processes_head,
	.next = processes_next,
	.row = processes_row,
	.tail = processes_tail,
};
