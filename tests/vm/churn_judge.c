// SPDX-License-Identifier: GPL-2.0
/*
 * Judging the views of processes that never rest: see churn_judge.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "churn_judge.h"
#include "views.h"

struct tap_diffs churn_whole = { .what = "every answer is whole: it ends with its cost" };
struct tap_diffs churn_same = { .what = "what never changes is always the same" };
struct tap_diffs churn_sane = { .what = "rows and runs are in order and add up, none is bad" };
u64 churn_retries, churn_changed, churn_truncated;

void churn_free_steady(struct churn_steady *steady)
{
	free(steady->vmas);
	free(steady->pages);
	free(steady->records);
	free(steady->translate);
}

static bool is_steady(u64 addr)
{
	return addr >= CHURN_STEADY && addr < CHURN_STEADY + CHURN_STEADY_PAGES * PAGE;
}

/* The lines of a text that begin with an address of the steady part. */
static char *steady_lines(const char *text)
{
	char *lines = calloc(1, strlen(text) + 1);
	const char *line, *end;

	for (line = text; (end = strchr(line, '\n')); line = end + 1)
		if (is_steady(strtoull(line, NULL, 16)))
			strncat(lines, line, end - line + 1);
	return lines;
}

/* Frame lines of a translation. */
static char *frame_lines(const char *text)
{
	char *lines = calloc(1, strlen(text) + 1);
	const char *line, *end;

	for (line = text; (end = strchr(line, '\n')); line = end + 1)
		if (!strncmp(line, "frame ", 6) || !strncmp(line, "class ", 6))
			strncat(lines, line, end - line + 1);
	return lines;
}

static char *steady_records(const struct views_records *records)
{
	char *lines = NULL;
	size_t len, i;
	FILE *out = open_memstream(&lines, &len);

	for (i = 0; i < records->nr; i++) {
		const struct mms_record *rec = &records->rec[i];

		if (is_steady(rec->addr))
			fprintf(out, "%llx %llx %u %u %u %u\n", rec->addr, rec->entry, rec->nr,
				rec->level, rec->class, rec->flags);
	}
	fclose(out);
	return lines;
}

/* The first answer is kept, all others must be like it. Takes @got over. */
static void compare(const struct churn *churn, char **kept, char *got, const char *view)
{
	churn_same.nr_compared++;
	if (!*kept) {
		*kept = got;
		if (!*got)
			tap_differs(&churn_same, "%s: %s: nothing of the steady part", churn->name, view);
		return;
	}
	if (strcmp(*kept, got))
		tap_differs(&churn_same, "%s: %s: was\n# %s\n# is now\n# %s", churn->name, view, *kept, got);
	free(got);
}

/* A text ends with its cost, and was cut off only if its process could have gone. */
bool churn_check_text(const struct churn *churn, const char *view, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	const char *cost = text ? strstr(text, "\n# cost ") : NULL;
	bool is_cut = text && strstr(text, "\n# truncated: ");

	churn_whole.nr_compared++;
	if (!text && churn->steady)
		tap_differs(&churn_whole, "%s: %s: %s", churn->name, view, strerror(errno));
	if (!text)
		return false;
	churn_truncated += is_cut;
	if (!cost || text[len - 1] != '\n' || strchr(cost + 1, '\n')[1])
		tap_differs(&churn_whole, "%s: %s ends with \"%s\"", churn->name, view,
			    len > 60 ? text + len - 60 : text);
	if (is_cut && churn->steady)
		tap_differs(&churn_whole, "%s: %s is truncated", churn->name, view);
	return cost && !is_cut;
}

