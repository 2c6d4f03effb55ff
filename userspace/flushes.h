/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLB flushes as the module counts them, in its file "count".
 */
#ifndef MMS_FLUSHES_H
#define MMS_FLUSHES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "uapi/mmscope_events.h"

/* Flushes of one CPU, or of all. */
struct mms_cpu_flushes {
	int cpu;	/* -1: all */
	struct mms_tlb_count reason[MMS_NR_TLB_REASONS];
};

/**
 * struct mms_flush_counts - a reading
 * @cpus: all CPUs first, then one by one
 * @nr: how many; 0: nothing was read
 * @unfollowed: children that could not be counted, for there were too many
 */
struct mms_flush_counts {
	struct mms_cpu_flushes *cpus;
	unsigned int nr;
	uint64_t unfollowed;
};

/**
 * struct mms_flushes - a counting
 * @fd: of the module's file "count", -1: none
 */
struct mms_flushes {
	int fd;
};

/**
 * mms_flushes_open() - begin to count, nobody yet
 * @flushes: filled in, for mms_flushes_close()
 * @debugfs: where debugfs is, NULL for the usual place
 *
 * Return: 0, or -1 with mms_failure() set: no rights, no module, no tracepoint.
 */
int mms_flushes_open(struct mms_flushes *flushes, const char *debugfs);

/**
 * mms_flushes_add() - count the flushes of a process, too, from here on
 * @flushes: open
 * @pid: the process
 * @follow: also of the children it forks from here on, and theirs
 *
 * Return: 0, or -1 with mms_failure() set: no such process, no rights.
 */
int mms_flushes_add(struct mms_flushes *flushes, pid_t pid, bool follow);

/* Count everyone's, from here on, instead. Return: 0, or -1 with mms_failure() set. */
int mms_flushes_add_everyone(struct mms_flushes *flushes);

/**
 * mms_flushes_read() - what was counted until now, the sum over the processes
 * @flushes: open
 * @counts: filled in, for mms_flush_counts_free()
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_flushes_read(const struct mms_flushes *flushes, struct mms_flush_counts *counts);

void mms_flush_counts_free(struct mms_flush_counts *counts);

void mms_flushes_close(struct mms_flushes *flushes);

#endif /* MMS_FLUSHES_H */
