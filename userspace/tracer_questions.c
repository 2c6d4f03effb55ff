// SPDX-License-Identifier: GPL-2.0
/*
 * The questions: their eBPF objects as skeletons, and which hooks serve which counters.
 */
#include <errno.h>
#include "tracer_questions.h"
#include "who.skel.h"
#include "cow.skel.h"

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

#define COUNTERS(first, last) (((2ULL << ((last) - (first))) - 1) << (first))
#define CAUSE(cause) (COUNTERS(0, MMS_COW_BY_FORK - 1) << MMS_COW(cause, 0))

/* Copies made by a fault on a present page. */
#define WP_CAUSES                                                                                  \
	(CAUSE(MMS_COW_ANON) | CAUSE(MMS_COW_FILE) | CAUSE(MMS_COW_ZERO) | CAUSE(MMS_COW_KSM) |    \
	 CAUSE(MMS_COW_PFN))
#define HUGETLB_CAUSES CAUSE(MMS_COW_HUGETLB)
#define BIT(counter) (1ULL << (counter))

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
};

struct bpf_program *tracer_who_select(const struct tracer_object *who)
{
	return ((struct who_bpf *)who->handle)->progs.select_process;
}

__u32 tracer_who_selected(const struct tracer_object *who)
{
	return ((struct who_bpf *)who->handle)->bss->nr_selected;
}
