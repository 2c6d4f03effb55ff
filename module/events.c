// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes by reason: tracepoint probes, per-CPU counters, attribution to processes.
 *
 * A flush is charged by struct pid, which identifies a process across exec and does not need its mm.
 * On a task switch the probe runs while the old process is still current (switch_mm_irqs_off()): a
 * probe of sched_switch, which comes just before, remembers who is switched to.
 *
 * Counters are written with this_cpu operations, which an interrupt cannot tear. The table of
 * processes is read under RCU: tracepoints call their probes with preemption disabled.
 */
#include <linux/hash.h>
#include <linux/ktime.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
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

#define HASH_BITS 8

/* The task switch under way: valid from sched_switch until the switch, while @prev is current. */
struct mms_switch {
	const struct task_struct *prev;
	const struct task_struct *next;
};

static DEFINE_PER_CPU(struct mms_tlb, system_tlb);
static DEFINE_PER_CPU(struct mms_switch, last_switch);
static struct hlist_head processes[1 << HASH_BITS];

/* Protects the table's writers, nr_counting and since_ns. */
static DEFINE_MUTEX(events_lock);
static unsigned int nr_counting;
static u64 since_ns;

static struct hlist_head *bucket_of(const struct pid *pid)
{
	return &processes[hash_ptr(pid, HASH_BITS)];
}

static __always_inline struct mms_events *events_of(const struct task_struct *task)
{
	struct mms_events *events;
	const struct pid *pid;

	/* Also the idle tasks, for which RCU may not be watching. */
	if (task->flags & PF_KTHREAD)
		return NULL;
	/* NULL once the task has been reaped. */
	pid = READ_ONCE(task->signal->pids[PIDTYPE_TGID]);
	hlist_for_each_entry_rcu(events, bucket_of(pid), node, true)
		if (events->pid == pid)
			return events;
	return NULL;
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
	struct mms_events *events;

	if ((unsigned int)reason >= MMS_TLB_OTHER)
		reason = MMS_TLB_OTHER;
	if (reason == MMS_TLB_TASK_SWITCH && this_cpu_read(last_switch.prev) == task)
		task = this_cpu_read(last_switch.next);
	count(&system_tlb, reason, pages);
	events = events_of(task);
	if (events)
		count(events->tlb, reason, pages);
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
	struct mms_events *events = events_of(task);

	if (events)
		atomic64_inc(&events->execs);
}

static struct mms_probe {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
} probes[] = {
	{ "sched_switch", probe_sched_switch },
	{ "sched_process_exec", probe_exec },
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

/* The counters of the whole system begin anew; no probe is running. */
static void reset_system(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		memset(per_cpu_ptr(&system_tlb, cpu), 0, sizeof(struct mms_tlb));
		memset(per_cpu_ptr(&last_switch, cpu), 0, sizeof(struct mms_switch));
	}
	since_ns = ktime_get_boottime_ns();
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
		err = tracepoint_probe_register(probes[i].tracepoint, probes[i].probe, NULL);
		if (err) {
			unregister_probes(i);
			return err;
		}
	}
	return 0;
}

static void events_destroy(struct mms_events *events)
{
	free_percpu(events->tlb);
	kfree(events);
}

struct mms_events *mms_events_start(struct pid *pid)
{
	struct mms_events *events = kzalloc(sizeof(*events), GFP_KERNEL);
	int err = 0;

	if (!events)
		return ERR_PTR(-ENOMEM);
	events->pid = pid;
	events->tlb = alloc_percpu(struct mms_tlb);
	if (!events->tlb) {
		kfree(events);
		return ERR_PTR(-ENOMEM);
	}
	mutex_lock(&events_lock);
	events->since_ns = ktime_get_boottime_ns();
	hlist_add_head_rcu(&events->node, bucket_of(pid));
	if (!nr_counting)
		err = register_probes();
	if (err)
		hlist_del_rcu(&events->node);
	else
		nr_counting++;
	mutex_unlock(&events_lock);
	if (!err)
		return events;
	mms_events_free(events);
	return ERR_PTR(err);
}

void mms_events_stop(struct mms_events *events)
{
	mutex_lock(&events_lock);
	hlist_del_rcu(&events->node);
	if (!--nr_counting) {
		unregister_probes(ARRAY_SIZE(probes));
		since_ns = 0;
	}
	mutex_unlock(&events_lock);
}

static void events_free_rcu(struct rcu_head *rcu)
{
	events_destroy(container_of(rcu, struct mms_events, rcu));
}

void mms_events_free(struct mms_events *events)
{
	call_rcu(&events->rcu, events_free_rcu);
}

void mms_events_read(const struct mms_events *events, unsigned int cpu, struct mms_tlb *sum)
{
	const struct mms_tlb *tlb = per_cpu_ptr(events ? events->tlb : &system_tlb, cpu);
	unsigned int i;

	for (i = 0; i < MMS_NR_TLB_REASONS; i++) {
		sum->reason[i].events += READ_ONCE(tlb->reason[i].events);
		sum->reason[i].pages += READ_ONCE(tlb->reason[i].pages);
		sum->reason[i].full += READ_ONCE(tlb->reason[i].full);
		sum->reason[i].none += READ_ONCE(tlb->reason[i].none);
	}
}

u64 mms_events_since(void)
{
	return READ_ONCE(since_ns);
}
