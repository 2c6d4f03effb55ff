// SPDX-License-Identifier: GPL-2.0
/*
 * An animal's process: makes it, reports, then touches what it is told to. What all makers share.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zoo.h"

static struct zoo_report report;
static int command_fd, answer_fd;

struct zoo_area *zoo_area;
int zoo_pkey;

static void send_report(void)
{
	if (write(answer_fd, &report, sizeof(report)) != sizeof(report))
		exit(1);
}

void zoo_fail(const char *fmt, ...)
{
	int err = errno;
	va_list args;
	size_t len;

	va_start(args, fmt);
	vsnprintf(report.error, sizeof(report.error), fmt, args);
	va_end(args);
	len = strlen(report.error);
	snprintf(report.error + len, sizeof(report.error) - len, " (errno: %s)", strerror(err));
	send_report();
	exit(1);
}

void zoo_missing(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(report.missing, sizeof(report.missing), fmt, args);
	va_end(args);
	send_report();
	exit(0);
}

void zoo_add(const char *label, const void *addr, size_t len, unsigned int kind)
{
	if (report.nr_areas == ZOO_MAX_AREAS)
		zoo_fail("too many areas");
	zoo_area = &report.area[report.nr_areas++];
	snprintf(zoo_area->label, sizeof(zoo_area->label), "%s", label);
	zoo_area->addr = (uintptr_t)addr;
	zoo_area->len = len;
	zoo_area->kind = kind;
}

void zoo_want(unsigned int class, unsigned int level, u64 pages)
{
	if (zoo_area->nr_wants == ZOO_MAX_WANTS)
		zoo_fail("too many wants");
	zoo_area->want[zoo_area->nr_wants++] = (struct zoo_want){ class, level, pages };
}

void zoo_column(const char *name, u64 kb)
{
	struct zoo_column *column = &zoo_area->column[zoo_area->nr_columns++];

	if (zoo_area->nr_columns > ZOO_MAX_COLUMNS)
		zoo_fail("too many columns");
	snprintf(column->name, sizeof(column->name), "%s", name);
	column->kb = kb;
}

void zoo_partner(pid_t pid)
{
	report.partner = pid;
}

/* A reservation around it keeps other mappings from merging with it. */
void *zoo_map(size_t len, int prot, int flags, int fd, off_t offset, size_t align)
{
	size_t room = len + 2 * (align > PAGE ? align : PAGE);
	char *place = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at;

	if (place == MAP_FAILED)
		zoo_fail("reserve %zu bytes", room);
	at = place + PAGE;
	if (align > PAGE)
		at = (char *)(((uintptr_t)at + align - 1) & ~(align - 1));
	at = mmap(at, len, prot, flags | MAP_FIXED, fd, offset);
	if (at == MAP_FAILED)
		zoo_fail("map %zu bytes with flags %x", len, flags);
	return at;
}

void zoo_write(char *addr, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		*(volatile char *)(addr + i * PAGE) = 'z';
}

void zoo_read(const char *addr, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		(void)*(const volatile char *)(addr + i * PAGE);
}

void zoo_advise(void *addr, size_t len, int advice)
{
	if (madvise(addr, len, advice))
		zoo_fail("madvise %d", advice);
}

void zoo_need_thp(void)
{
	if (!proc_have_thp())
		zoo_missing("transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE)");
}

void zoo_no_thp(void *addr, size_t len)
{
	if (proc_no_thp(addr, len))
		zoo_fail("no huge pages");
}

size_t zoo_count(const char *addr, size_t pages, u64 bits)
{
	u64 *entries = malloc(pages * sizeof(*entries));
	int fd = proc_open_pagemap(getpid());
	size_t i, count = 0;

	if (!entries || fd < 0)
		zoo_fail("pagemap");
	proc_entries(fd, (uintptr_t)addr / PAGE, pages, entries, 0);
	for (i = 0; i < pages; i++)
		count += !!(entries[i] & bits);
	close(fd);
	free(entries);
	return count;
}

char *zoo_small(size_t pages, size_t written)
{
	char *at = zoo_map(pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
			   0);

	zoo_no_thp(at, pages * PAGE);
	zoo_write(at, written);
	return at;
}

char *zoo_thp(size_t huge, size_t written)
{
	char *at = zoo_map(huge * HUGE_2M, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0, HUGE_2M);
	size_t i;

	zoo_need_thp();
	zoo_advise(at, huge * HUGE_2M, MADV_HUGEPAGE);
	for (i = 0; i < written; i++)
		zoo_write(at + i * HUGE_2M, 1);
	if (zoo_count(at, huge * 512, PM_PRESENT) != written * 512)
		zoo_fail("no transparent huge page to be had");
	return at;
}

void zoo_need_swap(void)
{
	if (proc_number("/proc/meminfo", "SwapFree") < 16384)
		zoo_missing("swap (zram)");
}

void zoo_need_poison(void)
{
	if (proc_number("/proc/meminfo", "HardwareCorrupted") < 0)
		zoo_missing("pages that fail (CONFIG_MEMORY_FAILURE)");
}

/*
 * What the kernel passes over, say a page that waits in another processor's LRU cache, it takes the
 * next time.
 */
void zoo_page_out(char *addr, size_t pages, bool entries)
{
	size_t want = entries ? pages : 0;
	int try;

	for (try = 0; try < 100; try++) {
		zoo_advise(addr, pages * PAGE, MADV_PAGEOUT);
		if (zoo_count(addr, pages, PM_SWAP) == want && !zoo_count(addr, pages, PM_PRESENT))
			return;
		sched_yield();
	}
	errno = 0;
	zoo_fail("%zu of %zu pages not to be swapped out", zoo_count(addr, pages, PM_PRESENT), pages);
}

