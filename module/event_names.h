/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of what is counted, as they appear in every view and in the reader. Pure C, compiled into
 * the module, the reader and the tests.
 */
#ifndef MMS_EVENT_NAMES_H
#define MMS_EVENT_NAMES_H

#include "uapi/mmscope_events.h"

/* Longest name mms_counter_name() writes, with the NUL. */
#define MMS_COUNTER_NAME_MAX 32

/* "task_switch" and so on; "?" outside the enum, as for the next three. */
const char *mms_tlb_reason_name(unsigned int reason);
const char *mms_cow_cause_name(unsigned int cause);
const char *mms_cow_way_name(unsigned int way);

/* "cow", "faults", "tlb": the name of the view, and of the map handed over. */
const char *mms_question_name(unsigned int question);

/* Counters that a record of this question has; 0 outside the enum. */
unsigned int mms_question_counters(unsigned int question);

/**
 * mms_counter_name() - name a counter of a record
 * @buf: receives the name, such as "anon.user", "first_touch" or "latency_ns.2^10"
 * @question: enum mms_question
 * @counter: below mms_question_counters(), else "?" is written
 *
 * Return: @buf.
 */
const char *mms_counter_name(char buf[MMS_COUNTER_NAME_MAX], unsigned int question,
			     unsigned int counter);

#endif /* MMS_EVENT_NAMES_H */
