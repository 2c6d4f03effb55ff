// SPDX-License-Identifier: GPL-2.0
/*
 * Every process of the machine, every page of each: the views against /proc. With the zoo's animals
 * among them, whose pages are of every kind, by construction.
 *
 * Nothing may run while it is compared. The animals and those that wait for this test (its
 * ancestors, and those that carry its output, which is kept back) are asleep; that they have not
 * run is checked. This process, which looks at all others, is looked at by one of its own, for
 * which it waits. Its own files are all mapped beforehand: mapping more of them while it compares
 * would change how often their pages are mapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "views_judge.h"
#include "zoo.h"

#define MAX_ANIMALS 64

enum check {
	STREAM, PAGEMAP, KPAGEFLAGS, PAGES, MAPS, SMAPS, VMAS, NUMA, TABLES, SUMMARY, PROCESS,
	NR_CHECKS,
};

static struct tap_diffs diffs[NR_CHECKS] = {
	[STREAM] = { .what = "records is whole, in order, inside the VMAs" },
	[PAGEMAP] = { .what = "records as pagemap: frame, swap, soft-dirty, file, uffd-wp" },
	[KPAGEFLAGS] = { .what = "records as kpageflags: zero, KSM, anonymous, hugetlb, THP" },
	[PAGES] = { .what = "pages as records" },
	[MAPS] = { .what = "vmas as maps" },
	[SMAPS] = { .what = "vmas as smaps" },
	[VMAS] = { .what = "vmas as records and kpagecount add up" },
	[NUMA] = { .what = "vmas as numa_maps" },
	[TABLES] = { .what = "tables as VmPTE and as records add up" },
	[SUMMARY] = { .what = "summary as vmas add up" },
	[PROCESS] = { .what = "processes as summary and status" },
};

static struct zoo_animal animals[MAX_ANIMALS];
static unsigned int nr_animals;

static void judge(const struct subject *subject, const struct views_table *processes)
{
	judge_stream(subject, &diffs[STREAM]);
	judge_pagemap(subject, &diffs[PAGEMAP]);
	judge_kpageflags(subject, &diffs[KPAGEFLAGS]);
	judge_pages(subject, &diffs[PAGES]);
	judge_maps(subject, &diffs[MAPS]);
	judge_smaps(subject, &diffs[SMAPS]);
	judge_vmas(subject, &diffs[VMAS]);
	judge_numa(subject, &diffs[NUMA]);
	judge_tables(subject, &diffs[TABLES]);
	judge_summary(subject, &diffs[SUMMARY]);
	judge_process(subject, processes, &diffs[PROCESS]);
}

static size_t row_of(const struct subject *subject, u64 addr)
{
	size_t row;

	for (row = 0; row < subject->smaps.nr; row++)
		if (subject->smaps.vma[row].start == addr)
			break;
	return row;
}

/* What the animal knows of smaps, which neither side tells. */
static void set_swap_extra(struct subject *subject, const struct zoo_animal *animal)
{
	size_t row;
	unsigned int i;

	subject->swap_extra = calloc(subject->smaps.nr + 1, sizeof(u64));
	for (i = 0; subject->swap_extra && i < animal->report.nr_areas; i++) {
		row = row_of(subject, animal->report.area[i].addr);
		if (row < subject->smaps.nr)
			subject->swap_extra[row] = animal->report.area[i].swap_extra;
	}
}

/* Pages of an area by class and level. Runs may begin before the area, or end after it. */
static u64 count_pages(const struct subject *subject, const struct zoo_area *area,
		       const struct zoo_want *want)
{
	u64 bytes = 0;
	size_t i;

	for (i = 0; i < subject->records.nr; i++) {
		const struct mms_record *rec = &subject->records.rec[i];
		u64 start = rec->addr;
		u64 end = start + rec->nr * views_entry_bytes(&subject->records, rec);

		if (want && (rec->class != want->class || rec->level != want->level))
			continue;
		if (start < area->addr)
			start = area->addr;
		if (end > area->addr + area->len)
			end = area->addr + area->len;
		if (start < end)
			bytes += end - start;
	}
	return bytes / PAGE;
}

static void check_wants(const struct subject *subject, const struct zoo_area *area,
			struct tap_diffs *found)
{
	u64 all = 0, pages;
	unsigned int i;

