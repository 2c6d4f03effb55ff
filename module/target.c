// SPDX-License-Identifier: GPL-2.0
/*
 * Attached processes: references from struct pid to task to mm, attach, detach, holds, rights.
 * Knows nothing of page tables.
 *
 * mms_targets_lock protects the list and the members attached, holds and gone of every target.
 * A directory is removed without it: removal waits for reads under way in that directory, and one
 * that waits for the target's mmap_lock must not stop others. Until it is removed the target stays
 * in the list, marked gone, and keeps its number; who wants that number waits.
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat.h"
#include "debugfs.h"
#include "events.h"
#include "faults.h"
#include "target.h"

unsigned int mms_max_targets = 1024;

static DEFINE_MUTEX(mms_targets_lock);
static DECLARE_WAIT_QUEUE_HEAD(removed_wait);
static LIST_HEAD(mms_targets);
static unsigned int nr_targets;
/* Directories removed so far: what removed_wait waits to change. Written under the lock. */
static unsigned int nr_removed;

struct mm_struct *mms_pid_mm(struct pid *pid)
{
	struct task_struct *leader, *thread;
	struct mm_struct *mm = NULL;

	rcu_read_lock();
	leader = pid_task(pid, PIDTYPE_TGID);
	if (leader) {
		for_each_thread(leader, thread) {
			mm = get_task_mm(thread);
			if (mm)
				break;
		}
	}
	rcu_read_unlock();
	return mm;
}

bool mms_may_read(const struct file *opener, struct mm_struct *mm)
{
	return file_ns_capable(opener, &init_user_ns, CAP_SYS_ADMIN) &&
	       file_ns_capable(opener, mms_mm_user_ns(mm), CAP_SYS_PTRACE);
}

void mms_target_get(struct mms_target *target)
{
	kref_get(&target->ref);
}

static void target_free(struct kref *ref)
{
	struct mms_target *target = container_of(ref, struct mms_target, ref);

	if (target->events)
		mms_events_free(target->events);
	put_pid(target->pid);
	kfree(target);
}

void mms_target_put(struct mms_target *target)
{
	kref_put(&target->ref, target_free);
}

static struct mms_target *find_locked(const struct pid *pid)
{
	struct mms_target *target;

	lockdep_assert_held(&mms_targets_lock);
	list_for_each_entry(target, &mms_targets, node)
		if (target->pid == pid && !target->gone)
			return target;
	return NULL;
}

/* An exited target is still known by the number it had in the caller's namespace. */
static struct mms_target *find_by_nr_locked(pid_t nr)
{
	struct mms_target *target, *exited = NULL;

	lockdep_assert_held(&mms_targets_lock);
	list_for_each_entry(target, &mms_targets, node) {
		/* 0 is what has no number in the caller's namespace. */
		if (!nr || pid_vnr(target->pid) != nr || target->gone)
			continue;
		if (pid_has_task(target->pid, PIDTYPE_TGID))
			return target;
		exited = target;
	}
	return exited;
}

/* 0 if @pid is a process whose memory the opener may read. */
static int check_process(struct pid *pid, const struct file *opener)
{
	struct task_struct *task = get_pid_task(pid, PIDTYPE_TGID);
	struct mm_struct *mm;
	bool kthread, may;

	if (!task)
		return -ESRCH;
	kthread = READ_ONCE(task->flags) & PF_KTHREAD;
	put_task_struct(task);
	if (kthread)
		return -EINVAL;
	mm = mms_pid_mm(pid);
	if (!mm)
		return -ESRCH;
	may = mms_may_read(opener, mm);
	mmput(mm);
	return may ? 0 : -EPERM;
}

struct pid *mms_find_process(pid_t nr, const struct file *opener)
{
	struct pid *pid = find_get_pid(nr);
	int err = pid ? check_process(pid, opener) : -ESRCH;

	if (!err)
		return pid;
	put_pid(pid);
	return ERR_PTR(err);
}

static void describe(struct mms_target *target)
{
	struct task_struct *task = get_pid_task(target->pid, PIDTYPE_TGID);

	if (!task)
		return;
	get_task_comm(target->comm, task);
	target->start_time = task->start_time;
	put_task_struct(task);
}

/* A new target in the list, still without its directory; takes a reference to @pid. */
static struct mms_target *add_locked(struct pid *pid)
{
	struct mms_target *target;

	if (nr_targets >= READ_ONCE(mms_max_targets))
		return ERR_PTR(-ENOSPC);
	target = mms_try(kzalloc(sizeof(*target), GFP_KERNEL), NULL);
	if (!target)
		return ERR_PTR(-ENOMEM);
	kref_init(&target->ref);
	target->pid = get_pid(pid);
	target->nr = pid_nr(pid);
	describe(target);
	list_add_tail(&target->node, &mms_targets);
	nr_targets++;
	return target;
}

/* Marks a target that nobody wants any more. Return: whether remove_target() is to follow. */
static bool drop_unwanted_locked(struct mms_target *target)
{
	lockdep_assert_held(&mms_targets_lock);
	if (target->attached || target->holds)
		return false;
	WRITE_ONCE(target->gone, true);
	return true;
}

