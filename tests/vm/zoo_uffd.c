// SPDX-License-Identifier: GPL-2.0
/*
 * Animals with a userfaultfd: write-protected entries, markers, poison.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zoo.h"

#define RW (PROT_READ | PROT_WRITE)

/* Newer than the C library's headers may be. */
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON (1 << 14)
#endif
#ifndef UFFDIO_POISON
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON _IOWR(UFFDIO, 0x08, struct uffdio_poison)
#endif

/*
 * A userfaultfd with these features; -1 if the kernel does not have them. Nobody reads it: who
 * faults gets SIGBUS instead of waiting.
 */
static int open_uffd(u64 features)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API, .features = features | UFFD_FEATURE_SIGBUS };

	if (fd < 0)
		zoo_missing("userfaultfd");
	if (!ioctl(fd, UFFDIO_API, &api))
		return fd;
	close(fd);
	return -1;
}

static void watch(int fd, void *at, size_t len, u64 mode)
{
	struct uffdio_register reg = { .range = { (uintptr_t)at, len }, .mode = mode };

	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		zoo_fail("UFFDIO_REGISTER");
}

static void protect(int fd, void *at, size_t len)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)at, len }, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(fd, UFFDIO_WRITEPROTECT, &wp))
		zoo_fail("UFFDIO_WRITEPROTECT");
}

static void make_uffd_anon(void)
{
	int fd = open_uffd(UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	char *at = zoo_small(16, 12), *huge;

	if (fd < 0)
		zoo_missing("userfaultfd write protection");
	zoo_need_swap();
	watch(fd, at, 16 * PAGE, UFFDIO_REGISTER_MODE_WP);
	zoo_page_out(at + 8 * PAGE, 4, true);
	protect(fd, at, 4 * PAGE);
	protect(fd, at + 8 * PAGE, 4 * PAGE);
	zoo_add("write-protected", at, 16 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 8);
	zoo_want(MMS_CLASS_SWAP, MMS_PTE, 4);
	zoo_column("uffd_wp", 16);
	zoo_column("writable", 16);

	huge = zoo_thp(2, 2);
	watch(fd, huge, 2 * HUGE_2M, UFFDIO_REGISTER_MODE_WP);
	protect(fd, huge, HUGE_2M);
	zoo_add("huge, write-protected", huge, 2 * HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PMD, 1024);
	zoo_column("uffd_wp", 2048);

	at = zoo_small(4, 0);
	watch(fd, at, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	zoo_add("missing pages wanted", at, 4 * PAGE, MMS_KIND_MMAP);

	/* Since 6.4 also where there is no page. */
	fd = open_uffd(UFFD_FEATURE_WP_UNPOPULATED);
	if (fd < 0)
		return;
	at = zoo_small(8, 4);
	watch(fd, at, 8 * PAGE, UFFDIO_REGISTER_MODE_WP);
	protect(fd, at, 8 * PAGE);
	zoo_add("write-protected, no page", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_want(MMS_CLASS_UFFD_WP_MARKER, MMS_PTE, 4);
	zoo_column("marker", 16);
}

static void make_uffd_shmem(void)
{
	int fd = open_uffd(UFFD_FEATURE_WP_HUGETLBFS_SHMEM), object;
	char *at;

	if (fd < 0)
		zoo_missing("write protection of shared memory");
	zoo_need_swap();
	object = zoo_memfd("protected", 16 * PAGE, 0);
	at = zoo_map(16 * PAGE, RW, MAP_SHARED, object, 0, 0);
	watch(fd, at, 16 * PAGE, UFFDIO_REGISTER_MODE_WP);
	zoo_write(at, 8);
	protect(fd, at + 4 * PAGE, 8 * PAGE);
	zoo_add("object, write-protected", at, 16 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 8);
	zoo_want(MMS_CLASS_UFFD_WP_MARKER, MMS_PTE, 4);
	zoo_column("uffd_wp", 16);
	zoo_column("marker", 16);

	/*
	 * When such a page is swapped out, its entry becomes a marker: the page tables do not
	 * tell that the object has the page in swap, and smaps counts it with the object.
	 */
	object = zoo_memfd("protected and swapped", 8 * PAGE, 0);
	at = zoo_map(8 * PAGE, RW, MAP_SHARED, object, 0, 0);
	watch(fd, at, 8 * PAGE, UFFDIO_REGISTER_MODE_WP);
	zoo_write(at, 8);
	protect(fd, at, 4 * PAGE);
	zoo_advise(at, 8 * PAGE, MADV_PAGEOUT);
	if (zoo_count(at, 8, PM_PRESENT) || zoo_count(at, 8, PM_UFFD_WP) != 4)
		zoo_fail("not swapped out");
	zoo_add("object, write-protected, in swap", at, 8 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_UFFD_WP_MARKER, MMS_PTE, 4);
	zoo_column("marker", 16);
	zoo_column("shmem_swap", 16);
	zoo_area->swap_extra = 4;
}

static void make_uffd_hugetlb(void)
{
	int fd = open_uffd(UFFD_FEATURE_WP_HUGETLBFS_SHMEM), object;
	char *at;

	if (fd < 0)
		zoo_missing("write protection of hugetlb pages");
	if (proc_value("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages") < 2)
		zoo_missing("2 free huge pages of 2048kB");
	object = zoo_memfd("protected huge pages", 3 * HUGE_2M, MFD_HUGETLB | MFD_HUGE_2MB);
	at = zoo_map(3 * HUGE_2M, RW, MAP_SHARED | MAP_NORESERVE, object, 0, HUGE_2M);
	watch(fd, at, 3 * HUGE_2M, UFFDIO_REGISTER_MODE_WP);
	zoo_write(at, 1);
	zoo_write(at + HUGE_2M, 1);
	protect(fd, at + HUGE_2M, 2 * HUGE_2M);
	zoo_add("2M, write-protected", at, 3 * HUGE_2M, MMS_KIND_HUGETLB);
	zoo_want(MMS_CLASS_HUGETLB, MMS_PMD, 1024);
	zoo_want(MMS_CLASS_UFFD_WP_MARKER, MMS_PMD, 512);
	zoo_column("uffd_wp", 2048);
}

static void make_uffd_poison(void)
{
	int fd = open_uffd(UFFD_FEATURE_POISON);
	char *at = zoo_small(8, 4);
	struct uffdio_poison poison = { .range = { (uintptr_t)at + 4 * PAGE, 2 * PAGE } };

	if (fd < 0)
		zoo_missing("UFFDIO_POISON (Linux 6.6)");
	watch(fd, at, 8 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	if (ioctl(fd, UFFDIO_POISON, &poison))
		zoo_fail("UFFDIO_POISON");
	zoo_add("poisoned by userfaultfd", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_want(MMS_CLASS_POISON_MARKER, MMS_PTE, 2);
	zoo_column("marker", 8);
}

const struct zoo_maker zoo_uffd_makers[] = {
	{ "uffd-anon", make_uffd_anon },
	{ "uffd-shmem", make_uffd_shmem },
	{ "uffd-hugetlb", make_uffd_hugetlb },
	{ "uffd-poison", make_uffd_poison },
	{}
};
