// SPDX-License-Identifier: GPL-2.0
/*
 * Sums: summary against vmas, a row of processes against summary and status.
 */
#include <ctype.h>

#include "views_judge.h"

static void compare(const struct subject *s, const char *what, u64 got, u64 expected,
		    struct tap_diffs *diffs)
{
	diffs->nr_compared++;
	if (got != expected)
		tap_differs(diffs, "%d: %s expected %llu, got %llu", s->pid, what, expected, got);
}

static bool is_total(const char *column)
{
	static const char *const others[] = {
		"start", "end", "perm", "offset", "dev", "inode", "kind", "contig", "nodes",
		"state", "name",
	};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(column, others[i]))
			return false;
	return true;
}

/* A column of vmas over all rows: the sum, or for the longest run the greatest. */
static u64 total(const struct subject *s, const char *column)
{
	u64 sum = 0, max = 0, value;
	size_t row;

	for (row = 0; row < s->vmas.nr; row++) {
		value = views_u64(&s->vmas, row, column);
		sum += value;
		max = value > max ? value : max;
	}
	return strcmp(column, "run_max") ? sum : max;
}

/* The number after "KEY:" in a list such as "1:12,8:4". */
static u64 in_list(const char *list, u64 key)
{
	while (list && isdigit((unsigned char)*list)) {
		char *colon;

		if (strtoull(list, &colon, 10) == key)
			return strtoull(colon + 1, NULL, 10);
		list = strchr(colon, ',');
		list = list ? list + 1 : NULL;
	}
	return 0;
}

static void judge_list(const struct subject *s, const char *column, u64 key,
		       struct tap_diffs *diffs)
{
	const char *list = views_value(s->summary, column);
	u64 expected = 0;
	size_t row;

	for (row = 0; row < s->vmas.nr; row++)
		expected += in_list(views_field(&s->vmas, row, column), key);
	compare(s, column, in_list(list, key), expected, diffs);
}

static void judge_kind(const struct subject *s, unsigned int kind, struct tap_diffs *diffs)
{
	unsigned long long nr = 0, size = 0, rss = 0, vmas = 0, vma_size = 0, vma_rss = 0;
	char key[32];
	const char *value;
	size_t row;

	for (row = 0; row < s->vmas.nr; row++) {
		if (strcmp(views_field(&s->vmas, row, "kind"), mms_kind_name(kind)))
			continue;
		vmas++;
		vma_size += views_u64(&s->vmas, row, "size");
		vma_rss += views_u64(&s->vmas, row, "rss");
	}
	snprintf(key, sizeof(key), "kind.%s", mms_kind_name(kind));
	value = views_value(s->summary, key);
	if (value)
		sscanf(value, "vmas=%llu size=%llu rss=%llu", &nr, &size, &rss);
	compare(s, key, nr, vmas, diffs);
	compare(s, key, size, vma_size, diffs);
	compare(s, key, rss, vma_rss, diffs);
}

void judge_summary(const struct subject *s, struct tap_diffs *diffs)
{
	unsigned int i;

	for (i = 0; i < s->vmas.nr_columns; i++)
		if (is_total(s->vmas.name[i]))
			compare(s, s->vmas.name[i], views_number(s->summary, s->vmas.name[i]),
				total(s, s->vmas.name[i]), diffs);
	compare(s, "vmas", views_number(s->summary, "vmas"), s->vmas.nr, diffs);
	for (i = 0; i < 36; i++)
		judge_list(s, "contig", 1ULL << i, diffs);
	for (i = 0; i < 4; i++)
		judge_list(s, "nodes", i, diffs);
	for (i = 0; i < MMS_NR_KINDS; i++)
		judge_kind(s, i, diffs);
}

/* The command's name in status is escaped as in processes. */
static void judge_comm(const struct subject *s, const struct views_table *processes, size_t row,
		       struct tap_diffs *diffs)
{
	char path[64], *text, *end;

	snprintf(path, sizeof(path), "/proc/%d/status", s->pid);
	text = proc_read_file(path, NULL);
	end = text ? strchr(text, '\n') : NULL;
	if (end)
		*end = '\0';
	diffs->nr_compared++;
	if (!end || strcmp(text + strlen("Name:\t"), views_field(processes, row, "comm")))
		tap_differs(diffs, "%d: comm expected %s, got %s", s->pid, text,
			    views_field(processes, row, "comm"));
	free(text);
}

void judge_process(const struct subject *s, const struct views_table *processes,
		   struct tap_diffs *diffs)
{
	size_t row, i;

	for (row = 0; row < processes->nr; row++)
		if (views_u64(processes, row, "pid") == (u64)s->pid)
			break;
	diffs->nr_compared++;
	if (row == processes->nr) {
		tap_differs(diffs, "%d: no row in processes", s->pid);
		return;
	}
	for (i = 0; i < processes->nr_columns; i++)
		if (views_value(s->summary, processes->name[i]))
			compare(s, processes->name[i],
				views_u64(processes, row, processes->name[i]),
				views_number(s->summary, processes->name[i]), diffs);
	compare(s, "threads", views_u64(processes, row, "threads"), proc_status(s->pid, "Threads"),
		diffs);
	judge_comm(s, processes, row, diffs);
}
