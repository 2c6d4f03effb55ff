// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write breaks and nothing else, and what one costs while it is traced: in nanoseconds,
 * which under tests/vm/run --icount are instructions.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/error.h"
#include "../../userspace/tracer.h"

#define PAGE 4096UL

static size_t pages = 20000;

static const char usage[] =
	"usage: cowload [TRACER] [PAGES [ROUNDS]]\n"
	"Prints what writing a page costs that is shared since a fork: the smallest of ROUNDS (3).\n"
	"TRACER:\n"
	"  none        trace nothing (or somebody else does)\n"
	"  selected    count for this process\n"
	"  unselected  count for another process\n"
	"  everyone    count for every process\n"
	"  touch       trace nothing, and touch pages first: no breaks\n"
	"  touched     the same, and count for this process\n";

static void fail(const char *what)
{
	fprintf(stderr, "cowload: %s: %s\n", what, errno ? strerror(errno) : mms_failure());
	exit(1);
}

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void write_all(char *at)
{
	size_t i;

	for (i = 0; i < pages; i++)
		*(volatile char *)(at + i * PAGE) = i;
}

/* Nanoseconds per page, with a child that shares them, or with none there yet. */
static double round_of(char *at, int shared)
{
	pid_t child = 0;
	double begin, end;

	if (shared) {
		write_all(at);
		child = fork();
		if (child < 0)
			fail("fork");
		if (!child) {
			pause();
			_exit(0);
		}
	} else if (madvise(at, pages * PAGE, MADV_DONTNEED)) {
		fail("madvise");
	}
	begin = now_ns();
	write_all(at);
	end = now_ns();
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return (end - begin) / pages;
}

/* A process that does nothing, for others to be selected. */
static pid_t idle_child(void)
{
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	return child;
}

static struct tracer *trace(const char *mode, pid_t *child)
{
	struct tracer_options options = { .question = { [MMS_QUESTION_COW] = true } };
	struct tracer *tracer;
	pid_t pid = getpid();

	if (!strcmp(mode, "none") || !strcmp(mode, "touch"))
		return NULL;
	options.everyone = !strcmp(mode, "everyone");
	if (!strcmp(mode, "unselected"))
		pid = *child = idle_child();
	if (tracer_open(&tracer, &options) || tracer_select(tracer, pid) || tracer_start(tracer)) {
		errno = 0;
		fail("tracer");
	}
	return tracer;
}

static uint64_t breaks(struct tracer *tracer)
{
	struct mms_trace_record records[8];
	size_t i, nr = tracer_read(tracer, MMS_QUESTION_COW, records, 8);
	uint64_t sum = 0;

	for (i = MMS_SLOT_FIRST; i < nr && i < 8; i++)
		if (records[i].owner.tgid == (uint32_t)getpid())
			sum += records[i].count[MMS_COW(MMS_COW_ANON, MMS_COW_BY_USER)];
	return sum;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "none";
	int i, rounds = argc > 3 ? atoi(argv[3]) : 3;
	int shared = strncmp(mode, "touch", strlen("touch"));
	struct tracer *tracer;
	double best = 0, cost;
	pid_t child = 0;
	char *at;

	if (argc > 2)
		pages = strtoul(argv[2], NULL, 0);
	if (argc > 4 || !pages || rounds < 1 ||
	    !strstr("none selected unselected everyone touch touched", mode)) {
		fputs(usage, stderr);
		return 2;
	}
	at = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED || madvise(at, pages * PAGE, MADV_NOHUGEPAGE))
		fail("mmap");
	tracer = trace(mode, &child);
	/* The first round after boot costs more, whatever is done. */
	round_of(at, shared);
	for (i = 0; i < rounds; i++) {
		cost = round_of(at, shared);
		best = !i || cost < best ? cost : best;
	}
	printf("%s: %.0f ns per page", mode, best);
	if (tracer) {
		printf(", %llu breaks counted", (unsigned long long)breaks(tracer));
		tracer_close(tracer);
	}
	putchar('\n');
	if (child)
		kill(child, SIGKILL);
	return 0;
}
