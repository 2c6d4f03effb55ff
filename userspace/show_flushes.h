/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TLB flushes by reason, as stat and tlb show them.
 */
#ifndef MMS_SHOW_FLUSHES_H
#define MMS_SHOW_FLUSHES_H

#include "counting.h"

/* Events of all reasons that flush: those but the sending of IPIs, which flushes nothing here. */
struct mms_value mms_flushes_total(const struct mms_counts *counts);

/* A table of reasons: how often, how much. */
void mms_show_flushes(struct mms_out *out, const struct mms_counting *counting,
		      const struct mms_counts *counts);

/* The same by CPU: events only. */
void mms_show_flushes_by_cpu(struct mms_out *out, const struct mms_counting *counting,
			     const struct mms_counts *counts);

#endif /* MMS_SHOW_FLUSHES_H */
