// SPDX-License-Identifier: GPL-2.0
/*
 * Animals of hugetlb pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/memfd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zoo.h"

#define RW (PROT_READ | PROT_WRITE)
#define HUGETLB (MAP_ANONYMOUS | MAP_HUGETLB)
#define GIGANTIC (30 << MAP_HUGE_SHIFT)

static void need_free(const char *size, long pages)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%s/free_hugepages", size);
	if (proc_value(path) < pages)
		zoo_missing("%ld free huge pages of %s (boot with hugepagesz= hugepages=)", pages,
			    size);
}

static void make_hugetlb(void)
{
	char *at;

	need_free("2048kB", 4);
	at = zoo_map(3 * HUGE_2M, RW, MAP_PRIVATE | HUGETLB | MAP_NORESERVE, -1, 0, HUGE_2M);
	zoo_write(at, 1);
	zoo_write(at + 2 * HUGE_2M, 1);
	zoo_add("2M, private", at, 3 * HUGE_2M, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 1024);
	zoo_column("hugetlb", 4096);
	zoo_column("hugetlb_shared", 0);
	zoo_column("rss", 0);

	at = zoo_map(2 * HUGE_2M, RW, MAP_SHARED | HUGETLB, -1, 0, HUGE_2M);
	zoo_write(at + HUGE_2M, 1);
	zoo_add("2M, shared", at, 2 * HUGE_2M, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 512);

	at = zoo_map(HUGE_2M, PROT_READ, MAP_PRIVATE | HUGETLB, -1, 0, HUGE_2M);
	zoo_read(at, 1);
	zoo_add("2M, read-only", at, HUGE_2M, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 512);
	zoo_column("writable", 0);
}

static void make_hugetlb_1g(void)
{
	char *at;

	need_free("1048576kB", 2);
	at = zoo_map(GIB, RW, MAP_PRIVATE | HUGETLB | GIGANTIC, -1, 0, GIB);
	zoo_write(at, 1);
	zoo_add("1G, private", at, GIB, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PUD, GIB / PAGE);
	zoo_column("pud_mapped", GIB / 1024);
	at = zoo_map(GIB, RW, MAP_SHARED | HUGETLB | GIGANTIC, -1, 0, GIB);
	zoo_write(at, 1);
	zoo_add("1G, shared", at, GIB, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PUD, GIB / PAGE);
}

static void write_first(void *arg)
{
	zoo_write(arg, 1);
}

static void make_hugetlb_fork(void)
{
	char *at;

	need_free("2048kB", 3);
	at = zoo_map(2 * HUGE_2M, RW, MAP_PRIVATE | HUGETLB, -1, 0, HUGE_2M);
	zoo_write(at, 1);
	zoo_write(at + HUGE_2M, 1);
	zoo_partner(zoo_fork(write_first, at));
	zoo_add("2M, forked", at, 2 * HUGE_2M, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 1024);
	zoo_column("hugetlb_shared", 2048);
	zoo_add("2M, forked, in the child", at, 2 * HUGE_2M, MMS_KIND_HUGETLB);
	zoo_area->of_partner = true;
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 1024);
	zoo_column("hugetlb_shared", 2048);
}

/*
 * Two processes that map the same GiB of an object at the same place in a table share the table:
 * what one has touched, the other has.
 */
static void make_pmd_share(void)
{
	int fd = zoo_memfd("shared tables", GIB, MFD_HUGETLB | MFD_HUGE_2MB);
	char *at;

	need_free("2048kB", 3);
	at = zoo_map(GIB, RW, MAP_SHARED | MAP_NORESERVE, fd, 0, GIB);
	zoo_write(at, 1);
	zoo_write(at + HUGE_2M, 1);
	zoo_partner(zoo_fork(write_first, at + 2 * HUGE_2M));
	if (zoo_count(at, 3 * 512, PM_PRESENT) != 3 * 512)
		zoo_fail("the table is not shared");
	zoo_add("2M, in a shared table", at, GIB, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 3 * 512);
	zoo_column("hugetlb_shared", 3 * 2048);
	zoo_add("2M, in a shared table, in the child", at, GIB, MMS_KIND_HUGETLB);
	zoo_area->of_partner = true;
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 3 * 512);
	zoo_column("hugetlb_shared", 3 * 2048);
}

/* The kernel marks the whole huge page; pagemap then shows nothing of it. */
static void make_hugetlb_poison(void)
{
	char *at;

	need_free("2048kB", 2);
	zoo_need_poison();
	at = zoo_map(2 * HUGE_2M, RW, MAP_PRIVATE | HUGETLB, -1, 0, HUGE_2M);
	zoo_write(at, 1);
	zoo_write(at + HUGE_2M, 1);
	signal(SIGBUS, zoo_survive);
	zoo_advise(at, HUGE_2M, MADV_HWPOISON);
	if (zoo_count(at, 512, PM_PRESENT))
		zoo_fail("not poisoned");
	zoo_add("2M, poisoned", at, 2 * HUGE_2M, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HWPOISON, MMS_PMD, 512);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 512);
	zoo_column("hwpoison", 2048);
	zoo_column("hugetlb", 2048);
}

const struct zoo_maker zoo_huge_makers[] = {
	{ "hugetlb", make_hugetlb },
	{ "hugetlb-1g", make_hugetlb_1g },
	{ "hugetlb-fork", make_hugetlb_fork },
	{ "pmd-share", make_pmd_share },
	{ "hugetlb-poison", make_hugetlb_poison },
	{}
};
