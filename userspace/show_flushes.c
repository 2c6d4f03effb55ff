// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes by reason, as stat and tlb show them.
 */
#include <stdio.h>

#include "event_names.h"
#include "macros.h"
#include "show.h"
#include "show_flushes.h"

enum { REASON, COUNT, RATE, SHARE, PAGES, FULL, NONE, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	{ "counter", "TLB FLUSHES", MMS_TEXT, 18, 0, 0, "reason" },
	{ "count", "COUNT", MMS_COUNT, 11, 0, 0, "how often" },
	{ "rate", "PER SECOND", MMS_TENTHS, 11, 0, 0, "how often in a second" },
	{ "share", "SHARE%", MMS_PERCENT, 7, 0, 0, "of all but remote_send_ipi, which flushes nothing itself" },
	{ "pages", "PAGES", MMS_COUNT, 11, 1, 0, "of ranged flushes; huge ones count once, but for remote_send_ipi" },
	{ "full", "FULL", MMS_COUNT, 8, 2, 0, "everything was flushed" },
	{ "none", "NONE", MMS_COUNT, 8, 3, 0, "nothing was left to flush" },
};

const struct mms_tlb_count *mms_counts_flushes(const struct mms_counts *counts,
					       enum mms_tlb_reason reason)
{
	unsigned int i;

	for (i = 0; i < counts->flushes.nr; i++)
		if (counts->flushes.cpus[i].cpu < 0)
			return &counts->flushes.cpus[i].reason[reason];
	return NULL;
}

static struct mms_tlb_count total(const struct mms_counts *counts)
{
	struct mms_tlb_count sum = { 0 };
	unsigned int i;

	for (i = 0; i < MMS_NR_TLB_REASONS; i++) {
		const struct mms_tlb_count *count = mms_counts_flushes(counts, i);

		if (i == MMS_TLB_REMOTE_SEND_IPI || !count)
			continue;
		sum.events += count->events;
		sum.pages += count->pages;
		sum.full += count->full;
		sum.none += count->none;
	}
	return sum;
}

struct mms_value mms_flushes_total(const struct mms_counts *counts)
{
	return (struct mms_value){ .absent = !counts->flushes.nr, .number = total(counts).events };
}

static void fill(struct mms_value *values, const char *name, const struct mms_tlb_count *count,
		 uint64_t ns, uint64_t all)
{
	unsigned int i;

	values[REASON] = (struct mms_value){ .text = name };
	for (i = COUNT; i < NR_COLUMNS; i++)
		values[i] = (struct mms_value){ .absent = !count };
	if (!count)
		return;
	values[COUNT].number = count->events;
	values[RATE] = mms_rate(count->events, ns);
	values[SHARE] = mms_share(count->events, all);
	values[PAGES].number = count->pages;
	values[FULL].number = count->full;
	values[NONE].number = count->none;
}

void mms_show_flushes(struct mms_out *out, const struct mms_counting *counting,
		      const struct mms_counts *counts)
{
	const struct mms_tlb_count all = total(counts);
	struct mms_value values[NR_COLUMNS];
	unsigned int i;

	mms_out_table(out, "tlb_flushes", columns, NR_COLUMNS);
	for (i = 0; i < MMS_NR_TLB_REASONS; i++) {
		const struct mms_tlb_count *count = mms_counts_flushes(counts, i);

		if (i == MMS_TLB_OTHER && !counting->style->json && (!count || !count->events))
			continue;
		fill(values, mms_tlb_reason_name(i), count, counts->ns, all.events);
		if (i == MMS_TLB_REMOTE_SEND_IPI)
			values[SHARE].absent = true;
		mms_out_row(out, values);
	}
	fill(values, "all but send_ipi", counts->flushes.nr ? &all : NULL, counts->ns, all.events);
	mms_out_total(out, "tlb_flushes_total", values);
	mms_out_table_end(out);
	mms_out_say(out, "\n");
}

static const struct mms_column cpu_columns[] = {
	{ "cpu", "CPU", MMS_COUNT, 4, 0, 0, "which CPU" },
	{ "task_switch", "SWITCH", MMS_COUNT, 10, 0, 0, "task_switch" },
	{ "remote_shootdown", "REMOTE", MMS_COUNT, 10, 0, 0, "remote_shootdown" },
	{ "local_shootdown", "LOCAL", MMS_COUNT, 10, 0, 0, "local_shootdown" },
	{ "local_mm_shootdown", "LOCAL-MM", MMS_COUNT, 10, 0, 0, "local_mm_shootdown" },
	{ "remote_send_ipi", "SEND-IPI", MMS_COUNT, 10, 0, 0, "remote_send_ipi" },
	{ "other", "OTHER", MMS_COUNT, 10, 1, 0, "other" },
};

_Static_assert(ARRAY_SIZE(cpu_columns) == MMS_NR_TLB_REASONS + 1, "a column for each reason");

void mms_show_flushes_by_cpu(struct mms_out *out, const struct mms_counting *counting,
			     const struct mms_counts *counts)
{
	struct mms_value values[ARRAY_SIZE(cpu_columns)];
	unsigned int i, reason;

	/* All CPUs together, and one of them. */
	if (!counting->style->json && counts->flushes.nr < 3)
		return;
	mms_out_table(out, "by_cpu", cpu_columns, ARRAY_SIZE(cpu_columns));
	for (i = 0; i < counts->flushes.nr; i++) {
		const struct mms_cpu_flushes *cpu = &counts->flushes.cpus[i];

		if (cpu->cpu < 0)
			continue;
		values[0] = (struct mms_value){ .number = (uint64_t)cpu->cpu };
		for (reason = 0; reason < MMS_NR_TLB_REASONS; reason++)
			values[1 + reason] = (struct mms_value){
				.number = cpu->reason[reason].events };
		mms_out_row(out, values);
	}
	mms_out_table_end(out);
	mms_out_say(out, "\n");
}
