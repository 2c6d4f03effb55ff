// SPDX-License-Identifier: GPL-2.0
/*
 * Which runs to show.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "filter.h"
#include "leaf.h"
#include "macros.h"

static const char *const flag_names[] = {
	"P",   "RW",  "US",	    "PWT",	"PCD",	   "A",	     "D",	    "PS",
	"PAT", "G",   "PROTNONE",   "special",	"uffd-wp", "soft-dirty", "devmap",  "saved-dirty",
	"NX",  "exclusive",
};

static bool is_class(const char *name)
{
	unsigned int i;

	for (i = MMS_CLASS_NONE + 1; i < MMS_NR_CLASSES; i++)
		if (!strcmp(mms_class_name(i), name))
			return true;
	return false;
}

static bool is_known(const char *name)
{
	unsigned int i;

	for (i = MMS_PTE; i <= MMS_PUD; i++)
		if (!strcmp(mms_level_name(i), name))
			return true;
	for (i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (!strcmp(flag_names[i], name))
			return true;
	return is_class(name);
}

int mms_filter_parse(struct mms_filter *filter, const char *text)
{
	*filter = (struct mms_filter){ 0 };
	for (;;) {
		size_t len = strcspn(text, ",");
		const char *name = text + (*text == '!');
		size_t name_len = len - (*text == '!');

		if (filter->nr == MMS_MAX_TERMS)
			return mms_fail("more than %d terms in a filter", MMS_MAX_TERMS);
		if (name_len >= sizeof(filter->term[0].name))
			return mms_fail("no class, level or flag '%.*s'", (int)name_len, name);
		memcpy(filter->term[filter->nr].name, name, name_len);
		filter->term[filter->nr].negated = *text == '!';
		if (!is_known(filter->term[filter->nr].name))
			return mms_fail("no class, level or flag '%.*s'", (int)name_len, name);
		filter->term[filter->nr].is_class = is_class(filter->term[filter->nr].name);
		filter->nr++;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

static bool has_flag(const char *flags, const char *name)
{
	size_t len = strlen(name);

	while (flags) {
		if (!strncmp(flags, name, len) && (!flags[len] || flags[len] == ','))
			return true;
		flags = strchr(flags, ',');
		if (flags)
			flags++;
	}
	return false;
}

bool mms_filter_match(const struct mms_filter *filter, const struct mms_record *record,
		      const char *flags)
{
	bool class_wanted = false, class_found = false;
	unsigned int i;

	for (i = 0; i < filter->nr; i++) {
		const char *name = filter->term[i].name;
		bool holds;

		if (filter->term[i].is_class)
			holds = !strcmp(name, mms_class_name(record->class));
		else
			holds = !strcmp(name, mms_level_name(record->level)) || has_flag(flags, name);
		if (filter->term[i].is_class && !filter->term[i].negated) {
			class_wanted = true;
			class_found |= holds;
		} else if (holds == filter->term[i].negated) {
			return false;
		}
	}
	return class_found || !class_wanted;
}

int mms_range_parse(const char *text, __u64 *start, __u64 *end)
{
	char *stop;

	errno = 0;
	*start = strtoull(text, &stop, 16);
	if (*text == '-' || *text == '+' || *text == ' ' || stop == text || *stop != '-')
		return mms_fail("not a range of addresses: '%s' (START-END, hexadecimal)", text);
	text = stop + 1;
	*end = strtoull(text, &stop, 16);
	if (*text == '-' || *text == '+' || *text == ' ' || stop == text || *stop || errno ||
	    *end <= *start)
		return mms_fail("not a range of addresses: ends at '%s'", text);
	return 0;
}

bool mms_run_clip(struct mms_record *record, __u64 start, __u64 end, unsigned int nr_levels)
{
	unsigned int shift = mms_level_shift(record->level, nr_levels);
	__u64 run_end = record->addr + ((__u64)record->nr << shift), skip, last;

	if (record->addr >= end || run_end <= start)
		return false;
	skip = start > record->addr ? (start - record->addr) >> shift : 0;
	last = end < run_end ? (end - 1 - record->addr) >> shift : record->nr - 1ULL;
	record->entry += mms_run_step(record, nr_levels) * skip;
	record->addr += skip << shift;
	record->nr = last - skip + 1;
	return true;
}
