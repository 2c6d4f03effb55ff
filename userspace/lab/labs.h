/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The labs there are. Each is in the file of its name.
 */
#ifndef LAB_LABS_H
#define LAB_LABS_H

#include "lab.h"

extern const struct lab_def lab_def_accessed_dirty;
extern const struct lab_def lab_def_compression;
extern const struct lab_def lab_def_context_switch;
extern const struct lab_def lab_def_demand_paging;
extern const struct lab_def lab_def_demand_zero;
extern const struct lab_def lab_def_exec;
extern const struct lab_def lab_def_fork_cost;
extern const struct lab_def lab_def_fork_cow;
extern const struct lab_def lab_def_fragmentation;
extern const struct lab_def lab_def_huge_pages;
extern const struct lab_def lab_def_invalid;
extern const struct lab_def lab_def_layout;
extern const struct lab_def lab_def_malloc;
extern const struct lab_def lab_def_map_shared_private;
extern const struct lab_def lab_def_minor_major;
extern const struct lab_def lab_def_mmap_io;
extern const struct lab_def lab_def_oom;
extern const struct lab_def lab_def_private_addresses;
extern const struct lab_def lab_def_redis_snapshot;
extern const struct lab_def lab_def_scatter;
extern const struct lab_def lab_def_second_chance;
extern const struct lab_def lab_def_shared_library;
extern const struct lab_def lab_def_sparse_tables;
extern const struct lab_def lab_def_stack;
extern const struct lab_def lab_def_static_dynamic;
extern const struct lab_def lab_def_swap;
extern const struct lab_def lab_def_thrashing;
extern const struct lab_def lab_def_threads;
extern const struct lab_def lab_def_tlb_shootdown;
extern const struct lab_def lab_def_translate;
extern const struct lab_def lab_def_user_kernel;
extern const struct lab_def lab_def_working_set;
extern const struct lab_def lab_def_wx;

#endif /* LAB_LABS_H */
