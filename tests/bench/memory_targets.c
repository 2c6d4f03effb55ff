// SPDX-License-Identifier: GPL-2.0
/*
 * Processes to be looked at: small pages in any order, huge ones, few in a vast reservation, many
 * VMAs, many processes.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "memory.h"
#include "proc_spawn.h"

#define TIB (1UL << 40)

static char *map_area(u64 len, int flags, int fd)
{
	void *got = mmap((void *)AREA, len, PROT_READ | PROT_WRITE, MAP_FIXED_NOREPLACE | flags, fd,
			 0);

	if (got == MAP_FAILED)
		fail("mmap");
	return got;
}

static char *map_small(u64 len)
{
	char *area = map_area(len, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (madvise(area, len, MADV_NOHUGEPAGE))
		fail("madvise");
	return area;
}

/* Frames are given out in ascending order: touched in leaps, neighbours have distant frames. */
static void touch_scattered(u64 len)
{
	char *area = map_small(len);
	u64 i, nr = len / PAGE;

	for (i = 0; i < nr; i++)
		area[i * 4099 % nr * PAGE] = 1;
}

static void make_scattered(void *arg __attribute__((unused)))
{
	touch_scattered(256 * MIB);
}

static void make_large(void *arg __attribute__((unused)))
{
	touch_scattered(4 * GIB);
}

/* What a reading costs whatever is read. */
static void make_one_page(void *arg __attribute__((unused)))
{
	*map_small(PAGE) = 1;
}

/* Huge pages whose entries were split by changing one page: their frames stay where they are. */
static void make_contiguous(void *arg __attribute__((unused)))
{
	u64 len = 256 * MIB, i;
	char *area = map_area(len, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (madvise(area, len, MADV_HUGEPAGE) || madvise(area, len, MADV_POPULATE_WRITE))
		fail("huge pages");
	for (i = 0; i < len; i += HUGE_2M)
		if (mprotect(area + i, PAGE, PROT_READ) ||
		    mprotect(area + i, PAGE, PROT_READ | PROT_WRITE))
			fail("mprotect");
}

/* Pages of an object that a second process maps too. */
static void make_file(void *arg __attribute__((unused)))
{
	int fd = memfd_create("bench", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, 256 * MIB))
		fail("memfd");
	if (madvise(map_area(256 * MIB, MAP_SHARED, fd), 256 * MIB, MADV_POPULATE_WRITE))
		fail("madvise");
}

static void make_forked(void *arg)
{
	make_scattered(arg);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		spawn_rest();
	}
}

static void make_huge(void *arg __attribute__((unused)))
{
	char *area = map_area(GIB, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	if (madvise(area, GIB, MADV_HUGEPAGE) || madvise(area, GIB, MADV_POPULATE_WRITE))
		fail("huge pages");
}

static void make_huge_forked(void *arg)
{
	make_huge(arg);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		spawn_rest();
	}
}

#define NR_FEW 100

/* A few pages of a reservation, this far apart. */
static void touch_few(u64 len, u64 step)
{
	char *area = map_small(len);
	u64 i;

	for (i = 0; i < NR_FEW; i++)
		area[i * step] = 1;
}

static void make_few_in_gib(void *arg __attribute__((unused)))
{
	touch_few(GIB, 10 * MIB);
}

static void make_few_in_64tib(void *arg __attribute__((unused)))
{
	touch_few(64 * TIB, 10 * MIB);
}

/* Each with page tables of its own, at three levels. */
static void make_few_over_64tib(void *arg __attribute__((unused)))
{
	touch_few(64 * TIB, 640 * GIB);
}

static void make_vmas(u64 nr)
{
	char *area = map_small(nr * PAGE);
	u64 i;

	proc_write("/proc/sys/vm/max_map_count", "200000");
	if (madvise(area, nr * PAGE, MADV_POPULATE_WRITE))
		fail("madvise");
	for (i = 1; i < nr; i += 2)
		if (mprotect(area + i * PAGE, PAGE, PROT_READ))
			fail("mprotect");
}

static void make_many_vmas(void *arg __attribute__((unused)))
{
	make_vmas(100000);
}

static void make_some_vmas(void *arg __attribute__((unused)))
{
	make_vmas(5000);
}

/* Each a program of its own, as most processes are, and not a copy of this one. */
static void make_processes(void *arg __attribute__((unused)))
{
	int i;

	for (i = 0; i < NR_PROCESSES; i++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("sleep", "sleep", "infinity", NULL);
		_exit(1);
	}
}

#define PAGES(bytes) (bytes), (bytes) / PAGE

const struct target targets[] = {
	{ "one_page", "process", make_one_page, PAGES(PAGE), ways_sparse },
	{ "scattered", "page", make_scattered, PAGES(256 * MIB), ways_pages },
	{ "contiguous", "page", make_contiguous, PAGES(256 * MIB), ways_pages },
	{ "shmem", "page", make_file, PAGES(256 * MIB), ways_pages },
	{ "forked", "page", make_forked, PAGES(256 * MIB), ways_pages },
	{ "4GiB", "page", make_large, PAGES(4 * GIB), ways_large },
	{ "huge", "leaf", make_huge, GIB, GIB / HUGE_2M, ways_sparse },
	{ "huge_forked", "leaf", make_huge_forked, GIB, GIB / HUGE_2M, ways_sparse },
	{ "100_in_1GiB", "page", make_few_in_gib, GIB, NR_FEW, ways_sparse },
	{ "100_in_64TiB", "page", make_few_in_64tib, 64 * TIB, NR_FEW, ways_sparse },
	{ "100_over_64TiB", "page", make_few_over_64tib, 64 * TIB, NR_FEW, ways_sparse },
	{ "100000_VMAs", "VMA", make_many_vmas, PAGES(100000 * PAGE), ways_vmas },
	{ "5000_VMAs", "VMA", make_some_vmas, PAGES(5000 * PAGE), ways_commands },
	{ "2000_processes", "process", make_processes, 0, NR_PROCESSES, ways_processes },
	{ NULL, NULL, NULL, 0, 0, NULL }
};
