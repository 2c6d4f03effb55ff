// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of counters, histograms, and tables of processes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "macros.h"
#include "show.h"

struct mms_value mms_share(uint64_t part, uint64_t whole)
{
	struct mms_value value = { 0 };

	if (!whole)
		value.absent = true;
	else
		value.number = ((__uint128_t)part * 2000 + whole) / whole / 2;
	return value;
}

struct mms_value mms_record_sum(const struct mms_trace_record *record, uint64_t missing,
				unsigned int first, unsigned int nr)
{
	struct mms_value sum = { 0 };
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		sum.absent |= missing >> i & 1;
		sum.number += record->count[i];
	}
	if (sum.absent)
		sum.number = 0;
	return sum;
}

struct mms_value mms_counts_sum(const struct mms_counts *counts, enum mms_question question,
				unsigned int first, unsigned int nr)
{
	struct mms_value sum = { 0 };
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		struct mms_value value = mms_counts_value(counts, question, i);

		sum.absent |= value.absent;
		sum.number += value.number;
	}
	if (sum.absent)
		sum.number = 0;
	return sum;
}

struct mms_value mms_rate(uint64_t count, uint64_t ns)
{
	struct mms_value value = { .absent = !ns };

	if (ns)
		value.number = ((__uint128_t)count * 20000000000ULL + ns) / ns / 2;
	return value;
}

enum { COUNTER, COUNT, RATE, SHARE, NR_COLUMNS };

static void counter_row(struct mms_value *values, const char *name, const struct mms_value *count,
			uint64_t ns, uint64_t total)
{
	values[COUNTER] = (struct mms_value){ .text = name };
	values[COUNT] = *count;
	values[RATE] = mms_rate(count->number, ns);
	values[SHARE] = mms_share(count->number, total);
	values[RATE].absent |= count->absent;
	values[SHARE].absent |= count->absent;
}

void mms_show_counters(struct mms_out *out, const struct mms_counting *counting, uint64_t ns,
		       const char *key, const char *head, const struct mms_counter *rows,
		       unsigned int nr)
{
	const struct mms_column columns[NR_COLUMNS] = {
		{ "counter", head, MMS_TEXT, 24, 0, 0, "what is counted" },
		{ "count", "COUNT", MMS_COUNT, 14, 0, 0, "how often" },
		{ "rate", "PER SECOND", MMS_TENTHS, 14, 0, 0, "how often in a second" },
		{ "share", "SHARE%", MMS_PERCENT, 8, 0, 0, "of those in this table" },
	};
	struct mms_value values[NR_COLUMNS], total = { 0 };
	bool something = counting->style->json;
	char total_key[64];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		total.absent |= rows[i].count.absent;
		total.number += rows[i].count.number;
		something |= rows[i].always || rows[i].count.absent || rows[i].count.number;
	}
	if (!something)
		return;
	mms_out_table(out, key, columns, NR_COLUMNS);
	for (i = 0; i < nr; i++) {
		if (!counting->style->json && !rows[i].always && !rows[i].count.absent &&
		    !rows[i].count.number)
			continue;
		counter_row(values, rows[i].name, &rows[i].count, ns, total.number);
		mms_out_row(out, values);
	}
	counter_row(values, "all", &total, ns, total.number);
	snprintf(total_key, sizeof(total_key), "%s_total", key);
	mms_out_total(out, total_key, values);
	mms_out_table_end(out);
	mms_out_say(out, "\n");
}

char *mms_format_time(char *buf, uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	uint64_t unit = 1;
	unsigned int i = 0;

	while (i < ARRAY_SIZE(units) - 1 && ns / unit >= 1000) {
		unit *= 1000;
		i++;
	}
	if (i && (ns * 10 + unit / 2) / unit < 100)
		snprintf(buf, MMS_TIME_MAX, "%lu.%lu %s", (ns * 10 + unit / 2) / unit / 10,
			 (ns * 10 + unit / 2) / unit % 10, units[i]);
	else
		snprintf(buf, MMS_TIME_MAX, "%lu %s", (ns + unit / 2) / unit, units[i]);
	return buf;
}

static void json_histogram(struct mms_out *out, const char *key, const uint64_t *bucket,
			   uint64_t total_ns)
{
	unsigned int i;

	mms_out_object(out, key);
	mms_out_number(out, "total_ns", total_ns);
	mms_out_list(out, "buckets");
	for (i = 0; i < MMS_HISTOGRAM; i++) {
		if (!bucket[i])
			continue;
		mms_out_object(out, NULL);
		mms_out_number(out, "from_ns", i ? 1ULL << i : 0);
		if (i < MMS_HISTOGRAM - 1)
			mms_out_number(out, "to_ns", 2ULL << i);
		else
			mms_out_null(out, "to_ns");
		mms_out_number(out, "count", bucket[i]);
		mms_out_object_end(out);
	}
	mms_out_list_end(out);
	mms_out_object_end(out);
}

enum { FROM, TO, H_COUNT, H_SHARE, H_BELOW, BAR, NR_HISTOGRAM_COLUMNS };

static const struct mms_column histogram_columns[NR_HISTOGRAM_COLUMNS] = {
	{ "from", "FROM", MMS_TEXT, 7, 0, 0, "" },	{ "to", "BELOW", MMS_TEXT, 7, 0, 0, "" },
	{ "count", "COUNT", MMS_COUNT, 11, 0, 0, "" },	{ "share", "SHARE%", MMS_PERCENT, 6, 0, 0, "" },
	{ "below", "SUM%", MMS_PERCENT, 6, 0, 0, "" },	{ "bar", "", MMS_TEXT, 8, 0, true, "" },
};

