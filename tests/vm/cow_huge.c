// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write of huge pages: transparent ones, which are split, and hugetlb pages of 2 MiB and
 * 1 GiB, which are copied whole.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cow_lab.h"
#include "proc.h"

#define NR 16
#define RW (PROT_READ | PROT_WRITE)
#define ANON_HUGETLB (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)
#define USER(cause) MMS_COW(MMS_COW_##cause, MMS_COW_BY_USER)

static void map_thp(struct cow *cow, bool write)
{
	char *at = cow_mmap(cow, HUGE_2M, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, HUGE_2M);

	if (madvise(at, HUGE_2M, MADV_HUGEPAGE))
		cow_missing(cow, "transparent huge pages");
	cow_region(cow, at, 1, HUGE_2M);
	cow_touch(cow, write);
	cow_region(cow, at, NR, PAGE);
}

/* One fault splits, and each page written is copied. */
static void thp_shared(struct cow *cow)
{
	map_thp(cow, true);
	cow->vmstat_too = true;
	cow_share(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ANON), NR);
	cow_want(cow, MMS_COW_SPLIT_PMD, 1);
	cow_end(cow, NR);
}

static void thp_owner_gone(struct cow *cow)
{
	map_thp(cow, true);
	cow->vmstat_too = true;
	cow_share(cow);
	cow_end_partner(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, MMS_COW_REUSE_PMD, 1);
	cow_end(cow, 0);
}

static void thp_zero(struct cow *cow)
{
	map_thp(cow, false);
	cow->vmstat_too = true;
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ZERO), NR);
	cow_want(cow, MMS_COW_SPLIT_PMD, 1);
	cow_end(cow, NR);
}

static void thp_first_touch(struct cow *cow)
{
	char *at = cow_mmap(cow, HUGE_2M, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, HUGE_2M);

	madvise(at, HUGE_2M, MADV_HUGEPAGE);
	cow_region(cow, at, NR, PAGE);
	cow_begin(cow);
	cow_write(cow);
	cow_end(cow, 0);
}

/* Split by a part going away, and the whole of another going away: not split. */
static void thp_unmapped(struct cow *cow)
{
	map_thp(cow, true);
	cow->vmstat_too = true;
	cow_begin(cow);
	if (madvise(cow->at + HUGE_2M / 2, HUGE_2M / 2, MADV_DONTNEED))
		cow_fail(cow, "MADV_DONTNEED");
	cow_want(cow, MMS_COW_SPLIT_PMD, 1);
	if (munmap(cow->at + HUGE_2M / 2, HUGE_2M / 2))
		cow_fail(cow, "munmap");
	cow_end(cow, 0);
}

static void thp_unmapped_whole(struct cow *cow)
{
	map_thp(cow, true);
	cow->vmstat_too = true;
	cow_begin(cow);
	if (madvise(cow->at, HUGE_2M, MADV_DONTNEED))
		cow_fail(cow, "MADV_DONTNEED");
	cow_read(cow);
	if (madvise(cow->at, HUGE_2M, MADV_DONTNEED))
		cow_fail(cow, "MADV_DONTNEED");
	cow_end(cow, 0);
}

static void need_free(struct cow *cow, size_t size, long pages)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/free_hugepages",
		 size >> 10);
	if (proc_value(path) < pages)
		cow_missing(cow, "%ld free huge pages of %zu MiB (hugepagesz=, hugepages=)", pages,
			    size >> 20);
}

static void map_hugetlb(struct cow *cow, size_t size, size_t pages)
{
	int flags = ANON_HUGETLB | MAP_NORESERVE | (size == HUGE_1G ? 30 << MAP_HUGE_SHIFT : 0);

	cow_region(cow, cow_mmap(cow, pages * size, RW, flags, -1, size), pages, size);
}

static void want_huge(struct cow *cow, unsigned int way, size_t pages)
{
	cow_want(cow, MMS_COW(MMS_COW_HUGETLB, way), pages);
	cow_want(cow, MMS_COW_PAGES, pages * (cow->step / PAGE));
}

