// SPDX-License-Identifier: GPL-2.0
/*
 * Threads share one address space; processes do not.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define THREADS 4UL
/* Pages that each thread writes. */
#define EACH	100UL
#define NR	(THREADS * EACH)

/**
 * struct work - what the worker is told and tells
 * @at: memory of which each thread writes its part
 * @number: of each thread, for itself
 * @tid: of each thread
 * @stack: an address in the stack of each
 * @seen: how many pages each sees written, when all have written
 * @spoilt: the last is to be a process, made by fork()
 * @child: a process to be forked, which writes to a part, too
 */
struct work {
	char *at;
	size_t number[THREADS];
	pid_t tid[THREADS];
	uint64_t stack[THREADS];
	uint64_t seen[THREADS];
	bool spoilt;
	struct lab_worker *child;
};

static struct work *told;
/* Of the threads and the one that made them; shared, for what is spoilt. */
static pthread_barrier_t *barrier;

static void *thread(void *arg)
{
	size_t number = *(size_t *)arg, i;

	told->tid[number] = (pid_t)syscall(SYS_gettid);
	told->stack[number] = (uint64_t)__builtin_frame_address(0);
	lab_write_pages(told->at + number * EACH * PAGE, EACH, PAGE);
	pthread_barrier_wait(barrier);
	for (i = 0; i < NR; i++)
		told->seen[number] += told->at[i * PAGE] == 1;
	pthread_barrier_wait(barrier);
	/* To be looked at; it ends with its process. */
	for (;;)
		pause();
	return NULL;
}

static void begin(struct lab_worker *worker, size_t number)
{
	void *arg = &told->number[number];
	pthread_t made;
	pid_t pid;

	if (told->spoilt && number == THREADS - 1) {
		pid = fork();
		if (pid < 0)
			lab_give_up(worker, "fork: %s", strerror(errno));
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			thread(arg);
		}
		return;
	}
	if (pthread_create(&made, NULL, thread, arg))
		lab_give_up(worker, "a thread could not be made");
}

static void child_work(struct lab_worker *worker, void *arg)
{
	struct work *work = arg;

	lab_write_pages(work->at, EACH, PAGE);
	lab_done(worker);
}

static void work(struct lab_worker *worker, void *arg)
{
	size_t i;

	told = arg;
	for (i = 0; i < THREADS; i++)
		told->number[i] = i;
	told->at = lab_map(NR * PAGE);
	lab_done(worker);
	for (i = 0; i < THREADS; i++)
		begin(worker, i);
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	lab_done(worker);
	lab_fork(worker, told->child);
	lab_done(worker);
}

static void make_barrier(struct lab *lab)
{
	pthread_barrierattr_t shared;

	barrier = lab_shared(lab, sizeof(*barrier));
	if (pthread_barrierattr_init(&shared) ||
	    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED) ||
	    pthread_barrier_init(barrier, &shared, THREADS + 1))
		lab_broken(lab, "a barrier could not be made");
}

struct threads {
	struct lab_worker *worker, *child;
	struct lab_target *target;
	struct work *shared;
	uint64_t at;
};

static void check_threads(struct lab *lab, struct threads *t)
{
	uint64_t sum = 0, stacks = 0, same = 0, i;
	pid_t pid = t->worker->pid;
	struct lab_vma vma;

	lab_step(lab, "a process has 4 more threads; each writes to 100 pages of its own, then each reads the pages of all");
	lab_go(lab, t->worker);
	for (i = 0; i < THREADS; i++) {
		sum += t->shared->seen[i];
		stacks += lab_vma_at(t->target, t->shared->stack[i], &vma) &&
			  !strcmp(vma.kind, "tstack");
		/* By the names of the threads, as if they were processes. */
		same += lab_pagemap_same(lab, pid, t->at, t->shared->tid[i], t->at, NR);
		lab_evidence(lab, "thread %d: its stack at %lx in %lx-%lx, %s", t->shared->tid[i],
			     t->shared->stack[i], vma.start, vma.end, vma.kind);
	}
	lab_check(lab, .what = "pages that all see written", LAB_EXACTLY(THREADS * NR),
		  .measured = sum);
	lab_check(lab, .what = "present in the one address space", LAB_EXACTLY(NR),
		  .measured = lab_pages(t->target, t->at, NR, MMS_CLASS_ANON, MMS_X86_RW, 0),
		  LAB_WITNESS("pagemap", same / THREADS));
	lab_check(lab, .what = "faults there, counted together", LAB_EXACTLY(NR),
		  .measured = lab_counted_at(lab, pid, t->at, LAB_HANDLED));
	lab_check(lab, .what = "stacks of threads", LAB_EXACTLY(THREADS), .measured = stacks,
		  LAB_WITNESS("status", lab_status(lab, pid, "Threads") - 1));
	lab_note(lab, "a thread has its own registers and stack, and the stack is an ordinary mapping that the others can read and write as well");
}

static void check_process(struct lab *lab, struct threads *t)
{
	struct lab_walk of_parent, of_child;
	struct lab_target *child;
	uint64_t both;

	lab_step(lab, "it forks, and the child writes to the first 100 pages");
	lab_go(lab, t->worker);
	lab_born(lab, t->child);
	child = lab_watch(lab, t->child->pid);
	lab_walk(t->target, t->at, &of_parent);
	lab_walk(child, t->at, &of_child);
	lab_show_walk(lab, t->target, "the first page, in the parent", t->at);
	lab_show_walk(lab, child, "the first page, in the child", t->at);
	lab_check_that(lab, "the child has tables of its own",
		       of_parent.step[0].at / PAGE != of_child.step[0].at / PAGE);
	lab_go(lab, t->child);
	lab_check(lab, .what = "pages in the same frame", LAB_EXACTLY(NR - EACH),
		  .measured = lab_same_frames(t->target, t->at, child, t->at, NR, &both),
		  LAB_WITNESS("pagemap", lab_pagemap_same(lab, t->worker->pid, t->at, t->child->pid,
							  t->at, NR)));
	lab_check(lab, .what = "present in both", LAB_EXACTLY(NR), .measured = both);
	lab_check(lab, .what = "copied by the child", LAB_EXACTLY(EACH),
		  .measured = lab_counted_at(lab, t->child->pid, t->at, LAB_BREAKS));
	lab_check(lab, .what = "threads in the child", LAB_EXACTLY(1),
		  .measured = lab_status(lab, t->child->pid, "Threads"));
	lab_note(lab, "fork() copies the address space, but only the thread that calls it");
}

static void run(struct lab *lab)
{
	struct threads t = { .shared = lab_shared(lab, sizeof(*t.shared)) };

	make_barrier(lab);
	t.shared->spoilt = lab_spoilt(lab);
	t.shared->child = t.child = lab_child(lab, child_work, t.shared);
	t.worker = lab_worker(lab, work, t.shared);
	t.target = lab_watch(lab, t.worker->pid);
	lab_count(lab, t.worker->pid);
	lab_go(lab, t.worker);
	t.at = (uint64_t)t.shared->at;
	check_threads(lab, &t);
	check_process(lab, &t);
}

const struct lab_def lab_def_threads = {
	.name = "threads",
	.topic = LAB_SHARING,
	.claim = "Threads share one address space: one set of tables, one set of counters; processes do not.",
	.spoil = "one of the threads is a process",
	.run = run,
};
