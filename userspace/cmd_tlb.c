// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope tlb: flushes by reason, what was asked for, and how long CPUs waited for each other.
 */
#include "command.h"
#include "counting.h"
#include "event_names.h"
#include "macros.h"
#include "show.h"
#include "show_flushes.h"

static const struct mms_column line[] = {
	{ "seconds", "SECONDS", MMS_SECONDS, 9, 0, 0, "since counting began" },
	{ "flushes", "FLUSHES", MMS_COUNT, 9, 0, 0, "TLB flushes" },
	{ "full", "FULL", MMS_COUNT, 9, 1, 0, "requests to flush everything" },
	{ "ranged", "RANGED", MMS_COUNT, 9, 0, 0, "requests to flush a range" },
	{ "pages", "PAGES", MMS_COUNT, 10, 2, 0, "in those ranges" },
	{ "ipis", "IPIS", MMS_COUNT, 9, 0, 0, "requests that asked other CPUs" },
	{ "handled", "HANDLED", MMS_COUNT, 9, 0, 0, "flushes for other CPUs" },
	{ "wait_ns", "WAIT-NS", MMS_COUNT, 12, 0, 0, "time waited for other CPUs, in nanoseconds" },
};

static struct mms_value value(const struct mms_counts *counts, unsigned int counter)
{
	return mms_counts_value(counts, MMS_QUESTION_TLB, counter);
}

static void sample(const struct mms_counts *counts, struct mms_value *values)
{
	values[1] = mms_flushes_total(counts);
	values[2] = value(counts, MMS_REQUEST_FULL);
	values[3] = value(counts, MMS_REQUEST_RANGED);
	values[4] = value(counts, MMS_REQUEST_PAGES);
	values[5] = value(counts, MMS_REQUEST_IPIS);
	values[6] = value(counts, MMS_REQUEST_IPI_HANDLED);
	values[7] = value(counts, MMS_REQUEST_WAIT_NS);
}

static const struct mms_column process_columns[] = {
	MMS_PROCESS_PID,
	MMS_PROCESS_PARENT,
	MMS_PROCESS_EXECS,
	{ "requests", "REQUESTS", MMS_COUNT, 10, 0, 0, "flush_tlb_mm_range()" },
	{ "pages", "PAGES", MMS_COUNT, 10, 4, 0, "in the ranges" },
	{ "ipis", "IPIS", MMS_COUNT, 9, 0, 0, "requests that asked other CPUs" },
	{ "handled", "HANDLED", MMS_COUNT, 9, 1, 0, "flushes for other CPUs while it ran" },
	{ "wait_ns", "WAIT-NS", MMS_COUNT, 12, 0, 0, "time waited for other CPUs, in nanoseconds" },
	MMS_PROCESS_COMM,
};

static void fill_process(const struct mms_trace_record *record, uint64_t missing,
			 struct mms_value *values)
{
	values[3] = mms_record_sum(record, missing, MMS_REQUEST_FULL, 2);
	values[4] = mms_record_sum(record, missing, MMS_REQUEST_PAGES, 1);
	values[5] = mms_record_sum(record, missing, MMS_REQUEST_IPIS, 1);
	values[6] = mms_record_sum(record, missing, MMS_REQUEST_IPI_HANDLED, 1);
	values[7] = mms_record_sum(record, missing, MMS_REQUEST_WAIT_NS, 1);
}

static const struct mms_process_table processes = {
	process_columns, ARRAY_SIZE(process_columns), MMS_QUESTION_TLB, fill_process
};

static void show_requests(struct mms_out *out, const struct mms_counting *counting,
			  const struct mms_counts *counts)
{
	const struct mms_counter kinds[] = {
		{ "full", value(counts, MMS_REQUEST_FULL), true },
		{ "ranged", value(counts, MMS_REQUEST_RANGED), true },
	};

	mms_show_counters(out, counting, counts->ns, "requests", "ASKED FOR", kinds,
			  ARRAY_SIZE(kinds));
}

enum { WHAT, COUNT, RATE, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	{ "counter", "OF THESE", MMS_TEXT, 39, 0, 0, "what is counted" },
	{ "count", "COUNT", MMS_COUNT, 14, 0, 0, "how often" },
	{ "rate", "PER SECOND", MMS_TENTHS, 14, 0, 0, "how often in a second" },
};

static void show_what_it_took(struct mms_out *out, const struct mms_counting *counting,
			      const struct mms_counts *counts)
{
	static const struct {
		unsigned int counter;
		const char *text;
	} rows[] = {
		{ MMS_REQUEST_PAGES, "pages in the ranges" },
		{ MMS_REQUEST_HUGE, "requests in strides of 2 MiB or more" },
		{ MMS_REQUEST_FREED_TABLES, "requests that freed page tables" },
		{ MMS_REQUEST_IPIS, "requests that asked other CPUs" },
		{ MMS_REQUEST_IPI_CPUS, "CPUs asked" },
		{ MMS_REQUEST_IPI_HANDLED, "flushes here for other CPUs" },
	};
	struct mms_value values[NR_COLUMNS] = { 0 };
	char name[MMS_COUNTER_NAME_MAX];
	unsigned int i;

	mms_out_table(out, "detail", columns, NR_COLUMNS);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		values[WHAT].text = counting->style->json ?
			mms_counter_name(name, MMS_QUESTION_TLB, rows[i].counter) : rows[i].text;
		values[COUNT] = value(counts, rows[i].counter);
		values[RATE] = mms_rate(values[COUNT].number, counts->ns);
		values[RATE].absent |= values[COUNT].absent;
		mms_out_row(out, values);
	}
	mms_out_table_end(out);
	mms_out_say(out, "\n");
}

static int show(struct mms_out *out, const struct mms_counting *counting,
		const struct mms_counts *counts)
{
	uint64_t missing = counts->missing[MMS_QUESTION_TLB];

	mms_show_flushes(out, counting, counts);
	mms_show_flushes_by_cpu(out, counting, counts);
	if (mms_show_processes(out, counting, counts, &processes))
		return -1;
	show_requests(out, counting, counts);
	show_what_it_took(out, counting, counts);
	mms_show_histogram(out, counting, "wait", "Time that requests waited for other CPUs",
			   missing >> MMS_REQUEST_HISTOGRAM & 1 ? NULL :
			   &counts->total[MMS_QUESTION_TLB][MMS_REQUEST_HISTOGRAM],
			   counts->total[MMS_QUESTION_TLB][MMS_REQUEST_WAIT_NS]);
	return 0;
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	static const struct mms_counted what = {
		.question = { [MMS_QUESTION_TLB] = true },
		.flushes = true,
		.detail = { MMS_QUESTION_TLB, MMS_REQUEST_FULL, 2 },
		.line = line,
		.nr_line = ARRAY_SIZE(line),
		.sample = sample,
		.show = show,
	};

	return mms_counting_run(command, options, &what, argc, argv);
}

const struct mms_command mms_cmd_tlb = {
	.name = "tlb",
	.args = "[CMD [ARG...]]",
	.summary = "TLB flushes by reason, requests, IPIs, time waited",
	.doc = "Flushes by reason are counted by the module, where they happen: task_switch: the kernel switched address spaces; local_mm_shootdown and local_shootdown: this CPU's own; remote_shootdown: asked for by another CPU, charged to who runs where it arrives; remote_send_ipi: the asking, once for all CPUs asked. A request counts for the process whose address space is flushed, whoever asks.",
	.run = run,
};
