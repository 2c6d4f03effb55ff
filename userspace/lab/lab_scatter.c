// SPDX-License-Identifier: GPL-2.0
/*
 * What is contiguous in virtual memory is scattered in physical memory, and nobody notices.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define HUGE	(2UL << 20)
#define NR	4096UL
#define SIZE	(NR * PAGE)
/* Pages are touched this far apart, each once: odd, and so prime to NR. */
#define APART	1787UL
/* madvise(2), since Linux 6.1. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

struct work {
	size_t nr;		/* pages to touch */
	uint64_t *at;
	uint64_t intact;	/* pages in which it finds what it wrote */
	int error;		/* of moving all of it together */
};

static uint64_t nr_intact(const uint64_t *at)
{
	uint64_t nr = 0, i;

	for (i = 0; i < NR; i++)
		nr += at[i * PAGE / sizeof(*at)] == i + 1;
	return nr;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	char *room = lab_map(SIZE + HUGE), *at = room + HUGE - (uintptr_t)room % HUGE;
	size_t i, page;

	shared->at = (uint64_t *)at;
	for (i = 0; i < shared->nr; i++) {
		page = i * APART % NR;
		shared->at[page * PAGE / sizeof(*shared->at)] = page + 1;
	}
	/* What was not touched is read as nothing. */
	shared->intact = shared->nr == NR ? nr_intact(shared->at) : shared->nr;
	lab_done(worker);
	if (madvise(at, SIZE, MADV_HUGEPAGE) || madvise(at, SIZE, MADV_COLLAPSE))
		shared->error = errno;
	shared->intact = nr_intact(shared->at);
	lab_done(worker);
}

/* Lengths of runs by powers of two. */
#define LENGTHS 14

struct frames {
	uint64_t frame[NR];
	uint64_t nr;
	uint64_t last_addr, last, length;
	uint64_t pages_in[LENGTHS];	/* pages in runs of 2^k to 2^(k+1) - 1 */
};

static void end_run(struct frames *frames)
{
	unsigned int k = 0;

	while (frames->length >> (k + 1))
		k++;
	frames->pages_in[k] += frames->length;
	frames->length = 0;
}

static void take_frame(void *data, uint64_t addr, const struct lab_entry *entry)
{
	struct frames *frames = data;

	if (frames->length &&
	    (entry->pfn != frames->last + 1 || addr != frames->last_addr + PAGE))
		end_run(frames);
	frames->last_addr = addr;
	frames->last = entry->pfn;
	frames->length++;
	frames->frame[frames->nr++] = entry->pfn;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Return: how many different ones. */
static uint64_t nr_different(struct frames *frames)
{
	uint64_t nr = 0, i;

	qsort(frames->frame, frames->nr, sizeof(*frames->frame), compare);
	for (i = 0; i < frames->nr; i++)
		nr += !i || frames->frame[i] != frames->frame[i - 1];
	return nr;
}

/* Runs as pagemap shows them. */
static uint64_t runs_by_pagemap(struct lab *lab, pid_t pid, uint64_t at)
{
	uint64_t entry, last = 0, runs = 0, i;

	for (i = 0; i < NR; i++) {
		entry = lab_pagemap(lab, pid, at + i * PAGE);
		if (entry & LAB_PAGEMAP_PRESENT && (entry & LAB_PAGEMAP_FRAME) != last + 1)
			runs++;
		last = entry & LAB_PAGEMAP_PRESENT ? entry & LAB_PAGEMAP_FRAME : 0;
	}
	return runs;
}

static void plot(struct lab *lab, const struct frames *frames)
{
	struct lab_point points[LENGTHS];
	static char labels[LENGTHS][24];
	unsigned int k, nr = 0;

	for (k = 0; k < LENGTHS; k++)
		if (frames->pages_in[k])
			nr = k + 1;
	for (k = 0; k < nr; k++) {
		snprintf(labels[k], sizeof(labels[k]), k ? "%lu-%lu" : "%lu", 1UL << k,
			 (2UL << k) - 1);
		points[k] = (struct lab_point){ labels[k], frames->pages_in[k] };
	}
	lab_plot(lab, "run", "pages in runs of that length", LAB_COUNT, points, nr);
}

static struct frames *frames_of(struct lab *lab, struct lab_target *target, uint64_t at)
{
	struct frames *frames = calloc(1, sizeof(*frames));

	if (!frames)
		lab_broken(lab, "out of memory");
	lab_each_page(target, at, NR, take_frame, frames);
	end_run(frames);
	return frames;
}

/* @min, @max: of the runs. */
static void check_frames(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			 const struct work *shared, uint64_t min, uint64_t max)
{
	uint64_t at = (uint64_t)shared->at;
	struct frames *frames = frames_of(lab, target, at);

	lab_check(lab, .what = "different frames", LAB_EXACTLY(NR), .measured = nr_different(frames));
	lab_check(lab, .what = "runs", LAB_BETWEEN(min, max),
		  .measured = lab_vma_sum(target, at, "runs"),
		  LAB_WITNESS("pagemap", runs_by_pagemap(lab, worker->pid, at)));
	lab_check(lab, .what = "pages with right content", LAB_EXACTLY(NR),
		  .measured = shared->intact);
	lab_show_walk(lab, target, "the first page", at);
	lab_show_walk(lab, target, "the second page", at + PAGE);
	plot(lab, frames);
	free(frames);
}

static void scatter(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);

	shared->nr = NR - lab_spoilt(lab);
	lab_step(lab, "a process maps 16 MiB, and touches its pages as they come, in no order");
	lab_go(lab, worker);
	/*
	 * The kernel may hand out frames in order, but neighbours ask for theirs far apart in time: two
	 * of them get neighbouring frames by accident only, which may happen, but not to half of them.
	 */
	check_frames(lab, worker, target, shared, NR / 2, NR);
	lab_note(lab, "a run is a stretch that is contiguous in virtual and in physical memory; no frame is used twice, and every byte is where the process put it");

	lab_step(lab, "it asks for the same memory in huge pages (MADV_COLLAPSE): all is moved, no address changes");
	lab_go(lab, worker);
	if (shared->error)
		lab_note(lab, "left out: the kernel could not do it: %s", strerror(shared->error));
	else
		check_frames(lab, worker, target, shared, 1, SIZE / HUGE);
	lab_note(lab, "which frames they are matters to devices and to huge pages; a process cannot see it, but perhaps in its cache misses");
}

const struct lab_def lab_def_scatter = {
	.name = "scatter",
	.topic = LAB_PLACEMENT,
	.claim = "What is contiguous in virtual memory may lie anywhere in physical memory; with paging, where does not matter.",
	.spoil = "one page is left untouched",
	.run = scatter,
};
