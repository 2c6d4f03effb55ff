// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes as they are asked for, counted by the tracer: against what is known by construction,
 * against the copies that ask for one each, and, with the module's, against the kernel's counters.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../userspace/error.h"
#include "../../userspace/tracer.h"
#include "event_lab.h"
#include "flush_counters.h"
#include "tap.h"

#define ROUNDS 1000
#define FEW_ROUNDS 10
#define PAGES 256UL
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define BIT(counter) (1ULL << (counter))
#define TIMES (~0ULL << MMS_REQUEST_WAIT_NS)

static void finish(struct lab *lab)
{
	uint64_t waits = 0;
	unsigned int i;

	lab_count(lab);
	for (i = MMS_REQUEST_HISTOGRAM; i < MMS_NR_REQUEST_COUNTERS; i++)
		waits += lab->got[i];
	lab_equal(lab, waits, lab->got[MMS_REQUEST_IPIS], "histogram");
	lab->ignored |= TIMES;
	lab_compare(lab);
}

/* One page, closed and opened again: two requests of one page, whoever else runs. */
static void protect(struct lab *lab, unsigned int peers)
{
	char *at = lab_mmap(lab, PAGE, RW, PRIVATE, -1, PAGE);
	/* Virtual processors that are more than the machine has are slow to answer. */
	unsigned int rounds = peers > 1 ? FEW_ROUNDS : ROUNDS, i;

	*at = 1;
	lab_begin(lab);
	for (i = 0; i < rounds; i++) {
		mprotect(at, PAGE, PROT_READ);
		mprotect(at, PAGE, RW);
		*(volatile char *)at = i;
	}
	lab_want(lab, MMS_REQUEST_RANGED, 2 * rounds);
	lab_want(lab, MMS_REQUEST_PAGES, 2 * rounds);
	lab_want(lab, MMS_REQUEST_IPIS, peers ? 2 * rounds : 0);
	lab_want(lab, MMS_REQUEST_IPI_CPUS, 2 * rounds * peers);
	lab_want(lab, MMS_REQUEST_IPI_HANDLED, 2 * rounds * peers);
	finish(lab);
}

static void protect_alone(struct lab *lab)
{
	protect(lab, 0);
}

static void protect_with_peers(struct lab *lab)
{
	unsigned int peers;

	peers = lab_spin(lab);
	if (!peers)
		lab_missing(lab, "one processor");
	protect(lab, peers);
	lab_stop_spinning();
}

/* Up to the ceiling page by page, beyond it everything. */
static void ceiling(struct lab *lab)
{
	char *at = lab_mmap(lab, PAGES * PAGE, RW, PRIVATE, -1, HUGE_2M);
	long most = proc_value("/sys/kernel/debug/x86/tlb_single_page_flush_ceiling");

	if (most < 0 || most >= (long)PAGES)
		lab_missing(lab, "tlb_single_page_flush_ceiling");
	madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
	lab_write(at, PAGES);
	lab_begin(lab);
	madvise(at, most * PAGE, MADV_DONTNEED);
	lab_want(lab, MMS_REQUEST_RANGED, 1);
	lab_want(lab, MMS_REQUEST_PAGES, most);
	madvise(at + most * PAGE, (most + 1) * PAGE, MADV_DONTNEED);
	lab_want(lab, MMS_REQUEST_FULL, 1);
	finish(lab);
}

static void huge(struct lab *lab)
{
	char *at = lab_mmap(lab, HUGE_2M, RW, PRIVATE, -1, HUGE_2M);

	*at = 1;
	lab_begin(lab);
	madvise(at, HUGE_2M, MADV_DONTNEED);
	lab_want(lab, MMS_REQUEST_RANGED, 1);
	lab_want(lab, MMS_REQUEST_PAGES, 1);
	lab_want(lab, MMS_REQUEST_HUGE, 1);
	finish(lab);
}

static void freed_tables(struct lab *lab)
{
	char *at = lab_mmap(lab, 2 * HUGE_2M, PROT_NONE, PRIVATE, -1, 2 * HUGE_2M);

	mprotect(at, PAGE, RW);
	madvise(at, HUGE_2M, MADV_NOHUGEPAGE);
	*at = 1;
	lab_begin(lab);
	munmap(at, 2 * HUGE_2M);
	lab_want(lab, MMS_REQUEST_FREED_TABLES, 1);
	lab->ignored = BIT(MMS_REQUEST_RANGED) | BIT(MMS_REQUEST_FULL) | BIT(MMS_REQUEST_PAGES);
	finish(lab);
	lab_equal(lab, lab->got[MMS_REQUEST_RANGED] + lab->got[MMS_REQUEST_FULL], 1, "requests");
}

/* Of this process, so far, those of entries that were present. */
static uint64_t copies(struct lab *lab)
{
	uint64_t count[MMS_MAX_COUNTERS], all = 0;

	lab_counters(lab, MMS_QUESTION_COW, getpid(), count);
	for (unsigned int cause = 0; cause < MMS_NR_COW_CAUSES; cause++)
		for (unsigned int way = 0; way < MMS_NR_COW_WAYS; way++)
			if (cause != MMS_COW_FILE_FIRST && way != MMS_COW_BY_FORK)
				all += count[MMS_COW(cause, way)];
	return all;
}

