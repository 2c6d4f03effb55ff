// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes as the module counts them. A process's counts go on after its exit, and for others that
 * count it: what was there at the beginning is taken off.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "event_names.h"
#include "flushes.h"
#include "viewfile.h"

int mms_flushes_add(struct mms_flushes *flushes, pid_t pid, bool everyone)
{
	struct mms_session *sessions, *session;

	sessions = realloc(flushes->sessions, (flushes->nr + 1) * sizeof(*sessions));
	if (!sessions)
		return mms_fail("out of memory");
	flushes->sessions = sessions;
	session = &sessions[flushes->nr];
	if (mms_session_open(session, flushes->debugfs))
		return -1;
	flushes->nr++;
	flushes->everyone = everyone;
	return mms_session_count(session, pid);
}

static struct mms_cpu_flushes *cpu_of(struct mms_flush_counts *counts, int cpu)
{
	struct mms_cpu_flushes *cpus;
	unsigned int i;

	for (i = 0; i < counts->nr; i++)
		if (counts->cpus[i].cpu == cpu)
			return &counts->cpus[i];
	cpus = realloc(counts->cpus, (counts->nr + 1) * sizeof(*cpus));
	if (!cpus) {
		mms_fail("out of memory");
		return NULL;
	}
	counts->cpus = cpus;
	cpus[counts->nr] = (struct mms_cpu_flushes){ .cpu = cpu };
	return &cpus[counts->nr++];
}

static unsigned int reason_of(const char *name)
{
	unsigned int reason = 0;

	while (reason < MMS_NR_TLB_REASONS - 1 && strcmp(name, mms_tlb_reason_name(reason)))
		reason++;
	return reason;
}

/* What is not there is empty. */
static unsigned int split(char *line, char *field[MMS_MAX_COLUMNS])
{
	static char empty[1];
	unsigned int nr = 0, i;
	char *word, *save = NULL;

	for (word = strtok_r(line, " ", &save); word && nr < MMS_MAX_COLUMNS;
	     word = strtok_r(NULL, " ", &save))
		field[nr++] = word;
	for (i = nr; i < MMS_MAX_COLUMNS; i++)
		field[i] = empty;
	return nr;
}

enum { CPU, REASON, EVENTS, PAGES, FULL, NONE, NR_FIELDS };

/* "all task_switch 12 0 3 9", in the header's order. */
static int add_row(struct mms_flush_counts *counts, char *const *field, const int *column)
{
	struct mms_cpu_flushes *cpu;
	struct mms_tlb_count *count;
	long nr = -1;

	if (strcmp(field[column[CPU]], "all"))
		nr = strtol(field[column[CPU]], NULL, 10);
	cpu = cpu_of(counts, (int)nr);
	if (!cpu)
		return -1;
	count = &cpu->reason[reason_of(field[column[REASON]])];
	count->events += strtoull(field[column[EVENTS]], NULL, 10);
	count->pages += strtoull(field[column[PAGES]], NULL, 10);
	count->full += strtoull(field[column[FULL]], NULL, 10);
	count->none += strtoull(field[column[NONE]], NULL, 10);
	return 0;
}

static int find_columns(struct mms_viewfile *file, int column[NR_FIELDS])
{
	static const char *const names[NR_FIELDS] = { "cpu",   "reason", "events",
						      "pages", "full",	 "none" };
	unsigned int i;

	if (!mms_viewfile_header(file))
		return mms_fail("tlb: %s", file->error ? strerror(file->error) : "empty");
	for (i = 0; i < NR_FIELDS; i++) {
		column[i] = mms_viewfile_column(file, names[i]);
		/* The header of the tracers' table, which comes next. */
		if (column[i] < 0)
			return mms_fail("tlb: the module does not count");
	}
	return 0;
}

int mms_flush_counts_add(struct mms_flush_counts *counts, struct mms_viewfile *file)
{
	char *field[MMS_MAX_COLUMNS], *line;
	int column[NR_FIELDS] = { 0 };

	if (find_columns(file, column))
		return -1;
	while ((line = mms_viewfile_line(file))) {
		if (mms_viewfile_remark(file, line))
			continue;
		/* The tracers' table has other columns. */
		if (split(line, field) != file->nr_columns)
			break;
		if (add_row(counts, field, column))
			return -1;
	}
	if (file->error)
		return mms_fail("tlb: %s", strerror(file->error));
	return *file->truncated ? mms_fail("tlb: cut short: %s", file->truncated) : 0;
}

static int read_one(const struct mms_flushes *flushes, const struct mms_session *session,
		    struct mms_flush_counts *counts)
{
	struct mms_session system = *session;
	struct mms_viewfile file;
	int fd, err;

	if (flushes->everyone)
		system.target[0] = '\0';
	fd = mms_session_view(&system, "tlb", O_RDONLY);
	if (fd < 0)
		return -1;
	mms_viewfile_init(&file, fd);
	err = mms_flush_counts_add(counts, &file);
	mms_viewfile_close(&file);
	return err;
}

static int read_all(const struct mms_flushes *flushes, struct mms_flush_counts *counts)
{
	unsigned int i;

	*counts = (struct mms_flush_counts){ 0 };
	for (i = 0; i < flushes->nr; i++)
		if (read_one(flushes, &flushes->sessions[i], counts)) {
			mms_flush_counts_free(counts);
			return -1;
		}
	return 0;
}

int mms_flushes_begin(struct mms_flushes *flushes)
{
	mms_flush_counts_free(&flushes->before);
	return read_all(flushes, &flushes->before);
}

static void subtract(struct mms_tlb_count *from, const struct mms_tlb_count *what)
{
	from->events -= what->events;
	from->pages -= what->pages;
	from->full -= what->full;
	from->none -= what->none;
}

int mms_flushes_read(const struct mms_flushes *flushes, struct mms_flush_counts *counts)
{
	unsigned int i, reason;

	if (read_all(flushes, counts))
		return -1;
	for (i = 0; i < flushes->before.nr; i++) {
		const struct mms_cpu_flushes *before = &flushes->before.cpus[i];
		struct mms_cpu_flushes *now = cpu_of(counts, before->cpu);

		if (!now)
			return -1;
		for (reason = 0; reason < MMS_NR_TLB_REASONS; reason++)
			subtract(&now->reason[reason], &before->reason[reason]);
	}
	return 0;
}

void mms_flush_counts_free(struct mms_flush_counts *counts)
{
	free(counts->cpus);
	*counts = (struct mms_flush_counts){ 0 };
}

void mms_flushes_close(struct mms_flushes *flushes)
{
	unsigned int i;

	for (i = 0; i < flushes->nr; i++)
		mms_session_close(&flushes->sessions[i]);
	free(flushes->sessions);
	mms_flush_counts_free(&flushes->before);
	*flushes = (struct mms_flushes){ 0 };
}
