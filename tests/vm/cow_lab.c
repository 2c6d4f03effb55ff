// SPDX-License-Identifier: GPL-2.0
/*
 * The laboratory for copy-on-write. Everything that a case needs is allocated before it begins.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/tracer.h"
#include "cow_lab.h"
#include "event_names.h"
#include "proc.h"

#define PFN_MASK ((1ULL << 55) - 1)
#define PRESENT (1ULL << 63)
#define MAX_RECORDS 512

static uint64_t entries_had[COW_MAX_PAGES], entries_got[COW_MAX_PAGES];
static struct mms_trace_record records[MAX_RECORDS];
static char maps[1 << 16];
static const char *const vmstat_names[] = { "pgreuse", "cow_ksm", "thp_split_pmd" };

static void note(struct cow *cow, const char *fmt, va_list args)
{
	struct cow_result *result = cow->result;

	if (result->nr_notes < COW_MAX_NOTES)
		vsnprintf(result->notes[result->nr_notes++], sizeof(result->notes[0]), fmt, args);
}

void cow_note(struct cow *cow, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(cow, fmt, args);
	va_end(args);
}

void cow_fail(struct cow *cow, const char *fmt, ...)
{
	int error = errno;
	va_list args;

	va_start(args, fmt);
	note(cow, fmt, args);
	va_end(args);
	cow_note(cow, "errno: %s", strerror(error));
	_exit(1);
}

void cow_missing(struct cow *cow, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(cow->result->missing, sizeof(cow->result->missing), fmt, args);
	va_end(args);
	_exit(0);
}

void cow_region(struct cow *cow, void *at, size_t pages, size_t step)
{
	if (pages > COW_MAX_PAGES)
		cow_fail(cow, "%zu pages", pages);
	cow->at = at;
	cow->pages = pages;
	cow->step = step;
}

void *cow_mmap(struct cow *cow, size_t size, int prot, int flags, int fd, size_t align)
{
	char *at = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);
	char *good = align ? (char *)(((uintptr_t)at + align - 1) & -align) : at;

	if (at == MAP_FAILED)
		cow_fail(cow, "address space");
	good = mmap(good, size, prot, flags | MAP_FIXED, fd, 0);
	if (good == MAP_FAILED)
		cow_fail(cow, "mmap");
	return good;
}

/* Guards on both sides: a VMA of its own. */
void cow_map(struct cow *cow, size_t pages)
{
	char *at = cow_mmap(cow, (pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mprotect(at + PAGE, pages * PAGE, PROT_READ | PROT_WRITE) ||
	    proc_no_thp(at + PAGE, pages * PAGE))
		cow_fail(cow, "mprotect, madvise");
	cow_region(cow, at + PAGE, pages, PAGE);
}

void cow_touch(struct cow *cow, bool write)
{
	volatile char *byte;
	size_t i;

	for (i = 0; i < cow->pages; i++) {
		byte = cow->at + i * cow->step;
		if (write)
			*byte = i + 1;
		else
			(void)*byte;
	}
}

void cow_write(struct cow *cow)
{
	cow_touch(cow, true);
}

void cow_read(struct cow *cow)
{
	cow_touch(cow, false);
}

static size_t read_maps(struct cow *cow)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, maps + len, sizeof(maps) - 1 - len)) > 0)
		len += got;
	close(fd);
	if (got < 0 || len == sizeof(maps) - 1)
		cow_fail(cow, "/proc/self/maps");
	maps[len] = '\0';
	return len;
}

void cow_settle(struct cow *cow)
{
	unsigned long start, end, from, to;
	char *line, *next, perms[5];

	from = (unsigned long)cow->at;
	to = from + cow->pages * cow->step;
	read_maps(cow);
	for (line = maps; *line; line = next + 1) {
		next = strchr(line, '\n');
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3)
			cow_fail(cow, "maps: %.60s", line);
		if (strncmp(perms, "rw-p", 3) || perms[3] != 'p' || (start < to && end > from))
			continue;
		madvise((void *)start, end - start, MADV_POPULATE_WRITE);
	}
}

static void partner_main(struct cow *cow)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cow_settle(cow);
	while (write(cow->from[1], "", 1) == 1 && read(cow->to[0], &byte, 1) == 1)
		cow->act(cow);
	_exit(0);
}

void cow_share(struct cow *cow)
{
	char byte;

	if (pipe2(cow->to, O_CLOEXEC) || pipe2(cow->from, O_CLOEXEC))
		cow_fail(cow, "pipe");
	cow->partner = fork();
	if (cow->partner < 0)
		cow_fail(cow, "fork");
	if (!cow->partner)
		partner_main(cow);
	if (read(cow->from[0], &byte, 1) != 1)
		cow_fail(cow, "the partner does not begin");
}

