// SPDX-License-Identifier: GPL-2.0
/*
 * The same virtual address in two processes is different memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE 4096UL
#define NR   100UL

/* @memory: where both have it; NULL: each is to map its own, the second where the first did. */
struct work {
	char *memory;
	char letter;
	uint64_t kept;
	struct work *other;
};

static char *map_there(struct lab_worker *worker, char *at)
{
	char *got = mmap(at, NR * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (got != at)
		lab_give_up(worker, "mmap at %p: %s", (void *)at, strerror(errno));
	madvise(got, NR * PAGE, MADV_NOHUGEPAGE);
	return got;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *mine = arg;
	size_t i;

	if (!mine->memory && mine->other)
		mine->memory = map_there(worker, mine->other->memory);
	else if (!mine->memory)
		mine->memory = lab_map(NR * PAGE);
	memset(mine->memory, mine->letter, NR * PAGE);
	lab_done(worker);
	for (i = 0; i < NR * PAGE; i += PAGE)
		mine->kept += mine->memory[i] == mine->letter;
	lab_done(worker);
}

/* How many of the pages begin with a letter, as another may read them. */
static uint64_t letters(struct lab *lab, pid_t pid, const struct work *work)
{
	char path[32], byte;
	uint64_t nr = 0;
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		lab_broken(lab, "%s: %s", path, strerror(errno));
	for (i = 0; i < NR; i++)
		nr += pread(fd, &byte, 1, (off_t)(work->memory + i * PAGE)) == 1 &&
		      byte == work->letter;
	close(fd);
	return nr;
}

static void check_frames(struct lab *lab, const struct lab_worker *a, const struct lab_worker *b,
			 uint64_t at)
{
	struct lab_target *of_a = lab_watch(lab, a->pid), *of_b = lab_watch(lab, b->pid);
	struct lab_walk walk_a, walk_b;
	uint64_t both, same = lab_same_frames(of_a, at, of_b, at, NR, &both);

	lab_walk(of_a, at, &walk_a);
	lab_walk(of_b, at, &walk_b);
	lab_show_walk(lab, of_a, "the first page, in A", at);
	lab_show_walk(lab, of_b, "the first page, in B", at);
	lab_check(lab, .what = "present in both", LAB_EXACTLY(NR), .measured = both);
	lab_check(lab, .what = "of these the same frame", LAB_EXACTLY(0), .measured = same,
		  LAB_WITNESS("pagemap", lab_pagemap_same(lab, a->pid, at, b->pid, at, NR)));
	lab_check_that(lab, "the two walks begin in different tables",
		       walk_a.step[0].at / PAGE != walk_b.step[0].at / PAGE);
	lab_check_that(lab, "with the same index in each",
		       walk_a.step[0].index == walk_b.step[0].index);
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, 2 * sizeof(*shared));
	struct lab_worker *a, *b;

	/* Before there are workers, so that they have it, too. */
	if (lab_spoilt(lab))
		shared[0].memory = shared[1].memory = lab_shared(lab, NR * PAGE);
	/* What is free in A, which is made last and so has the more mapped, is free in B. */
	b = lab_worker(lab, work, &shared[1]);
	a = lab_worker(lab, work, &shared[0]);
	shared[0].letter = 'A';
	shared[1].letter = 'B';
	shared[1].other = &shared[0];
	lab_step(lab, "process A maps 100 pages, and B as many at the same address; A fills them with the letter A, then B with the letter B");
	lab_go(lab, a);
	lab_go(lab, b);
	lab_check_that(lab, "both have the same virtual address",
		       shared[0].memory == shared[1].memory);
	lab_evidence(lab, "the address: %p", (void *)shared[0].memory);
	check_frames(lab, a, b, (uint64_t)shared[0].memory);

	lab_step(lab, "each reads what it wrote");
	lab_go(lab, a);
	lab_go(lab, b);
	lab_check(lab, .what = "pages of A that hold its letter", LAB_EXACTLY(NR),
		  .measured = shared[0].kept,
		  LAB_WITNESS("mem", letters(lab, a->pid, &shared[0])));
	lab_check(lab, .what = "pages of B that hold its letter", LAB_EXACTLY(NR),
		  .measured = shared[1].kept,
		  LAB_WITNESS("mem", letters(lab, b->pid, &shared[1])));
	lab_note(lab, "unless they ask for it: files, shared memory, and what was there at a fork are the same frames in several processes, at whatever addresses");
}

const struct lab_def lab_def_private_addresses = {
	.name = "private-addresses",
	.topic = LAB_TRANSLATION,
	.claim = "The same virtual address in two processes is different memory.",
	.spoil = "both use memory that they share",
	.run = run,
};
