// SPDX-License-Identifier: GPL-2.0
/*
 * tlb, cow, faults: what was counted, of the whole system or of a target. TLB flushes come from the
 * module's probes; the rest, one row per counter, from each tracer's maps.
 */
#include <linux/cpumask.h>

#include "bpfmap.h"
#include "event_names.h"
#include "events.h"
#include "view.h"

/**
 * struct event_rows - where a reading is
 * @header: of the tracer whose rows come
 * @record: its counters
 */
struct event_rows {
	struct mms_trace_header header;
	struct mms_trace_record record;
};

/* The counters a tracer has for this view. Return: false if it does not count the target. */
static bool read_counters(const struct mms_read *read, const struct mms_tracer *tracer,
			  enum mms_question question)
{
	struct event_rows *rows = read->priv;
	const struct mms_target *target = read->target;

	if (!target) {
		mms_tracer_sum(tracer, question, &rows->record);
		return true;
	}
	if (mms_tracer_record(tracer, question, target->nr, target->start_time, &rows->record))
		return true;
	/* Who counts everyone has seen nothing of it yet; it was not asked of the others. */
	memset(&rows->record, 0, sizeof(rows->record));
	return rows->header.everyone;
}

static void show_tracer(struct seq_file *m, const struct mms_tracer *tracer,
			enum mms_question question, const struct event_rows *rows)
{
	char name[MMS_COUNTER_NAME_MAX];
	unsigned int i;

	for (i = 0; i < mms_question_counters(question); i++) {
		seq_printf(m, "%d %s ", tracer->nr, mms_counter_name(name, question, i));
		if (rows->header.missing & BIT_ULL(i))
			seq_puts(m, "-\n");
		else
			seq_printf(m, "%llu\n", rows->record.count[i]);
	}
}

/* What each tracer is, then the table of all of them. */
static void show_tracers(struct seq_file *m, struct mms_read *read, enum mms_question question)
{
	struct event_rows *rows = read->priv;
	const struct mms_tracer *tracer;
	unsigned int nr = 0;

	if (mms_tracers_lock())
		return;
	list_for_each_entry(tracer, &mms_tracers, node) {
		if (!mms_tracer_header(tracer, question, &rows->header))
			continue;
		nr++;
		seq_printf(m, "# tracer %d since_ns=%llu everyone=%s missed=%llu", tracer->nr,
			   rows->header.since_ns, rows->header.everyone ? "yes" : "no",
			   rows->header.missed);
		if (!read_counters(read, tracer, question))
			seq_puts(m, " this process is not counted");
		else if (read->target)
			seq_printf(m, " execs=%llu", rows->record.owner.execs);
		seq_putc(m, '\n');
	}
	if (!nr)
		seq_puts(m, "# no tracer\n");
	else
		seq_puts(m, "tracer counter count\n");
	list_for_each_entry(tracer, &mms_tracers, node)
		if (mms_tracer_header(tracer, question, &rows->header) &&
		    read_counters(read, tracer, question))
			show_tracer(m, tracer, question, rows);
	mms_tracers_unlock();
}

static void cow_head(struct seq_file *m, struct mms_read *read)
{
	mms_show_title(m, read);
	show_tracers(m, read, MMS_QUESTION_COW);
}

static void faults_head(struct seq_file *m, struct mms_read *read)
{
	mms_show_title(m, read);
	show_tracers(m, read, MMS_QUESTION_FAULTS);
}

static void show_cpu(struct seq_file *m, const char *name, const struct mms_tlb *tlb)
{
	const struct mms_tlb_count *count;
	unsigned int i;

	for (i = 0; i < MMS_NR_TLB_REASONS; i++) {
		count = &tlb->reason[i];
		seq_printf(m, "%s %s %llu %llu %llu %llu\n", name, mms_tlb_reason_name(i),
			   count->events, count->pages, count->full, count->none);
	}
}

void mms_show_flushes(struct seq_file *m, const struct mms_events *events)
{
	struct mms_tlb tlb = {};
	unsigned int cpu;
	char name[12];

	seq_puts(m, "cpu reason events pages full none\n");
	for_each_possible_cpu(cpu)
		mms_events_read(events, cpu, &tlb);
	show_cpu(m, "all", &tlb);
	for_each_possible_cpu(cpu) {
		memset(&tlb, 0, sizeof(tlb));
		mms_events_read(events, cpu, &tlb);
		if (!cpu_online(cpu) && !memchr_inv(&tlb, 0, sizeof(tlb)))
			continue;
		snprintf(name, sizeof(name), "%u", cpu);
		show_cpu(m, name, &tlb);
	}
}

static void tlb_head(struct seq_file *m, struct mms_read *read)
{
	const struct mms_events *events = NULL;
	u64 since_ns = 0;

	if (read->target)
		/* Stored by count_locked(). Once there, they stay as long as the target. */
		events = smp_load_acquire(&read->target->events);
	else
		since_ns = mms_events_since();
	mms_show_title(m, read);
	if (events)
		seq_printf(m, "# since_ns=%llu execs=%lld\n", events->since_ns,
			   atomic64_read(&events->execs));
	else if (since_ns)
		seq_printf(m, "# since_ns=%llu\n", since_ns);
	else
		seq_puts(m, "# not counting\n");
	if (events || since_ns)
		mms_show_flushes(m, events);
	show_tracers(m, read, MMS_QUESTION_TLB);
}

const struct mms_view mms_view_tlb = {
	.fops = MMS_VIEW_FOPS,
	.name = "tlb",
	.mode = 0400,
	.priv_size = sizeof(struct event_rows),
	.head = tlb_head,
};

const struct mms_view mms_view_cow = {
	.fops = MMS_VIEW_FOPS,
	.name = "cow",
	.mode = 0400,
	.priv_size = sizeof(struct event_rows),
	.head = cow_head,
};

const struct mms_view mms_view_faults = {
	.fops = MMS_VIEW_FOPS,
	.name = "faults",
	.mode = 0400,
	.priv_size = sizeof(struct event_rows),
	.head = faults_head,
};
