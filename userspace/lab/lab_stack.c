// SPDX-License-Identifier: GPL-2.0
/*
 * The stack grows by faulting, down to its limit, and keeps away from what is below.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE  4096UL
#define MIB   (1UL << 20)
#define LIMIT (4 * MIB)
#define DEPTH (MIB / PAGE)
/* stack_guard_gap of mm/mmap.c, unless the kernel was told otherwise when it was booted. */
#define GUARD_PAGES 256UL

/**
 * struct work - what a worker is told and tells
 * @limit: for its stack
 * @below: how far below where it stands it is to map a page, 0: nowhere
 * @here: where it stands
 * @lowest: page to which it went down by calling itself
 * @failed: address of the signal at the end of its stack
 * @code: its code
 */
struct work {
	uint64_t limit;
	size_t below;
	uint64_t here, lowest;
	uint64_t failed;
	int code;
};

static sigjmp_buf back;
static struct work *told;

static void caught(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	told->failed = (uint64_t)info->si_addr;
	told->code = info->si_code;
	siglongjmp(back, 1);
}

/* A handler needs a stack, too, and there will be none left. */
static void catch_overflow(struct lab_worker *worker)
{
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t other = { .ss_sp = lab_map(16 * PAGE), .ss_size = 16 * PAGE };

	if (sigaltstack(&other, NULL) || sigaction(SIGSEGV, &action, NULL))
		lab_give_up(worker, "sigaltstack: %s", strerror(errno));
}

/* Touches page after page, from the one below @here on. */
static void go_down(struct work *shared, char *here, uint64_t nr)
{
	char *page = here - (uintptr_t)here % PAGE;

	while (nr--) {
		page -= PAGE;
		lab_write_pages(page, 1, PAGE);
	}
	shared->lowest = (uint64_t)page;
}

