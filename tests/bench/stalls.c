// SPDX-License-Identifier: GPL-2.0
/*
 * How long a process waits for who looks at it: a thread maps and unmaps a page all the time, which
 * takes mmap_lock for writing, while each way reads the process's 256 MiB on another processor. Lines
 * of "WAY PAIRS MEAN WORST": pairs of mmap() and munmap() made meanwhile, and nanoseconds each took.
 * Time is the clock's: compare the lines of one run, not runs.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "proc_spawn.h"
#include "views.h"

#define READINGS 10

/* Shared with the target. */
struct account {
	_Atomic u64 nr, sum, worst;
};

static struct account *account;

void fail(const char *what)
{
	perror(what);
	exit(1);
}

static u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void run_on(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("two processors are needed");
}

static void *map_and_unmap(void *arg)
{
	run_on(1);
	for (;;) {
		u64 begun = now(), spent;
		void *at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED || munmap(at, PAGE))
			_exit(1);
		spent = now() - begun;
		account->nr++;
		account->sum += spent;
		if (spent > account->worst)
			account->worst = spent;
	}
	return arg;
}

static void make_busy(void *make)
{
	pthread_t thread;

	((const struct target *)make)->make(NULL);
	if (pthread_create(&thread, NULL, map_and_unmap, NULL))
		_exit(1);
}

static void report(const char *name)
{
	u64 nr = account->nr;

	printf("%s %llu %llu %llu\n", name, nr, account->sum / (nr ? nr : 1), account->worst);
	fflush(stdout);
}

static void measure(const struct way *way, const struct subject *subject)
{
	int i;

	if (way->present && !way->present())
		return;
	account->nr = account->sum = account->worst = 0;
	for (i = 0; i < READINGS; i++)
		way->read(subject, way->arg);
	report(way->name);
}

int main(void)
{
	const struct target *target = targets;
	struct subject subject = { .start = AREA };
	const struct way *way;

	while (strcmp(target->name, "scattered"))
		target++;
	account = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	subject.nr = target->nr;
	subject.bytes = target->bytes;
	subject.pid = spawn(make_busy, (void *)target);
	run_on(0);
	if (views_attach(subject.pid))
		fail("attach");
	account->nr = account->sum = account->worst = 0;
	sleep(1);
	report("(nobody)");
	for (way = ways_large; way->name; way++)
		measure(way, &subject);
	views_detach(subject.pid);
	spawn_end(subject.pid);
	return 0;
}
