// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes and little else, and what one costs while the module counts them: in nanoseconds,
 * which under tests/vm/run --icount are instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define ROUNDS 20000

static const char usage[] =
	"usage: flushload [COUNTER]\n"
	"Prints what it costs to write a page and give it back, which is one flush of one page.\n"
	"COUNTER:\n"
	"  none      count nothing (or somebody else does)\n"
	"  target    the module counts for this process\n"
	"  other     the module counts for another process\n";

static void fail(const char *what)
{
	fprintf(stderr, "flushload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double round_of(volatile char *at)
{
	double begin = now_ns();
	int i;

	for (i = 0; i < ROUNDS; i++) {
		*at = 1;
		madvise((void *)at, PAGE, MADV_DONTNEED);
	}
	return (now_ns() - begin) / ROUNDS;
}

/* Counts for @pid until this program ends. */
static void count(pid_t pid)
{
	int fd = open("/sys/kernel/debug/mmscope/count", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || dprintf(fd, "%d", pid) < 0)
		fail("the module");
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "none";
	volatile char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double best = 0, cost;
	pid_t child = 0;
	int i;

	if (argc > 2 || !strstr("none target other", mode)) {
		fputs(usage, stderr);
		return 2;
	}
	if (at == MAP_FAILED)
		fail("mmap");
	if (!strcmp(mode, "other")) {
		child = fork();
		if (!child)
			pause();
	}
	if (strcmp(mode, "none"))
		count(child ? child : getpid());
	/* The first round after boot costs more, whatever is done. */
	round_of(at);
	for (i = 0; i < 3; i++) {
		cost = round_of(at);
		best = !i || cost < best ? cost : best;
	}
	printf("%s: %.0f ns per flush\n", mode, best);
	if (child)
		kill(child, SIGKILL);
	return 0;
}
