// SPDX-License-Identifier: GPL-2.0
/*
 * Names of what is counted: TLB flush reasons, causes and ways of copies, counters of records.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#else
#include <stdio.h>
#endif
#include "event_names.h"

#define NAME(table, index)                                                                         \
	((index) < sizeof(table) / sizeof((table)[0]) && (table)[index] ? (table)[index] : "?")

const char *mms_tlb_reason_name(unsigned int reason)
{
	static const char *const names[] = {
		[MMS_TLB_TASK_SWITCH] = "task_switch",
		[MMS_TLB_REMOTE_SHOOTDOWN] = "remote_shootdown",
		[MMS_TLB_LOCAL_SHOOTDOWN] = "local_shootdown",
		[MMS_TLB_LOCAL_MM_SHOOTDOWN] = "local_mm_shootdown",
		[MMS_TLB_REMOTE_SEND_IPI] = "remote_send_ipi",
		[MMS_TLB_OTHER] = "other",
	};

	return NAME(names, reason);
}

const char *mms_cow_cause_name(unsigned int cause)
{
	static const char *const names[] = {
		[MMS_COW_ANON] = "anon",
		[MMS_COW_FILE] = "file",
		[MMS_COW_FILE_FIRST] = "file_first",
		[MMS_COW_ZERO] = "zero",
		[MMS_COW_KSM] = "ksm",
		[MMS_COW_HUGETLB] = "hugetlb",
		[MMS_COW_PFN] = "pfn",
	};

	return NAME(names, cause);
}

const char *mms_cow_way_name(unsigned int way)
{
	static const char *const names[] = {
		[MMS_COW_BY_UNSHARE] = "unshare", [MMS_COW_BY_USER] = "user",
		[MMS_COW_BY_REMOTE] = "remote",	  [MMS_COW_BY_KERNEL] = "kernel",
		[MMS_COW_BY_GUP] = "gup",	  [MMS_COW_BY_FORK] = "fork",
	};

	return NAME(names, way);
}

static const char *cow_name(unsigned int counter)
{
	static const char *const names[] = {
		[MMS_COW_REUSE] = "reuse",
		[MMS_COW_REUSE_PMD] = "reuse_pmd",
		[MMS_COW_REUSE_HUGETLB] = "reuse_hugetlb",
		[MMS_COW_SPLIT_PMD] = "split_pmd",
		[MMS_COW_PAGES] = "pages",
		[MMS_COW_SWAPPED] = "swapped",
	};

	return NAME(names, counter);
}

static const char *fault_name(unsigned int counter)
{
	static const char *const names[] = {
		[MMS_FAULT_FROM_USER] = "from_user",
		[MMS_FAULT_FROM_KERNEL] = "from_kernel",
		[MMS_FAULT_FROM_GUP] = "from_gup",
		[MMS_FAULT_MINOR] = "minor",
		[MMS_FAULT_MAJOR] = "major",
		[MMS_FAULT_FAILED] = "failed",
		[MMS_FAULT_FIRST_TOUCH] = "first_touch",
		[MMS_FAULT_FIRST_TOUCH_HUGE] = "first_touch_huge",
		[MMS_FAULT_ZERO_PAGE] = "zero_page",
		[MMS_FAULT_FILE_MAP] = "file_map",
		[MMS_FAULT_SWAP_IN] = "swap_in",
		[MMS_FAULT_COW] = "cow",
		[MMS_FAULT_FILE_COW] = "file_cow",
		[MMS_FAULT_PROTECTION] = "protection",
		[MMS_FAULT_HUGETLB] = "hugetlb",
		[MMS_FAULT_OTHER] = "other",
		[MMS_FAULT_RETRIED] = "retried",
		[MMS_FAULT_INVALID_UNMAPPED] = "invalid_unmapped",
		[MMS_FAULT_INVALID_ACCESS] = "invalid_access",
		[MMS_FAULT_INVALID_OTHER] = "invalid_other",
		[MMS_FAULT_NS] = "latency_ns",
	};

	return NAME(names, counter);
}

static const char *request_name(unsigned int counter)
{
	static const char *const names[] = {
		[MMS_REQUEST_FULL] = "requests_full",
		[MMS_REQUEST_RANGED] = "requests_ranged",
		[MMS_REQUEST_PAGES] = "pages",
		[MMS_REQUEST_HUGE] = "requests_huge",
		[MMS_REQUEST_FREED_TABLES] = "requests_freed_tables",
		[MMS_REQUEST_IPIS] = "ipis",
		[MMS_REQUEST_IPI_CPUS] = "ipi_cpus",
		[MMS_REQUEST_IPI_HANDLED] = "ipi_handled",
		[MMS_REQUEST_WAIT_NS] = "wait_ns",
	};

	return NAME(names, counter);
}

struct question {
	const char *name;
	const char *(*counter)(unsigned int counter);
	unsigned int nr_counters;
	unsigned int histogram;		/* its first bucket */
	const char *measure;		/* what the histogram is of */
};

static const struct question questions[MMS_NR_QUESTIONS] = {
	[MMS_QUESTION_COW] = { "cow", cow_name, MMS_NR_COW_COUNTERS, MMS_NR_COW_COUNTERS, NULL },
	[MMS_QUESTION_FAULTS] = { "faults", fault_name, MMS_NR_FAULT_COUNTERS, MMS_FAULT_HISTOGRAM,
				  "latency_ns" },
	[MMS_QUESTION_TLB] = { "tlb", request_name, MMS_NR_REQUEST_COUNTERS, MMS_REQUEST_HISTOGRAM,
			       "wait_ns" },
};

const char *mms_question_name(unsigned int question)
{
	return question < MMS_NR_QUESTIONS ? questions[question].name : "?";
}

unsigned int mms_question_counters(unsigned int question)
{
	return question < MMS_NR_QUESTIONS ? questions[question].nr_counters : 0;
}

const char *mms_counter_name(char buf[MMS_COUNTER_NAME_MAX], unsigned int question,
			     unsigned int counter)
{
	const struct question *asked = question < MMS_NR_QUESTIONS ? &questions[question] : NULL;

	if (!asked || counter >= asked->nr_counters)
		snprintf(buf, MMS_COUNTER_NAME_MAX, "?");
	else if (counter >= asked->histogram)
		snprintf(buf, MMS_COUNTER_NAME_MAX, "%s.2^%u", asked->measure,
			 counter - asked->histogram);
	else if (question == MMS_QUESTION_COW && counter < MMS_COW_REUSE)
		snprintf(buf, MMS_COUNTER_NAME_MAX, "%s.%s",
			 mms_cow_cause_name(counter / MMS_NR_COW_WAYS),
			 mms_cow_way_name(counter % MMS_NR_COW_WAYS));
	else
		snprintf(buf, MMS_COUNTER_NAME_MAX, "%s", asked->counter(counter));
	return buf;
}
