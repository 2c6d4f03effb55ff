// SPDX-License-Identifier: GPL-2.0
/*
 * Small requests come from the heap, large ones from mmap(); what is freed is not always given back.
 * Of the C library's allocator (glibc's malloc/malloc.c); its own account, mallinfo2(), is the witness.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	  4096UL
#define KIB	  1024UL
#define GIB	  (1UL << 30)
#define NR	  10000UL
#define SMALL	  1000UL
#define WRITTEN	  1000UL
/* A size in front of each block, and all rounded up to 16 bytes. */
#define CHUNK(n)  (((n) + 8 + 15) & ~15UL)
/* What mmap() is asked for: one more size, and whole pages. */
#define MAPPED(n) ((CHUNK(n) + 8 + PAGE - 1) & ~(PAGE - 1))
/* DEFAULT_MMAP_THRESHOLD, DEFAULT_TOP_PAD (also what is kept when the heap shrinks). */
#define THRESHOLD (128 * KIB)
#define PAD	  (128 * KIB)
/* Freed blocks of a size that are kept aside (tcache). */
#define ASIDE	  7UL

/**
 * struct work - what the worker tells
 * @nr_kept: of the small blocks, how many it does not free until the end
 * @lowest: of the small blocks
 * @highest: of them
 * @large: the large block
 * @info: the allocator's own account, after each stretch of work
 */
struct work {
	size_t nr_kept;
	char *lowest, *highest, *large;
	struct mallinfo2 info;
};

static void done(struct lab_worker *worker, struct work *shared)
{
	shared->info = mallinfo2();
	lab_done(worker);
}

static void ask_for_small(struct lab_worker *worker, struct work *shared, char **blocks)
{
	size_t i;

	for (i = 0; i < NR; i++) {
		blocks[i] = malloc(SMALL);
		if (!blocks[i])
			lab_give_up(worker, "out of memory");
		memset(blocks[i], 1, SMALL);
		if (!i || blocks[i] < shared->lowest)
			shared->lowest = blocks[i];
		if (blocks[i] > shared->highest)
			shared->highest = blocks[i];
	}
}

static void free_small(char **blocks, size_t from, size_t to)
{
	for (; from < to; from++)
		free(blocks[from]);
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	char **blocks = (char **)lab_map(NR * sizeof(*blocks));

	/* What is large is learnt while a program runs, unless it is set; the default then. */
	mallopt(M_MMAP_THRESHOLD, THRESHOLD);
	/* The size in front of the large block must not get it 2 MiB at once. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	done(worker, shared);
	ask_for_small(worker, shared, blocks);
	done(worker, shared);
	shared->large = malloc(GIB);
	done(worker, shared);
	lab_write_pages(shared->large, shared->large ? WRITTEN : 0, PAGE);
	done(worker, shared);
	free(shared->large);
	done(worker, shared);
	free_small(blocks, 0, NR - shared->nr_kept);
	done(worker, shared);
	free_small(blocks, NR - shared->nr_kept, NR);
	done(worker, shared);
}

struct heap {
	struct lab_worker *worker;
	struct lab_target *target;
	struct work *shared;
	uint64_t start, end;
	uint64_t size;		/* of the address space */
	struct mallinfo2 info;
};

/* In a forked process, what a heap gains is a VMA of its own, for the first part is still the parent's. */
static void add_heap(void *data, const struct lab_vma *vma)
{
	struct heap *h = data;

	if (strcmp(vma->kind, "heap"))
		return;
	if (!h->start)
		h->start = vma->start;
	h->end = vma->end;
}

static void look(struct heap *h)
{
	h->size = lab_sum(h->target, "size");
	h->info = h->shared->info;
	h->start = h->end = 0;
	lab_each_vma(h->target, add_heap, h);
}

static uint64_t present(const struct heap *h, uint64_t start, uint64_t size)
{
	return lab_pages(h->target, start & ~(PAGE - 1), size / PAGE, MMS_CLASS_ANON, 0, 0);
}

/* The same, by pagemap. */
static uint64_t present_pagemap(struct lab *lab, const struct heap *h, uint64_t start, uint64_t size)
{
	return lab_pagemap_pages(lab, h->worker->pid, start, size / PAGE, LAB_PAGEMAP_PRESENT);
}

static void check_present(struct lab *lab, const struct heap *h, uint64_t at, uint64_t nr)
{
	lab_check(lab, .what = "pages of it present", LAB_EXACTLY(nr),
		  .measured = present(h, at, MAPPED(GIB)),
		  LAB_WITNESS("pagemap", present_pagemap(lab, h, at, MAPPED(GIB))));
}

