// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that never rest: see proc_churn.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc_churn.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static struct churn *self;

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "churn %s: %s: %s\n", self->name, what, strerror(errno));
	_exit(1);
}

static void __attribute__((noreturn)) missing(const char *what)
{
	snprintf(self->missing, sizeof(self->missing), "%s", what);
	for (;;)
		pause();
}

static char *map_at(void *at, size_t len, int prot, int flags, int fd)
{
	char *got = mmap(at, len, prot, flags | (at ? MAP_FIXED : 0), fd, 0);

	if (got == MAP_FAILED)
		fail("mmap");
	return got;
}

/* Aligned to a huge page, with room around that nobody else takes. */
static char *reserve(size_t len)
{
	char *place = map_at(NULL, len + 2 * HUGE_2M, PROT_NONE, ANON | MAP_NORESERVE, -1);

	return (char *)(((uintptr_t)place + HUGE_2M) & ~(HUGE_2M - 1));
}

static void touch(char *at, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		*(volatile char *)(at + i * PAGE) = (char)i;
}

/* As the kernel's random, but the same in every run. */
static unsigned int next_random(void)
{
	static unsigned int state = 12345;

	state = state * 1103515245 + 12345;
	return state >> 16;
}

static void churn_fork(void)
{
	char *at = reserve(HUGE_2M);

	map_at(at, HUGE_2M, RW, ANON, -1);
	touch(at, 512);
	for (;; self->count++) {
		pid_t pid = fork();

		if (!pid) {
			touch(at + (next_random() % 256) * PAGE, 64);
			_exit(0);
		}
		touch(at + (next_random() % 256) * PAGE, 16);
		waitpid(pid, NULL, 0);
	}
}

/* Goes on in churn_resume(), in the new program. */
static void churn_exec(void)
{
	execl("/proc/self/exe", "churn", "exec", NULL);
	fail("exec");
}

static void churn_map(void)
{
	char *at = reserve(16 * HUGE_2M);

	for (;; self->count++) {
		size_t first = next_random() % (8 * 512), pages = 1 + next_random() % 1024;

		map_at(at + first * PAGE, pages * PAGE, RW, ANON, -1);
		touch(at + first * PAGE, pages < 32 ? pages : 32);
		if (self->count % 4 == 3)
			munmap(at + (next_random() % (8 * 512)) * PAGE, 777 * PAGE);
		if (self->count % 64 == 63)
			munmap(at, 16 * HUGE_2M);
		sbrk(self->count % 2 ? (intptr_t)(16 * PAGE) : -(intptr_t)(16 * PAGE));
	}
}