void cow_tell(struct cow *cow)
{
	char byte;

	if (write(cow->to[1], "", 1) != 1 || read(cow->from[0], &byte, 1) != 1)
		cow_fail(cow, "the partner is gone");
}

void cow_end_partner(struct cow *cow)
{
	kill(cow->partner, SIGKILL);
	if (waitpid(cow->partner, NULL, 0) != cow->partner)
		cow_fail(cow, "waitpid");
	cow->partner = 0;
}

void cow_counters(struct cow *cow, pid_t pid, uint64_t count[MMS_MAX_COUNTERS])
{
	size_t i, nr = tracer_read(cow->tracer, MMS_QUESTION_COW, records, MAX_RECORDS);

	memset(count, 0, MMS_MAX_COUNTERS * sizeof(*count));
	for (i = MMS_SLOT_FIRST; i < nr && i < MAX_RECORDS; i++)
		if (records[i].owner.tgid == (uint32_t)pid)
			memcpy(count, records[i].count, sizeof(records[i].count));
	if (nr > MAX_RECORDS)
		cow_fail(cow, "%zu records", nr);
}

static void read_entries(struct cow *cow, uint64_t *entries)
{
	char path[64];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", cow->measured);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (i = 0; i < cow->pages; i++)
		if (pread(fd, &entries[i], 8, ((uintptr_t)cow->at + i * cow->step) / PAGE * 8) != 8)
			cow_fail(cow, "%s", path);
	close(fd);
}

static void read_vmstat(long values[])
{
	size_t i;

	for (i = 0; i < sizeof(vmstat_names) / sizeof(*vmstat_names); i++)
		values[i] = proc_number("/proc/vmstat", vmstat_names[i]);
}

/* What is done here is done once before, so that all memory for it is there. */
static void snapshot(struct cow *cow, uint64_t *counters, uint64_t *entries, long *vmstat)
{
	cow_counters(cow, cow->measured, counters);
	read_entries(cow, entries);
	if (cow->vmstat_too)
		read_vmstat(vmstat);
	cow_counters(cow, cow->measured, counters);
}

void cow_begin(struct cow *cow)
{
	if (!cow->measured)
		cow->measured = cow->actor;
	if (proc_empty_batches())
		cow_fail(cow, "migrate_pages");
	snapshot(cow, cow->had, entries_had, cow->vmstat_had);
	cow_settle(cow);
	snapshot(cow, cow->had, entries_had, cow->vmstat_had);
}

void cow_want(struct cow *cow, unsigned int counter, uint64_t nr)
{
	cow->want[counter] += nr;
	if (counter < MMS_COW(MMS_COW_HUGETLB, 0) || counter / MMS_NR_COW_WAYS == MMS_COW_PFN)
		cow->want[MMS_COW_PAGES] += nr;
}

void cow_count(struct cow *cow)
{
	unsigned int i;

	cow_counters(cow, cow->measured, cow->got);
	for (i = 0; i < MMS_MAX_COUNTERS; i++)
		cow->got[i] -= cow->had[i];
}

static size_t moved_pages(struct cow *cow)
{
	size_t i, moved = 0;

	read_entries(cow, entries_got);
	for (i = 0; i < cow->pages; i++)
		moved += entries_got[i] & PRESENT && entries_had[i] & PRESENT &&
			 (entries_got[i] & PFN_MASK) != (entries_had[i] & PFN_MASK);
	return moved;
}

static void compare_vmstat(struct cow *cow)
{
	uint64_t ksm = 0, sums[3] = { cow->got[MMS_COW_REUSE], 0, cow->got[MMS_COW_SPLIT_PMD] };
	long now[4];
	unsigned int i;

	read_vmstat(now);
	for (i = 0; i < MMS_NR_COW_WAYS; i++)
		ksm += cow->got[MMS_COW(MMS_COW_KSM, i)];
	sums[1] = ksm;
	for (i = 0; i < 3; i++)
		if (now[i] - cow->vmstat_had[i] != (long)sums[i])
			cow_note(cow, "%s: %ld, counted %lu", vmstat_names[i],
				 now[i] - cow->vmstat_had[i], sums[i]);
}

void cow_end(struct cow *cow, size_t moved)
{
	char name[MMS_COUNTER_NAME_MAX];
	unsigned int i;
	size_t found;

	cow_count(cow);
	if (cow->vmstat_too)
		compare_vmstat(cow);
	for (i = 0; i < MMS_NR_COW_COUNTERS; i++)
		if (cow->got[i] != cow->want[i])
			cow_note(cow, "%s: expected %lu, got %lu",
				 mms_counter_name(name, MMS_QUESTION_COW, i), cow->want[i],
				 cow->got[i]);
	found = moved_pages(cow);
	if (found != moved)
		cow_note(cow, "frames changed: expected %zu, got %zu", moved, found);
	cow->result->done = true;
}
