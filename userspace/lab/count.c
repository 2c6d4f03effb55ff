// SPDX-License-Identifier: GPL-2.0
/*
 * Counting for labs: one tracer, with events by VMA, and the module's flushes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "count.h"
#include "error.h"
#include "flushes.h"
#include "report.h"
#include "tracer.h"

/* One each in a lab's process, gone with it. */
static struct tracer *tracer;
static struct mms_flushes flushes;
/* Events, told so far. */
static uint64_t missed[MMS_NR_QUESTIONS];

/* PIDs are told in the initial PID namespace: PROC_PID_INIT_INO of linux/proc_ns.h (6.1, 6.12). */
static void need_initial_pid_namespace(struct lab *lab)
{
	struct stat ns;

	if (stat("/proc/self/ns/pid", &ns) || ns.st_ino != 0xEFFFFFFC)
		lab_skip(lab, "counting wants the initial PID namespace, not a container's");
}

void lab_count(struct lab *lab, pid_t pid)
{
	const struct tracer_options options = {
		.question = { true, true, true },
		.follow = true,
		.by_vma = true,
	};

	int error;

	need_initial_pid_namespace(lab);
	error = tracer_open(&tracer, &options);
	/* No types of the kernel, or no right to load; all else, as a program refused, is a defect. */
	if (error == -ENOENT || error == -EPERM)
		lab_skip(lab, "%s", mms_failure());
	if (error)
		lab_broken(lab, "%s", mms_failure());
	if (mms_flushes_open(&flushes, lab->options->debugfs))
		lab_skip(lab, "%s", mms_failure());
	lab_count_also(lab, pid);
	if (tracer_start(tracer))
		lab_broken(lab, "%s", mms_failure());
}

void lab_count_also(struct lab *lab, pid_t pid)
{
	if (tracer_select(tracer, pid) || mms_flushes_add(&flushes, pid, true))
		lab_broken(lab, "%s", mms_failure());
}

static void need_counters(struct lab *lab, uint64_t missing, struct lab_counters what)
{
	unsigned int i;

	for (i = what.first; i < what.first + what.nr; i++)
		if (missing >> i & 1)
			lab_skip(lab, "this kernel lacks what is counted by: %s",
				 tracer_missing_hook(tracer, what.question, i));
}

/* A lab whose numbers may be short of some says so. */
static void tell_losses(struct lab *lab, enum mms_question question)
{
	uint64_t now = tracer_losses(tracer, question).missed;

	if (now > missed[question])
		lab_note(lab, "%lu events were missed while another was counted",
			 now - missed[question]);
	missed[question] = now;
}

/* All records of a question, the header first; for free(). */
static struct mms_trace_record *read_records(struct lab *lab, enum mms_question question, size_t *nr)
{
	struct mms_trace_record *records;
	size_t max;

	tell_losses(lab, question);
	/* More processes may come in between. */
	max = tracer_read(tracer, question, NULL, 0) + 64;
	records = calloc(max, sizeof(*records));
	if (!records)
		lab_broken(lab, "out of memory");
	*nr = tracer_read(tracer, question, records, max);
	if (*nr > max)
		*nr = max;
	return records;
}

static const struct mms_trace_record *find_record(const struct mms_trace_record *records, size_t nr,
						  pid_t pid)
{
	size_t i;

	for (i = MMS_SLOT_FIRST; i < nr; i++)
		if (records[i].owner.tgid == (unsigned int)pid)
			return &records[i];
	return NULL;
}

uint64_t lab_counted(struct lab *lab, pid_t pid, struct lab_counters what)
{
	struct mms_trace_record *records;
	const struct mms_trace_record *record;
	uint64_t sum = 0;
	unsigned int i;
	size_t found;

	records = read_records(lab, what.question, &found);
	need_counters(lab, records[MMS_SLOT_HEADER].header.missing, what);
	record = find_record(records, found, pid);
	for (i = what.first; record && i < what.first + what.nr; i++)
		sum += record->count[i];
	free(records);
	return sum;
}

uint64_t lab_counted_execs(struct lab *lab, pid_t pid)
{
	struct mms_trace_record *records;
	const struct mms_trace_record *record;
	uint64_t execs;
	size_t found;

	records = read_records(lab, MMS_QUESTION_FAULTS, &found);
	record = find_record(records, found, pid);
	execs = record ? record->owner.execs : 0;
	free(records);
	return execs;
}

struct counted_vma {
	struct lab_counters what;
	pid_t pid;
	uint64_t addr;
	uint64_t sum;
};

static int count_vma(void *data, const struct tracer_vma *vma)
{
	struct counted_vma *counted = data;
	const struct lab_counters *what = &counted->what;

	if (vma->counter >= what->first && vma->counter < what->first + what->nr &&
	    counted->addr >= vma->start && counted->addr < vma->end &&
	    tracer_slot_tgid(tracer, what->question, vma->slot) == counted->pid)
		counted->sum += vma->count;
	return 0;
}

uint64_t lab_counted_at(struct lab *lab, pid_t pid, uint64_t addr, struct lab_counters what)
{
	struct counted_vma counted = { what, pid, addr, 0 };

	/* For what is missing or was lost. */
	lab_counted(lab, pid, what);
	if (tracer_losses(tracer, what.question).vmas)
		lab_broken(lab, "some events could not be counted by VMA");
	if (tracer_for_each_vma(tracer, what.question, count_vma, &counted))
		lab_broken(lab, "%s", mms_failure());
	return counted.sum;
}

struct mms_tlb_count lab_flushes(struct lab *lab, enum mms_tlb_reason reason)
{
	struct mms_flush_counts counts;
	struct mms_tlb_count count;

	if (mms_flushes_read(&flushes, &counts))
		lab_broken(lab, "%s", mms_failure());
	count = counts.cpus[0].reason[reason];
	mms_flush_counts_free(&counts);
	return count;
}
