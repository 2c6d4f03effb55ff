// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes by reason: tracepoint probes, per-CPU counters, attribution to processes.
 *
 * A flush is charged by the signal_struct of the task, which all threads of a process share from its
 * fork until the last of them is freed, and which an exec does not change. Nothing here holds it: an
 * entry is taken out when the group's leader is freed (sched_process_free, while that task still has
 * it), before its address can be another's. On a task switch the probe of tlb_flush runs while the
 * old process is still current (switch_mm_irqs_off()): a probe of sched_switch, which comes just
 * before, remembers who is switched to.
 *
 * Counters are written with this_cpu operations, which an interrupt cannot tear. The table of
 * processes is read under RCU: tracepoints call their probes with preemption disabled, where memory
 * can be neither taken nor given back on every kernel (PREEMPT_RT). So a counting has all the entries
 * it may need from the beginning, and one taken out is used again after a grace period.
 */
#include <linux/hash.h>
#include <linux/ktime.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <asm/tlbflush.h>

#include "events.h"
#include "faults.h"

#define HASH_BITS 10

/**
 * struct mms_counted - a process in a counting
 * @node: by @signal, for the probes
 * @signal: whose; not a reference
 * @events: the counting
 * @follow: whether those it forks are counted, too
 * @rcu: until no probe sees it
 * @next: when free
 */
struct mms_counted {
	struct hlist_node node;
	const struct signal_struct *signal;
	struct mms_events *events;
	bool follow;
	union {
		struct rcu_head rcu;
		struct mms_counted *next;
	};
};

/* The task switch under way: valid from sched_switch until the switch, while @prev is current. */
struct mms_switch {
	const struct task_struct *prev;
	const struct task_struct *next;
};

static DEFINE_PER_CPU(struct mms_tlb, system_tlb);
static DEFINE_PER_CPU(struct mms_switch, last_switch);
static struct hlist_head processes[1 << HASH_BITS];

/* Protects the table's writers, free entries, and whether a counting is stopped. */
static DEFINE_RAW_SPINLOCK(table_lock);

/* Protects nr_counting, since_ns, and the registration of probes. */
static DEFINE_MUTEX(probes_lock);
static unsigned int nr_counting;
static u64 since_ns;

static struct hlist_head *bucket_of(const struct signal_struct *signal)
{
	return &processes[hash_ptr(signal, HASH_BITS)];
}

/* The entry of @signal at or behind @node; NULL: none. Under RCU, or table_lock. */
static __always_inline struct mms_counted *counted_from(struct hlist_node *node,
							const struct signal_struct *signal)
{
	struct mms_counted *counted = hlist_entry_safe(node, struct mms_counted, node);

	while (counted && counted->signal != signal)
		counted = hlist_entry_safe(rcu_dereference_raw(hlist_next_rcu(&counted->node)),
					   struct mms_counted, node);
	return counted;
}

static __always_inline struct mms_counted *first_counted(const struct signal_struct *signal)
{
	return counted_from(rcu_dereference_raw(hlist_first_rcu(bucket_of(signal))), signal);
}

static __always_inline struct mms_counted *next_counted(struct mms_counted *counted)
{
	return counted_from(rcu_dereference_raw(hlist_next_rcu(&counted->node)), counted->signal);
}

static void events_release(struct kref *ref)
{
	struct mms_events *events = container_of(ref, struct mms_events, ref);

	free_percpu(events->tlb);
	kvfree(events->pool);
	kfree(events);
}

static bool is_counted(const struct mms_events *events, const struct signal_struct *signal)
{
	struct mms_counted *counted;

	for (counted = first_counted(signal); counted; counted = next_counted(counted))
		if (counted->events == events)
			return true;
	return false;
}

static int add_process(struct mms_events *events, const struct signal_struct *signal, bool follow)
{
	struct mms_counted *counted;
	unsigned long flags;
	int err = 0;

	raw_spin_lock_irqsave(&table_lock, flags);
	counted = events->free;
	if (events->stopped || is_counted(events, signal)) {
		err = 0;
	} else if (!counted) {
		err = -ENOSPC;
	} else {
		events->free = counted->next;
		kref_get(&events->ref);
		counted->signal = signal;
		counted->follow = follow;
		hlist_add_head_rcu(&counted->node, bucket_of(signal));
	}
	raw_spin_unlock_irqrestore(&table_lock, flags);
	return err;
}

static void free_counted(struct rcu_head *rcu)
{
	struct mms_counted *counted = container_of(rcu, struct mms_counted, rcu);
	struct mms_events *events = counted->events;
	unsigned long flags;

	raw_spin_lock_irqsave(&table_lock, flags);
	counted->next = events->free;
	events->free = counted;
	raw_spin_unlock_irqrestore(&table_lock, flags);
	kref_put(&events->ref, events_release);
}

