// SPDX-License-Identifier: GPL-2.0
/*
 * The order of the labs, within their topics and in a run of all.
 */
#include <stddef.h>

#include "labs.h"

const struct lab_def *const lab_defs[] = {
	/* translation */
	&lab_def_translate,
	&lab_def_sparse_tables,
	&lab_def_private_addresses,
	/* demand paging */
	&lab_def_demand_paging,
	&lab_def_demand_zero,
	&lab_def_exec,
	&lab_def_minor_major,
	/* copy on write */
	&lab_def_fork_cow,
	&lab_def_fork_cost,
	&lab_def_redis_snapshot,
	/* sharing */
	&lab_def_threads,
	&lab_def_shared_library,
	&lab_def_static_dynamic,
	&lab_def_map_shared_private,
	&lab_def_mmap_io,
	/* layout */
	&lab_def_layout,
	&lab_def_stack,
	&lab_def_malloc,
	/* protection */
	&lab_def_invalid,
	&lab_def_wx,
	&lab_def_user_kernel,
	/* replacement and swap */
	&lab_def_accessed_dirty,
	&lab_def_working_set,
	&lab_def_second_chance,
	&lab_def_swap,
	&lab_def_compression,
	&lab_def_thrashing,
	&lab_def_oom,
	/* TLB */
	&lab_def_tlb_shootdown,
	&lab_def_context_switch,
	/* placement */
	&lab_def_fragmentation,
	&lab_def_huge_pages,
	&lab_def_scatter,
	NULL,
};
