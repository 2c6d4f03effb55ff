// SPDX-License-Identifier: GPL-2.0
/*
 * The page number is translated, the offset carried over; here by hand, from the entries.
 */
#include <string.h>
#include <sys/mman.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	 4096UL
#define HUGE_2M	 (2UL << 20)
#define HUGE_1G	 (1UL << 30)
/* Bits 12 to 51 of an entry: the physical address (Intel SDM vol. 3, table 4-20). */
#define ADDRESS_BITS 0x000ffffffffff000UL

/* What the worker has: a small page, and pages of 2 MiB and 1 GiB if there are any to be had. */
struct work {
	char *small;
	char *huge, *giant;
};

static char *map_hugetlb(size_t size, int shift)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | shift << MAP_HUGE_SHIFT, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	*at = 1;
	return at;
}

/* A page of 2 MiB by madvise(), if the kernel has one to spare. */
static char *map_thp(void)
{
	char *at = mmap(NULL, 2 * HUGE_2M, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	at += HUGE_2M - (uintptr_t)at % HUGE_2M;
	if (madvise(at, HUGE_2M, MADV_HUGEPAGE))
		return NULL;
	*at = 1;
	return at;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->small = lab_map(PAGE);
	memset(shared->small, 1, PAGE);
	shared->huge = map_thp();
	shared->giant = map_hugetlb(HUGE_1G, 30);
	lab_done(worker);
}

/* The bits of an address that select an entry at each level, from the top: 9 bits each above the page. */
static unsigned int index_of(uint64_t addr, unsigned int above)
{
	return addr >> (12 + 9 * above) & 511;
}

static void check_indices(struct lab *lab, const struct lab_walk *walk, uint64_t addr,
			  unsigned int levels)
{
	unsigned int i, right = 0;

	for (i = 0; i < walk->nr; i++) {
		right += walk->step[i].index == index_of(addr, levels - 1 - i);
		lab_evidence(lab, "%s: bits %u to %u of the address are %u, the entry read is %u",
			     walk->step[i].level, 12 + 9 * (levels - 1 - i) + 8,
			     12 + 9 * (levels - 1 - i), index_of(addr, levels - 1 - i),
			     walk->step[i].index);
	}
	lab_check(lab, .what = "entries chosen by 9 bits each", LAB_EXACTLY(walk->nr),
		  .measured = right);
}

/* Each entry lies in the table that the one above points to. */
static void check_chain(struct lab *lab, const struct lab_walk *walk)
{
	unsigned int i, right = 0;

	for (i = 1; i < walk->nr; i++)
		right += walk->step[i].at ==
			 (walk->step[i - 1].raw & ADDRESS_BITS) + 8 * walk->step[i].index;
	lab_check(lab, .what = "tables where the entry above points", LAB_EXACTLY(walk->nr - 1),
		  .measured = right);
}

/* An address in a page of @size, translated by hand from the last entry. */
static void check_page(struct lab *lab, struct lab_target *target, pid_t pid, uint64_t addr,
		       uint64_t size, unsigned int steps)
{
	unsigned int levels = lab_machine(lab, "paging_levels");
	uint64_t frame, by_hand;
	struct lab_walk walk;

	lab_walk(target, addr, &walk);
	lab_show_walk(lab, target, "the walk", addr);
	lab_check(lab, .what = "steps", LAB_EXACTLY(levels - steps), .measured = walk.nr);
	if (!walk.nr || !walk.has_frame)
		lab_broken(lab, "0x%lx has no frame", addr);
	/* Below the page's size the entry holds flags, not address. */
	by_hand = (walk.step[walk.nr - 1].raw & ADDRESS_BITS & ~(size - 1)) | (addr & (size - 1));
	if (lab_spoilt(lab))
		by_hand ^= 1;
	frame = lab_pagemap(lab, pid, addr) & LAB_PAGEMAP_FRAME;
	lab_check(lab, .what = "physical address", .unit = LAB_PHYSICAL, LAB_EXACTLY(by_hand),
		  .measured = walk.physical, LAB_WITNESS("pagemap", frame * PAGE + addr % PAGE));
	lab_check(lab, .what = "offset carried over", .unit = LAB_HEX, LAB_EXACTLY(addr & (size - 1)),
		  .measured = walk.physical & (size - 1));
	check_indices(lab, &walk, addr, levels);
	check_chain(lab, &walk);
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target;

	lab_go(lab, worker);
	target = lab_watch(lab, worker->pid);
	lab_step(lab, "an address in a page of 4 KiB: 12 bits of offset, the rest is the page's number");
	check_page(lab, target, worker->pid, (uint64_t)shared->small + 0x123, PAGE, 0);

	lab_step(lab, "an address in a page of 2 MiB: the walk ends a level earlier, 21 bits of offset");
	if (!shared->huge || lab_entry(target, (uint64_t)shared->huge).level != MMS_PMD)
		lab_note(lab, "left out: this kernel gave no huge page (transparent huge pages are off, or none is free)");
	else
		check_page(lab, target, worker->pid, (uint64_t)shared->huge + 0x54321, HUGE_2M, 1);

	lab_step(lab, "an address in a page of 1 GiB: two levels earlier, 30 bits of offset");
	if (!shared->giant)
		lab_note(lab, "left out: no page of 1 GiB is set aside (boot with hugepagesz=1G hugepages=1)");
	else
		check_page(lab, target, worker->pid, (uint64_t)shared->giant + 0x7654321, HUGE_1G, 2);
}

const struct lab_def lab_def_translate = {
	.name = "translate",
	.topic = LAB_TRANSLATION,
	.claim = "A virtual address is a page number, which is translated in one step per level of tables, and an offset, which is carried over.",
	.spoil = "the address computed by hand has its lowest bit inverted",
	.run = run,
};
