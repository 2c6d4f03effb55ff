/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLB flushes, counted from the tracepoint tlb:tlb_flush: per CPU, for the whole system and for each
 * target that counts. Probes are registered only while one does. Knows nothing of formats.
 */
#ifndef MMS_EVENTS_H
#define MMS_EVENTS_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#include "uapi/mmscope_events.h"

struct pid;

/* Flushes of one CPU, or a sum of several. */
struct mms_tlb {
	struct mms_tlb_count reason[MMS_NR_TLB_REASONS];
};

/**
 * struct mms_events - the flushes of one process
 * @node: by @pid, for the probes
 * @pid: whose; not a reference, the target has one
 * @tlb: the counts
 * @execs: programs executed since counting began
 * @since_ns: when that was, CLOCK_BOOTTIME
 * @rcu: to free it
 */
struct mms_events {
	struct hlist_node node;
	const struct pid *pid;
	struct mms_tlb __percpu *tlb;
	atomic64_t execs;
	u64 since_ns;
	struct rcu_head rcu;
};

/* Finds the tracepoints. */
void mms_events_init(void);

/* After the last mms_events_free(): waits until no probe and no callback runs any more. May sleep. */
void mms_events_exit(void);

/* Whether this kernel has the tracepoints. */
bool mms_events_available(void);

/**
 * mms_events_start() - begin to count a process's flushes
 * @pid: the process (a thread group's PID); the caller keeps its reference until mms_events_stop()
 *
 * Flushes are charged to the process on the CPU whose TLB is flushed; on a task switch, to the one
 * switched to; an IPI, to the one that sends it. Kernel threads are nobody. May sleep.
 *
 * Return: the counts, or an ERR_PTR: -ENOMEM, -EOPNOTSUPP no such tracepoint.
 */
struct mms_events *mms_events_start(struct pid *pid);

/* Ends counting; the counts stay. May sleep. */
void mms_events_stop(struct mms_events *events);

/* Gives them back, after mms_events_stop(). Does not sleep. */
void mms_events_free(struct mms_events *events);

/**
 * mms_events_read() - add the counts of a CPU
 * @events: of a process; NULL: of the whole system, since the first of those that count now began
 * @cpu: which
 * @sum: is added to
 *
 * Each counter is read once; a flush that happens meanwhile may be in some of them only.
 */
void mms_events_read(const struct mms_events *events, unsigned int cpu, struct mms_tlb *sum);

/* When counting for the whole system began, CLOCK_BOOTTIME; 0: nothing counts. */
u64 mms_events_since(void);

#endif /* MMS_EVENTS_H */