	for (i = 0; i < area->nr_wants; i++) {
		const struct zoo_want *want = &area->want[i];

		pages = count_pages(subject, area, want);
		all += want->pages;
		found->nr_compared++;
		if (pages != want->pages)
			tap_differs(found, "%s: expected %llu pages %s at %s, got %llu", area->label,
				    want->pages, mms_class_name(want->class),
				    mms_level_name(want->level), pages);
	}
	pages = count_pages(subject, area, NULL);
	found->nr_compared++;
	if (area->nr_wants && pages != all)
		tap_differs(found, "%s: expected %llu pages in all, got %llu", area->label, all,
			    pages);
}

static void check_columns(const struct subject *subject, const struct zoo_area *area, size_t row,
			  struct tap_diffs *found)
{
	unsigned int i;

	for (i = 0; i < area->nr_columns; i++) {
		u64 kb = views_u64(&subject->vmas, row, area->column[i].name);

		found->nr_compared++;
		if (kb != area->column[i].kb)
			tap_differs(found, "%s: expected %s %llu kB, got %llu", area->label,
				    area->column[i].name, area->column[i].kb, kb);
	}
}

static void check_kind(const struct subject *subject, const struct zoo_area *area,
		       struct tap_diffs *found)
{
	const char *kind = "no VMA";
	size_t row;

	for (row = 0; row < subject->vmas.nr; row++)
		if (views_hex(&subject->vmas, row, "start") <= area->addr &&
		    views_hex(&subject->vmas, row, "end") > area->addr)
			kind = views_field(&subject->vmas, row, "kind");
	found->nr_compared++;
	if (area->kind != ZOO_ANY_KIND && strcmp(kind, mms_kind_name(area->kind)))
		tap_differs(found, "%s: expected kind %s, got %s", area->label,
			    mms_kind_name(area->kind), kind);
}

static void check_pfn(const struct subject *subject, const struct zoo_area *area,
		      struct tap_diffs *found)
{
	char first[32];
	size_t row;

	snprintf(first, sizeof(first), "%llx", area->pfn);
	found->nr_compared++;
	for (row = 0; row < subject->pages.nr; row++)
		if (views_hex(&subject->pages, row, "start") == area->addr)
			break;
	if (row == subject->pages.nr || strcmp(first, views_field(&subject->pages, row, "frame")))
		tap_differs(found, "%s: expected frame %s, got %s", area->label, first,
			    row < subject->pages.nr ? views_field(&subject->pages, row, "frame") :
						      "nothing");
}

static void check_area(const struct subject *subject, const struct zoo_area *area,
		       struct tap_diffs *found)
{
	size_t row = row_of(subject, area->addr);

	check_wants(subject, area, found);
	check_kind(subject, area, found);
	if (area->pfn)
		check_pfn(subject, area, found);
	if (row < subject->vmas.nr)
		check_columns(subject, area, row, found);
	else if (area->nr_columns)
		tap_differs(found, "%s: no VMA begins at %llx", area->label, area->addr);
}

static void check_areas(const struct subject *subject, const struct zoo_animal *animal,
			struct tap_diffs *found)
{
	unsigned int i;

	for (i = 0; i < animal->report.nr_areas; i++) {
		const struct zoo_area *area = &animal->report.area[i];

		if ((area->of_partner ? animal->report.partner : animal->pid) == subject->pid)
			check_area(subject, area, found);
	}
}

static const struct zoo_animal *animal_of(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < nr_animals; i++)
		if (animals[i].pid == pid || animals[i].report.partner == pid)
			return &animals[i];
	return NULL;
}

static void compare_process(pid_t pid, const struct views_table *processes,
			    struct tap_diffs *found)
{
	const struct zoo_animal *animal = animal_of(pid);
	struct subject subject;
	const char *failed = subject_read(pid, &subject);

	if (failed) {
		tap_differs(&diffs[STREAM], "%d: %s: %s", pid, failed, strerror(errno));
		return;
	}
	if (animal) {
		set_swap_extra(&subject, animal);
		check_areas(&subject, animal, &found[animal - animals]);
	}
	judge(&subject, processes);
	subject_free(&subject);
}

