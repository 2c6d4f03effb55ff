// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write of small pages, written in user mode: what was there before, and who else is there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cow_lab.h"

#define NR 64
#define NR_RACED 3000
#define NR_THROWN 500
#define RW (PROT_READ | PROT_WRITE)
#define USER(cause) MMS_COW(MMS_COW_##cause, MMS_COW_BY_USER)

static void shared_anon(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_write(cow);
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
}

static void read_only(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	cow_read(cow);
	cow_end(cow, 0);
}

static void by_the_child(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	cow->act = cow_write;
	cow_share(cow);
	cow->measured = cow->partner;
	cow_begin(cow);
	cow_tell(cow);
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
}

/* The child has copied all: what is left to the parent is its own. */
static void after_the_child(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	cow->act = cow_write;
	cow->vmstat_too = true;
	cow_share(cow);
	cow_tell(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, MMS_COW_REUSE, NR);
	cow_end(cow, 0);
}

static void owner_gone(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	cow->vmstat_too = true;
	cow_share(cow);
	cow_end_partner(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, MMS_COW_REUSE, NR);
	cow_end(cow, 0);
}

static void first_touch(struct cow *cow)
{
	cow_map(cow, NR);
	cow_share(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_end(cow, 0);
}

static void zero_page(struct cow *cow)
{
	cow_map(cow, NR);
	cow_read(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ZERO), NR);
	cow_end(cow, NR);
}

static int file_of(struct cow *cow, const char *dir, size_t pages)
{
	char path[64], page[PAGE];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "%s/cow.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		cow_missing(cow, "a file in %s", dir);
	unlink(path);
	memset(page, 7, sizeof(page));
	for (i = 0; i < pages; i++)
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			cow_fail(cow, "%s", path);
	return fd;
}

static void map_file(struct cow *cow, const char *dir, int flags)
{
	int fd = file_of(cow, dir, NR);

	cow_region(cow, cow_mmap(cow, NR * PAGE, RW, flags, fd, 0), NR, PAGE);
	close(fd);
}

static void file_read_first(struct cow *cow)
{
	map_file(cow, "/tmp", MAP_PRIVATE);
	cow_read(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(FILE), NR);
	cow_end(cow, NR);
}

static void file_written_first(struct cow *cow)
{
	map_file(cow, "/tmp", MAP_PRIVATE);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(FILE_FIRST), NR);
	cow_end(cow, 0);
}

/* Copied once, and shared then as any anonymous page. */
static void file_then_shared(struct cow *cow)
{
	map_file(cow, "/tmp", MAP_PRIVATE);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
}

static void shmem_read_first(struct cow *cow)
{
	map_file(cow, "/dev/shm", MAP_PRIVATE);
	cow_read(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(FILE), NR);
	cow_end(cow, NR);
}

static void shmem_written_first(struct cow *cow)
{
	map_file(cow, "/dev/shm", MAP_PRIVATE);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(FILE_FIRST), NR);
	cow_end(cow, 0);
}

static void shared_shmem(struct cow *cow)
{
	map_file(cow, "/dev/shm", MAP_SHARED);
	cow_read(cow);
	cow_share(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_end(cow, 0);
}

/* A file system that wants to know of the first write: made writable in place, not copied. */
static void shared_file(struct cow *cow)
{
	map_file(cow, "/run/cow", MAP_SHARED);
	cow_read(cow);
	msync(cow->at, NR * PAGE, MS_SYNC);
	cow->vmstat_too = true;
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, MMS_COW_REUSE, NR);
	cow_end(cow, 0);
}

/* Threads that write the same pages in the same order, so that they meet all the time. */
struct race {
	struct cow *cow;
	pthread_barrier_t barrier;
	pthread_t threads[4];
	unsigned int nr;
	void (*also)(struct cow *cow);
};

static void *racer(void *arg)
{
	struct race *race = arg;

	pthread_barrier_wait(&race->barrier);
	cow_write(race->cow);
	pthread_barrier_wait(&race->barrier);
	pthread_barrier_wait(&race->barrier);
	if (race->also)
		race->also(race->cow);
	pthread_barrier_wait(&race->barrier);
	pthread_barrier_wait(&race->barrier);
	return NULL;
}

static void start_race(struct cow *cow, struct race *race, unsigned int nr)
{
	unsigned int i;

	race->cow = cow;
	race->nr = nr;
	pthread_barrier_init(&race->barrier, NULL, nr + 1);
	for (i = 0; i < nr; i++)
		if (pthread_create(&race->threads[i], NULL, racer, race))
			cow_fail(cow, "pthread_create");
}

