// SPDX-License-Identifier: GPL-2.0
/*
 * Replacement favours what was recently used: hot pages stay, cold ones go to swap.
 */
#include <stdio.h>

#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE   4096UL
#define HOT    512UL
#define COLD   4096UL
#define ROUNDS 8
/* What is taken in all: half of the cold pages, by reclaim in batches of 32 (SWAP_CLUSTER_MAX). */
#define TAKEN  (COLD / 2 / ROUNDS)

struct work {
	char *hot, *cold;
	bool leave_alone;
};

/* The hot pages are older: where nobody looks at what was used, they go first. */
static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->hot = lab_map(HOT * PAGE);
	lab_write_pages(shared->hot, HOT, PAGE);
	shared->cold = lab_map(COLD * PAGE);
	lab_write_pages(shared->cold, COLD, PAGE);
	lab_done(worker);
	for (;;) {
		/* An access that the TLB answers leaves no mark. */
		lab_flush_tlb();
		if (!shared->leave_alone)
			lab_read_pages(shared->hot, HOT, PAGE);
		lab_done(worker);
	}
}

static uint64_t swapped(struct lab *lab, struct lab_worker *worker, const char *at, size_t nr)
{
	return lab_pagemap_pages(lab, worker->pid, (uint64_t)at, nr, LAB_PAGEMAP_SWAP);
}

static const char *policy(void)
{
	const char *text = lab_file_text("/sys/kernel/mm/lru_gen/enabled");

	/* 0x0000: the bits are of its parts. */
	return text && text[0] == '0' && text[5] != '0' ? "multi-generational LRU" :
							  "active and inactive list";
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker;
	struct lab_target *target;
	char cgroup[LAB_PATH];
	unsigned int round;

	shared->leave_alone = lab_spoilt(lab);
	lab_swap(lab, 64UL << 20);
	lab_cgroup(lab, cgroup);
	worker = lab_worker(lab, work, shared);
	lab_cgroup_enter(lab, cgroup, worker->pid);
	target = lab_watch(lab, worker->pid);

	lab_step(lab, "a process writes to 512 pages, then to 4,096 others");
	lab_go(lab, worker);
	lab_check(lab, .what = "pages in swap", LAB_EXACTLY(0),
		  .measured = lab_sum(target, "swap") / PAGE,
		  LAB_WITNESS("status", lab_status(lab, worker->pid, "VmSwap") / PAGE));

	lab_step(lab, "eight times, it reads the 512, and the kernel takes 256 pages from it");
	/* The marks of the writing are old news: the first pass gives everyone a second chance. */
	lab_cgroup_reclaim(lab, cgroup, TAKEN * PAGE);
	for (round = 0; round < ROUNDS; round++) {
		lab_go(lab, worker);
		lab_cgroup_reclaim(lab, cgroup, TAKEN * PAGE);
		lab_evidence(lab, "round %u: in swap %lu hot, %lu cold", round + 1,
			     swapped(lab, worker, shared->hot, HOT),
			     swapped(lab, worker, shared->cold, COLD));
	}
	/* Of the hot ones those which a batch met before they were read again. */
	lab_check(lab, .what = "hot pages in swap", LAB_AT_MOST(HOT / 10),
		  .measured = lab_pages(target, (uint64_t)shared->hot, HOT, MMS_CLASS_SWAP, 0, 0),
		  LAB_WITNESS("pagemap", swapped(lab, worker, shared->hot, HOT)));
	lab_check(lab, .what = "cold pages in swap", LAB_AT_LEAST(COLD / 4),
		  .measured = lab_pages(target, (uint64_t)shared->cold, COLD, MMS_CLASS_SWAP, 0, 0),
		  LAB_WITNESS("pagemap", swapped(lab, worker, shared->cold, COLD)));
	lab_note(lab, "what textbooks call second chance, or clock, is approximated here by: %s",
		 policy());
}

const struct lab_def lab_def_second_chance = {
	.name = "second-chance",
	.topic = LAB_REPLACEMENT,
	.claim = "Replacement favours what was recently used: under pressure hot pages stay, cold ones go to swap, whatever their age.",
	.spoil = "the hot pages are left alone, and are as cold as the others, and older",
	.run = run,
};
