// SPDX-License-Identifier: GPL-2.0
/*
 * What is not mapped, or not permitted, is not served but answered with SIGSEGV.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "measure.h"
#include "worker.h"

#define PAGE 4096UL
#define MIB  (1UL << 20)

enum access { READ, WRITE, EXECUTE };

/*
 * Accesses that must fail. @what: as it is shown; @code: of the signal; @counted: as what it is
 * counted; @foretold: what mmscope translate has to say before.
 */
static const struct attempt {
	const char *what;
	enum access access;
	int code;
	enum mms_fault_counter counted;
	const char *foretold;
} attempts[] = {
	{ "read at address 0", READ, SEGV_MAPERR, MMS_FAULT_INVALID_UNMAPPED, "SIGSEGV:MAPERR" },
	{ "read where memory was unmapped", READ, SEGV_MAPERR, MMS_FAULT_INVALID_UNMAPPED,
	  "SIGSEGV:MAPERR" },
	{ "read of a page without any access", READ, SEGV_ACCERR, MMS_FAULT_INVALID_ACCESS,
	  "SIGSEGV:ACCERR" },
	{ "write to a read-only page", WRITE, SEGV_ACCERR, MMS_FAULT_INVALID_ACCESS,
	  "SIGSEGV:ACCERR" },
	{ "write to the program's text", WRITE, SEGV_ACCERR, MMS_FAULT_INVALID_ACCESS,
	  "SIGSEGV:ACCERR" },
	{ "execution of data", EXECUTE, SEGV_ACCERR, MMS_FAULT_INVALID_ACCESS, "SIGSEGV:ACCERR" },
	{ "write below what the stack may grow to", WRITE, SEGV_MAPERR, MMS_FAULT_INVALID_UNMAPPED,
	  "grow-stack" },
	{ "read of the kernel's half", READ, SEGV_MAPERR, MMS_FAULT_INVALID_UNMAPPED,
	  "SIGSEGV:MAPERR" },
};

/**
 * struct work - what the worker tells
 * @at: where each attempt is made
 * @spoilt: the read-only page is to be writable
 * @signal: what came of the last: the signal, 0 for none
 * @code: its code
 * @addr: the address it names
 */
struct work {
	char *at[ARRAY_SIZE(attempts)];
	bool spoilt;
	int signal, code;
	uint64_t addr;
};

static sigjmp_buf back;
static struct work *told;

static void caught(int signal, siginfo_t *info, void *context)
{
	(void)context;
	told->signal = signal;
	told->code = info->si_code;
	told->addr = (uint64_t)info->si_addr;
	siglongjmp(back, 1);
}

static void attempt(struct work *shared, char *at, enum access access)
{
	shared->signal = 0;
	if (sigsetjmp(back, 1))
		return;
	switch (access) {
	case READ:
		lab_read_pages(at, 1, PAGE);
		break;
	case WRITE:
		lab_write_pages(at, 1, PAGE);
		break;
	case EXECUTE:
		((void (*)(void))at)();
		break;
	}
}

static char *page_with(struct lab_worker *worker, int prot)
{
	char *at = lab_map(PAGE);

	/* A return instruction, should it be executed. */
	*at = (char)0xc3;
	if (mprotect(at, PAGE, prot))
		lab_give_up(worker, "mprotect: %s", strerror(errno));
	return at;
}

static char *unmapped(struct lab_worker *worker)
{
	char *at = lab_map(PAGE);

	if (munmap(at, PAGE))
		lab_give_up(worker, "munmap: %s", strerror(errno));
	return at;
}