static uint64_t frame_of(struct cow *cow, pid_t pid)
{
	char path[32];
	uint64_t entry = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (pread(fd, &entry, 8, (uintptr_t)cow->at / PAGE * 8) != 8)
		cow_fail(cow, "%s", path);
	close(fd);
	return entry & PM_FRAME;
}

/*
 * Some 6.12 kernels forget to give the child its 1 GiB pages: copy_hugetlb_page_range() asks whether
 * the table of the new entry is a shared PMD table, by a field that a PUD table leaves as it was.
 * Nothing is shared then. Another child has another table.
 */
static void share_hugetlb(struct cow *cow)
{
	int try;

	for (try = 0; try < 50; try++) {
		cow_share(cow);
		if (frame_of(cow, cow->partner) == frame_of(cow, cow->actor))
			return;
		cow_end_partner(cow);
	}
	cow_missing(cow, "a kernel that gives a child its huge pages");
}

static void shared_hugetlb(struct cow *cow, size_t size, size_t pages)
{
	need_free(cow, size, 2 * pages);
	map_hugetlb(cow, size, pages);
	cow_write(cow);
	share_hugetlb(cow);
	cow_begin(cow);
	cow_write(cow);
	want_huge(cow, MMS_COW_BY_USER, pages);
	cow_end(cow, pages);
}

static void hugetlb_2m(struct cow *cow)
{
	shared_hugetlb(cow, HUGE_2M, 4);
}

static void hugetlb_1g(struct cow *cow)
{
	shared_hugetlb(cow, HUGE_1G, 1);
}

static void hugetlb_owner_gone(struct cow *cow)
{
	need_free(cow, HUGE_2M, 4);
	map_hugetlb(cow, HUGE_2M, 4);
	cow_write(cow);
	cow_share(cow);
	cow_end_partner(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, MMS_COW_REUSE_HUGETLB, 4);
	cow_end(cow, 0);
}

static void hugetlb_first_touch(struct cow *cow)
{
	need_free(cow, HUGE_2M, 4);
	map_hugetlb(cow, HUGE_2M, 4);
	cow_begin(cow);
	cow_write(cow);
	cow_end(cow, 0);
}

/* Given for a read, made writable by the write: there is no zero page for these. */
static void hugetlb_read_first(struct cow *cow)
{
	need_free(cow, HUGE_2M, 4);
	map_hugetlb(cow, HUGE_2M, 4);
	cow_read(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, MMS_COW_REUSE_HUGETLB, 4);
	cow_end(cow, 0);
}

static void map_hugetlb_file(struct cow *cow)
{
	int fd = memfd_create("cow", MFD_CLOEXEC | MFD_HUGETLB);
	char *whole;

	need_free(cow, HUGE_2M, 8);
	if (fd < 0 || ftruncate(fd, 4 * HUGE_2M))
		cow_missing(cow, "memfd with huge pages");
	whole = cow_mmap(cow, 4 * HUGE_2M, RW, MAP_SHARED, fd, HUGE_2M);
	memset(whole, 1, 4 * HUGE_2M);
	munmap(whole, 4 * HUGE_2M);
	cow_region(cow, cow_mmap(cow, 4 * HUGE_2M, RW, MAP_PRIVATE, fd, HUGE_2M), 4, HUGE_2M);
}

static void hugetlb_file_written(struct cow *cow)
{
	map_hugetlb_file(cow);
	cow_begin(cow);
	cow_write(cow);
	want_huge(cow, MMS_COW_BY_USER, 4);
	cow_end(cow, 0);
}

static void hugetlb_file_read(struct cow *cow)
{
	map_hugetlb_file(cow);
	cow_read(cow);
	cow_begin(cow);
	cow_write(cow);
	want_huge(cow, MMS_COW_BY_USER, 4);
	cow_end(cow, 4);
}

