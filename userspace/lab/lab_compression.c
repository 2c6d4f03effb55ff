// SPDX-License-Identifier: GPL-2.0
/*
 * Memory can be squeezed instead of being written to a disk: swap on zram, by the device's own account.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE 4096UL
#define NR   512UL

/* What the pages hold. */
enum content { SAME, QUARTER, RANDOM, NR_CONTENTS };

struct work {
	char *at[NR_CONTENTS];
	enum content of[NR_CONTENTS];
};

/* A generator of what cannot be compressed: xorshift64, of G. Marsaglia. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void fill(char *at, enum content content)
{
	uint64_t state = 88172645463325252UL, *word = (uint64_t *)at;
	size_t random = content == RANDOM ? PAGE : PAGE / 4, page, i;

	for (page = 0; page < NR; page++, word += PAGE / sizeof(*word)) {
		if (content == SAME)
			memset(word, 0x5a, PAGE);
		for (i = 0; content != SAME && i < random / sizeof(*word); i++)
			word[i] = next_random(&state);
	}
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	unsigned int i;

	for (i = 0; i < NR_CONTENTS; i++) {
		shared->at[i] = lab_map(NR * PAGE);
		fill(shared->at[i], shared->of[i]);
		lab_done(worker);
		lab_page_out(shared->at[i], NR);
		lab_done(worker);
	}
}

/* The first fields of mm_stat (Documentation/admin-guide/blockdev/zram.rst). */
struct device {
	char path[64];
	uint64_t stored, compressed, used, same, incompressible;
};

static void read_device(struct lab *lab, struct device *device)
{
	const char *text = lab_file_text(device->path);

	if (!text || sscanf(text, "%lu %lu %lu %*s %*s %lu %*s %lu", &device->stored,
			    &device->compressed, &device->used, &device->same,
			    &device->incompressible) != 5)
		lab_broken(lab, "%s cannot be parsed", device->path);
	lab_evidence(lab, "%s: %s", device->path, text);
}

struct squeezed {
	struct lab_worker *worker;
	struct lab_target *target;
	const struct work *shared;
	struct device before, after;
};

static void squeeze(struct lab *lab, struct squeezed *s, enum content content)
{
	uint64_t at;

	s->before = s->after;
	lab_go(lab, s->worker);
	lab_empty_batches(lab);
	lab_go(lab, s->worker);
	read_device(lab, &s->after);
	at = (uint64_t)s->shared->at[content];
	lab_check(lab, .what = "pages that are out", LAB_EXACTLY(NR),
		  .measured = lab_pages(s->target, at, NR, MMS_CLASS_SWAP, 0, 0),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, s->worker->pid, at, NR,
							   LAB_PAGEMAP_SWAP)));
	lab_check(lab, .what = "stored, before compression", .unit = LAB_BYTES,
		  LAB_EXACTLY(NR * PAGE), .measured = lab_vma_sum(s->target, at, "swap"),
		  LAB_WITNESS("zram", s->after.stored - s->before.stored));
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct squeezed s = { .shared = shared };
	const char *device = lab_swap(lab, 32UL << 20);

	shared->of[SAME] = SAME;
	shared->of[QUARTER] = lab_spoilt(lab) ? RANDOM : QUARTER;
	shared->of[RANDOM] = RANDOM;
	s.worker = lab_worker(lab, work, shared);
	s.target = lab_watch(lab, s.worker->pid);
	snprintf(s.after.path, sizeof(s.after.path), "/sys/block/%s/mm_stat", strrchr(device, '/') + 1);
	read_device(lab, &s.after);

	lab_step(lab, "512 pages move out, each filled with one byte");
	squeeze(lab, &s, SAME);
	lab_check(lab, .what = "kept as one word each", LAB_EXACTLY(NR),
		  .measured = s.after.same - s.before.same);

	lab_step(lab, "512 pages move out, a quarter of each random, the rest zeros");
	squeeze(lab, &s, QUARTER);
	/* Not less than is random; a tenth more for what tells how it was compressed. */
	lab_check(lab, .what = "after compression", .unit = LAB_BYTES,
		  LAB_BETWEEN(NR * PAGE / 4, NR * PAGE / 4 * 11 / 10),
		  .measured = s.after.compressed - s.before.compressed);

	lab_step(lab, "512 pages move out, all random");
	squeeze(lab, &s, RANDOM);
	lab_check(lab, .what = "kept as they are", LAB_EXACTLY(NR),
		  .measured = s.after.incompressible - s.before.incompressible);
	lab_check(lab, .what = "memory taken by them", .unit = LAB_BYTES, LAB_AT_LEAST(NR * PAGE),
		  .measured = s.after.used - s.before.used);
	lab_note(lab, "what cannot be compressed takes as much memory as before: swapping it to memory gains nothing");
}

const struct lab_def lab_def_compression = {
	.name = "compression",
	.topic = LAB_REPLACEMENT,
	.claim = "Memory can be squeezed before it is swapped to a disk: compressed, pages take less, by what is in them.",
	.spoil = "the second kind of pages is random, too",
	.run = run,
};
