/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLB flushes, counted from the tracepoint tlb:tlb_flush: per CPU, for the whole system and for each
 * counting. Probes are registered only while there is one. Knows nothing of formats.
 */
#ifndef MMS_EVENTS_H
#define MMS_EVENTS_H

#include <linux/kref.h>
#include <linux/types.h>

#include "uapi/mmscope_events.h"

struct mms_counted;
struct pid;

/* Flushes of one CPU, or a sum of several. */
struct mms_tlb {
	struct mms_tlb_count reason[MMS_NR_TLB_REASONS];
};

/**
 * struct mms_events - a counting: the flushes of some processes together
 * @ref: one for the owner, one per entry of @pool that probes may see
 * @pool: the entries
 * @nr_pool: how many
 * @free: those not in use
 * @stopped: no process comes in any more
 * @somebody: a process has been added
 * @everyone: of the whole system, of which @tlb is what had been counted before, negative
 * @tlb: the counts
 * @execs: programs its processes have executed since counting began
 * @unfollowed: processes that were to be counted too, and for which there was no entry
 * @since_ns: when counting began, CLOCK_BOOTTIME
 */
struct mms_events {
	struct kref ref;
	struct mms_counted *pool;
	unsigned int nr_pool;
	struct mms_counted *free;
	bool stopped;
	bool somebody;
	bool everyone;
	struct mms_tlb __percpu *tlb;
	atomic64_t execs;
	atomic64_t unfollowed;
	u64 since_ns;
};

/* Finds the tracepoints. */
void mms_events_init(void);

/* After the last mms_events_free(): waits until no probe and no callback runs any more. May sleep. */
void mms_events_exit(void);

/* Whether this kernel has the tracepoints. */
bool mms_events_available(void);

/**
 * mms_events_start() - begin a counting, of nobody yet
 * @room: for how many processes at a time; all memory is taken here
 *
 * Flushes are charged to the process on the CPU whose TLB is flushed; on a task switch, to the one
 * switched to; an IPI, to the one that sends it. Kernel threads are nobody. May sleep.
 *
 * Return: the counting, or an ERR_PTR: -ENOMEM, -EOPNOTSUPP no such tracepoints.
 */
struct mms_events *mms_events_start(unsigned int room);

/**
 * mms_events_add() - count a process, too, from here on
 * @events: the counting
 * @pid: the process (a thread group's PID)
 * @follow: also those that it forks from here on, and theirs
 *
 * A process that was added twice, or that is followed already, is counted once; the first word on
 * whether it is followed counts. Does not sleep; the caller keeps others from adding.
 *
 * Return: 0, -ESRCH it has exited, -ENOSPC no room, -EBUSY everyone is counted.
 */
int mms_events_add(struct mms_events *events, struct pid *pid, bool follow);

/* Count everyone from here on. As mms_events_add(). Return: 0, -EBUSY somebody is counted. */
int mms_events_add_everyone(struct mms_events *events);

/* Ends counting; the counts stay. May sleep. */
void mms_events_stop(struct mms_events *events);

/* Gives it back, after mms_events_stop(). Does not sleep. */
void mms_events_free(struct mms_events *events);

/**
 * mms_events_read() - add the counts of a CPU
 * @events: a counting; NULL: of the whole system, since the first of those that there are began
 * @cpu: which
 * @sum: is added to
 *
 * Each counter is read once; a flush that happens meanwhile may be in some of them only.
 */
void mms_events_read(const struct mms_events *events, unsigned int cpu, struct mms_tlb *sum);

/* When counting for the whole system began, CLOCK_BOOTTIME; 0: nothing counts. */
u64 mms_events_since(void);

#endif /* MMS_EVENTS_H */