static void check_small(struct lab *lab, struct heap *h)
{
	uint64_t need = NR * CHUNK(SMALL), size, arena, spare;

	look(h);
	size = h->end - h->start;
	arena = h->info.arena;
	spare = h->info.fordblks;
	lab_step(lab, "a process asks malloc() for 10,000 blocks of 1,000 bytes, and fills them");
	lab_go(lab, h->worker);
	look(h);
	lab_check_that(lab, "the lowest and the highest block are in the heap",
		       (uint64_t)h->shared->lowest > h->start &&
			       (uint64_t)h->shared->highest < h->end);
	/* From what was free before, at the best; at the worst asked for with something to spare. */
	lab_check(lab, .what = "heap gained", .unit = LAB_BYTES,
		  LAB_BETWEEN(need - spare, need + PAD + PAGE),
		  .measured = h->end - h->start - size,
		  LAB_WITNESS("malloc", h->info.arena - arena));
	lab_evidence(lab, "the heap: %lx-%lx; a block of 1,000 bytes takes %lu; %lu bytes were free before",
		     h->start, h->end, CHUNK(SMALL), spare);
}

static void check_large(struct lab *lab, struct heap *h)
{
	uint64_t at, mapped = h->info.hblkhd;
	struct lab_vma vma = { 0 };

	lab_step(lab, "it asks for 1 GiB: what is more than 128 KiB comes from mmap()");
	lab_go(lab, h->worker);
	at = (uint64_t)h->shared->large;
	if (!at)
		lab_skip(lab, "this machine does not promise 1 GiB to a process (vm.overcommit_memory, ulimit -v)");
	lab_vma_at(h->target, at, &vma);
	lab_check_that(lab, "it is in a VMA that is not the heap", !strcmp(vma.kind, "mmap"));
	lab_check(lab, .what = "address space gained", .unit = LAB_BYTES, LAB_EXACTLY(MAPPED(GIB)),
		  .measured = lab_sum(h->target, "size") - h->size,
		  LAB_WITNESS("malloc", h->shared->info.hblkhd - mapped));
	/* The block's size is written in front of it. */
	check_present(lab, h, at, 1);

	lab_step(lab, "it writes to 1,000 pages of it");
	lab_go(lab, h->worker);
	check_present(lab, h, at, WRITTEN);

	lab_step(lab, "it frees it: given back at once");
	lab_go(lab, h->worker);
	lab_check(lab, .what = "address space gained in all", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_sum(h->target, "size") - h->size,
		  LAB_WITNESS("malloc", h->shared->info.hblkhd - mapped));
	lab_check_that(lab, "nothing is mapped there any more", !lab_vma_at(h->target, at, &vma));
	lab_note(lab, "what is large is learnt: having freed such a block, the library takes the next of this size from the heap (up to 32 MiB; mallopt(3)). That is switched off here");
}

static void check_free(struct lab *lab, struct heap *h)
{
	uint64_t start = h->start, size = h->end - start, need = NR * CHUNK(SMALL);
	uint64_t resident = present(h, start, size), arena = h->info.arena;

	lab_step(lab, "it frees 9,999 of the small blocks, all but the last");
	lab_go(lab, h->worker);
	look(h);
	lab_check(lab, .what = "free in the heap, says malloc", .unit = LAB_BYTES,
		  LAB_AT_LEAST((NR - 1 - ASIDE) * CHUNK(SMALL)), .measured = h->info.fordblks);
	lab_check(lab, .what = "heap given back", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = size - (h->end - h->start),
		  LAB_WITNESS("malloc", arena - h->info.arena));
	lab_check(lab, .what = "still resident, as before", .unit = LAB_BYTES,
		  LAB_EXACTLY(resident * PAGE), .measured = present(h, start, size) * PAGE,
		  LAB_WITNESS("pagemap", present_pagemap(lab, h, start, size) * PAGE));

	lab_step(lab, "it frees the last, too, which is next to the heap's end");
	lab_go(lab, h->worker);
	look(h);
	/* All but what is kept to spare, in whole pages, and the few blocks set aside. */
	lab_check(lab, .what = "heap given back", .unit = LAB_BYTES,
		  LAB_AT_LEAST(need - PAD - 2 * PAGE - ASIDE * CHUNK(SMALL)),
		  .measured = size - (h->end - h->start),
		  LAB_WITNESS("malloc", arena - h->info.arena));
	lab_note(lab, "the heap can shrink at its end only: one small block there keeps all the rest (malloc_trim(3) gives back whole pages within)");
}

static void run(struct lab *lab)
{
	struct heap h = { .shared = lab_shared(lab, sizeof(*h.shared)) };

	h.shared->nr_kept = lab_spoilt(lab) ? 0 : 1;
	h.worker = lab_worker(lab, work, h.shared);
	h.target = lab_watch(lab, h.worker->pid);
	lab_go(lab, h.worker);
	check_small(lab, &h);
	check_large(lab, &h);
	check_free(lab, &h);
}

const struct lab_def lab_def_malloc = {
	.name = "malloc",
	.topic = LAB_LAYOUT,
	.claim = "malloc() takes small blocks from the heap and large ones from mmap(); freed small blocks stay resident, and large ones cost nothing until they are written.",
	.spoil = "the block at the end of the heap is freed with the others",
	.run = run,
};
