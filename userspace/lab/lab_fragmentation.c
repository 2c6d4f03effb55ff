// SPDX-License-Identifier: GPL-2.0
/*
 * A page is the smallest unit: the last one is partly wasted.
 */
#include <malloc.h>
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
/* Pieces of 8, 16, 24, ... bytes, up to two pages: as many of one page as of two. */
#define STEP	8UL
#define MANY	(2 * PAGE / STEP)
/* So far apart that each could have a page more. */
#define SLOT	(3 * PAGE)
#define BLOCKS	10000UL
#define BLOCK	24UL
/* What the C library takes for it: a size in front, all rounded up to 16 bytes. */
#define CHUNK	((BLOCK + 8 + 15) & ~15UL)

static const size_t sizes[] = { 1, 100, PAGE - 1, PAGE, PAGE + 1, 10000, 100000, 1000000 };

/**
 * struct work - what the worker is told and tells
 * @more: bytes to ask for beyond each of the sizes
 * @at: a mapping of each of the sizes
 * @many: a slot for each of many pieces
 * @huge: a page of 2 MiB to be, or NULL
 * @first: of many small blocks of malloc()
 * @last: of them
 */
struct work {
	size_t more;
	char *at[ARRAY_SIZE(sizes)];
	char *many, *huge;
	char *first, *last;
};

static char *ask_for_block(struct lab_worker *worker)
{
	char *block = malloc(BLOCK);

	if (!block)
		lab_give_up(worker, "out of memory");
	return memset(block, 1, BLOCK);
}

static void ask_for_blocks(struct lab_worker *worker, struct work *shared)
{
	/* What is free between others comes first; once that is used up, each follows the last. */
	size_t i = mallinfo2().fordblks / CHUNK + 1;

	while (i--)
		ask_for_block(worker);
	shared->first = shared->last = ask_for_block(worker);
	for (i = 1; i < BLOCKS; i++)
		shared->last = ask_for_block(worker);
}

/* One byte where a huge page could be. */
static char *write_a_byte(void)
{
	char *at = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	at += HUGE - (uintptr_t)at % HUGE;
	if (madvise(at, HUGE, MADV_HUGEPAGE))
		return NULL;
	*at = 1;
	return at;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		shared->at[i] = lab_map(sizes[i] + shared->more);
		memset(shared->at[i], 1, sizes[i] + shared->more);
	}
	lab_done(worker);
	shared->many = lab_map(MANY * SLOT);
	for (i = 0; i < MANY; i++)
		memset(shared->many + i * SLOT, 1, (i + 1) * STEP);
	lab_done(worker);
	ask_for_blocks(worker, shared);
	lab_done(worker);
	shared->huge = write_a_byte();
	lab_done(worker);
}

static uint64_t pages_for(uint64_t size)
{
	return (size + PAGE - 1) / PAGE;
}

static void check_sizes(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			const struct work *shared)
{
	char what[64];
	size_t i;

	lab_step(lab, "a process maps memory of several sizes, and fills it");
	lab_go(lab, worker);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t at = (uint64_t)shared->at[i];

		snprintf(what, sizeof(what), "for %zu byte%s: resident", sizes[i],
			 sizes[i] == 1 ? "" : "s");
		lab_check(lab, .what = what, .unit = LAB_BYTES,
			  LAB_EXACTLY(pages_for(sizes[i]) * PAGE),
			  .measured = lab_vma_sum(target, at, "rss"),
			  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Rss")));
	}
}

static void check_many(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
		       const struct work *shared)
{
	uint64_t asked = 0, pages = 0, resident, at, i;

	lab_step(lab, "it fills 1,024 pieces of memory, 8, 16, 24, ... bytes and so on up to two pages, each in pages of its own");
	lab_go(lab, worker);
	at = (uint64_t)shared->many;
	for (i = 1; i <= MANY; i++) {
		asked += i * STEP;
		pages += pages_for(i * STEP);
	}
	resident = lab_pages(target, at, MANY * SLOT / PAGE, MMS_CLASS_ANON, 0, 0);
	lab_check(lab, .what = "resident", .unit = LAB_BYTES, LAB_EXACTLY(pages * PAGE),
		  .measured = resident * PAGE,
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, worker->pid, at, MANY * SLOT / PAGE,
							   LAB_PAGEMAP_PRESENT) * PAGE));
	lab_check(lab, .what = "of it wasted", .unit = LAB_BYTES, LAB_EXACTLY(pages * PAGE - asked),
		  .measured = resident * PAGE - asked);
	/* All lengths of the last page come equally often: half a page, but for half a step. */
	lab_check(lab, .what = "bytes wasted by each, on average", LAB_EXACTLY((PAGE - STEP) / 2),
		  .measured = (resident * PAGE - asked) / MANY);
	lab_note(lab, "half a page each, however large they are: much of what is small, nothing of what is large");
}

static void check_blocks(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			 const struct work *shared)
{
	uint64_t first, last, pages;

	lab_step(lab, "it asks malloc() for 10,000 blocks of 24 bytes, and fills them: the library puts many into a page");
	lab_go(lab, worker);
	first = (uint64_t)shared->first & ~(PAGE - 1);
	last = (uint64_t)shared->last;
	pages = pages_for(last + BLOCK - first);
	lab_check(lab, .what = "pages they are in", LAB_BETWEEN(pages_for(BLOCKS * CHUNK),
								pages_for(BLOCKS * CHUNK) + 1),
		  .measured = lab_pages(target, first, pages, MMS_CLASS_ANON, 0, 0),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, worker->pid, first, pages,
							   LAB_PAGEMAP_PRESENT)));
	lab_note(lab, "what is wasted is within the blocks now: 8 bytes of 32, for the size in front of each");
}

static void check_huge(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
		       const struct work *shared)
{
	uint64_t at;

	lab_step(lab, "it writes one byte where a huge page may be");
	lab_go(lab, worker);
	at = (uint64_t)shared->huge;
	if (!at || lab_entry(target, at).level != MMS_PMD) {
		lab_note(lab, "left out: this kernel gave no huge page (transparent huge pages are off, or none is free)");
		return;
	}
	lab_check(lab, .what = "for 1 byte: resident", .unit = LAB_BYTES, LAB_EXACTLY(HUGE),
		  .measured = PAGE * lab_pages(target, at, HUGE / PAGE, MMS_CLASS_ANON, 0, 0),
		  LAB_WITNESS("pagemap", PAGE * lab_pagemap_pages(lab, worker->pid, at, HUGE / PAGE,
								  LAB_PAGEMAP_PRESENT)));
	lab_note(lab, "the larger the page, the more of it may be wasted: the price of fewer entries");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);

	shared->more = lab_spoilt(lab) ? 1 : 0;
	check_sizes(lab, worker, target, shared);
	check_many(lab, worker, target, shared);
	check_blocks(lab, worker, target, shared);
	check_huge(lab, worker, target, shared);
}

const struct lab_def lab_def_fragmentation = {
	.name = "fragmentation",
	.topic = LAB_PLACEMENT,
	.claim = "A page is the smallest unit of memory: of what a process asks for, the last page is partly wasted.",
	.spoil = "one byte more than told is asked for",
	.run = run,
};
