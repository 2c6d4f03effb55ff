// SPDX-License-Identifier: GPL-2.0
/*
 * Changing a mapping interrupts every CPU that runs the process.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "count.h"
#include "cpu.h"
#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define ROUNDS	10U
/* Of a round: the page is closed, and opened again. */
#define CHANGES (2 * ROUNDS)
#define MAX_CPUS 8
#define MAX_CEILING 4096

/* The process's first thread changes; the others, on a CPU each, only run while it does. */
struct work {
	unsigned int cpu[MAX_CPUS], nr;
	unsigned int ceiling;
	unsigned int nr_asleep;
	char *at;
	atomic_uint born, running, round;
};

static struct work *work_of_thread;

/* In odd rounds it spins, before everyone else, so that its CPU has the address space loaded. */
static void *run_or_sleep(void *arg)
{
	struct work *shared = work_of_thread;
	const unsigned int *cpu = arg;
	unsigned int round;

	lab_pin(*cpu);
	atomic_fetch_add(&shared->born, 1);
	for (round = 1;; round += 2) {
		while (atomic_load(&shared->round) < round)
			usleep(1000);
		lab_run_first(true);
		atomic_fetch_add(&shared->running, 1);
		while (atomic_load(&shared->round) == round)
			;
		lab_run_first(false);
		atomic_fetch_sub(&shared->running, 1);
	}
	return NULL;
}

static void make_threads(struct lab_worker *worker, struct work *shared)
{
	unsigned int i, nr = shared->nr - 1 - shared->nr_asleep;
	pthread_t thread;

	for (i = 1; i <= nr; i++)
		if (pthread_create(&thread, NULL, run_or_sleep, &shared->cpu[i]))
			lab_give_up(worker, "pthread_create");
	while (atomic_load(&shared->born) < nr)
		usleep(1000);
}

/* All threads run, or none. */
static void all_run(struct work *shared, bool run)
{
	unsigned int nr = run ? shared->nr - 1 - shared->nr_asleep : 0;

	atomic_fetch_add(&shared->round, 1);
	while (atomic_load(&shared->running) != nr)
		usleep(1000);
}

static void change(char *at, unsigned int rounds)
{
	while (rounds--) {
		mprotect(at, PAGE, PROT_READ);
		mprotect(at, PAGE, PROT_READ | PROT_WRITE);
		lab_write_pages(at, 1, 0);
	}
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	size_t nr = 2 * shared->ceiling + 1;

	work_of_thread = shared;
	shared->at = lab_map((nr + 1) * PAGE);
	lab_write_pages(shared->at, nr + 1, PAGE);
	change(shared->at, 1);
	lab_done(worker);
	change(shared->at, ROUNDS);
	lab_done(worker);
	make_threads(worker, shared);
	all_run(shared, true);
	all_run(shared, false);
	lab_done(worker);
	all_run(shared, true);
	change(shared->at, ROUNDS);
	all_run(shared, false);
	lab_done(worker);
	all_run(shared, true);
	madvise(shared->at + PAGE, shared->ceiling * PAGE, MADV_DONTNEED);
	madvise(shared->at + (1 + shared->ceiling) * PAGE, (shared->ceiling + 1) * PAGE,
		MADV_DONTNEED);
	all_run(shared, false);
	lab_done(worker);
}

/* What the worker has asked for so far. */
struct counts {
	uint64_t ranged, full, pages, cpus, handled, events, interrupts;
};

static struct counts counts_of(struct lab *lab, pid_t pid)
{
#define REQUESTS(counter) lab_counted(lab, pid, LAB_COUNTERS(MMS_QUESTION_TLB, counter, 1))
	return (struct counts){
		.ranged = REQUESTS(MMS_REQUEST_RANGED),
		.full = REQUESTS(MMS_REQUEST_FULL),
		.pages = REQUESTS(MMS_REQUEST_PAGES),
		.cpus = REQUESTS(MMS_REQUEST_IPI_CPUS),
		.handled = REQUESTS(MMS_REQUEST_IPI_HANDLED),
		.events = lab_flushes(lab, MMS_TLB_REMOTE_SHOOTDOWN).events,
		.interrupts = lab_interrupts(lab, "TLB"),
	};
}

