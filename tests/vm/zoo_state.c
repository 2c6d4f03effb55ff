// SPDX-License-Identifier: GPL-2.0
/*
 * Animals whose pages have been through something: soft-dirty cleared, poisoned, shared by fork,
 * moved, merged, given a protection key.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "zoo.h"

static void make_soft_dirty(void)
{
	char *small = zoo_small(8, 8), *huge = zoo_thp(2, 2), *later;

	if (proc_write("/proc/self/clear_refs", "4"))
		zoo_fail("clear_refs");
	zoo_write(small, 3);
	zoo_write(huge, 1);
	zoo_add("soft-dirty: 3 of 8 since cleared", small, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);
	zoo_column("soft_dirty", 12);
	zoo_add("soft-dirty: 1 of 2 huge", huge, 2 * HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 1024);
	zoo_column("soft_dirty", 2048);

	/* Made since: the VMA itself is soft-dirty, with all that is not there. */
	later = zoo_small(8, 2);
	zoo_add("soft-dirty: made since", later, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 2);
	zoo_column("soft_dirty", 8);
}

static void poison(const char *label, char *at, size_t pages, unsigned int class, unsigned int kind)
{
	zoo_need_poison();
	signal(SIGBUS, zoo_survive);
	if (madvise(at + PAGE, PAGE, MADV_HWPOISON))
		zoo_fail("MADV_HWPOISON (%s)", label);
	if (zoo_count(at + PAGE, 1, PM_SWAP) != 1)
		zoo_fail("not poisoned (%s)", label);
	zoo_add(label, at, pages * PAGE, kind);
	zoo_want(class, MMS_PTE, pages - 1);
	zoo_want(MMS_CLASS_HWPOISON, MMS_PTE, 1);
	zoo_column("hwpoison", 4);
	zoo_column("rss", (pages - 1) * 4);
}

static void make_hwpoison(void)
{
	int fd = zoo_memfd("poison", 4 * PAGE, 0);
	char *at;

	poison("poisoned", zoo_small(4, 4), 4, MMS_CLASS_ANON, MMS_KIND_MMAP);
	at = zoo_map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0, 0);
	zoo_write(at, 4);
	poison("poisoned shared memory", at, 4, MMS_CLASS_SHMEM, MMS_KIND_SHM);
}

/* In the forked process: two small pages and one page of a huge one become its own. */
static void break_cow(void *arg)
{
	char **at = arg;

	zoo_write(at[0], 2);
	zoo_write(at[1] + 7 * PAGE, 1);
}

static void make_cow(void)
{
	char *at[2] = { zoo_small(8, 8), zoo_thp(2, 2) };
	char *zero = zoo_small(4, 0);

	zoo_read(zero, 4);
	zoo_partner(zoo_fork(break_cow, at));
	zoo_add("forked", at[0], 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);
	zoo_column("shared", 24);
	zoo_column("writable", 0);
	zoo_add("forked, in the child", at[0], 8 * PAGE, MMS_KIND_MMAP);
	zoo_area->of_partner = true;
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);
	zoo_column("shared", 24);
	zoo_column("private", 8);
	zoo_column("writable", 8);
	zoo_add("forked, huge", at[1], 2 * HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 1024);
	zoo_column("shared", 4096 - 4);
	zoo_add("forked, huge, in the child", at[1], 2 * HUGE_2M, MMS_KIND_MMAP);
	zoo_area->of_partner = true;
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 512);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 512);
	zoo_column("shared", 4096 - 4);
	zoo_add("forked, zero page", zero, 4 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ZERO, MMS_PTE, 4);
}

#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE 101
#endif

