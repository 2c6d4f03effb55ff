/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A workload, measured: what the tracer counts of everyone and of the processes that the workload
 * is made of, what a second tracer, "mmscope stat", prints of them, and what the kernel itself
 * counts. Judges nothing.
 */
#ifndef MMS_WORKLOAD_H
#define MMS_WORKLOAD_H

#include <stdbool.h>
#include <sys/types.h>
#include "proc.h"
#include "taskstats.h"
#include "uapi/mmscope_events.h"

struct tracer;

/* Counters that the kernel keeps of the whole system. */
enum kernel_counter {
	KERNEL_PGFAULT,
	KERNEL_PGMAJFAULT,
	KERNEL_PGREUSE,
	KERNEL_SPLIT_PMD,
	KERNEL_COW_KSM,
	KERNEL_TLB,		/* the line TLB of /proc/interrupts */
	NR_KERNEL_COUNTERS,
};

extern const char *const kernel_counter_names[NR_KERNEL_COUNTERS];

/* What the tracer has counted, by question. */
struct counts {
	u64 count[MMS_NR_QUESTIONS][MMS_MAX_COUNTERS];
};

/**
 * struct measured - what came of a workload
 * @status: of its first process, as waitpid() has it
 * @inner: counted of everyone, from after the kernel's counters were read to before they were read
 *	again; -1 for a counter that this kernel does not have
 * @outer: the same, from before to after
 * @kernel: what those were counting in between
 * @tree: counted of all its processes
 * @minor: faults of these processes as wait4() has them
 * @major: the same
 * @stats: the same as taskstats has them, summed over all their tasks; @stats_error, or 0
 * @told_minor: as "mmscope stat" has printed them; it is the first of these processes, and does not
 *	count itself
 * @told_major: the same
 * @told_breaks: and the copies
 * @told_reused: and what was made writable in place
 * @self: the record of "mmscope stat" itself
 */
struct measured {
	int status;
	struct counts inner, outer, tree, self;
	long kernel[NR_KERNEL_COUNTERS];
	long minor, major;
	struct task_faults stats;
	int stats_error;
	long told_minor, told_major, told_breaks, told_reused;
};

/* All processes become children of this one when their parents end; buffers are made ready. */
void workload_init(struct tracer *tracer);

/**
 * workload_run() - run and measure
 * @command: for bash; it ends when all its processes have ended
 * @run: called instead, in a process of its own, its result being the exit status, if @command
 *	is NULL
 * @measured: receives everything
 *
 * Nobody else is to run meanwhile. Bails out if it cannot be measured.
 */
void workload_run(const char *command, int (*run)(void), struct measured *measured);

/* What is counted so far of one process, zero if nothing; of all with @pid 0. */
void workload_counts(pid_t pid, struct counts *counts);

u64 count_breaks(const struct counts *counts);
u64 count_cause(const struct counts *counts, enum mms_cow_cause cause);

#endif /* MMS_WORKLOAD_H */
