/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Judging the views of one process that does not run against /proc: everything is read once, then
 * compared, each comparison adding to a struct tap_diffs. Where two sources define a thing
 * differently, the difference is stated beside the comparison that knows it.
 */
#ifndef MMS_VIEWS_JUDGE_H
#define MMS_VIEWS_JUDGE_H

#include "tap.h"
#include "views.h"

/**
 * struct subject - what both sides say of one process
 * @pid: the process; attached
 * @smaps, @maps, @pagemap: what /proc says
 * @records, @pages, @vmas, @tables, @summary: what the module says
 * @swap_extra: by VMA of @smaps: pages that its Swap counts and the module does not, because the
 *	page tables hold something else there; known by construction. NULL: none
 */
struct subject {
	pid_t pid;
	struct proc_vmas smaps, maps;
	int pagemap;
	struct views_records records;
	struct views_table pages, vmas, tables;
	char *summary;
	u64 *swap_extra;
};

/* Attaches and reads. Return: NULL, or what could not be read; then nothing is left to undo. */
const char *subject_read(pid_t pid, struct subject *subject);
/* Detaches too. */
void subject_free(struct subject *subject);

/* Open once for all: kpageflags and kpagecount. Exits if they cannot be. */
void judge_init(void);
/* Of the kernel under test: major * 100 + minor, such as 612. */
unsigned int judge_kernel(void);
/* kpageflags of one frame; KPF_NOPAGE beyond the end of memory. */
u64 judge_frame_flags(u64 pfn);
/* Flags of the head of the folio a frame is in: 6.1 has most flags there only. */
u64 judge_head_flags(u64 pfn, u64 flags);
/* Mappings of each of @nr frames, from kpagecount. */
void judge_frame_counts(u64 pfn, size_t nr, u64 *counts);

/* records is whole, sorted, inside the VMAs, in the longest possible runs. */
void judge_stream(const struct subject *subject, struct tap_diffs *diffs);
/* records against pagemap, every page of every VMA. */
void judge_pagemap(const struct subject *subject, struct tap_diffs *diffs);
/* records against kpageflags, every present page. */
void judge_kpageflags(const struct subject *subject, struct tap_diffs *diffs);
/* pages against records, every run. */
void judge_pages(const struct subject *subject, struct tap_diffs *diffs);

/* vmas against maps. */
void judge_maps(const struct subject *subject, struct tap_diffs *diffs);
/* vmas against smaps. */
void judge_smaps(const struct subject *subject, struct tap_diffs *diffs);
/* vmas against what the records and kpagecount add up to. */
void judge_vmas(const struct subject *subject, struct tap_diffs *diffs);
/* vmas against numa_maps. */
void judge_numa(const struct subject *subject, struct tap_diffs *diffs);

/* tables against VmPTE and against the records. */
void judge_tables(const struct subject *subject, struct tap_diffs *diffs);
/* summary against the sum of vmas. */
void judge_summary(const struct subject *subject, struct tap_diffs *diffs);
/* A row of processes against summary and status. */
void judge_process(const struct subject *subject, const struct views_table *processes,
		   struct tap_diffs *diffs);

#endif /* MMS_VIEWS_JUDGE_H */