static void start_zoo(void)
{
	for (nr_animals = 0; zoo_names[nr_animals]; nr_animals++)
		zoo_start(&animals[nr_animals], zoo_names[nr_animals]);
}

static void report_zoo(struct tap_diffs *found)
{
	unsigned int i;

	for (i = 0; i < nr_animals; i++) {
		const struct zoo_report *report = &animals[i].report;

		if (*report->missing)
			tap_skip(report->missing, "%s", animals[i].name);
		else if (*report->error)
			tap_ok(false, "%s: cannot be made: %s", animals[i].name, report->error);
		else
			tap_no_diffs(&found[i]);
	}
}

/* All that is going to be used is there before anything is compared. */
static void settle(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		tap_bail("mlockall: %s", strerror(errno));
}

static void compare_all(struct tap_diffs *found)
{
	struct tap_diffs slept = { .what = "nothing has run while it was compared" };
	struct views_table processes;
	size_t nr, i;
	pid_t *pids = proc_processes(&nr);
	long *switches = calloc(nr + 1, sizeof(*switches));
	char *text = proc_read_file(VIEWS_DIR "/processes", NULL);

	if (!pids || !switches || !text || !views_parse(text, &processes))
		tap_bail("processes cannot be read: %s", strerror(errno));
	for (i = 0; i < nr; i++)
		switches[i] = proc_switches(pids[i]);
	for (i = 0; i < nr; i++)
		if (pids[i] != getpid())
			compare_process(pids[i], &processes, found);
	tap_eq(processes.nr, nr, "processes has a row for each of %zu processes", nr);
	for (i = 0; i < nr; i++) {
		slept.nr_compared++;
		if (pids[i] != getpid() && proc_switches(pids[i]) != switches[i])
			tap_differs(&slept, "%d has run", pids[i]);
	}
	tap_no_diffs(&slept);
	views_table_free(&processes);
	free(switches);
	free(pids);
}

/* The child: looks at its parent, which waits for it. Return: differences, at most 100. */
static int compare_parent(void)
{
	struct tap_diffs found[MAX_ANIMALS] = {};
	struct views_table processes;
	char *text;
	u64 nr = 0;
	int i;

	settle();
	text = proc_read_file(VIEWS_DIR "/processes", NULL);
	if (!text || !views_parse(text, &processes) || !proc_wait_idle(getppid(), 30))
		return 101;
	compare_process(getppid(), &processes, found);
	for (i = 0; i < NR_CHECKS; i++) {
		nr += diffs[i].nr + !diffs[i].nr_compared;
		if (diffs[i].nr)
			fprintf(stderr, "# the test itself: %s\n", diffs[i].what);
	}
	return nr > 100 ? 100 : nr;
}

static void have_oneself_compared(void)
{
	int status = -1;
	pid_t pid;

	tap_flush();
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "t_oracle", "parent", NULL);
		_exit(102);
	}
	waitpid(pid, &status, 0);
	tap_eq(WIFEXITED(status) ? WEXITSTATUS(status) : 103, 0, "this test, seen by another process");
}

/* How often, in hundredths of a second; 0: not at all. */
#define WRITEBACK "/proc/sys/vm/dirty_writeback_centisecs"

int main(int argc, char **argv)
{
	static struct tap_diffs found[MAX_ANIMALS];
	unsigned int nr = 0, i;
	long periodic;
	char text[32];

	judge_init();
	if (argc == 2 && !strcmp(argv[1], "parent"))
		return compare_parent();
	while (zoo_names[nr])
		nr++;
	tap_plan(nr + NR_CHECKS + 3);
	/* Writeback makes entries clean and read-only (page_mkclean()), whenever it comes. */
	periodic = proc_value(WRITEBACK);
	proc_write(WRITEBACK, "0");
	zoo_world_open();
	start_zoo();
	for (i = 0; i < nr_animals; i++)
		found[i].what = animals[i].name;
	settle();
	compare_all(found);
	report_zoo(found);
	for (i = 0; i < NR_CHECKS; i++)
		tap_no_diffs(&diffs[i]);
	have_oneself_compared();
	for (i = 0; i < nr_animals; i++)
		zoo_stop(&animals[i]);
	zoo_world_close();
	snprintf(text, sizeof(text), "%ld", periodic);
	proc_write(WRITEBACK, text);
	return tap_done();
}
