/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the commands that count show in the same way: who was counted, tables of counters, histograms,
 * processes, and what was lost.
 */
#ifndef MMS_SHOW_H
#define MMS_SHOW_H

#include "counting.h"

/**
 * mms_show() - all that a command shows
 * @out: the output
 * @counting: the run
 * @counts: what was counted
 *
 * Who was counted and for how long, what the command has to show of it, the stacks, and what could not
 * be counted. Folded, the stacks alone.
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_show(struct mms_out *out, const struct mms_counting *counting,
	     const struct mms_counts *counts);

/**
 * struct mms_counter - a row of a table of counters
 * @name: of the counter
 * @count: its value
 * @always: in text also if it is 0; a table without such rows is left out if all are
 */
struct mms_counter {
	const char *name;
	struct mms_value count;
	bool always;
};

/**
 * mms_show_counters() - a table of counters that exclude each other, with rate, share and sum
 * @out: the output
 * @counting: the run
 * @ns: for the rates
 * @key: of the list in JSON; the sum is KEY_total
 * @head: above the names
 * @rows: the counters
 * @nr: how many
 */
void mms_show_counters(struct mms_out *out, const struct mms_counting *counting, uint64_t ns,
		       const char *key, const char *head, const struct mms_counter *rows,
		       unsigned int nr);

/**
 * mms_show_histogram() - a histogram of times in powers of two
 * @out: the output
 * @counting: the run
 * @key: of the object in JSON
 * @what: of what, in text; begins a sentence
 * @bucket: MMS_HISTOGRAM counts; NULL: not available
 * @total_ns: the sum of the times
 */
void mms_show_histogram(struct mms_out *out, const struct mms_counting *counting, const char *key,
			const char *what, const uint64_t *bucket, uint64_t total_ns);

/* Longest time in words, with the NUL: "512 ns", "1.0 us", "33 ms". */
#define MMS_TIME_MAX 24
char *mms_format_time(char *buf, uint64_t ns);

/**
 * struct mms_process_table - a table of processes
 * @columns: PID, parent and execs first, the command name last
 * @nr: how many
 * @question: whose records
 * @fill: fills in the values from the fourth on, from a record; the fourth is what is sorted by
 */
struct mms_process_table {
	const struct mms_column *columns;
	unsigned int nr;
	enum mms_question question;
	void (*fill)(const struct mms_trace_record *record, uint64_t missing,
		     struct mms_value *values);
};

/* The columns each such table begins and ends with. */
#define MMS_PROCESS_PID	   { "pid", "PID", MMS_COUNT, 7, 0, 0, "process ID" }
#define MMS_PROCESS_PARENT { "parent", "PARENT", MMS_COUNT, 7, 3, 0, "forked by, while it was counted" }
#define MMS_PROCESS_EXECS  { "execs", "EXECS", MMS_COUNT, 5, 2, 0, "programs executed meanwhile" }
#define MMS_PROCESS_COMM   { "comm", "COMMAND", MMS_TEXT, 12, 0, true, "command name" }

/* In text, only if there are several. Return: 0, or -1 with mms_failure() set. */
int mms_show_processes(struct mms_out *out, const struct mms_counting *counting,
		       const struct mms_counts *counts, const struct mms_process_table *table);

/* Tenths of a percent that @part is of @whole; absent if there is nothing. */
struct mms_value mms_share(uint64_t part, uint64_t whole);

/* Tenths of an event a second. */
struct mms_value mms_rate(uint64_t count, uint64_t ns);

/* The sum of counters, absent if one of them is. */
struct mms_value mms_counts_sum(const struct mms_counts *counts, enum mms_question question,
				unsigned int first, unsigned int nr);

/* The same of one record. */
struct mms_value mms_record_sum(const struct mms_trace_record *record, uint64_t missing,
				unsigned int first, unsigned int nr);

#endif /* MMS_SHOW_H */
