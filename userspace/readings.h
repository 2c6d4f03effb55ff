/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Readings of a run of counting: all of it at once, and the lines of -i, what came from one to the
 * next.
 */
#ifndef MMS_READINGS_H
#define MMS_READINGS_H

#include "counting.h"

/**
 * mms_counts_read() - read what was counted so far
 * @counting: under way
 * @ns: since counting began
 * @counts: filled in; for mms_counts_free()
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_counts_read(const struct mms_counting *counting, uint64_t ns, struct mms_counts *counts);

void mms_counts_free(struct mms_counts *counts);

/**
 * struct mms_lines - the table of -i
 * @out: where it goes
 * @before: the values of the last line, since counting began
 */
struct mms_lines {
	struct mms_out *out;
	struct mms_value before[MMS_MAX_LINE];
};

/* These three do nothing without -i. */
void mms_lines_begin(struct mms_lines *lines, const struct mms_counting *counting);

/* A line for what came since the last. Return: 0, or -1 with mms_failure() set. */
int mms_lines_add(struct mms_lines *lines, const struct mms_counting *counting, uint64_t ns);

/* The last line, shorter than the others, unless @counts is NULL; and the end of the table. */
void mms_lines_end(struct mms_lines *lines, const struct mms_counting *counting,
		   const struct mms_counts *counts);

#endif /* MMS_READINGS_H */
