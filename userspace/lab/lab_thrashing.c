// SPDX-License-Identifier: GPL-2.0
/*
 * A working set larger than memory collapses throughput: the faults of going round in it.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE   4096UL
/* Of the control group, in pages: large beside what each CPU charges in advance (64, MEMCG_CHARGE_BATCH). */
#define LIMIT  2048UL
#define ROUNDS 2UL

/* Working sets in percent of the limit. */
static const unsigned int percents[] = { 50, 75, 110, 130, 160, 200 };
#define NR_SETS ARRAY_SIZE(percents)

struct work {
	char *at[NR_SETS];
};

static size_t pages_of(unsigned int set)
{
	return LIMIT * percents[set] / 100;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	unsigned int set, round;

	for (set = 0; set < NR_SETS; set++) {
		shared->at[set] = lab_map(pages_of(set) * PAGE);
		lab_write_pages(shared->at[set], pages_of(set), PAGE);
		lab_done(worker);
		for (round = 0; round < ROUNDS; round++)
			lab_write_pages(shared->at[set], pages_of(set), PAGE);
		lab_done(worker);
		munmap(shared->at[set], pages_of(set) * PAGE);
	}
}

/* Goes round in one working set. Return: pages read from swap for each round. */
static uint64_t go_round(struct lab *lab, struct lab_worker *worker, const struct work *shared,
			 unsigned int set)
{
	uint64_t before, after, least = 0, at, touches = ROUNDS * pages_of(set);
	struct lab_faults majors, majors_after;
	char what[64];

	lab_go(lab, worker);
	at = (uint64_t)shared->at[set];
	before = lab_counted_at(lab, worker->pid, at, LAB_FAULTS(MMS_FAULT_SWAP_IN));
	majors = lab_stat_faults(lab, worker->pid);
	lab_go(lab, worker);
	majors_after = lab_stat_faults(lab, worker->pid);
	after = lab_counted_at(lab, worker->pid, at, LAB_FAULTS(MMS_FAULT_SWAP_IN));
	/* However pages are chosen: of a set larger than memory, each round misses what is more. */
	if (pages_of(set) > LIMIT)
		least = ROUNDS * (pages_of(set) - LIMIT);
	snprintf(what, sizeof(what), "%u %%: %lu touches", percents[set], touches);
	if (least)
		lab_check(lab, .what = what, LAB_BETWEEN(least, touches), .measured = after - before,
			  LAB_WITNESS("majflt", majors_after.major - majors.major),
			  .slack = touches / 100);
	else
		lab_check(lab, .what = what, LAB_EXACTLY(0), .measured = after - before,
			  LAB_WITNESS("majflt", majors_after.major - majors.major));
	return (after - before) * 1000 / touches;
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	char cgroup[LAB_PATH], limit[32], labels[NR_SETS][16];
	struct lab_point points[NR_SETS];
	struct lab_worker *worker;
	unsigned int set;

	lab_swap(lab, 64UL << 20);
	lab_cgroup(lab, cgroup);
	snprintf(limit, sizeof(limit), "%lu", LIMIT * PAGE * (lab_spoilt(lab) ? 4 : 1));
	lab_cgroup_set(lab, cgroup, "memory.max", limit);
	worker = lab_worker(lab, work, shared);
	lab_cgroup_enter(lab, cgroup, worker->pid);
	lab_count(lab, worker->pid);

	lab_step(lab, "a process may use 8 MiB; it goes round twice in working sets of 50 to 200 %% of that: pages read from swap meanwhile");
	for (set = 0; set < NR_SETS; set++) {
		points[set].y = go_round(lab, worker, shared, set);
		snprintf(labels[set], sizeof(labels[set]), "%u %%", percents[set]);
		points[set].label = labels[set];
	}
	lab_plot(lab, "working set, of the limit", "touches that had to read from swap", LAB_PERCENT,
		 points, NR_SETS);
	lab_note(lab, "going round is the worst case for replacement by age: the page needed next is the one that was thrown out last");
}

const struct lab_def lab_def_thrashing = {
	.name = "thrashing",
	.topic = LAB_REPLACEMENT,
	.claim = "Who goes round in a working set larger than memory waits for swap in every round, at least for what does not fit; a working set that fits never does.",
	.spoil = "the limit is four times as large",
	.run = run,
};