static void work(struct lab_worker *worker, void *arg)
{
	char *here = __builtin_frame_address(0), *below;
	struct work *shared = told = arg;
	struct rlimit limit;

	catch_overflow(worker);
	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = shared->limit;
	if (setrlimit(RLIMIT_STACK, &limit))
		lab_give_up(worker, "setrlimit: %s", strerror(errno));
	shared->here = (uint64_t)here;
	lab_done(worker);
	below = here - shared->below;
	if (!shared->below)
		go_down(shared, here, DEPTH);
	else if (mmap(below, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != below)
		lab_give_up(worker, "mmap below the stack: %s", strerror(errno));
	lab_done(worker);
	if (!sigsetjmp(back, 1))
		go_down(shared, here, UINT64_MAX);
	lab_done(worker);
}

struct stack {
	struct lab_worker *worker;
	struct lab_target *target;
	struct work *shared;
	struct lab_vma vma;
};

static void look(struct lab *lab, struct stack *s)
{
	if (!lab_vma_at(s->target, s->shared->here, &s->vma))
		lab_broken(lab, "the process has no stack");
}

static struct stack make(struct lab *lab, uint64_t limit)
{
	struct stack s = { .shared = lab_shared(lab, sizeof(*s.shared)) };

	s.shared->limit = limit;
	s.worker = lab_worker(lab, work, s.shared);
	s.target = lab_watch(lab, s.worker->pid);
	lab_go(lab, s.worker);
	look(lab, &s);
	return s;
}

static void check_growth(struct lab *lab, struct stack *s)
{
	uint64_t before = lab_vma_sum(s->target, s->shared->here, "rss");
	uint64_t lowest = (s->shared->here & ~(PAGE - 1)) - DEPTH * PAGE;
	/* Of what it is about to touch, some was touched on the way here. */
	uint64_t touched = lab_pagemap_pages(lab, s->worker->pid, lowest, DEPTH,
					     LAB_PAGEMAP_PRESENT);
	struct lab_walk walk;

	lab_step(lab, "a process touches 256 pages of its stack, each below the last");
	lab_walk(s->target, lowest, &walk);
	lab_evidence(lab, "its stack: %lx-%lx %s, the lowest page to be: %lx; a write there: %s",
		     s->vma.start, s->vma.end, s->vma.perm, lowest, walk.touch[1]);
	lab_check_that(lab, "the VMA is of the kind 'stack'", !strcmp(s->vma.kind, "stack"));
	lab_check_that(lab, "what is below is no part of it, a write will make it grow",
		       !strcmp(walk.touch[1], "grow-stack"));
	lab_go(lab, s->worker);
	lab_check(lab, .what = "size, down to the lowest page", .unit = LAB_BYTES,
		  LAB_EXACTLY(s->vma.end - lowest),
		  .measured = lab_vma_sum(s->target, lowest, "size"),
		  LAB_WITNESS("smaps", lab_smaps(lab, s->worker->pid, lowest, "Size")));
	lab_check(lab, .what = "memory gained", .unit = LAB_BYTES,
		  LAB_EXACTLY((DEPTH - touched) * PAGE),
		  .measured = lab_vma_sum(s->target, lowest, "rss") - before);
	lab_note(lab, "nobody asks for it: the fault is below the stack's VMA, and the kernel makes that longer before it gives a page. What was gained is kept when functions return");
}

static void check_signal(struct lab *lab, const struct stack *s, uint64_t lowest)
{
	lab_evidence(lab, "SIGSEGV at 0x%lx, code %d; the stack ends at 0x%lx", s->shared->failed,
		     s->shared->code, lowest);
	lab_check_that(lab, "SIGSEGV in the page below, where nothing is mapped",
		       s->shared->failed == lowest - PAGE && s->shared->code == SEGV_MAPERR);
}

static void check_limit(struct lab *lab, struct stack *s)
{
	uint64_t lowest = s->vma.end - LIMIT;

	lab_step(lab, "it goes on until it is stopped; its limit is 4 MiB (ulimit -s)");
	lab_go(lab, s->worker);
	look(lab, s);
	lab_check(lab, .what = "size", .unit = LAB_BYTES, LAB_EXACTLY(LIMIT),
		  .measured = s->vma.end - s->vma.start,
		  LAB_WITNESS("status", lab_status(lab, s->worker->pid, "VmStk")));
	check_signal(lab, s, lowest);
}

/* How far the kernel keeps a stack from what is below, in pages. */
static uint64_t guard_pages(void)
{
	const char *line = lab_file_text("/proc/cmdline");
	const char *option = line ? strstr(line, "stack_guard_gap=") : NULL;

	return option ? strtoull(strchr(option, '=') + 1, NULL, 10) : GUARD_PAGES;
}

static void check_guard(struct lab *lab, struct stack *s)
{
	uint64_t guard = guard_pages() * PAGE, below = s->vma.end - LIMIT / 2 - guard - PAGE;

	lab_step(lab, "another process has the same limit, but maps a page 2 MiB and a guard below the stack's top; then its stack grows, too");
	s->shared->below = s->shared->here - below;
	lab_go(lab, s->worker);
	lab_go(lab, s->worker);
	look(lab, s);
	lab_check(lab, .what = "size", .unit = LAB_BYTES, LAB_EXACTLY(LIMIT / 2),
		  .measured = s->vma.end - s->vma.start,
		  LAB_WITNESS("status", lab_status(lab, s->worker->pid, "VmStk")));
	lab_check(lab, .what = "gap between the two", .unit = LAB_BYTES, LAB_EXACTLY(guard),
		  .measured = s->vma.start - (below + PAGE));
	lab_check(lab, .what = "pages mapped in it", LAB_EXACTLY(0),
		  .measured = lab_vma_sum(s->target, s->vma.start - PAGE, "size") / PAGE,
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, s->worker->pid, below + PAGE,
							   guard / PAGE, LAB_PAGEMAP_PRESENT)));
	check_signal(lab, s, s->vma.start);
	lab_note(lab, "a page of guard can be jumped over by a function with large variables; so the kernel keeps 1 MiB (stack_guard_gap)");
}

static void run(struct lab *lab)
{
	struct stack s = make(lab, lab_spoilt(lab) ? LIMIT + MIB : LIMIT);

	check_growth(lab, &s);
	check_limit(lab, &s);
	s = make(lab, LIMIT);
	check_guard(lab, &s);
}

const struct lab_def lab_def_stack = {
	.name = "stack",
	.topic = LAB_LAYOUT,
	.claim = "The stack grows by faulting, down to its limit; a gap below it stays unmapped, and whoever runs into that gets SIGSEGV.",
	.spoil = "the stack's limit is 1 MiB more than told",
	.run = run,
};
