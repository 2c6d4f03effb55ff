/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Allocations that fail when a test wants them to. Every call of the module that can fail for want of
 * memory goes through mms_try(), which tests/check makes sure of; built with MMS_FAULTS (make module
 * FAULTS=1) it counts them and fails the n-th, otherwise it is the call.
 *
 * In the module and not by the kernel's fault injection, so that it is exact to the call, works on stock
 * kernels, and also during insmod, when there is no symbol yet to filter stacks by.
 */
#ifndef MMS_FAULTS_H
#define MMS_FAULTS_H

#ifdef MMS_FAULTS
#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/types.h>

/* How many calls from now the next failure is, 0: none. A parameter; counted down to 0. */
extern unsigned int mms_fail_nth;

/* What has been made before the failure is there for others to use for so long. */
#define MMS_FAULT_MS 10

/* Not exact if several tasks call it at once: the test that sets it is alone. May sleep. */
static inline bool mms_fault(void)
{
	unsigned int nth = READ_ONCE(mms_fail_nth);

	if (!nth)
		return false;
	WRITE_ONCE(mms_fail_nth, nth - 1);
	if (nth > 1)
		return false;
	msleep(MMS_FAULT_MS);
	return true;
}

#define mms_try(call, failed) (mms_fault() ? (failed) : (call))
#else
#define mms_try(call, failed) (call)
#endif

#endif /* MMS_FAULTS_H */
