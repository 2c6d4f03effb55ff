// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to look at a process's memory: instructions per page, VMA or process, our views
 * beside what the kernel has; lines of "TARGET WAY UNIT INSTRUCTIONS". Needs a machine where time is
 * made of instructions (tests/vm/run --icount).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "proc_spawn.h"
#include "views.h"

/* The first reading after a process was made pays for what is cached from then on. */
#define READINGS 3

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Twenty million instructions take twenty milliseconds, or else time is something different. */
static bool time_is_instructions(void)
{
	u64 min = UINT64_MAX, ns;
	int round;

	for (round = 0; round < 5; round++) {
		unsigned long i = 10000000;

		ns = now();
		__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(i));
		ns = now() - ns;
		min = ns < min ? ns : min;
	}
	return min >= 20000000 && min < 21000000;
}

void fail(const char *what)
{
	fprintf(stderr, "memory: %s: %s\n", what, strerror(errno));
	exit(1);
}

static u64 spend(const struct way *way, const struct subject *subject)
{
	u64 begun = now();

	if (!way->read)
		return run_command(subject, way->arg);
	way->read(subject, way->arg);
	return now() - begun;
}

/* The least of some readings: the others were interrupted, or were the first. */
static u64 measure(const struct way *way, const struct subject *subject)
{
	u64 min = UINT64_MAX, spent;
	int round;

	for (round = 0; round < READINGS; round++) {
		spent = spend(way, subject);
		min = spent < min ? spent : min;
	}
	return min;
}

static void measure_target(const struct target *target)
{
	struct subject subject = { .start = AREA, .nr = target->nr, .bytes = target->bytes };
	const struct way *way;

	subject.pid = spawn(target->make, NULL);
	if (views_attach(subject.pid))
		fail("attach");
	for (way = target->ways; way->name; way++) {
		if (way->present && !way->present())
			continue;
		printf("%s %s %s %.2f\n", target->name, way->name, target->unit,
		       (double)measure(way, &subject) / (way->nr ? way->nr : target->nr));
		fflush(stdout);
	}
	views_detach(subject.pid);
	spawn_end(subject.pid);
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const struct target *target;

	if (argc > 1 && !strcmp(argv[1], "-l")) {
		for (target = targets; target->name; target++)
			puts(target->name);
		return 0;
	}
	if (!time_is_instructions()) {
		fprintf(stderr, "memory: time is not made of instructions (tests/vm/run --icount)\n");
		return 2;
	}
	for (target = targets; target->name; target++)
		if (wanted(target->name, argv + 1))
			measure_target(target);
	return 0;
}
