/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What labs count: copies on write, faults and TLB requests by the eBPF programs, TLB flushes by the
 * module. What cannot be counted here skips the lab, by the name of what is missing.
 */
#ifndef LAB_COUNT_H
#define LAB_COUNT_H

#include <sys/types.h>

#include "lab.h"
#include "uapi/mmscope_events.h"

/**
 * lab_count() - begin to count for a process and those it forks from here on
 * @lab: the lab
 * @pid: the process
 *
 * At most once in a lab.
 */
void lab_count(struct lab *lab, pid_t pid);

/* Count for another one, too. */
void lab_count_also(struct lab *lab, pid_t pid);

/* Counters that are summed: @nr from @first on. */
struct lab_counters {
	enum mms_question question;
	unsigned int first, nr;
};

/**
 * lab_counted() - a process's events until now
 * @lab: the lab
 * @pid: the process, which may have ended
 * @what: which events
 */
uint64_t lab_counted(struct lab *lab, pid_t pid, struct lab_counters what);

/*
 * The same of the VMA that @addr is in, or was in, as it was then. Of copies, reuses, and of
 * faults by what they were for, retried and invalid ones.
 */
uint64_t lab_counted_at(struct lab *lab, pid_t pid, uint64_t addr, struct lab_counters what);

#define LAB_COUNTERS(question, first, nr) ((struct lab_counters){ (question), (first), (nr) })

/* All copies on write. */
#define LAB_BREAKS LAB_COUNTERS(MMS_QUESTION_COW, 0, MMS_COW_REUSE)
/* Those of one cause, whatever the way. */
#define LAB_BREAKS_OF(cause) LAB_COUNTERS(MMS_QUESTION_COW, MMS_COW(cause, 0), MMS_NR_COW_WAYS)
#define LAB_REUSES LAB_COUNTERS(MMS_QUESTION_COW, MMS_COW_REUSE, 1)
#define LAB_FAULTS(row) LAB_COUNTERS(MMS_QUESTION_FAULTS, row, 1)
/* All that were handled, each by what it was for. */
#define LAB_HANDLED LAB_COUNTERS(MMS_QUESTION_FAULTS, MMS_FAULT_FIRST_TOUCH, \
				 MMS_FAULT_OTHER - MMS_FAULT_FIRST_TOUCH + 1)
#define LAB_INVALID LAB_COUNTERS(MMS_QUESTION_FAULTS, MMS_FAULT_INVALID_UNMAPPED, 3)

/* TLB flushes of a reason, by the module, of the process of lab_count() and its children. */
struct mms_tlb_count lab_flushes(struct lab *lab, enum mms_tlb_reason reason);

/* How many programs a process has executed since lab_count(). */
uint64_t lab_counted_execs(struct lab *lab, pid_t pid);

#endif /* LAB_COUNT_H */
