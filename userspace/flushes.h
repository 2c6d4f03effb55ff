/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLB flushes as the module counts them: who is counted, and the views that tell.
 */
#ifndef MMS_FLUSHES_H
#define MMS_FLUSHES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "session.h"
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
 */
struct mms_flush_counts {
	struct mms_cpu_flushes *cpus;
	unsigned int nr;
};

/**
 * struct mms_flushes - a counting
 * @debugfs: where debugfs is, NULL for the usual place
 * @sessions: the processes held; for the whole system one, this process
 * @nr: how many
 * @everyone: of the whole system
 * @before: what had been counted for others when this counting began
 */
struct mms_flushes {
	const char *debugfs;
	struct mms_session *sessions;
	unsigned int nr;
	bool everyone;
	struct mms_flush_counts before;
};

/**
 * mms_flushes_add() - count the flushes of a process
 * @flushes: is added to; zeroed but for @debugfs at first, for mms_flushes_close()
 * @pid: the process; this one's own if @everyone
 * @everyone: of the whole system, which the module counts while it counts for anybody
 *
 * Return: 0, or -1 with mms_failure() set: no rights, no module, no such process.
 */
int mms_flushes_add(struct mms_flushes *flushes, pid_t pid, bool everyone);

/**
 * mms_flushes_begin() - from here on
 * @flushes: with everybody added
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_flushes_begin(struct mms_flushes *flushes);

/**
 * mms_flushes_read() - what was counted since mms_flushes_begin()
 * @flushes: begun
 * @counts: filled in, the sum over the processes; for mms_flush_counts_free()
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_flushes_read(const struct mms_flushes *flushes, struct mms_flush_counts *counts);

void mms_flush_counts_free(struct mms_flush_counts *counts);

void mms_flushes_close(struct mms_flushes *flushes);

struct mms_viewfile;

/**
 * mms_flush_counts_add() - add the table of a view "tlb"
 * @counts: is added to
 * @file: an open view
 *
 * Return: 0, or -1 with mms_failure() set: it is no such view, or cut off.
 */
int mms_flush_counts_add(struct mms_flush_counts *counts, struct mms_viewfile *file);

#endif /* MMS_FLUSHES_H */