#define BAR_MAX 60

/* From the first to the last bucket that has something. */
static void text_histogram(struct mms_out *out, const struct mms_style *style,
			   const uint64_t *bucket, uint64_t nr)
{
	unsigned int i, first = 0, last = MMS_HISTOGRAM - 1, width = style->width - 43;
	struct mms_value values[NR_HISTOGRAM_COLUMNS] = { 0 };
	char from[MMS_TIME_MAX], to[MMS_TIME_MAX], bar[BAR_MAX + 1];
	uint64_t most = 0, below = 0;

	if (style->width < 44 + 8 || width > BAR_MAX)
		width = style->width < 44 + 8 ? 8 : BAR_MAX;
	while (!bucket[first])
		first++;
	while (!bucket[last])
		last--;
	for (i = first; i <= last; i++)
		most = bucket[i] > most ? bucket[i] : most;
	mms_out_table(out, "histogram", histogram_columns, NR_HISTOGRAM_COLUMNS);
	for (i = first; i <= last; i++) {
		/* What is there at all is seen. */
		size_t len = (bucket[i] * width + most - 1) / most;

		below += bucket[i];
		memset(bar, '#', len);
		bar[len] = '\0';
		values[FROM].text = mms_format_time(from, i ? 1ULL << i : 0);
		values[TO].text = i < MMS_HISTOGRAM - 1 ? mms_format_time(to, 2ULL << i) : "";
		values[H_COUNT].number = bucket[i];
		values[H_SHARE] = mms_share(bucket[i], nr);
		values[H_BELOW] = mms_share(below, nr);
		values[BAR].text = bar;
		mms_out_row(out, values);
	}
	mms_out_table_end(out);
	mms_out_say(out, "\n");
}

void mms_show_histogram(struct mms_out *out, const struct mms_counting *counting, const char *key,
			const char *what, const uint64_t *bucket, uint64_t total_ns)
{
	char sum[MMS_TIME_MAX], mean[MMS_TIME_MAX];
	uint64_t nr = 0;
	unsigned int i;

	if (!bucket) {
		mms_out_null(out, key);
		mms_out_say(out, "%s: -\n\n", what);
		return;
	}
	for (i = 0; i < MMS_HISTOGRAM; i++)
		nr += bucket[i];
	if (counting->style->json) {
		json_histogram(out, key, bucket, total_ns);
		return;
	}
	if (!nr)
		return;
	mms_out_say(out, "%s: %s in all, %s on average\n", what, mms_format_time(sum, total_ns),
		    mms_format_time(mean, (total_ns + nr / 2) / nr));
	text_histogram(out, counting->style, bucket, nr);
}

enum { P_PID, P_PARENT, P_EXECS, P_SORT };

struct process_row {
	struct mms_value *values;
};

static int compare_processes(const void *a, const void *b)
{
	const struct mms_value *x = ((const struct process_row *)a)->values;
	const struct mms_value *y = ((const struct process_row *)b)->values;

	if (x[P_SORT].number != y[P_SORT].number)
		return x[P_SORT].number > y[P_SORT].number ? -1 : 1;
	return x[P_PID].number < y[P_PID].number ? -1 : 1;
}

static void fill_process(const struct mms_process_table *table,
			 const struct mms_trace_record *record, uint64_t missing,
			 struct mms_value *values)
{
	values[P_PID].number = record->owner.tgid;
	values[P_PARENT].number = record->owner.parent;
	values[P_PARENT].absent = !record->owner.parent;
	values[P_EXECS].number = record->owner.execs;
	table->fill(record, missing, values);
	values[table->nr - 1].text = record->owner.comm;
}

int mms_show_processes(struct mms_out *out, const struct mms_counting *counting,
		       const struct mms_counts *counts, const struct mms_process_table *table)
{
	size_t nr = counts->nr[table->question], i, shown;
	const struct mms_trace_record *records = counts->records[table->question];
	struct mms_value *storage;
	struct process_row *rows;

	nr = nr > MMS_SLOT_FIRST ? nr - MMS_SLOT_FIRST : 0;
	if (!counting->style->json && nr < 2)
		return 0;
	rows = calloc(nr + 1, sizeof(*rows));
	storage = calloc(nr + 1, table->nr * sizeof(*storage));
	if (!rows || !storage) {
		free(rows);
		free(storage);
		return mms_fail("out of memory");
	}
	for (i = 0; i < nr; i++) {
		rows[i].values = storage + i * table->nr;
		fill_process(table, &records[MMS_SLOT_FIRST + i], counts->missing[table->question],
			     rows[i].values);
	}
	qsort(rows, nr, sizeof(*rows), compare_processes);
	shown = counting->style->json || nr < counting->selectors->top ? nr : counting->selectors->top;
	mms_out_table(out, "processes", table->columns, table->nr);
	for (i = 0; i < shown; i++)
		mms_out_row(out, rows[i].values);
	mms_out_table_end(out);
	if (shown < nr)
		mms_out_say(out, "(and %zu processes with less; --top 0 shows all)\n", nr - shown);
	mms_out_say(out, "\n");
	free(storage);
	free(rows);
	return 0;
}
