// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope faults: page faults by origin, by effort, by purpose, and how long they took.
 */
#include "command.h"
#include "counting.h"
#include "detail.h"
#include "event_names.h"
#include "macros.h"
#include "show.h"

#define NR_PURPOSES (MMS_FAULT_OTHER - MMS_FAULT_FIRST_TOUCH + 1)

static const struct mms_column line[] = {
	{ "seconds", "SECONDS", MMS_SECONDS, 9, 0, 0, "since counting began" },
	{ "minor", "MINOR", MMS_COUNT, 9, 0, 0, "without reading from a device" },
	{ "major", "MAJOR", MMS_COUNT, 9, 0, 0, "with" },
	{ "failed", "FAILED", MMS_COUNT, 7, 3, 0, "no page could be had" },
	{ "first_touch", "TOUCH", MMS_COUNT, 9, 0, 0, "anonymous memory given" },
	{ "file_map", "FILE", MMS_COUNT, 9, 1, 0, "page of a file mapped" },
	{ "cow", "COW", MMS_COUNT, 9, 0, 0, "present and shared: copied" },
	{ "swap_in", "SWAP-IN", MMS_COUNT, 8, 0, 0, "read back from swap" },
	{ "invalid", "INVALID", MMS_COUNT, 7, 2, 0, "accesses answered with a signal" },
};

static struct mms_value value(const struct mms_counts *counts, unsigned int counter)
{
	return mms_counts_value(counts, MMS_QUESTION_FAULTS, counter);
}

static struct mms_value sum(const struct mms_counts *counts, unsigned int first, unsigned int nr)
{
	return mms_counts_sum(counts, MMS_QUESTION_FAULTS, first, nr);
}

static void sample(const struct mms_counts *counts, struct mms_value *values)
{
	values[1] = value(counts, MMS_FAULT_MINOR);
	values[2] = value(counts, MMS_FAULT_MAJOR);
	values[3] = value(counts, MMS_FAULT_FAILED);
	values[4] = sum(counts, MMS_FAULT_FIRST_TOUCH, 2);
	values[5] = value(counts, MMS_FAULT_FILE_MAP);
	values[6] = sum(counts, MMS_FAULT_COW, 2);
	values[7] = value(counts, MMS_FAULT_SWAP_IN);
	values[8] = sum(counts, MMS_FAULT_INVALID_UNMAPPED, 3);
}

static const struct mms_column process_columns[] = {
	MMS_PROCESS_PID,
	MMS_PROCESS_PARENT,
	MMS_PROCESS_EXECS,
	{ "faults", "FAULTS", MMS_COUNT, 10, 0, 0, "minor, major and failed" },
	{ "minor", "MINOR", MMS_COUNT, 10, 0, 0, "without reading from a device" },
	{ "major", "MAJOR", MMS_COUNT, 7, 0, 0, "with" },
	{ "invalid", "INVALID", MMS_COUNT, 7, 4, 0, "accesses answered with a signal" },
	{ "latency_ns", "NS", MMS_COUNT, 13, 1, 0, "time spent, in nanoseconds" },
	MMS_PROCESS_COMM,
};

static void fill_process(const struct mms_trace_record *record, uint64_t missing,
			 struct mms_value *values)
{
	values[3] = mms_record_sum(record, missing, MMS_FAULT_MINOR, 3);
	values[4] = mms_record_sum(record, missing, MMS_FAULT_MINOR, 1);
	values[5] = mms_record_sum(record, missing, MMS_FAULT_MAJOR, 1);
	values[6] = mms_record_sum(record, missing, MMS_FAULT_INVALID_UNMAPPED, 3);
	values[7] = mms_record_sum(record, missing, MMS_FAULT_NS, 1);
}

static const struct mms_process_table processes = {
	process_columns, ARRAY_SIZE(process_columns), MMS_QUESTION_FAULTS, fill_process
};

/* Counters that follow each other, under their own names. */
static void show_group(struct mms_out *out, const struct mms_counting *counting,
		       const struct mms_counts *counts, const char *key, const char *head,
		       unsigned int first, unsigned int nr)
{
	struct mms_counter rows[MMS_MAX_COUNTERS] = { 0 };
	char names[MMS_MAX_COUNTERS][MMS_COUNTER_NAME_MAX];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		rows[i].name = mms_counter_name(names[i], MMS_QUESTION_FAULTS, first + i);
		rows[i].count = value(counts, first + i);
		rows[i].always = first == MMS_FAULT_MINOR && i < 2;
	}
	mms_show_counters(out, counting, counts->ns, key, head, rows, nr);
}

static void show_retried(struct mms_out *out, const struct mms_counts *counts)
{
	struct mms_value retried = value(counts, MMS_FAULT_RETRIED);

	if (retried.absent)
		mms_out_null(out, "retried");
	else
		mms_out_number(out, "retried", retried.number);
	if (!retried.absent && retried.number)
		mms_out_say(out, "Tried again, and counted above when it ended: %lu.\n\n",
			    retried.number);
}

static void show_counts(struct mms_out *out, const struct mms_counting *counting,
			const struct mms_counts *counts)
{
	uint64_t missing = counts->missing[MMS_QUESTION_FAULTS];

	show_group(out, counting, counts, "by_effort", "WHAT IT TOOK", MMS_FAULT_MINOR, 3);
	show_group(out, counting, counts, "by_purpose", "WHAT IT WAS FOR", MMS_FAULT_FIRST_TOUCH,
		   NR_PURPOSES);
	show_group(out, counting, counts, "by_origin", "WHERE IT CAME FROM", MMS_FAULT_FROM_USER, 3);
	show_group(out, counting, counts, "invalid", "INVALID ACCESSES",
		   MMS_FAULT_INVALID_UNMAPPED, 3);
	show_retried(out, counts);
	mms_show_histogram(out, counting, "latency", "Time from the exception on",
			   missing >> MMS_FAULT_HISTOGRAM & 1 ? NULL :
			   &counts->total[MMS_QUESTION_FAULTS][MMS_FAULT_HISTOGRAM],
			   counts->total[MMS_QUESTION_FAULTS][MMS_FAULT_NS]);
}

static int show(struct mms_out *out, const struct mms_counting *counting,
		const struct mms_counts *counts)
{
	if (mms_show_processes(out, counting, counts, &processes))
		return -1;
	show_counts(out, counting, counts);
	return mms_show_vmas(out, counting);
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	static const struct mms_counted what = {
		.question = { [MMS_QUESTION_FAULTS] = true },
		.detail = { MMS_QUESTION_FAULTS, MMS_FAULT_FIRST_TOUCH, NR_PURPOSES },
		.line = line,
		.nr_line = ARRAY_SIZE(line),
		.sample = sample,
		.show = show,
	};

	return mms_counting_run(command, options, &what, argc, argv);
}

const struct mms_command mms_cmd_faults = {
	.name = "faults",
	.args = "[CMD [ARG...]]",
	.summary = "page faults, by purpose, with their latency",
	.doc = "Each fault that the kernel handled is in one row of each of three tables. Minor and major are as the kernel accounts them to the process. What it was for is told by what it did, not by how the page looked before: a page that another thread has mapped meanwhile is 'other'. Invalid accesses are those that ended in SIGSEGV or SIGBUS.",
	.run = run,
};
