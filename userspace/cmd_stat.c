// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope stat: everything that is counted, on one screen.
 */
#include "command.h"
#include "counting.h"
#include "event_names.h"
#include "macros.h"
#include "show.h"
#include "show_flushes.h"

static const struct mms_column line[] = {
	{ "seconds", "SECONDS", MMS_SECONDS, 9, 0, 0, "since counting began" },
	{ "tlb_flushes", "FLUSHES", MMS_COUNT, 9, 0, 0, "TLB flushes" },
	{ "tlb_requests", "REQUESTS", MMS_COUNT, 9, 3, 0, "TLB flushes asked for" },
	{ "cow_breaks", "COW", MMS_COUNT, 9, 0, 0, "pages copied on write" },
	{ "reused", "REUSED", MMS_COUNT, 9, 2, 0, "made writable without a copy" },
	{ "minor", "MINOR", MMS_COUNT, 9, 0, 0, "minor faults" },
	{ "major", "MAJOR", MMS_COUNT, 7, 0, 0, "major faults" },
	{ "invalid", "INVALID", MMS_COUNT, 7, 1, 0, "accesses answered with a signal" },
};

static void sample(const struct mms_counts *counts, struct mms_value *values)
{
	values[1] = mms_flushes_total(counts);
	values[2] = mms_counts_sum(counts, MMS_QUESTION_TLB, MMS_REQUEST_FULL, 2);
	values[3] = mms_counts_sum(counts, MMS_QUESTION_COW, 0, MMS_COW_REUSE);
	values[4] = mms_counts_sum(counts, MMS_QUESTION_COW, MMS_COW_REUSE, 3);
	values[5] = mms_counts_value(counts, MMS_QUESTION_FAULTS, MMS_FAULT_MINOR);
	values[6] = mms_counts_value(counts, MMS_QUESTION_FAULTS, MMS_FAULT_MAJOR);
	values[7] = mms_counts_sum(counts, MMS_QUESTION_FAULTS, MMS_FAULT_INVALID_UNMAPPED, 3);
}

static void show_breaks(struct mms_out *out, const struct mms_counting *counting,
			const struct mms_counts *counts)
{
	struct mms_counter rows[MMS_NR_COW_CAUSES] = { 0 };
	const struct mms_counter without[] = {
		{ "pages", mms_counts_value(counts, MMS_QUESTION_COW, MMS_COW_REUSE), 0 },
		{ "huge_pages", mms_counts_value(counts, MMS_QUESTION_COW, MMS_COW_REUSE_PMD), 0 },
		{ "hugetlb_pages", mms_counts_value(counts, MMS_QUESTION_COW, MMS_COW_REUSE_HUGETLB), 0 },
		{ "huge_pages_split", mms_counts_value(counts, MMS_QUESTION_COW, MMS_COW_SPLIT_PMD), 0 },
	};
	unsigned int i;

	for (i = 0; i < MMS_NR_COW_CAUSES; i++) {
		rows[i].name = mms_cow_cause_name(i);
		rows[i].count = mms_counts_sum(counts, MMS_QUESTION_COW, MMS_COW(i, 0),
					       MMS_NR_COW_WAYS);
		rows[i].always = i == MMS_COW_ANON;
	}
	mms_show_counters(out, counting, counts->ns, "cow_breaks", "COPY ON WRITE", rows,
			  MMS_NR_COW_CAUSES);
	mms_show_counters(out, counting, counts->ns, "without_copy", "WITHOUT A COPY", without,
			  ARRAY_SIZE(without));
}

static void show_faults(struct mms_out *out, const struct mms_counting *counting,
			const struct mms_counts *counts)
{
	const struct mms_counter handled[] = {
		{ "minor", mms_counts_value(counts, MMS_QUESTION_FAULTS, MMS_FAULT_MINOR), true },
		{ "major", mms_counts_value(counts, MMS_QUESTION_FAULTS, MMS_FAULT_MAJOR), true },
		{ "failed", mms_counts_value(counts, MMS_QUESTION_FAULTS, MMS_FAULT_FAILED), 0 },
	};
	const struct mms_counter invalid[] = {
		{ "unmapped", mms_counts_value(counts, MMS_QUESTION_FAULTS,
					       MMS_FAULT_INVALID_UNMAPPED), 0 },
		{ "not_permitted", mms_counts_value(counts, MMS_QUESTION_FAULTS,
						    MMS_FAULT_INVALID_ACCESS), 0 },
		{ "other", mms_counts_value(counts, MMS_QUESTION_FAULTS,
					    MMS_FAULT_INVALID_OTHER), 0 },
	};

	mms_show_counters(out, counting, counts->ns, "faults", "PAGE FAULTS", handled,
			  ARRAY_SIZE(handled));
	mms_show_counters(out, counting, counts->ns, "invalid", "INVALID ACCESSES", invalid,
			  ARRAY_SIZE(invalid));
}

static int show(struct mms_out *out, const struct mms_counting *counting,
		const struct mms_counts *counts)
{
	mms_show_flushes(out, counting, counts);
	show_breaks(out, counting, counts);
	show_faults(out, counting, counts);
	return 0;
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	static const struct mms_counted what = {
		.question = { true, true, true },
		.flushes = true,
		.line = line,
		.nr_line = ARRAY_SIZE(line),
		.sample = sample,
		.show = show,
	};

	return mms_counting_run(command, options, &what, argc, argv);
}

const struct mms_command mms_cmd_stat = {
	.name = "stat",
	.args = "[CMD [ARG...]]",
	.summary = "TLB flushes, copies on write and page faults, counted",
	.doc = "With CMD, counts it from its first instruction, and what it forks; the exit status is CMD's own, 127 if there is no such command. Counting ends with CMD, with all processes of --pid, after --duration, or with Ctrl-C; what was counted so far is shown. Where nothing can be counted, '-' stands for it, and the last lines say why.",
	.run = run,
};