void zoo_survive(int signal)
{
	(void)signal;
}

pid_t zoo_fork(void (*func)(void *arg), void *arg)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready))
		zoo_fail("pipe");
	pid = fork();
	if (pid < 0)
		zoo_fail("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (func)
			func(arg);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		zoo_fail("the partner died");
	close(ready[0]);
	if (!proc_wait_idle(pid, 30))
		zoo_fail("the partner does not rest");
	return pid;
}

int zoo_memfd(const char *name, size_t len, unsigned int flags)
{
	int fd = memfd_create(name, flags);

	if (fd < 0 || ftruncate(fd, len))
		zoo_fail("memfd of %zu bytes", len);
	return fd;
}

bool zoo_mounted(const char *dir)
{
	struct stat here, above;

	return !stat(dir, &here) && !stat(ZOO_DIR, &above) && here.st_dev != above.st_dev;
}

int zoo_file(const char *name, size_t pages)
{
	char path[256], page[PAGE];
	size_t i;
	int fd;

	if (!zoo_mounted(ZOO_DISK))
		zoo_missing("a file system on a loop device (ext4)");
	snprintf(path, sizeof(path), ZOO_DISK "/%s", name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
	if (fd < 0)
		zoo_fail("create %s", path);
	for (i = 0; i < pages; i++) {
		memset(page, 0xc3, sizeof(page));	/* ret: can be executed */
		page[1] = i;
		if (write(fd, page, sizeof(page)) != sizeof(page))
			zoo_fail("write %s", path);
	}
	if (fsync(fd))
		zoo_fail("fsync %s", path);
	return fd;
}

static sigjmp_buf out;
static volatile struct zoo_touched touched;
static volatile int traps;

/* An instruction fetch is done when the second instruction after popf has been stepped over. */
static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (signal == SIGTRAP && ++traps < 2)
		return;
	if (signal != SIGTRAP) {
		touched.signal = signal;
		touched.code = info->si_code;
		touched.fault_addr = (uintptr_t)info->si_addr;
	}
	siglongjmp(out, 1);
}

/* Jumps to @addr with the trap flag set: the handler gets it back. */
static void __attribute__((noinline)) execute(u64 addr)
{
	static char scratch[64];

	traps = 0;
	asm volatile("subq $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tjmp *%0"
		     : : "r"(addr), "a"(scratch) : "memory", "cc");
}

static void access_addr(u64 addr, enum zoo_access access)
{
	if (zoo_pkey)
		pkey_set(zoo_pkey, 0);
	if (sigsetjmp(out, 1))
		return;
	if (access == ZOO_READ)
		(void)*(volatile char *)addr;
	else if (access == ZOO_WRITE)
		*(volatile char *)addr = 'w';
	else
		execute(addr);
}

static u64 pagemap_of(int fd, u64 addr)
{
	u64 entry;

	proc_entries(fd, addr / PAGE, 1, &entry, 0);
	return entry;
}

static void touch(const struct zoo_touch *command, int pagemap)
{
	struct rusage before, after;

	memset((void *)&touched, 0, sizeof(touched));
	touched.before = pagemap_of(pagemap, command->addr);
	getrusage(RUSAGE_THREAD, &before);
	access_addr(command->addr, command->access);
	getrusage(RUSAGE_THREAD, &after);
	touched.after = pagemap_of(pagemap, command->addr);
	touched.minor = after.ru_minflt - before.ru_minflt;
	touched.major = after.ru_majflt - before.ru_majflt;
}

static void install_handlers(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP };
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_size = 65536 };
	unsigned int i;

	/* A stack of its own: the one in use may be what is touched. */
	stack.ss_sp = malloc(stack.ss_size);
	memset(stack.ss_sp, 0, stack.ss_size);
	sigaltstack(&stack, NULL);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

/* Every path has faulted its own pages in before the first fault is counted. */
static void warm_up(int pagemap)
{
	static const struct zoo_touch nowhere[] = {
		{ 8, ZOO_READ }, { 8, ZOO_WRITE }, { 8, ZOO_EXEC },
	};
	static char page[2 * PAGE];
	struct zoo_touch here = { (uintptr_t)page + PAGE, ZOO_WRITE };
	unsigned int i;

	for (i = 0; i < 6; i++)
		touch(&nowhere[i % 3], pagemap);
	touch(&here, pagemap);
}

static void serve(void)
{
	int pagemap = proc_open_pagemap(getpid());
	struct zoo_touch command;

	install_handlers();
	warm_up(pagemap);
	send_report();
	while (read(command_fd, &command, sizeof(command)) == sizeof(command)) {
		touch(&command, pagemap);
		if (write(answer_fd, (void *)&touched, sizeof(touched)) != sizeof(touched))
			return;
	}
}

static const struct zoo_maker *find_maker(const char *name)
{
	static const struct zoo_maker *const makers[] = {
		zoo_anon_makers, zoo_state_makers, zoo_file_makers, zoo_huge_makers,
		zoo_swap_makers, zoo_uffd_makers, zoo_odd_makers,
	};
	const struct zoo_maker *maker;
	unsigned int i;

	for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		for (maker = makers[i]; maker->name; maker++)
			if (!strcmp(maker->name, name))
				return maker;
	return NULL;
}

/* On one processor: what is kept by processor, such as LRU caches, is then all in one place. */
static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	const struct zoo_maker *maker = argc == 4 ? find_maker(argv[1]) : NULL;

	if (!maker) {
		fprintf(stderr, "usage: zoo ANIMAL COMMAND_FD ANSWER_FD\n");
		return 2;
	}
	command_fd = atoi(argv[2]);
	answer_fd = atoi(argv[3]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stay_here();
	errno = 0;
	maker->make();
	serve();
	return 0;
}
