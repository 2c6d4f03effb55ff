// SPDX-License-Identifier: GPL-2.0
/*
 * What an event costs the process that has it: nanoseconds per first touch, copy, page of a file and
 * TLB flush, one line each. Run it under -icount with and without a tracer, and subtract.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 8192UL
#define RW (PROT_READ | PROT_WRITE)

static unsigned long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static char *region(void)
{
	char *at = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED || madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE))
		exit(1);
	return at;
}

static void touch(volatile char *at)
{
	for (size_t i = 0; i < PAGES; i++)
		at[i * PAGE] = 1;
}

/* The page tables are there already. */
static unsigned long long first_touch(void)
{
	unsigned long long time;
	char *at = region();

	touch(at);
	madvise(at, PAGES * PAGE, MADV_DONTNEED);
	time = now();
	touch(at);
	time = now() - time;
	munmap(at, PAGES * PAGE);
	return time;
}

static unsigned long long copy(void)
{
	unsigned long long time;
	char *at = region(), byte;
	int ends[2];
	pid_t pid;

	touch(at);
	if (pipe(ends))
		exit(1);
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	time = now();
	touch(at);
	time = now() - time;
	close(ends[0]);
	close(ends[1]);
	waitpid(pid, NULL, 0);
	munmap(at, PAGES * PAGE);
	return time;
}

static unsigned long long file_page(void)
{
	int fd = memfd_create("events", MFD_CLOEXEC);
	unsigned long long time;
	char *at;

	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		exit(1);
	at = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	touch(at);
	madvise(at, PAGES * PAGE, MADV_DONTNEED);
	time = now();
	touch(at);
	time = now() - time;
	munmap(at, PAGES * PAGE);
	close(fd);
	return time;
}

/* Of a page between two that nobody may access: its VMA is neither split nor merged. */
static unsigned long long flush(void)
{
	char *at = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long long time;

	if (at == MAP_FAILED || mprotect(at + PAGE, PAGE, RW))
		exit(1);
	at[PAGE] = 1;
	time = now();
	for (size_t i = 0; i < PAGES / 2; i++) {
		mprotect(at + PAGE, PAGE, PROT_READ);
		mprotect(at + PAGE, PAGE, RW);
	}
	time = now() - time;
	munmap(at, 3 * PAGE);
	return time;
}

static const struct {
	const char *name;
	unsigned long long (*run)(void);
} events[] = {
	{ "first_touch", first_touch },
	{ "copy", copy },
	{ "file_page", file_page },
	{ "flush", flush },
};

int main(void)
{
	/* The first round is not like the others; in any, a thread of the kernel's may have run. */
	for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++) {
		unsigned long long least, time;

		events[i].run();
		least = events[i].run();
		for (int round = 0; round < 2; round++) {
			time = events[i].run();
			if (time < least)
				least = time;
		}
		printf("%s %.1f\n", events[i].name, (double)least / PAGES);
	}
	return 0;
}