/* Lets the worker go on. Return: what it asked for meanwhile. */
static struct counts go(struct lab *lab, struct lab_worker *worker)
{
	struct counts a = counts_of(lab, worker->pid), b;

	lab_go(lab, worker);
	b = counts_of(lab, worker->pid);
	return (struct counts){ b.ranged - a.ranged, b.full - a.full, b.pages - a.pages,
				b.cpus - a.cpus, b.handled - a.handled, b.events - a.events,
				b.interrupts - a.interrupts };
}

static void check_interrupts(struct lab *lab, const struct counts *counts, uint64_t predicted)
{
	lab_check(lab, .what = "CPUs interrupted", LAB_EXACTLY(predicted), .measured = counts->cpus);
	lab_check(lab, .what = "flushes on other CPUs", LAB_EXACTLY(predicted),
		  .measured = counts->handled);
	lab_check(lab, .what = "the same, by tracepoint", LAB_EXACTLY(predicted),
		  .measured = counts->events);
	/* Those of all processes: others may change theirs, too. */
	if (predicted)
		lab_check(lab, .what = "/proc/interrupts, all", LAB_AT_LEAST(predicted),
			  .measured = counts->interrupts);
}

static void check_changes(struct lab *lab, struct lab_worker *worker, unsigned int peers)
{
	struct counts counts = go(lab, worker);

	lab_check(lab, .what = "flushes asked for", LAB_EXACTLY(CHANGES),
		  .measured = counts.ranged + counts.full);
	lab_check(lab, .what = "pages in them", LAB_EXACTLY(CHANGES), .measured = counts.pages);
	check_interrupts(lab, &counts, CHANGES * peers);
}

static void check_batch(struct lab *lab, struct lab_worker *worker, unsigned int ceiling,
			unsigned int peers)
{
	struct counts counts = go(lab, worker);

	lab_check(lab, .what = "ranged flushes", LAB_EXACTLY(1), .measured = counts.ranged);
	lab_check(lab, .what = "pages in them", LAB_EXACTLY(ceiling), .measured = counts.pages);
	lab_check(lab, .what = "flushes of everything", LAB_EXACTLY(1), .measured = counts.full);
	check_interrupts(lab, &counts, 2 * peers);
	lab_note(lab, "pages given back together are flushed together; above %u pages (tlb_single_page_flush_ceiling) it is cheaper to flush everything, and fill the TLB again",
		 ceiling);
}

static void shoot_down(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker;
	unsigned int peers;

	lab_need_cpus(lab, 2);
	shared->nr = lab_cpus(lab, shared->cpu, MAX_CPUS);
	shared->nr_asleep = lab_spoilt(lab);
	shared->ceiling = lab_debugfs_number(lab, "x86/tlb_single_page_flush_ceiling");
	if (shared->ceiling > MAX_CEILING)
		lab_skip(lab, "tlb_single_page_flush_ceiling is %u", shared->ceiling);
	peers = shared->nr - 1;
	lab_allow_first(lab);
	/* The kernel remembers where an address space has been: the worker's is born here. */
	lab_pin(shared->cpu[0]);
	worker = lab_worker(lab, work, shared);
	lab_count(lab, worker->pid);
	lab_go(lab, worker);

	lab_step(lab, "a process of one thread makes a page read-only and writable again, %u times",
		 ROUNDS);
	check_changes(lab, worker, 0);
	lab_note(lab, "its own CPU flushes, too, but nobody else has to be asked");
	lab_go(lab, worker);

	lab_step(lab, "the same, while threads of it run on %u other CPU%s", peers,
		 peers > 1 ? "s" : "");
	check_changes(lab, worker, peers);
	lab_note(lab, "a CPU on which the process's threads only sleep is left alone: it flushes, if need be, when one of them runs there again (lazy TLB)");

	lab_step(lab, "it gives back %u pages with one call, then %u pages with another",
		 shared->ceiling, shared->ceiling + 1);
	check_batch(lab, worker, shared->ceiling, peers);
}

const struct lab_def lab_def_tlb_shootdown = {
	.name = "tlb-shootdown",
	.topic = LAB_TLB,
	.claim = "Each change of a mapping interrupts every other CPU that is running the process, to have it flush its TLB; a process of one thread interrupts nobody.",
	.spoil = "one thread fewer runs than there are CPUs",
	.run = shoot_down,
};
