// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes as the module counts them, in its file "count".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "event_names.h"
#include "flushes.h"
#include "session.h"
#include "viewfile.h"

int mms_flushes_open(struct mms_flushes *flushes, const char *debugfs)
{
	struct mms_session session;

	flushes->fd = -1;
	if (mms_session_open(&session, debugfs))
		return -1;
	flushes->fd = mms_session_view(&session, "count", O_RDWR);
	if (flushes->fd < 0 && errno == EOPNOTSUPP)
		mms_fail("this kernel has no tracepoint tlb:tlb_flush");
	mms_session_close(&session);
	return flushes->fd < 0 ? -1 : 0;
}

static int add(struct mms_flushes *flushes, const char *whom)
{
	return write(flushes->fd, whom, strlen(whom)) < 0 ? -errno : 0;
}

int mms_flushes_add(struct mms_flushes *flushes, pid_t pid, bool follow)
{
	char whom[32];
	int err;

	snprintf(whom, sizeof(whom), "%s%d", follow ? "follow " : "", pid);
	err = add(flushes, whom);
	return err ? mms_process_failed(pid, -err) : 0;
}

int mms_flushes_add_everyone(struct mms_flushes *flushes)
{
	int err = add(flushes, "all");

	return err ? mms_fail("count: %s", strerror(-err)) : 0;
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
		return mms_fail("count: %s", file->error ? strerror(file->error) : "empty");
	for (i = 0; i < NR_FIELDS; i++) {
		column[i] = mms_viewfile_column(file, names[i]);
		if (column[i] < 0)
			return mms_fail("count: no column %s", names[i]);
	}
	return 0;
}

static int read_table(struct mms_flush_counts *counts, struct mms_viewfile *file)
{
	int column[NR_FIELDS] = { 0 };

	if (find_columns(file, column))
		return -1;
	while (mms_viewfile_row(file))
		if (add_row(counts, file->field, column))
			return -1;
	if (file->error)
		return mms_fail("count: %s", strerror(file->error));
	return mms_viewfile_note(file, "unfollowed", &counts->unfollowed) ?
		       0 : mms_fail("count: cut off before its end");
}

int mms_flushes_read(const struct mms_flushes *flushes, struct mms_flush_counts *counts)
{
	struct mms_viewfile file;
	int fd, err;

	*counts = (struct mms_flush_counts){ 0 };
	fd = dup(flushes->fd);
	if (fd < 0 || lseek(fd, 0, SEEK_SET))
		return mms_fail("count: %s", strerror(errno));
	mms_viewfile_init(&file, fd);
	err = read_table(counts, &file);
	mms_viewfile_close(&file);
	if (err)
		mms_flush_counts_free(counts);
	return err;
}

void mms_flush_counts_free(struct mms_flush_counts *counts)
{
	free(counts->cpus);
	*counts = (struct mms_flush_counts){ 0 };
}

void mms_flushes_close(struct mms_flushes *flushes)
{
	if (flushes->fd >= 0)
		close(flushes->fd);
	flushes->fd = -1;
}