/* Of @signal only, if it is not NULL: the entry may have been used again meanwhile. */
static void remove_process(struct mms_counted *counted, const struct signal_struct *signal)
{
	unsigned long flags;
	bool removed;

	raw_spin_lock_irqsave(&table_lock, flags);
	removed = !hlist_unhashed(&counted->node) && (!signal || counted->signal == signal);
	if (removed)
		hlist_del_init_rcu(&counted->node);
	raw_spin_unlock_irqrestore(&table_lock, flags);
	if (removed)
		call_rcu(&counted->rcu, free_counted);
}

static __always_inline void count(struct mms_tlb __percpu *tlb, unsigned int reason,
				  unsigned long pages)
{
	this_cpu_inc(tlb->reason[reason].events);
	if (pages == TLB_FLUSH_ALL)
		this_cpu_inc(tlb->reason[reason].full);
	else if (pages)
		this_cpu_add(tlb->reason[reason].pages, pages);
	else
		this_cpu_inc(tlb->reason[reason].none);
}

static void probe_tlb_flush(void *data, int reason, unsigned long pages)
{
	const struct task_struct *task = current;
	struct mms_counted *counted;

	if ((unsigned int)reason >= MMS_TLB_OTHER)
		reason = MMS_TLB_OTHER;
	if (reason == MMS_TLB_TASK_SWITCH && this_cpu_read(last_switch.prev) == task)
		task = this_cpu_read(last_switch.next);
	count(&system_tlb, reason, pages);
	/* Also the idle tasks, for which RCU may not be watching. */
	if (task->flags & PF_KTHREAD)
		return;
	for (counted = first_counted(task->signal); counted; counted = next_counted(counted))
		count(counted->events->tlb, reason, pages);
}

static void probe_sched_switch(void *data, bool preempt, struct task_struct *prev,
			       struct task_struct *next, unsigned int prev_state)
{
	this_cpu_write(last_switch.prev, prev);
	this_cpu_write(last_switch.next, next);
}

static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	struct mms_counted *counted;

	for (counted = first_counted(task->signal); counted; counted = next_counted(counted))
		atomic64_inc(&counted->events->execs);
}

/* The child has not run yet (kernel_clone()). */
static void probe_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	struct mms_counted *counted;

	if (child->signal == parent->signal)
		return;
	for (counted = first_counted(parent->signal); counted; counted = next_counted(counted))
		if (counted->follow && add_process(counted->events, child->signal, true))
			atomic64_inc(&counted->events->unfollowed);
}

static void probe_free(void *data, struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;
	struct mms_counted *counted;

	if (!thread_group_leader(task))
		return;
	for (counted = first_counted(signal); counted; counted = next_counted(counted))
		remove_process(counted, signal);
}

static struct mms_probe {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
} probes[] = {
	{ "sched_switch", probe_sched_switch },
	{ "sched_process_exec", probe_exec },
	{ "sched_process_fork", probe_fork },
	{ "sched_process_free", probe_free },
	{ "tlb_flush", probe_tlb_flush },
};

static_assert((int)MMS_TLB_TASK_SWITCH == TLB_FLUSH_ON_TASK_SWITCH);
static_assert((int)MMS_TLB_REMOTE_SHOOTDOWN == TLB_REMOTE_SHOOTDOWN);
static_assert((int)MMS_TLB_LOCAL_SHOOTDOWN == TLB_LOCAL_SHOOTDOWN);
static_assert((int)MMS_TLB_LOCAL_MM_SHOOTDOWN == TLB_LOCAL_MM_SHOOTDOWN);
static_assert((int)MMS_TLB_REMOTE_SEND_IPI == TLB_REMOTE_SEND_IPI);

static void note_tracepoint(struct tracepoint *tracepoint, void *arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!strcmp(tracepoint->name, probes[i].name))
			probes[i].tracepoint = tracepoint;
}

void mms_events_init(void)
{
	for_each_kernel_tracepoint(note_tracepoint, NULL);
}

void mms_events_exit(void)
{
	tracepoint_synchronize_unregister();
	rcu_barrier();
}

bool mms_events_available(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		if (!probes[i].tracepoint)
			return false;
	return true;
}

static void unregister_probes(unsigned int nr)
{
	while (nr--)
		tracepoint_probe_unregister(probes[nr].tracepoint, probes[nr].probe, NULL);
}

static void reset(struct mms_tlb *tlb)
{
	unsigned int i;

	for (i = 0; i < MMS_NR_TLB_REASONS; i++) {
		WRITE_ONCE(tlb->reason[i].events, 0);
		WRITE_ONCE(tlb->reason[i].pages, 0);
		WRITE_ONCE(tlb->reason[i].full, 0);
		WRITE_ONCE(tlb->reason[i].none, 0);
	}
}

/* The counters of the whole system begin anew; no probe is running, but the view may be read. */
static void reset_system(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		reset(per_cpu_ptr(&system_tlb, cpu));
		memset(per_cpu_ptr(&last_switch, cpu), 0, sizeof(struct mms_switch));
	}
	WRITE_ONCE(since_ns, ktime_get_boottime_ns());
}