/* A fork is one request of everything; a page copied since is one of one page. */
static void forks(struct lab *lab)
{
	char *at = lab_mmap(lab, PAGES * PAGE, RW, PRIVATE, -1, PAGE);
	uint64_t copied;
	int ends[2], i;
	char byte;
	pid_t pid;

	lab_write(at, PAGES);
	copied = copies(lab);
	lab_begin(lab);
	copied = copies(lab);
	for (i = 0; i < 20; i++) {
		if (pipe(ends))
			lab_fail(lab, "pipe");
		pid = fork();
		if (!pid) {
			close(ends[1]);
			_exit(read(ends[0], &byte, 1) != 0);
		}
		lab_write(at, PAGES);
		close(ends[0]);
		close(ends[1]);
		waitpid(pid, NULL, 0);
	}
	copied = copies(lab) - copied;
	lab_want(lab, MMS_REQUEST_FULL, 20);
	lab_want(lab, MMS_REQUEST_FREED_TABLES, 20);
	lab_want(lab, MMS_REQUEST_RANGED, copied);
	lab_want(lab, MMS_REQUEST_PAGES, copied);
	if (copied < 20 * PAGES)
		lab_note(lab, "%lu copies", copied);
	/* A child that ran here before may leave its address space for a moment. */
	lab->ignored = BIT(MMS_REQUEST_IPIS) | BIT(MMS_REQUEST_IPI_CPUS) |
		       BIT(MMS_REQUEST_IPI_HANDLED);
	finish(lab);
}

static const struct lab_case cases[] = {
	{ "mprotect, alone", protect_alone },
	{ "mprotect, with a peer on every other CPU", protect_with_peers },
	{ "ceiling", ceiling },
	{ "huge page", huge },
	{ "freed tables", freed_tables },
	{ "fork and copies", forks },
};

#define NR_CASES (sizeof(cases) / sizeof(*cases))

/* Something for every counter; without another CPU, nothing to be sent or received. */
static void flush_in_all_ways(struct tracer *tracer, u64 *least)
{
	bool alone = *lab_run(tracer, MMS_QUESTION_TLB, protect_with_peers)->missing;

	lab_run(tracer, MMS_QUESTION_TLB, protect_alone);
	lab_run(tracer, MMS_QUESTION_TLB, ceiling);
	least[FLUSH_INTERRUPTS] = alone ? 0 : 2 * FEW_ROUNDS;
	least[FLUSH_REMOTE] = least[FLUSH_RECEIVED] = least[FLUSH_INTERRUPTS];
	least[FLUSH_LOCAL_ALL] = 1;
	least[FLUSH_LOCAL_ONE] = 2 * ROUNDS;
}

/* The first and the last reading lie outside those of the kernel's counters. */
static void check_kernel(struct tracer *tracer)
{
	static struct lab lab;
	u64 ours[4][NR_FLUSH_COUNTERS], kernel[2][NR_FLUSH_COUNTERS], least[NR_FLUSH_COUNTERS];
	uint64_t requests[MMS_MAX_COUNTERS];
	unsigned int i;

	lab.tracer = tracer;
	flush_counters_begin();
	flush_counters_ours(&lab, ours[0]);
	flush_counters_kernel(kernel[0]);
	flush_counters_ours(&lab, ours[1]);
	flush_in_all_ways(tracer, least);
	flush_counters_ours(&lab, ours[2]);
	flush_counters_kernel(kernel[1]);
	flush_counters_ours(&lab, ours[3]);
	lab_counters(&lab, MMS_QUESTION_TLB, 0, requests);
	for (i = 0; i < NR_FLUSH_COUNTERS; i++) {
		u64 from = ours[2][i] - ours[1][i], to = ours[3][i] - ours[0][i];
		u64 grown = kernel[1][i] - kernel[0][i];

		if (!flush_counter_exists(i))
			tap_skip("CONFIG_DEBUG_TLBFLUSH is not set", "everyone: %s",
				 flush_counter_names[i]);
		else
			tap_ok(grown >= from && grown <= to && from >= least[i],
			       "everyone: %s, %llu, is between %llu and %llu", flush_counter_names[i],
			       grown, from, to);
	}
	tap_eq(requests[MMS_REQUEST_IPI_CPUS], requests[MMS_REQUEST_IPI_HANDLED],
	       "everyone: as many CPUs asked as have answered");
	flush_counters_end();
}

static void run_mode(const char *mode, bool everyone)
{
	struct tracer_options options = { .everyone = everyone, .follow = true };
	unsigned int i, missing = 0;
	struct tracer *tracer;

	options.question[MMS_QUESTION_TLB] = true;
	options.question[MMS_QUESTION_COW] = true;
	if (tracer_open(&tracer, &options) || tracer_select(tracer, getpid()) ||
	    tracer_start(tracer))
		tap_bail("%s", mms_failure());
	for (i = 0; i < MMS_NR_REQUEST_COUNTERS; i++)
		missing += !!tracer_missing_hook(tracer, MMS_QUESTION_TLB, i);
	tap_eq(missing, 0, "%s: every counter is available", mode);
	for (i = 0; i < NR_CASES; i++)
		lab_point(tracer, MMS_QUESTION_TLB, mode, &cases[i]);
	if (everyone)
		check_kernel(tracer);
	lab_none_missed(tracer, MMS_QUESTION_TLB, mode);
	tracer_close(tracer);
}

int main(void)
{
	tap_plan(2 * (NR_CASES + 2) + NR_FLUSH_COUNTERS + 1);
	/* An address space is remembered where it has been; the cases are born here, and stay. */
	lab_pin(0);
	/* No collapsing behind the back of the cases. */
	proc_write("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	proc_write("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "600000");
	run_mode("selected", false);
	run_mode("everyone", true);
	return tap_done();
}
