/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Targets: attached processes. Who is attached, who may look, and how a process is followed to its
 * memory without keeping it alive. Knows nothing of page tables.
 */
#ifndef MMS_TARGET_H
#define MMS_TARGET_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/sched.h>

struct dentry;
struct file;
struct mm_struct;
struct mms_events;
struct pid;
struct pid_namespace;

/**
 * struct mms_target - one attached process
 * @node: in the list of targets, under mms_targets_lock
 * @ref: one for the list, one per open file and per hold
 * @pid: identity; survives the process, so that a reused number is not mistaken for it
 * @nr: the PID in the initial namespace, the name of @dir
 * @comm: the command name when it was attached
 * @attached: attached by name, until detached
 * @start_time: of the thread group's leader, as task_struct has it
 * @events: its TLB flushes, NULL unless it was attached by name once
 * @holds: open files that hold it (a hold ends with the file, even if its owner is killed)
 * @gone: on its way out of the list; walks under way stop
 * @dir: its directory in debugfs
 *
 * Nothing here pins the process or its memory.
 */
struct mms_target {
	struct list_head node;
	struct kref ref;
	struct pid *pid;
	pid_t nr;
	char comm[TASK_COMM_LEN];
	u64 start_time;
	struct mms_events *events;
	bool attached;
	unsigned int holds;
	bool gone;
	struct dentry *dir;
};

extern unsigned int mms_max_targets;

/**
 * mms_find_process() - the process of a number, if the opener of a file may look at its memory
 * @nr: its PID in the caller's PID namespace
 * @opener: the open control file, whose opener's capabilities count
 *
 * May sleep. Return: its PID, for put_pid(), or an ERR_PTR: -ESRCH no such process or it has no
 * memory left, -EINVAL a kernel thread, -EPERM no CAP_SYS_PTRACE over it.
 */
struct pid *mms_find_process(pid_t nr, const struct file *opener);

/**
 * mms_target_attach() - attach a process until it is detached
 * @nr: its PID in the caller's PID namespace
 * @opener: the open control file, whose opener's capabilities count
 *
 * Its TLB flushes are counted where the kernel lets them be. May sleep.
 *
 * Return: 0, an error of mms_find_process(), -EEXIST attached already, or an exited process with this
 * number still is, -ENOSPC too many, -ENOMEM, -EINTR fatal signal.
 */
int mms_target_attach(pid_t nr, const struct file *opener);

/**
 * mms_target_hold() - attach a process for as long as a file is open
 * @nr: its PID in the caller's PID namespace
 * @opener: the open control file
 * @held: receives the target, to be given back with mms_target_unhold()
 *
 * Unlike mms_target_attach() it accepts a process that is attached already.
 *
 * May sleep. Return: as mms_target_attach(), but -EEXIST only for an exited process.
 */
int mms_target_hold(pid_t nr, const struct file *opener, struct mms_target **held);
void mms_target_unhold(struct mms_target *target);

/**
 * mms_target_detach() - end what mms_target_attach() began
 * @nr: its PID in the caller's PID namespace; may be that of an exited target
 *
 * Files open on the target fail from now on; holds keep it. May sleep, and waits for reads under
 * way, which stop at the end of their chunk. Return: 0, -ESRCH not attached.
 */
int mms_target_detach(pid_t nr);

/* Detaches everything; for module exit, when no file can be open any more. */
void mms_targets_destroy(void);

void mms_target_get(struct mms_target *target);
void mms_target_put(struct mms_target *target);

/* Rows of the targets view: calls @row for each target, in order of attachment. May sleep. */
void mms_targets_for_each(void (*row)(const struct mms_target *target, void *arg), void *arg);

/**
 * mms_pid_mm() - the memory a process runs on now
 * @pid: the process (a thread group's PID)
 *
 * Finds it even when the group's leader has exited before its other threads. Does not sleep.
 *
 * Return: the mm, to be given back with mmput(), or NULL: exited, exiting, or a kernel thread.
 */
struct mm_struct *mms_pid_mm(struct pid *pid);

/**
 * mms_may_read() - whether the opener of a file may look at this memory
 * @opener: a file open in debugfs
 * @mm: the memory
 *
 * CAP_SYS_ADMIN in the initial user namespace (frames are shown) and CAP_SYS_PTRACE in that of the
 * mm. The LSM's ptrace policy is not asked: ptrace_may_access() is not exported.
 */
bool mms_may_read(const struct file *opener, struct mm_struct *mm);

#endif /* MMS_TARGET_H */