static int register_probes(void)
{
	unsigned int i;
	int err;

	if (!mms_events_available())
		return -EOPNOTSUPP;
	/* Probes of the time before may still run. */
	tracepoint_synchronize_unregister();
	reset_system();
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		err = mms_try(tracepoint_probe_register(probes[i].tracepoint, probes[i].probe,
							NULL), -ENOMEM);
		if (err) {
			unregister_probes(i);
			return err;
		}
	}
	return 0;
}

static int probes_get(void)
{
	int err = 0;

	mutex_lock(&probes_lock);
	if (!nr_counting)
		err = register_probes();
	if (!err)
		nr_counting++;
	mutex_unlock(&probes_lock);
	return err;
}

static void probes_put(void)
{
	mutex_lock(&probes_lock);
	if (!--nr_counting) {
		unregister_probes(ARRAY_SIZE(probes));
		WRITE_ONCE(since_ns, 0);
	}
	mutex_unlock(&probes_lock);
}

struct mms_events *mms_events_start(unsigned int room)
{
	struct mms_events *events = mms_try(kzalloc(sizeof(*events), GFP_KERNEL), NULL);
	unsigned int i;
	int err = -ENOMEM;

	if (!events)
		return ERR_PTR(-ENOMEM);
	kref_init(&events->ref);
	events->tlb = mms_try(alloc_percpu(struct mms_tlb), NULL);
	events->pool = mms_try(kvcalloc(room, sizeof(*events->pool), GFP_KERNEL), NULL);
	if (events->tlb && events->pool)
		err = probes_get();
	if (err) {
		mms_events_free(events);
		return ERR_PTR(err);
	}
	events->nr_pool = room;
	for (i = 0; i < room; i++) {
		events->pool[i].events = events;
		events->pool[i].next = i + 1 < room ? &events->pool[i + 1] : NULL;
	}
	events->free = events->pool;
	events->since_ns = ktime_get_boottime_ns();
	return events;
}

int mms_events_add(struct mms_events *events, struct pid *pid, bool follow)
{
	const struct signal_struct *signal;
	struct task_struct *task;
	int err;

	if (events->everyone)
		return -EBUSY;
	task = get_pid_task(pid, PIDTYPE_TGID);
	if (!task)
		return -ESRCH;
	events->somebody = true;
	signal = task->signal;
	err = add_process(events, signal, follow);
	/* Where it has been reaped, probe_free() may have come too early to find it. */
	rcu_read_lock();
	if (!err && !pid_task(pid, PIDTYPE_TGID)) {
		struct mms_counted *counted;

		for (counted = first_counted(signal); counted; counted = next_counted(counted))
			if (counted->events == events)
				remove_process(counted, signal);
		err = -ESRCH;
	}
	rcu_read_unlock();
	put_task_struct(task);
	return err;
}

void mms_events_stop(struct mms_events *events)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&table_lock, flags);
	events->stopped = true;
	raw_spin_unlock_irqrestore(&table_lock, flags);
	for (i = 0; i < events->nr_pool; i++) {
		if (!hlist_unhashed_lockless(&events->pool[i].node))
			remove_process(&events->pool[i], NULL);
		cond_resched();
	}
	probes_put();
}

void mms_events_free(struct mms_events *events)
{
	kref_put(&events->ref, events_release);
}

static void add_counts(struct mms_tlb *sum, const struct mms_tlb *tlb)
{
	unsigned int i;

	for (i = 0; i < MMS_NR_TLB_REASONS; i++) {
		sum->reason[i].events += READ_ONCE(tlb->reason[i].events);
		sum->reason[i].pages += READ_ONCE(tlb->reason[i].pages);
		sum->reason[i].full += READ_ONCE(tlb->reason[i].full);
		sum->reason[i].none += READ_ONCE(tlb->reason[i].none);
	}
}

/* What was counted for everyone until now is taken off what will have been. */
int mms_events_add_everyone(struct mms_events *events)
{
	unsigned int cpu, i;

	if (events->somebody || events->everyone)
		return -EBUSY;
	for_each_possible_cpu(cpu) {
		struct mms_tlb *tlb = per_cpu_ptr(events->tlb, cpu);

		add_counts(tlb, per_cpu_ptr(&system_tlb, cpu));
		for (i = 0; i < MMS_NR_TLB_REASONS; i++) {
			tlb->reason[i].events = -tlb->reason[i].events;
			tlb->reason[i].pages = -tlb->reason[i].pages;
			tlb->reason[i].full = -tlb->reason[i].full;
			tlb->reason[i].none = -tlb->reason[i].none;
		}
	}
	events->everyone = true;
	return 0;
}

void mms_events_read(const struct mms_events *events, unsigned int cpu, struct mms_tlb *sum)
{
	if (events)
		add_counts(sum, per_cpu_ptr(events->tlb, cpu));
	if (!events || events->everyone)
		add_counts(sum, per_cpu_ptr(&system_tlb, cpu));
}

u64 mms_events_since(void)
{
	return READ_ONCE(since_ns);
}
