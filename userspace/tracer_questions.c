// SPDX-License-Identifier: GPL-2.0
/*
 * The questions: their eBPF objects as skeletons, and which hooks serve which counters.
 */
#include <errno.h>
#include "tracer_questions.h"
#include "who.skel.h"
#include "cow.skel.h"
#include "fault.skel.h"
#include "tlb.skel.h"

/* open, loaded and free of a question whose skeleton is NAME_bpf. */
#define SKELETON(name)                                                                             \
	static void free_##name(void *handle)                                                      \
	{                                                                                          \
		name##_bpf__destroy(handle);                                                       \
	}                                                                                          \
												   \
	static int open_##name(struct tracer_object *object)                                       \
	{                                                                                          \
		struct name##_bpf *skeleton = name##_bpf__open();                                  \
												   \
		if (!skeleton)                                                                     \
			return -errno;                                                             \
		*object = (struct tracer_object){                                                  \
			.skeleton = skeleton->skeleton,                                            \
			.object = skeleton->obj,                                                   \
			.config = (struct mms_config *)&skeleton->rodata->config,                  \
			.free = free_##name,                                                       \
			.handle = skeleton,                                                        \
		};                                                                                 \
		return 0;                                                                          \
	}                                                                                          \
												   \
	/* Loading replaces the memory of the global variables. */                                 \
	static void loaded_##name(struct tracer_object *object)                                    \
	{                                                                                          \
		object->lost = (const void *)&((struct name##_bpf *)object->handle)->bss->lost;    \
	}

SKELETON(who)
SKELETON(cow)
SKELETON(fault)
SKELETON(tlb)

#define COUNTERS(first, last) (((2ULL << ((last) - (first))) - 1) << (first))
#define CAUSE(cause) (COUNTERS(0, MMS_COW_BY_FORK - 1) << MMS_COW(cause, 0))

/* Copies made by a fault on a present page. */
#define WP_CAUSES                                                                                  \
	(CAUSE(MMS_COW_ANON) | CAUSE(MMS_COW_FILE) | CAUSE(MMS_COW_ZERO) | CAUSE(MMS_COW_KSM) |    \
	 CAUSE(MMS_COW_PFN))
#define HUGETLB_CAUSES CAUSE(MMS_COW_HUGETLB)
#define BIT(counter) (1ULL << (counter))

#define FAULT_ENDS COUNTERS(MMS_FAULT_FROM_USER, MMS_FAULT_RETRIED)
#define FAULT_PURPOSES COUNTERS(MMS_FAULT_FIRST_TOUCH, MMS_FAULT_OTHER)
#define FAULT_INVALID COUNTERS(MMS_FAULT_INVALID_UNMAPPED, MMS_FAULT_INVALID_OTHER)
#define FAULT_LATENCY COUNTERS(MMS_FAULT_NS, MMS_NR_FAULT_COUNTERS - 1)

#define REQUEST_KINDS COUNTERS(MMS_REQUEST_FULL, MMS_REQUEST_FREED_TABLES)
#define REQUEST_WAITS COUNTERS(MMS_REQUEST_WAIT_NS, MMS_NR_REQUEST_COUNTERS - 1)

const struct tracer_question tracer_who = { open_who, loaded_who, {} };

const struct tracer_question tracer_questions[MMS_NR_QUESTIONS] = {
	[MMS_QUESTION_COW] = {
		open_cow, loaded_cow,
		{
			{ { { "do_wp_page", 1 } },
			  WP_CAUSES | BIT(MMS_COW_REUSE) | BIT(MMS_COW_PAGES) |
			  BIT(MMS_COW_SWAPPED) },
			{ { { "folio_add_new_anon_rmap", 0 }, { "page_add_new_anon_rmap", 3 } },
			  WP_CAUSES | BIT(MMS_COW(MMS_COW_ANON, MMS_COW_BY_FORK)) |
			  BIT(MMS_COW_PAGES) | BIT(MMS_COW_SWAPPED) },
			{ { { "set_pte_range", 0 }, { "do_set_pte", 0 } },
			  CAUSE(MMS_COW_FILE_FIRST) | BIT(MMS_COW_PAGES) },
			{ { { "do_swap_page", 1 } }, BIT(MMS_COW_SWAPPED) },
			{ { { "do_swap_page_exit", 1 } }, BIT(MMS_COW_SWAPPED) },
			{ { { "ptep_set_access_flags", 5 } },
			  BIT(MMS_COW_REUSE) | BIT(MMS_COW_REUSE_HUGETLB) },
			{ { { "pmdp_set_access_flags", 5 } }, BIT(MMS_COW_REUSE_PMD) },
			{ { { "pgtable_trans_huge_withdraw", 2 } }, BIT(MMS_COW_SPLIT_PMD) },
			{ { { "__split_huge_pmd", 5 } }, BIT(MMS_COW_SPLIT_PMD) },
			{ { { "__split_huge_pmd_exit", 5 } }, BIT(MMS_COW_SPLIT_PMD) },
			{ { { "hugetlb_wp", 1 }, { "hugetlb_wp_folio", 2 },
			    { "hugetlb_wp_arguments", 0 } },
			  HUGETLB_CAUSES | BIT(MMS_COW_REUSE_HUGETLB) },
			{ { { "hugetlb_add_new_anon_rmap", 0 },
			    { "hugepage_add_new_anon_rmap", 0 } },
			  HUGETLB_CAUSES | BIT(MMS_COW(MMS_COW_HUGETLB, MMS_COW_BY_FORK)) |
			  BIT(MMS_COW_REUSE_HUGETLB) },
			{ { { "hugetlb_fault_exit", 0 } },
			  HUGETLB_CAUSES | BIT(MMS_COW_REUSE_HUGETLB) },
		},
	},
	[MMS_QUESTION_FAULTS] = {
		open_fault, loaded_fault,
		{
			{ { { "handle_mm_fault", 4 } }, FAULT_ENDS | FAULT_LATENCY },
			{ { { "page_fault_user", 0 } }, FAULT_PURPOSES | FAULT_LATENCY },
			{ { { "page_fault_kernel", 0 } }, FAULT_PURPOSES | FAULT_LATENCY },
			{ { { "signal_generate", 0 } }, FAULT_INVALID },
			{ { { "get_user_pages", 6 }, { "follow_page_mask", 4 } }, FAULT_PURPOSES },
			{ { { "fixup_user_fault", 4 } }, FAULT_PURPOSES },
			{ { { "ptep_set_access_flags", 5 } }, FAULT_PURPOSES },
			{ { { "flush_tlb_mm_range", 5 } }, FAULT_PURPOSES },
			{ { { "do_swap_page", 1 } }, FAULT_PURPOSES },
			{ { { "__folio_put", 1 } }, FAULT_PURPOSES },
			/* Without them, the kernel has no such pages, and no such faults. */
			{ { { "pmdp_set_access_flags", 5 } }, 0 },
			{ { { "pgtable_trans_huge_deposit", 3 } }, BIT(MMS_FAULT_FIRST_TOUCH_HUGE) },
			{ { { "pmd_migration_entry_wait", 2 } }, 0 },
			{ { { "task_numa_fault", 4 } }, 0 },
		},
	},
	[MMS_QUESTION_TLB] = {
		open_tlb, loaded_tlb,
		{
			{ { { "flush_tlb_mm_range", 5 } }, REQUEST_KINDS },
			{ { { "native_flush_tlb_multi", 2 } },
			  BIT(MMS_REQUEST_IPIS) | BIT(MMS_REQUEST_IPI_CPUS) | REQUEST_WAITS },
			{ { { "native_flush_tlb_multi_exit", 2 } }, REQUEST_WAITS },
			{ { { "flush_tlb_func", 1 } },
			  BIT(MMS_REQUEST_IPI_CPUS) | BIT(MMS_REQUEST_IPI_HANDLED) },
		},
	},
};

struct bpf_program *tracer_who_select(const struct tracer_object *who)
{
	return ((struct who_bpf *)who->handle)->progs.select_process;
}

__u32 tracer_who_selected(const struct tracer_object *who)
{
	return ((struct who_bpf *)who->handle)->bss->nr_selected;
}
