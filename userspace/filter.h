/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which runs to show: a list of conditions on class, level and flags.
 */
#ifndef MMS_FILTER_H
#define MMS_FILTER_H

#include <stdbool.h>

#include "uapi/mmscope.h"

#define MMS_MAX_TERMS 16

struct mms_filter {
	struct {
		char name[24];
		bool negated;
		bool is_class;
	} term[MMS_MAX_TERMS];
	unsigned int nr;
};

/**
 * mms_filter_parse() - read a filter
 * @filter: filled in
 * @text: terms between commas, all of which must hold; '!' before one negates it. A term is a class
 *	(anon, file, swap ...), a level (PTE, PMD, PUD), or a flag (RW, A, D, NX, soft-dirty ...).
 *	Classes without '!' are alternatives.
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_filter_parse(struct mms_filter *filter, const char *text);

/* @flags: the names of the run's flags, as mms_flag_names() writes them. */
bool mms_filter_match(const struct mms_filter *filter, const struct mms_record *record,
		      const char *flags);

/**
 * mms_range_parse() - read a range of addresses
 * @text: "A-B", hexadecimal, half-open, with or without 0x
 * @start: receives A
 * @end: receives B
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_range_parse(const char *text, __u64 *start, __u64 *end);

/**
 * mms_run_clip() - cut a run to a range
 * @record: the run; changed to its part inside
 * @start: start of the range
 * @end: end of the range; entries that overlap it are kept whole
 * @nr_levels: paging levels
 *
 * Return: whether anything is left.
 */
bool mms_run_clip(struct mms_record *record, __u64 start, __u64 end, unsigned int nr_levels);

#endif /* MMS_FILTER_H */
