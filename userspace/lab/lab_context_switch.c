// SPDX-License-Identifier: GPL-2.0
/*
 * Switching address spaces flushes the TLB, unless its entries are tagged; threads share theirs.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"
#include "cpu.h"
#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define ROUNDS 500UL
/* There and back. */
#define SWITCHES (2 * ROUNDS)

/* Two who throw a ball to each other, on one CPU. */
struct work {
	bool threads[2];	/* of the first pair, the second */
	int there[2], back[2];
	pid_t partner;
};

static struct work *work_of_partner;

static void *throw_back(void *arg)
{
	struct work *shared = work_of_partner;
	char ball;

	(void)arg;
	shared->partner = gettid();
	while (read(shared->there[0], &ball, 1) == 1 && ball != '.' &&
	       write(shared->back[1], &ball, 1) == 1)
		;
	return NULL;
}

static void throw(struct lab_worker *worker, struct work *shared, unsigned int times)
{
	char ball = 'o';

	while (times--)
		if (write(shared->there[1], &ball, 1) != 1 || read(shared->back[0], &ball, 1) != 1)
			lab_give_up(worker, "the ball is lost");
}

/* One game: the partner is a thread of this process, or a process of its own. */
static void play(struct lab_worker *worker, struct work *shared, bool threads)
{
	pid_t parent = getpid(), pid = 0;
	pthread_t thread;

	if (threads) {
		if (pthread_create(&thread, NULL, throw_back, NULL))
			lab_give_up(worker, "pthread_create");
	} else {
		pid = fork();
		if (pid < 0)
			lab_give_up(worker, "fork: %s", strerror(errno));
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() == parent)
				throw_back(NULL);
			_exit(0);
		}
	}
	/* Once, so that nothing has to be copied or touched any more. */
	throw(worker, shared, 2);
	lab_done(worker);
	throw(worker, shared, ROUNDS);
	lab_done(worker);
	if (write(shared->there[1], ".", 1) != 1)
		lab_give_up(worker, "the partner is gone");
	if (threads)
		pthread_join(thread, NULL);
	else
		waitpid(pid, NULL, 0);
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	work_of_partner = shared;
	if (pipe(shared->there) || pipe(shared->back))
		lab_give_up(worker, "pipe");
	/* Nobody else comes in between, and neither is interrupted before it waits for the other. */
	lab_run_first(true);
	play(worker, shared, shared->threads[0]);
	play(worker, shared, shared->threads[1]);
	lab_done(worker);
}

/* Switches of both: each gives up the CPU when it waits for the ball. */
static uint64_t switches_of(struct lab *lab, pid_t a, pid_t b)
{
	return lab_status(lab, a, "voluntary_ctxt_switches") +
	       lab_status(lab, b, "voluntary_ctxt_switches");
}

struct game {
	uint64_t switches;	/* by the kernel's count */
	uint64_t events;	/* of the TLB: another address space loaded */
	uint64_t full, none;	/* of these: with everything flushed, with nothing */
};

static struct game watch_game(struct lab *lab, struct lab_worker *worker, struct work *shared)
{
	struct mms_tlb_count before, after;
	uint64_t switches;

	lab_go(lab, worker);
	switches = switches_of(lab, worker->pid, shared->partner);
	before = lab_flushes(lab, MMS_TLB_TASK_SWITCH);
	lab_go(lab, worker);
	after = lab_flushes(lab, MMS_TLB_TASK_SWITCH);
	return (struct game){
		.switches = switches_of(lab, worker->pid, shared->partner) - switches,
		.events = after.events - before.events,
		.full = after.full - before.full,
		.none = after.none - before.none,
	};
}

/* The first switch, to the worker, and the last, away from it, may come on top of those of the game. */
#define EDGES 2

static void check_processes(struct lab *lab, const struct game *game, bool tagged)
{
	lab_check(lab, .what = "switches, by the kernel", LAB_BETWEEN(SWITCHES, SWITCHES + EDGES),
		  .measured = game->switches);
	lab_check(lab, .what = "switches of address space", LAB_BETWEEN(SWITCHES, SWITCHES + EDGES),
		  .measured = game->events, LAB_WITNESS("status", game->switches),
		  .slack = EDGES);
	if (tagged) {
		lab_check(lab, .what = "of them with a flush", LAB_AT_MOST(EDGES),
			  .measured = game->full);
		lab_note(lab, "this CPU tags entries (PCID): Linux keeps 6 address spaces apart on each CPU, and flushes when a seventh comes");
		return;
	}
	lab_check(lab, .what = "of them with a flush",
		  LAB_BETWEEN(SWITCHES, SWITCHES + EDGES), .measured = game->full);
	lab_check(lab, .what = "of them without one", LAB_EXACTLY(0), .measured = game->none);
	lab_note(lab, "this CPU does not tag its entries, or the kernel does not use it (no PCID): all of them are for the process that runs, and go when another comes");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	bool tagged = lab_machine_has(lab, "pcid");
	struct lab_worker *worker;
	unsigned int cpu;
	struct game game;

	shared->threads[1] = !lab_spoilt(lab);
	lab_cpus(lab, &cpu, 1);
	lab_allow_first(lab);
	lab_pin(cpu);
	worker = lab_worker(lab, work, shared);
	lab_count(lab, worker->pid);

	lab_step(lab, "two processes on one CPU throw a ball to each other, %lu times there and back",
		 ROUNDS);
	game = watch_game(lab, worker, shared);
	check_processes(lab, &game, tagged);
	lab_evidence(lab, "PCID: %s; task-switch events: %lu, everything flushed: %lu, nothing: %lu",
		     tagged ? "yes" : "no", game.events, game.full, game.none);

	lab_step(lab, "two threads of one process do the same");
	game = watch_game(lab, worker, shared);
	lab_check(lab, .what = "switches, by the kernel", LAB_BETWEEN(SWITCHES, SWITCHES + EDGES),
		  .measured = game.switches);
	lab_check(lab, .what = "switches of address space", LAB_AT_MOST(EDGES),
		  .measured = game.events);
	lab_check(lab, .what = "of them with a flush", LAB_AT_MOST(EDGES),
		  .measured = game.full);
	lab_note(lab, "nor does the kernel switch away from a process for one of its own threads, or when there is nothing to do: they borrow its address space (lazy TLB)");
}

const struct lab_def lab_def_context_switch = {
	.name = "context-switch",
	.topic = LAB_TLB,
	.claim = "Switching to another process flushes the TLB, unless its entries are tagged (PCID); switching between threads of one process never does.",
	.spoil = "the two threads are two processes",
	.run = run,
};
