/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Time that is made of instructions, as in a machine of tests/vm/run --icount.
 */
#ifndef MMS_ICOUNT_H
#define MMS_ICOUNT_H

#include "proc.h"

/* Whether a nanosecond is an instruction here. */
bool icount_is_time(void);
/* Instructions executed, by CLOCK_MONOTONIC. */
u64 icount_now(void);

#endif /* MMS_ICOUNT_H */