/* Removes a target marked gone, by whoever marked it. */
static void remove_target(struct mms_target *target)
{
	mms_debugfs_remove_target(target);
	if (target->events)
		mms_events_stop(target->events);
	mutex_lock(&mms_targets_lock);
	list_del(&target->node);
	nr_targets--;
	WRITE_ONCE(nr_removed, nr_removed + 1);
	mutex_unlock(&mms_targets_lock);
	wake_up_all(&removed_wait);
	mms_target_put(target);
}

/* The target that occupies the directory of this PID, other than the process itself. */
static struct mms_target *find_occupant_locked(struct pid *pid)
{
	struct mms_target *target;

	list_for_each_entry(target, &mms_targets, node)
		if (target->nr == pid_nr(pid) && (target->pid != pid || target->gone))
			return target;
	return NULL;
}

/* After lock_target(); a target that nobody wants, after all, is removed. */
static void unlock_target(struct mms_target *target)
{
	bool unwanted = drop_unwanted_locked(target);

	mutex_unlock(&mms_targets_lock);
	if (unwanted)
		remove_target(target);
}

/*
 * A new target with its directory, as lock_target(); called with mms_targets_lock. What there is of a
 * directory that could not be made is removed without the lock, as others are: it may be in use.
 */
static struct mms_target *add_target(struct pid *pid)
{
	struct mms_target *target = add_locked(pid);
	int err;

	if (IS_ERR(target)) {
		mutex_unlock(&mms_targets_lock);
		return target;
	}
	err = mms_debugfs_add_target(target);
	if (!err)
		return target;
	unlock_target(target);
	return ERR_PTR(err);
}

/*
 * The target of a process, with mms_targets_lock taken if one is returned. Waits while the number's
 * directory is being removed; the number of an exited target is not free.
 */
static struct mms_target *lock_target(struct pid *pid)
{
	struct mms_target *target, *occupant;
	unsigned int seen;
	bool gone;

	for (;;) {
		mutex_lock(&mms_targets_lock);
		target = find_locked(pid);
		if (target)
			return target;
		occupant = find_occupant_locked(pid);
		if (!occupant)
			return add_target(pid);
		gone = occupant->gone;
		seen = nr_removed;
		mutex_unlock(&mms_targets_lock);
		if (!gone)
			return ERR_PTR(-EEXIST);
		if (wait_event_killable(removed_wait, READ_ONCE(nr_removed) != seen))
			return ERR_PTR(-EINTR);
	}
}

/* Begins to count its TLB flushes, unless that has begun. */
static int count_locked(struct mms_target *target)
{
	struct mms_events *events;
	int err;

	lockdep_assert_held(&mms_targets_lock);
	if (target->events)
		return 0;
	events = mms_events_start(1);
	if (IS_ERR(events))
		return PTR_ERR(events);
	err = mms_events_add(events, target->pid, false);
	if (err) {
		mms_events_stop(events);
		mms_events_free(events);
		return err;
	}
	/* For views, which read it without the lock. */
	smp_store_release(&target->events, events);
	return 0;
}

/* The target of the process with this number, as lock_target(), if the opener may have it. */
static struct mms_target *lock_target_by_nr(pid_t nr, const struct file *opener)
{
	struct pid *pid = mms_find_process(nr, opener);
	struct mms_target *target;

	if (IS_ERR(pid))
		return ERR_CAST(pid);
	target = lock_target(pid);
	put_pid(pid);
	return target;
}

int mms_target_attach(pid_t nr, const struct file *opener)
{
	struct mms_target *target = lock_target_by_nr(nr, opener);
	int err;

	if (IS_ERR(target))
		return PTR_ERR(target);
	err = target->attached ? -EEXIST : count_locked(target);
	/* A kernel without the tracepoints lets everything else be seen. */
	if (err == -EOPNOTSUPP)
		err = 0;
	if (!err)
		target->attached = true;
	unlock_target(target);
	return err;
}

int mms_target_hold(pid_t nr, const struct file *opener, struct mms_target **held)
{
	struct mms_target *target = lock_target_by_nr(nr, opener);

	if (IS_ERR(target))
		return PTR_ERR(target);
	target->holds++;
	mms_target_get(target);
	*held = target;
	unlock_target(target);
	return 0;
}

void mms_target_unhold(struct mms_target *target)
{
	mutex_lock(&mms_targets_lock);
	target->holds--;
	unlock_target(target);
	mms_target_put(target);
}

int mms_target_detach(pid_t nr)
{
	struct mms_target *target;

	mutex_lock(&mms_targets_lock);
	target = find_by_nr_locked(nr);
	if (!target || !target->attached) {
		mutex_unlock(&mms_targets_lock);
		return -ESRCH;
	}
	target->attached = false;
	unlock_target(target);
	return 0;
}

void mms_targets_destroy(void)
{
	struct mms_target *target, *next;

	/* No file is open, hence nobody else adds or removes. */
	list_for_each_entry_safe(target, next, &mms_targets, node)
		remove_target(target);
}

void mms_targets_for_each(void (*row)(const struct mms_target *target, void *arg), void *arg)
{
	struct mms_target *target;

	mutex_lock(&mms_targets_lock);
	list_for_each_entry(target, &mms_targets, node)
		if (!target->gone)
			row(target, arg);
	mutex_unlock(&mms_targets_lock);
}
