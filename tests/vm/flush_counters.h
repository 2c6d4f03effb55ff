/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The counters that the kernel keeps of TLB flushes, and what of the tracer's and the module's
 * counts each of them is. Judges nothing.
 */
#ifndef MMS_FLUSH_COUNTERS_H
#define MMS_FLUSH_COUNTERS_H

#include <stdbool.h>

#include "event_lab.h"

enum flush_counter {
	FLUSH_INTERRUPTS, /* the line TLB of /proc/interrupts */
	FLUSH_REMOTE,	  /* of /proc/vmstat, with CONFIG_DEBUG_TLBFLUSH */
	FLUSH_RECEIVED,
	FLUSH_LOCAL_ALL,
	FLUSH_LOCAL_ONE,
	NR_FLUSH_COUNTERS,
};

extern const char *const flush_counter_names[NR_FLUSH_COUNTERS];

/* From now on the module counts for everyone, and so do the probes. Bails out if they cannot. */
void flush_counters_begin(void);
void flush_counters_end(void);

bool flush_counter_exists(enum flush_counter counter);
void flush_counters_kernel(u64 *count);
/* What should be in each of them; @lab has a tracer that counts TLB requests for everyone. */
void flush_counters_ours(struct lab *lab, u64 *count);

#endif /* MMS_FLUSH_COUNTERS_H */
