// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope cow: pages copied on write, by cause and by the way the write came.
 */
#include <stdio.h>

#include "command.h"
#include "counting.h"
#include "detail.h"
#include "event_names.h"
#include "macros.h"
#include "show.h"

static const struct mms_column line[] = {
	{ "seconds", "SECONDS", MMS_SECONDS, 9, 0, 0, "since counting began" },
	{ "breaks", "BREAKS", MMS_COUNT, 9, 0, 0, "pages copied on write" },
	{ "anon", "ANON", MMS_COUNT, 9, 0, 0, "of them anonymous, shared since a fork" },
	{ "file", "FILE", MMS_COUNT, 9, 0, 0, "of private file mappings" },
	{ "zero", "ZERO", MMS_COUNT, 9, 0, 0, "the zero page" },
	{ "other", "OTHER", MMS_COUNT, 9, 0, 0, "KSM, hugetlb, PFN maps" },
	{ "reused", "REUSED", MMS_COUNT, 9, 0, 0, "made writable without a copy" },
	{ "split", "SPLIT", MMS_COUNT, 7, 0, 0, "huge pages split" },
};

static struct mms_value cause(const struct mms_counts *counts, unsigned int first, unsigned int nr)
{
	return mms_counts_sum(counts, MMS_QUESTION_COW, MMS_COW(first, 0), nr * MMS_NR_COW_WAYS);
}

static void sample(const struct mms_counts *counts, struct mms_value *values)
{
	values[1] = cause(counts, 0, MMS_NR_COW_CAUSES);
	values[2] = cause(counts, MMS_COW_ANON, 1);
	values[3] = cause(counts, MMS_COW_FILE, 2);
	values[4] = cause(counts, MMS_COW_ZERO, 1);
	values[5] = cause(counts, MMS_COW_KSM, 3);
	values[6] = mms_counts_sum(counts, MMS_QUESTION_COW, MMS_COW_REUSE, 3);
	values[7] = mms_counts_value(counts, MMS_QUESTION_COW, MMS_COW_SPLIT_PMD);
}

static const struct mms_column process_columns[] = {
	MMS_PROCESS_PID,
	MMS_PROCESS_PARENT,
	MMS_PROCESS_EXECS,
	{ "breaks", "BREAKS", MMS_COUNT, 10, 0, 0, "pages copied on write" },
	{ "pages", "PAGES", MMS_COUNT, 10, 1, 0, "in pages of 4 KiB" },
	{ "reused", "REUSED", MMS_COUNT, 10, 0, 0, "made writable without a copy" },
	{ "split", "SPLIT", MMS_COUNT, 7, 4, 0, "huge pages split" },
	MMS_PROCESS_COMM,
};

static void fill_process(const struct mms_trace_record *record, uint64_t missing,
			 struct mms_value *values)
{
	values[3] = mms_record_sum(record, missing, 0, MMS_COW_REUSE);
	values[4] = mms_record_sum(record, missing, MMS_COW_PAGES, 1);
	values[5] = mms_record_sum(record, missing, MMS_COW_REUSE, 3);
	values[6] = mms_record_sum(record, missing, MMS_COW_SPLIT_PMD, 1);
}

static const struct mms_process_table processes = {
	process_columns, ARRAY_SIZE(process_columns), MMS_QUESTION_COW, fill_process
};

enum { CAUSE, WAYS, ALL = WAYS + MMS_NR_COW_WAYS, SHARE, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	{ "cause", "CAUSE", MMS_TEXT, 10, 0, 0, "what was copied" },
	{ "unshare", "UNSHARE", MMS_COUNT, 8, 0, 0, "no write, but a pin that wants its own copy" },
	{ "user", "USER", MMS_COUNT, 9, 0, 0, "a store in user mode" },
	{ "remote", "REMOTE", MMS_COUNT, 8, 0, 0, "/proc/PID/mem, process_vm_writev(), ptrace()" },
	{ "kernel", "KERNEL", MMS_COUNT, 8, 0, 0, "the kernel wrote there, as read() does" },
	{ "gup", "GUP", MMS_COUNT, 7, 0, 0, "mlock(), MADV_POPULATE_WRITE, direct I/O" },
	{ "fork", "FORK", MMS_COUNT, 7, 0, 0, "a pinned page, copied at fork" },
	{ "all", "ALL", MMS_COUNT, 9, 0, 0, "all ways" },
	{ "share", "SHARE%", MMS_PERCENT, 6, 0, 0, "of all breaks" },
};

