// SPDX-License-Identifier: GPL-2.0
/*
 * t_unmap [SECONDS]: translating addresses that are being unmapped. munmap() gives back page tables
 * while others may hold mmap_lock for reading, and on bare metal it does not wait for a processor
 * that reads them: a walk must not enter a table that no VMA needs any more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views_steps.h"

/* Alone in its 512 GiB: the tables below the one that serves it with others are its own. */
#define AREA 0x100000000000UL
#define AREA_LEN GIB

static struct tap_diffs outside = { .what = "outside of VMAs it ends above the tables none needs" };
static unsigned int nr_inside, nr_leaving;

/* A page in each of many PTE tables, again and again. */
static void __attribute__((noreturn)) map_and_unmap(void)
{
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (;;) {
		char *at = mmap((void *)AREA, AREA_LEN, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

		if (at == MAP_FAILED)
			_exit(1);
		for (i = 0; i < AREA_LEN; i += HUGE_2M)
			at[i] = 1;
		munmap(at, AREA_LEN);
	}
}

static void judge(const struct translation *t)
{
	const unsigned int shared = steps_levels() - 3;

	if (strcmp(t->vma, "none unmapped")) {
		nr_inside++;
		return;
	}
	outside.nr_compared++;
	nr_leaving += !strcmp(t->stop, "table-being-freed");
	if (t->nr_steps != shared)
		tap_differs(&outside, "%llx: %u steps, expected %u; stop %s", t->addr, t->nr_steps,
			    shared, t->stop);
}

static void translate_area(pid_t pid)
{
	struct translation answer[STEPS_MAX];
	u64 addr[STEPS_MAX];
	unsigned int i;

	for (i = 0; i < STEPS_MAX; i++)
		addr[i] = AREA + i * (AREA_LEN / STEPS_MAX);
	steps_read(pid, addr, STEPS_MAX, answer);
	for (i = 0; i < STEPS_MAX; i++)
		judge(&answer[i]);
}

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

int main(int argc, char **argv)
{
	time_t end = now() + (argc > 1 ? atoi(argv[1]) : 10);
	pid_t pid;

	tap_plan(2);
	pid = fork();
	if (!pid)
		map_and_unmap();
	errno = -views_attach(pid);
	if (errno)
		tap_bail("attach: %s", strerror(errno));
	/* On a slow machine for as long as it takes to see both. */
	do
		translate_area(pid);
	while (now() < end || ((!nr_inside || !outside.nr_compared) && now() < end + 100));
	tap_no_diffs(&outside);
	tap_diag("%u answers inside of a VMA, %u saw tables on their way out", nr_inside,
		 nr_leaving);
	tap_ok(nr_inside, "and inside of one there are answers too");
	views_detach(pid);
	spawn_end(pid);
	return tap_done();
}