/* 2 MiB below here, where the stack may have 1 MiB more. */
static char *below_stack(struct lab_worker *worker)
{
	char *here = __builtin_frame_address(0);
	struct rlimit limit;

	if (getrlimit(RLIMIT_STACK, &limit))
		lab_give_up(worker, "getrlimit: %s", strerror(errno));
	limit.rlim_cur = MIB;
	if (setrlimit(RLIMIT_STACK, &limit))
		lab_give_up(worker, "setrlimit: %s", strerror(errno));
	return here - 2 * MIB;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = told = arg;
	struct sigaction action = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
	size_t i;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	shared->at[0] = NULL;
	shared->at[1] = unmapped(worker);
	shared->at[2] = page_with(worker, PROT_NONE);
	shared->at[3] = page_with(worker, shared->spoilt ? PROT_READ | PROT_WRITE : PROT_READ);
	shared->at[4] = (char *)work - (uintptr_t)work % PAGE;
	shared->at[5] = page_with(worker, PROT_READ | PROT_WRITE);
	shared->at[6] = below_stack(worker);
	/* Where the kernel's half begins with four levels, and well inside it with five. */
	shared->at[7] = (char *)0xffff800000000000UL;
	for (i = 0; i < ARRAY_SIZE(attempts); i++) {
		lab_done(worker);
		attempt(shared, shared->at[i], attempts[i].access);
	}
	lab_done(worker);
	/* No canonical address: bits 62 and 63 differ. */
	attempt(shared, (char *)0x4000000000000000UL, READ);
	lab_done(worker);
}

static void check_attempt(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			  struct work *shared, size_t i)
{
	const struct attempt *a = &attempts[i];
	uint64_t before = lab_counted(lab, worker->pid, LAB_FAULTS(a->counted));
	uint64_t invalid = lab_counted(lab, worker->pid, LAB_INVALID);
	uint64_t at = (uint64_t)shared->at[i];
	struct lab_walk walk;

	lab_walk(target, at, &walk);
	lab_go(lab, worker);
	lab_check(lab, .what = a->what, LAB_EXACTLY(1),
		  .measured = lab_counted(lab, worker->pid, LAB_FAULTS(a->counted)) - before,
		  LAB_WITNESS("SIGSEGV", shared->signal == SIGSEGV && shared->code == a->code &&
						 shared->addr == at));
	lab_evidence(lab, "%s, 0x%lx: foretold %s; signal %d, code %d, address 0x%lx; counted %lu",
		     a->what, at, walk.touch[a->access], shared->signal, shared->code, shared->addr,
		     lab_counted(lab, worker->pid, LAB_INVALID) - invalid);
	lab_check_that(lab, "as foretold by mmscope translate",
		       !strcmp(walk.touch[a->access], a->foretold));
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);
	uint64_t invalid;
	size_t i;

	shared->spoilt = lab_spoilt(lab);
	lab_count(lab, worker->pid);
	lab_go(lab, worker);
	lab_step(lab, "a process goes where nothing is mapped, or does what is not permitted there, and catches the signal: each is counted as invalid, once");
	for (i = 0; i < ARRAY_SIZE(attempts); i++)
		check_attempt(lab, worker, target, shared, i);
	lab_note(lab, "below the stack translate foretells that it grows: it looks at mappings and entries, not at the limit of a process (RLIMIT_STACK) that keeps it from growing so far");
	lab_note(lab, "the code of the signal tells the two apart: SEGV_MAPERR, nothing is mapped there, and SEGV_ACCERR, it is not permitted");

	lab_step(lab, "it reads at an address that is none: bits 62 and 63 differ");
	invalid = lab_counted(lab, worker->pid, LAB_INVALID);
	lab_go(lab, worker);
	lab_check(lab, .what = "invalid page faults", LAB_EXACTLY(0),
		  .measured = lab_counted(lab, worker->pid, LAB_INVALID) - invalid);
	lab_check_that(lab, "SIGSEGV all the same, from a general protection fault",
		       shared->signal == SIGSEGV && shared->code == SI_KERNEL);
	lab_note(lab, "the processor does not even look it up: no page fault, but a general protection fault, and the signal cannot name the address");
}

const struct lab_def lab_def_invalid = {
	.name = "invalid",
	.topic = LAB_PROTECTION,
	.claim = "To touch what is not mapped, or not permitted, is no fault to be served: the process gets SIGSEGV.",
	.spoil = "the read-only page is writable",
	.run = run,
};