/* A row of the matrix: the sums over @nr causes. */
static void fill_causes(struct mms_value *values, const struct mms_counts *counts, const char *name,
			unsigned int first, unsigned int nr, uint64_t all)
{
	unsigned int way, i;

	values[CAUSE] = (struct mms_value){ .text = name };
	for (way = 0; way < MMS_NR_COW_WAYS; way++) {
		struct mms_value *sum = &values[WAYS + way];

		*sum = (struct mms_value){ 0 };
		for (i = first; i < first + nr; i++) {
			struct mms_value value = mms_counts_value(counts, MMS_QUESTION_COW,
								  MMS_COW(i, way));

			sum->absent |= value.absent;
			sum->number += value.number;
		}
	}
	values[ALL] = cause(counts, first, nr);
	values[SHARE] = mms_share(values[ALL].number, all);
	values[SHARE].absent |= values[ALL].absent;
}

static void show_matrix(struct mms_out *out, const struct mms_counting *counting,
			const struct mms_counts *counts)
{
	struct mms_value values[NR_COLUMNS];
	uint64_t all = cause(counts, 0, MMS_NR_COW_CAUSES).number;
	unsigned int i, way;

	mms_out_table(out, "breaks", columns, NR_COLUMNS);
	for (i = 0; i < MMS_NR_COW_CAUSES; i++) {
		bool something = counting->style->json;

		fill_causes(values, counts, mms_cow_cause_name(i), i, 1, all);
		for (way = 0; way < MMS_NR_COW_WAYS; way++)
			something |= values[WAYS + way].absent || values[WAYS + way].number;
		if (something)
			mms_out_row(out, values);
	}
	fill_causes(values, counts, "all", 0, MMS_NR_COW_CAUSES, all);
	mms_out_total(out, "breaks_total", values);
	mms_out_table_end(out);
	mms_out_say(out, "\n");
}

static void show_beside(struct mms_out *out, const struct mms_counting *counting,
			const struct mms_counts *counts)
{
	static const unsigned int list[] = { MMS_COW_REUSE, MMS_COW_REUSE_PMD, MMS_COW_REUSE_HUGETLB,
					     MMS_COW_SPLIT_PMD };
	struct mms_counter rows[ARRAY_SIZE(list)];
	char names[ARRAY_SIZE(list)][MMS_COUNTER_NAME_MAX];
	struct mms_value pages = mms_counts_value(counts, MMS_QUESTION_COW, MMS_COW_PAGES);
	struct mms_value swapped = mms_counts_value(counts, MMS_QUESTION_COW, MMS_COW_SWAPPED);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		rows[i] = (struct mms_counter){
			mms_counter_name(names[i], MMS_QUESTION_COW, list[i]),
			mms_counts_value(counts, MMS_QUESTION_COW, list[i]), false };
	mms_show_counters(out, counting, counts->ns, "without_copy", "WITHOUT A COPY", rows,
			  ARRAY_SIZE(rows));
	if (pages.absent)
		mms_out_null(out, "copied_bytes");
	else
		mms_out_number(out, "copied_bytes", pages.number * 4096);
	if (swapped.absent)
		mms_out_null(out, "swapped");
	else
		mms_out_number(out, "swapped", swapped.number);
	if (!pages.absent && pages.number)
		mms_out_say(out, "Copied: %s, at %s a second.\n", mms_out_size(out, pages.number * 4096),
			    mms_out_size(out, mms_rate(pages.number * 4096, counts->ns).number / 10));
	if (!swapped.absent && swapped.number)
		mms_out_say(out, "Of the pages copied, %lu had to be read back from swap first.\n",
			    swapped.number);
	if (!pages.absent && pages.number)
		mms_out_say(out, "\n");
}

static int show(struct mms_out *out, const struct mms_counting *counting,
		const struct mms_counts *counts)
{
	if (mms_show_processes(out, counting, counts, &processes))
		return -1;
	show_matrix(out, counting, counts);
	show_beside(out, counting, counts);
	return mms_show_vmas(out, counting);
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	static const struct mms_counted what = {
		.question = { [MMS_QUESTION_COW] = true },
		.detail = { MMS_QUESTION_COW, 0, MMS_COW_REUSE },
		.line = line,
		.nr_line = ARRAY_SIZE(line),
		.sample = sample,
		.show = show,
	};

	return mms_counting_run(command, options, &what, argc, argv);
}

const struct mms_command mms_cmd_cow = {
	.name = "cow",
	.args = "[CMD [ARG...]]",
	.summary = "pages copied on write, by cause, by way, by VMA",
	.doc = "A break is counted when a process gets its own copy of a page, for a write or for a pin: anon: shared since a fork; file: a private file mapping, read before; file_first: the same, written first; zero: the zero page; ksm; hugetlb; pfn: a frame that is no ordinary memory. Not a break is what is made writable in place, for nobody else has it, or a huge page split, whose pages are copied later, one by one.\n\nNot seen: what uprobes replace, khugepaged collapses, userfaultfd copies, DAX, and device memory.",
	.run = run,
};
