// SPDX-License-Identifier: GPL-2.0
/*
 * Which processes count: those selected, and their children. Owns the maps that the questions share;
 * counts nothing.
 */
#include "slots.bpf.h"

/*
 * copy_process() has given the child its PID, and it has not run yet. What its parent copied for it
 * while forking is charged to the parent.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct mms_process process;

	if (!config.everyone && !config.follow)
		return 0;
	if (child->pid != child->tgid || !child->mm)
		return 0;
	process = process_of(parent);
	if (!config.everyone && !bpf_map_lookup_elem(&slots, &process))
		return 0;
	process = process_of(child);
	if (!add_process(&process, parent->tgid))
		__sync_fetch_and_add(&lost.processes, 1);
	return 0;
}

/* How many leaders select_process() was shown. */
__u32 nr_selected;

/* Run by the tracer over the threads of one process: what it selects is known exactly, by start. */
SEC("iter/task")
int select_process(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct mms_process process;

	if (!task || task->pid != task->tgid)
		return 0;
	process = process_of(task);
	if (add_process(&process, 0))
		nr_selected++;
	return 0;
}

char _license[] SEC("license") = "GPL";
