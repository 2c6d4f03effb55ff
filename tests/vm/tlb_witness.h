/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel itself says of TLB flushes and of probes: perf's counts of tlb:tlb_flush and of
 * kprobes, the trace buffer, the tracepoints' own structures. Knows nothing of mmscope.
 */
#ifndef MMS_TLB_WITNESS_H
#define MMS_TLB_WITNESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "proc.h"

/* What perf counts of the flushes of one reason. */
struct tlb_perf {
	int events;
	int full;
	int none;
};

/**
 * tlb_perf_open() - count the flushes of a reason on a CPU
 * @perf: receives the counters
 * @tids: while one of these threads is current; NULL: whoever is
 * @nr: of them
 * @cpu: where
 * @reason: enum mms_tlb_reason
 *
 * Counters of a CPU, filtered by thread: those of a thread miss what happens while perf switches
 * them. Return: 0 or -errno.
 */
int tlb_perf_open(struct tlb_perf *perf, const pid_t *tids, unsigned int nr, unsigned int cpu,
		  unsigned int reason);
u64 tlb_perf_read(int counter);
void tlb_perf_close(struct tlb_perf *perf);

/* Counts calls of a kernel function on a CPU, for tlb_perf_read() and close(). Or -errno. */
int tlb_calls_open(const char *function, unsigned int cpu);

/* Traces task switches and TLB flushes on a CPU from now on. Return: 0 or -errno. */
int tlb_trace_begin(unsigned int cpu);

/**
 * tlb_trace_end() - count flushes on task switches to a process
 * @pid: of a process of one thread
 *
 * Return: those whose sched_switch, just before on the CPU, names @pid; -1: the buffer was too small.
 */
long tlb_trace_end(pid_t pid);

/* How often a tracepoint is enabled: its static key, read from /proc/kcore; -1: unknown. */
long tracepoint_enabled(const char *name);

#endif /* MMS_TLB_WITNESS_H */