static void write_mem(struct cow *cow)
{
	char path[32];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", cow->actor);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (i = 0; i < cow->pages; i++)
		if (pwrite(fd, "x", 1, (off_t)(uintptr_t)(cow->at + i * cow->step)) != 1)
			cow_note(cow, "%s: %s", path, strerror(errno));
	close(fd);
}

static void hugetlb_remote(struct cow *cow)
{
	need_free(cow, HUGE_2M, 8);
	map_hugetlb(cow, HUGE_2M, 4);
	cow_write(cow);
	cow->act = write_mem;
	cow_share(cow);
	cow_begin(cow);
	cow_tell(cow);
	want_huge(cow, MMS_COW_BY_REMOTE, 4);
	cow_end(cow, 4);
}

static void hugetlb_by_read(struct cow *cow)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	size_t i;

	need_free(cow, HUGE_2M, 8);
	map_hugetlb(cow, HUGE_2M, 4);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	for (i = 0; i < cow->pages; i++)
		if (read(fd, cow->at + i * HUGE_2M, 8) != 8)
			cow_fail(cow, "read");
	want_huge(cow, MMS_COW_BY_KERNEL, 4);
	cow_end(cow, 4);
}

static void hugetlb_populate(struct cow *cow)
{
	need_free(cow, HUGE_2M, 8);
	map_hugetlb(cow, HUGE_2M, 4);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	if (madvise(cow->at, 4 * HUGE_2M, MADV_POPULATE_WRITE))
		cow_fail(cow, "MADV_POPULATE_WRITE");
	want_huge(cow, MMS_COW_BY_GUP, 4);
	cow_end(cow, 4);
}

static void hugetlb_pinned(struct cow *cow)
{
	char params[120] = {};
	int ring = syscall(SYS_io_uring_setup, 4, params);
	struct iovec iov;

	need_free(cow, HUGE_2M, 8);
	if (ring < 0)
		cow_missing(cow, "io_uring");
	map_hugetlb(cow, HUGE_2M, 4);
	cow_write(cow);
	iov = (struct iovec){ cow->at, 4 * HUGE_2M };
	if (syscall(SYS_io_uring_register, ring, 0, &iov, 1))
		cow_fail(cow, "IORING_REGISTER_BUFFERS");
	cow_begin(cow);
	cow_share(cow);
	cow_count(cow);
	if (cow->got[MMS_COW(MMS_COW_HUGETLB, MMS_COW_BY_FORK)] != 4)
		cow_note(cow, "copied at fork: expected 4, got %lu",
			 cow->got[MMS_COW(MMS_COW_HUGETLB, MMS_COW_BY_FORK)]);
	cow_begin(cow);
	cow_write(cow);
	cow_end(cow, 0);
}

const struct cow_case cow_huge[] = {
	{ "THP, shared", thp_shared },
	{ "THP, the child is gone", thp_owner_gone },
	{ "THP, the huge zero page", thp_zero },
	{ "THP, first touch", thp_first_touch },
	{ "THP, half unmapped", thp_unmapped },
	{ "THP, unmapped whole", thp_unmapped_whole },
	{ "hugetlb 2 MiB, shared", hugetlb_2m },
	{ "hugetlb 1 GiB, shared", hugetlb_1g },
	{ "hugetlb, the child is gone", hugetlb_owner_gone },
	{ "hugetlb, first touch", hugetlb_first_touch },
	{ "hugetlb, read first", hugetlb_read_first },
	{ "hugetlb file, written first", hugetlb_file_written },
	{ "hugetlb file, read first", hugetlb_file_read },
	{ "hugetlb, /proc/PID/mem", hugetlb_remote },
	{ "hugetlb, read(2) into it", hugetlb_by_read },
	{ "hugetlb, MADV_POPULATE_WRITE", hugetlb_populate },
	{ "hugetlb, pinned, then forked", hugetlb_pinned },
	{ NULL, NULL },
};