static void move(char *from, char *to, size_t len)
{
	if (mremap(from, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		fail("mremap");
}

/* Whole tables go to and fro; and a part that is not aligned, page by page. */
static void churn_mremap(void)
{
	char *from = reserve(4 * HUGE_2M), *to = reserve(4 * HUGE_2M), *swap;
	char *part = reserve(HUGE_2M) + PAGE, *away = reserve(HUGE_2M) + 7 * PAGE;

	map_at(from, 4 * HUGE_2M, RW, ANON, -1);
	madvise(from, 4 * HUGE_2M, MADV_HUGEPAGE);
	touch(from, 4 * 512);
	map_at(part, 100 * PAGE, RW, ANON, -1);
	touch(part, 100);
	for (;; self->count++) {
		move(from, to, 4 * HUGE_2M);
		map_at(from, 4 * HUGE_2M, PROT_NONE, ANON | MAP_NORESERVE, -1);
		swap = from;
		from = to;
		to = swap;
		move(part, away, 100 * PAGE);
		move(away, part, 100 * PAGE);
	}
}

/* Long enough for a walk to give up mmap_lock inside: huge pages, then small ones. */
static void churn_mprotect(void)
{
	char *at = reserve(16 * HUGE_2M);

	map_at(at, 16 * HUGE_2M, RW, ANON, -1);
	madvise(at, 8 * HUGE_2M, MADV_HUGEPAGE);
	madvise(at + 8 * HUGE_2M, 8 * HUGE_2M, MADV_NOHUGEPAGE);
	touch(at, 16 * 512);
	for (;; self->count++) {
		size_t page = next_random() % (16 * 512 - 64);

		mprotect(at + page * PAGE, 64 * PAGE, self->count % 3 ? PROT_READ : PROT_NONE);
		if (self->count % 16 == 15)
			mprotect(at, 16 * HUGE_2M, RW);
	}
}

/* Huge pages made of small ones, and split again. */
static void churn_collapse(void)
{
	char *at = reserve(4 * HUGE_2M);

	map_at(at, 4 * HUGE_2M, RW, ANON, -1);
	for (;;) {
		touch(at, 4 * 512);
		if (!madvise(at, 4 * HUGE_2M, MADV_COLLAPSE))
			self->count++;
		else if (errno == EINVAL)
			missing("MADV_COLLAPSE");
		madvise(at + HUGE_2M / 2, PAGE, MADV_DONTNEED);
		mprotect(at + HUGE_2M, HUGE_2M / 2, PROT_READ);
		mprotect(at + HUGE_2M, HUGE_2M / 2, RW);
		madvise(at + 2 * HUGE_2M, HUGE_2M, MADV_DONTNEED);
	}
}

static void churn_ksm(void)
{
	char *at = map_at(NULL, 256 * PAGE, RW, ANON, -1);
	long before;

	if (proc_value("/sys/kernel/mm/ksm/run") < 0)
		missing("KSM");
	proc_write("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	proc_write("/sys/kernel/mm/ksm/sleep_millisecs", "5");
	proc_write("/sys/kernel/mm/ksm/run", "1");
	madvise(at, 256 * PAGE, MADV_MERGEABLE);
	before = proc_number("/proc/vmstat", "cow_ksm");
	for (;;) {
		/* Writes to merged pages make copies of them, which are then merged again. */
		memset(at, 0x77, 256 * PAGE);
		usleep(20000);
		touch(at + (next_random() % 128) * PAGE, 16);
		self->count = proc_number("/proc/vmstat", "cow_ksm") - before;
	}
}

static void churn_swap(void)
{
	char *at = map_at(NULL, 512 * PAGE, RW, ANON, -1);
	long before = proc_number("/proc/vmstat", "pswpin");

	if (proc_number("/proc/meminfo", "SwapFree") < 16384)
		missing("swap (zram)");
	for (;;) {
		touch(at, 512);
		madvise(at, 512 * PAGE, MADV_PAGEOUT);
		touch(at + (next_random() % 256) * PAGE, 128);
		self->count = proc_number("/proc/vmstat", "pswpin") - before;
	}
}

static void churn_migrate(void)
{
	enum { PAGES = 256 };
	char *at = map_at(NULL, PAGES * PAGE, RW, ANON, -1);
	static int nodes[PAGES], status[PAGES];
	static void *pages[PAGES];
	int i;

	if (access("/sys/devices/system/node/node1/meminfo", R_OK))
		missing("a second memory node");
	touch(at, PAGES);
	for (i = 0; i < PAGES; i++)
		pages[i] = at + i * PAGE;
	for (;;) {
		for (i = 0; i < PAGES; i++)
			nodes[i] = !nodes[i];
		if (!syscall(SYS_move_pages, 0, PAGES, pages, nodes, status, MPOL_MF_MOVE))
			self->count++;
		touch(at, PAGES);
	}
}

/* Everything that can be moved, by whoever has it. */
static void churn_compact(void)
{
	char *at = map_at(NULL, 2048 * PAGE, RW, ANON, -1);
	long before = proc_number("/proc/vmstat", "pgmigrate_success");
	size_t i;

	madvise(at, 2048 * PAGE, MADV_NOHUGEPAGE);
	for (;;) {
		touch(at, 2048);
		for (i = 0; i < 2048; i += 2)
			madvise(at + i * PAGE, PAGE, MADV_DONTNEED);
		proc_write("/proc/sys/vm/compact_memory", "1");
		self->count = proc_number("/proc/vmstat", "pgmigrate_success") - before;
		usleep(50000);
	}
}

/* The other process of the pairs below: shares what its parent changes, until it is killed. */
static void start_partner(void (*func)(char *at), char *at)
{
	if (fork())
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	func(at);
}

static void touch_first_huge(char *at)
{
	for (;;) {
		touch(at, 1);
		usleep(100);
	}
}

static bool is_present(const char *at)
{
	return proc_pagemap(getpid(), at) & PM_PRESENT;
}

/* A table of hugetlb entries that two processes share, and share no more. */
static void churn_share(void)
{
	int fd = memfd_create("churn", MFD_HUGETLB | MFD_HUGE_2MB);
	char *place = map_at(NULL, 3 * GIB, PROT_NONE, ANON | MAP_NORESERVE, -1);
	char *at = (char *)(((uintptr_t)place + GIB) & ~(GIB - 1));

	if (proc_number("/proc/meminfo", "HugePages_Free") < 4)
		missing("huge pages");
	if (fd < 0 || ftruncate(fd, GIB))
		fail("hugetlb memfd");
	map_at(at, GIB, RW, MAP_SHARED | MAP_NORESERVE, fd);
	touch(at, 1);
	start_partner(touch_first_huge, at);
	for (;;) {
		map_at(at, GIB, RW, MAP_SHARED | MAP_NORESERVE, fd);
		/* A touch at one place shows what the other process has touched at another. */
		touch(at + HUGE_2M, 1);
		self->count += is_present(at);
		mprotect(at, GIB, PROT_READ);
		mprotect(at, GIB, RW);
		touch(at + 2 * HUGE_2M, 1);
		madvise(at + 2 * HUGE_2M, HUGE_2M, MADV_REMOVE);
	}
}

static void touch_all(char *at)
{
	for (;;)
		touch(at, 512);
}

/*
 * A huge page made of an object's small ones, by somebody else: the tables of all who map them are
 * taken away, since 6.5 without their mmap_lock. Then a hole is punched, which splits it again.
 */
static void churn_retract(void)
{
	int fd = memfd_create("churn", 0);
	char *at = reserve(HUGE_2M);

	if (fd < 0 || ftruncate(fd, HUGE_2M))
		fail("memfd");
	map_at(at, HUGE_2M, RW, MAP_SHARED, fd);
	touch(at, 512);
	start_partner(touch_all, at);
	for (;;) {
		touch(at, 512);
		if (!madvise(at, HUGE_2M, MADV_COLLAPSE))
			self->count++;
		else if (errno == EINVAL)
			missing("MADV_COLLAPSE of shared memory");
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 17 * PAGE, PAGE);
	}
}

static const struct {
	const char *name;
	void (*func)(void);
	bool steady;
} kinds[] = {
	{ "fork and exit", churn_fork, true },
	{ "exec", churn_exec, false },
	{ "mmap, munmap, brk", churn_map, true },
	{ "mremap", churn_mremap, true },
	{ "mprotect", churn_mprotect, true },
	{ "THP collapse and split", churn_collapse, true },
	{ "KSM", churn_ksm, true },
	{ "swap", churn_swap, true },
	{ "migration", churn_migrate, true },
	{ "compaction", churn_compact, true },
	{ "hugetlb table sharing", churn_share, true },
	{ "object collapse and split", churn_retract, true },
};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

#define BOARD "/dev/shm/mmscope-churn"

static struct churn *open_board(bool create)
{
	int fd = open(BOARD, O_RDWR | (create ? O_CREAT | O_TRUNC : 0), 0600);
	struct churn *board;

	if (fd < 0 || (create && ftruncate(fd, NR_KINDS * sizeof(*board)))) {
		perror(BOARD);
		exit(2);
	}
	board = mmap(NULL, NR_KINDS * sizeof(*board), RW, MAP_SHARED, fd, 0);
	close(fd);
	return board;
}

/* Executes itself for ever; the board is found by its name. */
void churn_resume(int argc, char **argv)
{
	unsigned int i;

	if (argc != 2 || strcmp(argv[1], "exec"))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	self = open_board(false);
	for (i = 0; kinds[i].func != churn_exec; i++)
		self++;
	self->count++;
	execl("/proc/self/exe", "churn", "exec", NULL);
	_exit(1);
}

static void make_steady(void)
{
	char *at = mmap((void *)CHURN_STEADY, CHURN_STEADY_PAGES * PAGE, RW,
			ANON | MAP_FIXED_NOREPLACE, -1, 0);
	size_t i;

	if (at == MAP_FAILED)
		fail("steady part");
	madvise(at, CHURN_STEADY_PAGES * PAGE, MADV_NOHUGEPAGE);
	madvise(at, CHURN_STEADY_PAGES * PAGE, MADV_DONTFORK);
	/* Holes too, at every fourth page. */
	for (i = 0; i < CHURN_STEADY_PAGES; i++)
		if (i % 4)
			touch(at + i * PAGE, 1);
	if (mlock2(at, CHURN_STEADY_PAGES * PAGE, MLOCK_ONFAULT))
		fail("mlock");
}

static void run(unsigned int kind)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (self->steady)
		make_steady();
	self->ready = true;
	kinds[kind].func();
}

struct churn *churn_open(unsigned int *nr)
{
	struct churn *board = open_board(true);
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++) {
		snprintf(board[i].name, sizeof(board[i].name), "%s", kinds[i].name);
		board[i].steady = kinds[i].steady;
	}
	*nr = NR_KINDS;
	return board;
}

void churn_close(struct churn *board)
{
	munmap(board, NR_KINDS * sizeof(*board));
	unlink(BOARD);
}

bool churn_is_running(const struct churn *churn)
{
	siginfo_t info = {};

	return !waitid(P_PID, churn->pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid;
}

void churn_start(struct churn *churn, unsigned int kind)
{
	pid_t pid;

	churn->ready = false;
	churn->count = 0;
	self = churn;
	fflush(stdout);
	/* The child sees what is written to @churn. */
	pid = fork();
	if (!pid)
		run(kind);
	churn->pid = pid;
	while (!churn->ready && churn_is_running(churn))
		usleep(1000);
}

void churn_stop(struct churn *churn)
{
	kill(churn->pid, SIGKILL);
	waitpid(churn->pid, NULL, 0);
	if (!strcmp(churn->name, "KSM")) {
		proc_write("/sys/kernel/mm/ksm/run", "2");
		proc_write("/sys/kernel/mm/ksm/run", "0");
	}
}