static void lap(struct race *race)
{
	pthread_barrier_wait(&race->barrier);
	pthread_barrier_wait(&race->barrier);
}

static void finish_race(struct race *race)
{
	unsigned int i;

	pthread_barrier_wait(&race->barrier);
	for (i = 0; i < race->nr; i++)
		pthread_join(race->threads[i], NULL);
}

static void race_of(struct cow *cow, unsigned int nr)
{
	struct race race = {};

	cow_map(cow, NR_RACED);
	cow_write(cow);
	cow_share(cow);
	start_race(cow, &race, nr);
	cow_begin(cow);
	lap(&race);
	cow_want(cow, USER(ANON), NR_RACED);
	cow_end(cow, NR_RACED);
	lap(&race);
	finish_race(&race);
}

static void race_of_two(struct cow *cow)
{
	race_of(cow, 2);
}

static void race_of_four(struct cow *cow)
{
	race_of(cow, 4);
}

/* The losers of a race have left contexts that fit these pages: they must not count again. */
static void losers_touch_anew(struct cow *cow)
{
	struct race race = { .also = cow_write };

	cow_map(cow, NR_THROWN);
	cow_write(cow);
	cow_share(cow);
	start_race(cow, &race, 4);
	lap(&race);
	if (madvise(cow->at, NR_THROWN * PAGE, MADV_DONTNEED))
		cow_fail(cow, "MADV_DONTNEED");
	cow_begin(cow);
	lap(&race);
	cow_end(cow, 0);
	finish_race(&race);
}

/* The same race for zero pages, with the other thread throwing pages away all the time. */
static void throw_away(struct cow *cow)
{
	size_t i;

	for (i = 0; i < cow->pages; i++) {
		madvise(cow->at + i * PAGE, PAGE, MADV_DONTNEED);
		*(volatile char *)(cow->at + i * PAGE) = 1;
	}
}

/* Nothing is shared and nothing read first: however the threads meet, there is nothing to copy. */
static void races_without_copies(struct cow *cow)
{
	struct race race = { .also = throw_away };

	cow_map(cow, NR_THROWN);
	start_race(cow, &race, 4);
	cow_begin(cow);
	lap(&race);
	lap(&race);
	cow_end(cow, 0);
	finish_race(&race);
}

/* A child of vfork() writes to its parent's memory: the parent's, whoever runs. */
static void by_vfork(struct cow *cow)
{
	pid_t pid;

	cow_map(cow, NR);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	pid = vfork();
	if (!pid) {
		cow_write(cow);
		_exit(0);
	}
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
	waitpid(pid, NULL, 0);
}

static void after_mprotect(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	cow_begin(cow);
	if (mprotect(cow->at, NR * PAGE, PROT_READ) || mprotect(cow->at, NR * PAGE, RW))
		cow_fail(cow, "mprotect");
	cow_write(cow);
	cow_count(cow);
	/* Made writable at once by mprotect() where the kernel does that: not a copy, in any case. */
	cow_want(cow, MMS_COW_REUSE, cow->got[MMS_COW_REUSE]);
	cow_end(cow, 0);
}

static void moved_then_written(struct cow *cow)
{
	char *to;

	cow_map(cow, NR);
	cow_write(cow);
	cow_share(cow);
	to = cow_mmap(cow, NR * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	to = mremap(cow->at, NR * PAGE, NR * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (to == MAP_FAILED)
		cow_fail(cow, "mremap");
	cow_region(cow, to, NR, PAGE);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
}

const struct cow_case cow_pages[] = {
	{ "shared since a fork, written", shared_anon },
	{ "shared since a fork, read", read_only },
	{ "written by the child", by_the_child },
	{ "written when the child has copied all", after_the_child },
	{ "written when the child is gone", owner_gone },
	{ "never touched before", first_touch },
	{ "the zero page", zero_page },
	{ "private file, read first", file_read_first },
	{ "private file, written first", file_written_first },
	{ "private file, copied, then shared", file_then_shared },
	{ "private shmem, read first", shmem_read_first },
	{ "private shmem, written first", shmem_written_first },
	{ "shared shmem", shared_shmem },
	{ "shared file", shared_file },
	{ "two threads race", race_of_two },
	{ "four threads race", race_of_four },
	{ "losers of a race touch anew", losers_touch_anew },
	{ "races without copies", races_without_copies },
	{ "a child of vfork() writes", by_vfork },
	{ "protected and unprotected", after_mprotect },
	{ "moved, then written", moved_then_written },
	{ NULL, NULL },
};
