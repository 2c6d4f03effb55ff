// SPDX-License-Identifier: GPL-2.0
/*
 * Animals of anonymous memory: small pages, huge pages, stacks, names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "zoo.h"

static void make_small(void)
{
	char *at = zoo_small(16, 4);

	zoo_read(at + 8 * PAGE, 4);
	zoo_add("written and read", at, 16 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_want(MMS_CLASS_ZERO, MMS_PTE, 4);
	zoo_column("untouched", 32);

	at = zoo_small(4, 4);
	if (mprotect(at, 4 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		zoo_fail("mprotect");
	zoo_write(at, 4);
	zoo_add("writable and executable", at, 4 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_column("wx", 16);

	at = zoo_small(8, 8);
	if (mprotect(at, 8 * PAGE, PROT_NONE))
		zoo_fail("mprotect");
	zoo_add("no access", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);
	zoo_column("protnone", 32);
	zoo_column("writable", 0);

	at = zoo_small(8, 0);
	if (mlock(at, 8 * PAGE))
		zoo_fail("mlock");
	zoo_add("locked", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);

	at = zoo_small(8, 8);
	zoo_advise(at, 8 * PAGE, MADV_FREE);
	zoo_add("lazily freed", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);

	at = zoo_small(8, 8);
	zoo_advise(at, 8 * PAGE, MADV_DONTNEED);
	zoo_add("given back", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_column("untouched", 32);
}

/* What is left of huge pages after parts of them are unmapped, moved, protected. */
static void make_broken_thp(void)
{
	char *at = zoo_thp(1, 1), *to;

	if (munmap(at + 256 * PAGE, 16 * PAGE))
		zoo_fail("munmap");
	zoo_add("huge, first part after munmap", at, 256 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 256);
	zoo_add("huge, last part after munmap", at + 272 * PAGE, 240 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 240);

	at = zoo_thp(1, 1);
	to = zoo_map(64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, 0);
	if (mremap(at, 64 * PAGE, 64 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		zoo_fail("mremap");
	zoo_add("huge, part moved", to, 64 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 64);
	zoo_add("huge, rest after a move", at + 64 * PAGE, 448 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 448);

	at = zoo_thp(1, 1);
	if (mprotect(at, 256 * PAGE, PROT_READ))
		zoo_fail("mprotect");
	zoo_add("huge, half of it read-only", at, 512 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 512);
}

static void make_thp(void)
{
	char *at = zoo_thp(4, 3), *to;

	zoo_add("huge", at, 4 * HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 3 * 512);
	zoo_column("thp_anon", 3 * 2048);
	zoo_column("untouched", 2048);

	at = zoo_thp(1, 1);
	if (mprotect(at, HUGE_2M, PROT_NONE))
		zoo_fail("mprotect");
	zoo_add("huge, no access", at, HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 512);
	zoo_column("protnone", 2048);

	at = zoo_thp(1, 1);
	to = zoo_map(HUGE_2M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, HUGE_2M);
	if (mremap(at, HUGE_2M, HUGE_2M, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		zoo_fail("mremap");
	zoo_add("huge, moved whole", to, HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 512);
	make_broken_thp();
}

static void make_huge_zero(void)
{
	char *at = zoo_thp(2, 0);

	zoo_read(at, 1);
	zoo_read(at + HUGE_2M, 1);
	if (zoo_count(at, 1024, PM_PRESENT) != 1024)
		zoo_fail("no huge zero page to be had");
	zoo_add("huge zero page, twice", at, 2 * HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_HUGE_ZERO, MMS_PMD, 1024);
	zoo_column("huge_zero", 4096);
	zoo_column("rss", 0);

	/* A write to it: 6.1 and 6.12 split the entry and copy one small page. */
	at = zoo_thp(1, 0);
	zoo_read(at, 1);
	zoo_write(at + 100 * PAGE, 1);
	zoo_add("huge zero page, written", at, HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 1);
	zoo_want(MMS_CLASS_ZERO, MMS_PTE, 511);
}

static void __attribute__((noinline)) dig(unsigned int pages)
{
	char frame[PAGE];

	memset(frame, 1, sizeof(frame));
	asm volatile("" : : "r"(frame) : "memory");
	if (pages)
		dig(pages - 1);
	asm volatile("" : : "r"(frame) : "memory");
}

static void make_stack(void)
{
	char here;
	char *at;

	dig(200);
	zoo_add("stack, grown", (void *)((uintptr_t)&here & ~(PAGE - 1)), PAGE, MMS_KIND_STACK);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 1);

	/* One that grows down by hand, and the gap below it. */
	at = zoo_map(64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, 0);
	munmap(at, 64 * PAGE);
	at = mmap(at + 60 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	if (at == MAP_FAILED)
		zoo_fail("MAP_GROWSDOWN");
	zoo_write(at, 4);
	zoo_add("grows down", at, 4 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);

	at = sbrk(8 * PAGE);
	if (at == (void *)-1)
		zoo_fail("sbrk");
	zoo_add("heap", at + 4 * PAGE, PAGE, MMS_KIND_HEAP);
}

static void *rest(void *ready)
{
	char touched[2 * PAGE];

	memset(touched, 1, sizeof(touched));
	asm volatile("" : : "r"(touched) : "memory");
	pthread_barrier_wait(ready);
	for (;;)
		pause();
	return NULL;
}

static void make_threads(void)
{
	static pthread_barrier_t ready;
	pthread_attr_t attr;
	pthread_t thread;
	unsigned int i;

	pthread_barrier_init(&ready, NULL, 4);
	for (i = 0; i < 3; i++) {
		char *at = zoo_map(64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0, 0);

		pthread_attr_init(&attr);
		pthread_attr_setstack(&attr, at, 64 * PAGE);
		if (pthread_create(&thread, &attr, rest, &ready))
			zoo_fail("pthread_create");
		zoo_add("stack of a thread", at, 64 * PAGE, MMS_KIND_TSTACK);
	}
	pthread_barrier_wait(&ready);
}

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static void make_named(void)
{
	char *at = zoo_small(4, 4);

	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, 4 * PAGE, "a name (of 80)"))
		zoo_missing("names of anonymous memory (CONFIG_ANON_VMA_NAME)");
	zoo_add("named", at, 4 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	at = zoo_map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0, 0);
	zoo_write(at, 4);
	prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, at, 4 * PAGE, "shared one");
	zoo_add("named and shared", at, 4 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 4);
}

static void make_dev_zero(void)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	char *at;

	if (fd < 0)
		zoo_fail("/dev/zero");
	/* Anonymous memory that has a file. */
	at = zoo_map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0, 0);
	zoo_no_thp(at, 8 * PAGE);
	zoo_write(at, 4);
	zoo_read(at + 4 * PAGE, 2);
	zoo_add("private /dev/zero", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_want(MMS_CLASS_ZERO, MMS_PTE, 2);
	at = zoo_map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0, 0);
	zoo_write(at, 4);
	zoo_add("shared /dev/zero", at, 8 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 4);
}

const struct zoo_maker zoo_anon_makers[] = {
	{ "small", make_small },
	{ "thp", make_thp },
	{ "huge-zero", make_huge_zero },
	{ "stack", make_stack },
	{ "threads", make_threads },
	{ "named", make_named },
	{ "dev-zero", make_dev_zero },
	{}
};