static void check_row(const struct churn *churn, const struct views_table *t, size_t row, u64 before)
{
	u64 size = views_u64(t, row, "size"), rss = views_u64(t, row, "rss");
	u64 start = views_hex(t, row, "start"), end = views_hex(t, row, "end");

	churn_sane.nr_compared++;
	if (start < before || end < start)
		tap_differs(&churn_sane, "%s: VMA %llx-%llx after %llx", churn->name, start, end, before);
	if (rss > size || views_u64(t, row, "private") + views_u64(t, row, "shared") != rss ||
	    views_u64(t, row, "untouched") > size || views_u64(t, row, "run_max") > size ||
	    views_u64(t, row, "anon") + views_u64(t, row, "file") + views_u64(t, row, "shmem") != rss ||
	    views_u64(t, row, "hugetlb_shared") > views_u64(t, row, "hugetlb"))
		tap_differs(&churn_sane, "%s: VMA %llx: the row does not add up", churn->name, start);
	if (views_u64(t, row, "bad"))
		tap_differs(&churn_sane, "%s: VMA %llx: bad entries", churn->name, start);
	/* Also of a VMA that changed: the row is about the part that was walked. */
	if (size != (end - start) / 1024)
		tap_differs(&churn_sane, "%s: VMA %llx: size %llu kB", churn->name, start, size);
}

static void check_vmas(const struct churn *churn, char *text)
{
	struct views_table table;
	u64 before = 0;
	size_t row;

	if (!views_parse(text, &table))
		tap_differs(&churn_sane, "%s: vmas is no table", churn->name);
	for (row = 0; row < table.nr; row++) {
		check_row(churn, &table, row, before);
		before = views_hex(&table, row, "end");
	}
	churn_retries += views_cost(&table, "retries");
	churn_changed += views_cost(&table, "changed");
	views_table_free(&table);
}

static void check_records(const struct churn *churn, struct churn_steady *steady)
{
	struct views_records records;
	u64 end = 0;
	size_t i;

	churn_whole.nr_compared++;
	if (views_records(churn->pid, &records)) {
		if (churn->steady)
			tap_differs(&churn_whole, "%s: records: %s", churn->name, strerror(errno));
		return;
	}
	if (!records.complete || (records.end.entry && (churn->steady || records.end.entry != ESRCH)))
		tap_differs(&churn_whole, "%s: records is not whole, end %llu", churn->name,
			    records.end.entry);
	for (i = 0; i < records.nr; i++) {
		const struct mms_record *rec = &records.rec[i];

		churn_sane.nr_compared++;
		if (rec->addr < end || !rec->nr || rec->class == MMS_CLASS_BAD ||
		    rec->class == MMS_CLASS_NONE || rec->level < MMS_PTE || rec->level > MMS_PUD)
			tap_differs(&churn_sane, "%s: run %llx after %llx: nr %u level %u class %u entry %llx",
				    churn->name, rec->addr, end, rec->nr, rec->level, rec->class,
				    rec->entry);
		end = rec->addr + rec->nr * views_entry_bytes(&records, rec);
	}
	if (churn->steady)
		compare(churn, &steady->records, steady_records(&records), "records");
	views_records_free(&records);
}

void churn_read(const struct churn *churn, struct churn_steady *steady)
{
	char *text = views_read(churn->pid, "vmas", NULL);

	if (churn_check_text(churn, "vmas", text)) {
		if (churn->steady)
			compare(churn, &steady->vmas, steady_lines(text), "vmas");
		check_vmas(churn, text);
	} else {
		free(text);
	}
	text = views_read(churn->pid, "pages", NULL);
	if (churn_check_text(churn, "pages", text) && churn->steady)
		compare(churn, &steady->pages, steady_lines(text), "pages");
	free(text);
	text = views_translate(churn->pid, "200000001000 200000002000 200000004000");
	if (churn_check_text(churn, "translate", text) && churn->steady)
		compare(churn, &steady->translate, frame_lines(text), "translate");
	free(text);
	text = views_read(churn->pid, "tables", NULL);
	churn_check_text(churn, "tables", text);
	free(text);
	text = views_read(churn->pid, "summary", NULL);
	churn_check_text(churn, "summary", text);
	free(text);
	check_records(churn, steady);
}