static void make_offlined(void)
{
	char *at = zoo_small(4, 4);
	u64 before = proc_pagemap(getpid(), at + PAGE);

	zoo_need_poison();
	zoo_advise(at + PAGE, PAGE, MADV_SOFT_OFFLINE);
	if (proc_pagemap(getpid(), at + PAGE) == before)
		zoo_fail("the page has not moved");
	zoo_add("moved off a frame taken offline", at, 4 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
}

static long move_pages_to(void **pages, int count, int node, int *status)
{
	static int nodes[1024];
	int i;

	for (i = 0; i < count; i++)
		nodes[i] = node;
	return syscall(SYS_move_pages, 0, count, pages, nodes, status, MPOL_MF_MOVE);
}

static void make_moved(void)
{
	char *small = zoo_small(8, 8), *huge = zoo_thp(1, 1);
	int status[9], i;
	void *pages[9];

	if (access("/sys/devices/system/node/node1/meminfo", R_OK))
		zoo_missing("a second memory node");
	for (i = 0; i < 8; i++)
		pages[i] = small + i * PAGE;
	pages[8] = huge;
	if (move_pages_to(pages, 9, 0, status) || move_pages_to(pages, 9, 1, status))
		zoo_fail("move_pages");
	for (i = 0; i < 9; i++)
		if (status[i] != 1)
			zoo_fail("page %d is on node %d", i, status[i]);
	zoo_add("moved to the other node", small, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);
	zoo_add("huge, moved to the other node", huge, HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 512);
}

/*
 * Runs until the kernel, to see which node uses them, has taken access to pages away: to those on
 * another node than this process.
 */
static void make_numa_hint(void)
{
	enum { PAGES = 1024 };
	static int status[PAGES];
	static void *pages[PAGES];
	unsigned int cpu, node;
	long before, i;
	char *at;

	if (access("/sys/devices/system/node/node1/meminfo", R_OK))
		zoo_missing("a second memory node");
	at = zoo_small(PAGES, PAGES);
	for (i = 0; i < PAGES; i++)
		pages[i] = at + i * PAGE;
	syscall(SYS_getcpu, &cpu, &node, NULL);
	before = proc_number("/proc/vmstat", "numa_pte_updates");
	if (move_pages_to(pages, PAGES, !node, status))
		zoo_fail("move_pages");
	if (proc_write("/proc/sys/kernel/numa_balancing", "1"))
		zoo_missing("NUMA balancing");
	/* The kernel's clock for this is the processor time the process uses. */
	for (i = 0; i < 2000 && proc_number("/proc/vmstat", "numa_pte_updates") < before + PAGES; i++)
		while (clock() < (i + 1) * CLOCKS_PER_SEC / 100)
			;
	proc_write("/proc/sys/kernel/numa_balancing", "0");
	if (proc_number("/proc/vmstat", "numa_pte_updates") < before + PAGES)
		zoo_fail("the kernel has not looked at its pages");
	zoo_add("balanced", at, PAGES * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, PAGES);
	zoo_column("protnone", PAGES * 4);
}

/* Two whole scans after now: the first sees the pages, the second merges them. */
static void scan_twice(void)
{
	long now = proc_value("/sys/kernel/mm/ksm/full_scans");
	int i;

	proc_write("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	proc_write("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	if (now < 0 || proc_write("/sys/kernel/mm/ksm/run", "1"))
		zoo_missing("KSM");
	for (i = 0; i < 3000 && proc_value("/sys/kernel/mm/ksm/full_scans") < now + 3; i++)
		usleep(10000);
	proc_write("/sys/kernel/mm/ksm/run", "0");
}

static void make_ksm(void)
{
	char *at = zoo_small(24, 0);
	size_t i;

	for (i = 0; i < 16; i++)
		memset(at + i * PAGE, 0x5a, PAGE);
	for (i = 16; i < 20; i++)
		memset(at + i * PAGE, (int)i, PAGE);
	zoo_advise(at, 24 * PAGE, MADV_MERGEABLE);
	scan_twice();
	for (i = 1; i < 16; i++)
		if (proc_pagemap(getpid(), at + i * PAGE) != proc_pagemap(getpid(), at))
			zoo_fail("page %zu is not merged", i);
	zoo_add("merged: 16 of 20", at, 24 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_KSM, MMS_PTE, 16);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_column("ksm", 64);
	zoo_column("shared", 64);
}

static void make_pkey(void)
{
	int pkey = pkey_alloc(0, 0);
	char *at = zoo_small(4, 4);

	if (pkey < 0)
		zoo_missing("protection keys");
	zoo_pkey = pkey;
	if (pkey_mprotect(at, 4 * PAGE, PROT_READ | PROT_WRITE, pkey))
		zoo_fail("pkey_mprotect");
	zoo_add("under a protection key", at, 4 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
}

const struct zoo_maker zoo_state_makers[] = {
	{ "soft-dirty", make_soft_dirty },
	{ "hwpoison", make_hwpoison },
	{ "cow", make_cow },
	{ "offlined", make_offlined },
	{ "moved", make_moved },
	{ "numa-hint", make_numa_hint },
	{ "ksm", make_ksm },
	{ "pkey", make_pkey },
	{}
};
