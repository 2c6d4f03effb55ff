// SPDX-License-Identifier: GPL-2.0
/*
 * Readings of a run of counting, and the lines of -i.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "error.h"
#include "readings.h"

/* Children may be born between asking how many records there are and reading them. */
#define ROOM 64

static int read_question(struct tracer *tracer, enum mms_question question,
			 struct mms_counts *counts)
{
	size_t room = tracer_read(tracer, question, NULL, 0), nr, i;
	struct mms_trace_record *records = NULL;
	unsigned int counter;

	do {
		room += ROOM;
		free(records);
		records = calloc(room, sizeof(*records));
		if (!records)
			return mms_fail("out of memory");
		nr = tracer_read(tracer, question, records, room);
	} while (nr > room && (room = nr));
	counts->records[question] = records;
	counts->nr[question] = nr;
	counts->missing[question] = records[0].header.missing;
	counts->losses[question] = tracer_losses(tracer, question);
	for (i = 1; i < nr; i++)
		for (counter = 0; counter < MMS_MAX_COUNTERS; counter++)
			counts->total[question][counter] += records[i].count[counter];
	return 0;
}

int mms_counts_read(const struct mms_counting *counting, uint64_t ns, struct mms_counts *counts)
{
	unsigned int i;

	*counts = (struct mms_counts){ .ns = ns };
	for (i = 0; i < MMS_NR_QUESTIONS; i++) {
		counts->missing[i] = UINT64_MAX;
		if (counting->tracer && counting->what->question[i] &&
		    read_question(counting->tracer, i, counts))
			return -1;
	}
	return counting->has_flushes ? mms_flushes_read(&counting->flushes, &counts->flushes) : 0;
}

void mms_counts_free(struct mms_counts *counts)
{
	unsigned int i;

	for (i = 0; i < MMS_NR_QUESTIONS; i++)
		free(counts->records[i]);
	mms_flush_counts_free(&counts->flushes);
	*counts = (struct mms_counts){ 0 };
}

struct mms_value mms_counts_value(const struct mms_counts *counts, enum mms_question question,
				  unsigned int counter)
{
	struct mms_value value = { .absent = counts->missing[question] >> counter & 1 };

	if (!value.absent)
		value.number = counts->total[question][counter];
	return value;
}

void mms_lines_begin(struct mms_lines *lines, const struct mms_counting *counting)
{
	if (counting->selectors->interval_ns)
		mms_out_table(lines->out, "intervals", counting->what->line, counting->what->nr_line);
}

static void add_line(struct mms_lines *lines, const struct mms_counting *counting,
		     const struct mms_counts *counts)
{
	struct mms_value now[MMS_MAX_LINE] = { 0 }, line[MMS_MAX_LINE];
	unsigned int i;

	counting->what->sample(counts, now);
	memcpy(line, now, sizeof(line));
	for (i = 1; i < counting->what->nr_line; i++)
		line[i].number = now[i].number - lines->before[i].number;
	line[0].number = counts->ns / 1000000;
	memcpy(lines->before, now, sizeof(now));
	mms_out_row(lines->out, line);
	/* Whoever waits for a line a second wants it now. */
	fflush(stdout);
}

int mms_lines_add(struct mms_lines *lines, const struct mms_counting *counting, uint64_t ns)
{
	struct mms_counts counts;
	int err = mms_counts_read(counting, ns, &counts);

	if (!err)
		add_line(lines, counting, &counts);
	mms_counts_free(&counts);
	return err;
}

void mms_lines_end(struct mms_lines *lines, const struct mms_counting *counting,
		   const struct mms_counts *counts)
{
	if (!counting->selectors->interval_ns)
		return;
	if (counts)
		add_line(lines, counting, counts);
	mms_out_table_end(lines->out);
	mms_out_say(lines->out, "\n");
}
