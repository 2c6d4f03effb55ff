/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the events of struct mms_detail came from: the VMAs, and the stacks, as lists and folded for
 * flame graphs.
 */
#ifndef MMS_DETAIL_H
#define MMS_DETAIL_H

#include "counting.h"

/**
 * mms_show_vmas() - events by VMA, the most first
 * @out: the output
 * @counting: with a tracer that counts by VMA
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_show_vmas(struct mms_out *out, const struct mms_counting *counting);

/* The same by stack; all that is shown with --folded. Does nothing without --stacks. */
int mms_show_stacks(struct mms_out *out, const struct mms_counting *counting,
		    const struct mms_counts *counts);

#endif /* MMS_DETAIL_H */
