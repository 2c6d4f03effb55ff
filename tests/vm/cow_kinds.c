// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write of pages of other kinds: swapped, merged by KSM, without struct page, pinned when
 * the process forks, write-protected by userfaultfd.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cow_lab.h"
#include "proc.h"

#define NR 64
#define RW (PROT_READ | PROT_WRITE)
#define USER(cause) MMS_COW(MMS_COW_##cause, MMS_COW_BY_USER)
#define SWAPPED (1ULL << 62)

static size_t in_swap(struct cow *cow)
{
	uint64_t entry;
	size_t i, nr = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	for (i = 0; i < cow->pages; i++)
		nr += pread(fd, &entry, 8, ((uintptr_t)cow->at + i * PAGE) / PAGE * 8) == 8 &&
		      entry & SWAPPED;
	close(fd);
	return nr;
}

static void page_out(struct cow *cow)
{
	int i;

	if (proc_number("/proc/meminfo", "SwapFree") < 16384)
		cow_missing(cow, "swap (zram)");
	for (i = 0; i < 200 && in_swap(cow) < cow->pages; i++) {
		if (madvise(cow->at, cow->pages * PAGE, MADV_PAGEOUT))
			cow_fail(cow, "MADV_PAGEOUT");
		sched_yield();
	}
	if (in_swap(cow) < cow->pages)
		cow_fail(cow, "%zu of %zu pages in swap", in_swap(cow), cow->pages);
}

static void swapped_shared(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	page_out(cow);
	cow_share(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ANON), NR);
	cow_want(cow, MMS_COW_SWAPPED, NR);
	cow_end(cow, 0);
}

/* Swapped, but nobody else's: read back for good, nothing copied. */
static void swapped_own(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	page_out(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_count(cow);
	cow_want(cow, MMS_COW_REUSE, cow->got[MMS_COW_REUSE]);
	cow_end(cow, 0);
}

/* Read back by a read first: what is written then is present, and not "swapped". */
static void swapped_read_first(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	page_out(cow);
	cow_share(cow);
	cow_read(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
}

static void merge(struct cow *cow)
{
	size_t i;
	long scans;

	cow_map(cow, NR);
	for (i = 0; i < NR; i++)
		memset(cow->at + i * PAGE, 0x5a, PAGE);
	if (madvise(cow->at, NR * PAGE, MADV_MERGEABLE))
		cow_missing(cow, "KSM");
	scans = proc_value("/sys/kernel/mm/ksm/full_scans");
	proc_write("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	proc_write("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	proc_write("/sys/kernel/mm/ksm/run", "1");
	for (i = 0; i < 4000 && proc_value("/sys/kernel/mm/ksm/full_scans") < scans + 3; i++)
		usleep(5000);
	proc_write("/sys/kernel/mm/ksm/run", "0");
	if (proc_value("/sys/kernel/mm/ksm/pages_sharing") < NR - 1)
		cow_fail(cow, "%ld pages merged", proc_value("/sys/kernel/mm/ksm/pages_sharing"));
}

static void ksm_written(struct cow *cow)
{
	merge(cow);
	cow->vmstat_too = true;
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(KSM), NR);
	cow_end(cow, NR);
}

/* break_ksm(): as if by ptrace at first, later by an unshare fault. */
static void ksm_unmerged(struct cow *cow)
{
	unsigned int remote = MMS_COW(MMS_COW_KSM, MMS_COW_BY_REMOTE);
	unsigned int unshare = MMS_COW(MMS_COW_KSM, MMS_COW_BY_UNSHARE);

	merge(cow);
	cow->vmstat_too = true;
	cow_begin(cow);
	if (madvise(cow->at, NR * PAGE, MADV_UNMERGEABLE))
		cow_fail(cow, "MADV_UNMERGEABLE");
	cow_count(cow);
	cow_want(cow, cow->got[remote] ? remote : unshare, NR);
	cow_end(cow, NR);
}

/* Small pages beside merged ones, in a VMA that KSM looks at, are anonymous ones. */
static void ksm_not_merged(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	if (madvise(cow->at, NR * PAGE, MADV_MERGEABLE))
		cow_missing(cow, "KSM");
	cow_share(cow);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
}

/* The BIOS: frames mapped by /dev/mem, without a struct page for us. */
static void pfn_map(struct cow *cow)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	char *at;

	if (fd < 0)
		cow_missing(cow, "/dev/mem");
	at = mmap(NULL, 16 * PAGE, RW, MAP_PRIVATE, fd, 0xf0000);
	if (at == MAP_FAILED)
		cow_missing(cow, "/dev/mem that can be mapped");
	cow_region(cow, at, 16, PAGE);
	cow_begin(cow);
	cow_write(cow);
	cow_want(cow, USER(PFN), 16);
	cow_end(cow, 0);
}

#define IORING_REGISTER_BUFFERS 0

/* Pinned for as long as the ring lives, as a device would that writes to memory. */
static void pin(struct cow *cow, void *at, size_t size)
{
	char params[120] = {};
	struct iovec iov = { at, size };
	int ring = syscall(SYS_io_uring_setup, 4, params);

	if (ring < 0)
		cow_missing(cow, "io_uring");
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1))
		cow_fail(cow, "IORING_REGISTER_BUFFERS");
}

/* The child gets copies at once; the parent keeps its pages, writable. */
static void pinned_fork(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	pin(cow, cow->at, NR * PAGE);
	cow_begin(cow);
	cow_share(cow);
	cow_count(cow);
	if (cow->got[MMS_COW(MMS_COW_ANON, MMS_COW_BY_FORK)] != NR)
		cow_note(cow, "copied at fork: expected %d, got %lu", NR,
			 cow->got[MMS_COW(MMS_COW_ANON, MMS_COW_BY_FORK)]);
	cow_begin(cow);
	cow_write(cow);
	cow_end(cow, 0);
}

/* Pinned while shared: the pin itself wants the copies. */
static void pinned_when_shared(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	pin(cow, cow->at, NR * PAGE);
	cow_want(cow, MMS_COW(MMS_COW_ANON, MMS_COW_BY_GUP), NR);
	cow_end(cow, NR);
}

/* A program is executed: its arguments go to an mm of its own, which is no fork's. */
static void no_fork_by_exec(struct cow *cow)
{
	pid_t pid;

	cow_map(cow, 1);
	cow->measured = cow->actor;
	cow_begin(cow);
	pid = vfork();
	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	cow_end(cow, 0);
	cow_counters(cow, pid, cow->got);
	if (cow->got[MMS_COW(MMS_COW_ANON, MMS_COW_BY_FORK)])
		cow_note(cow, "copied at fork by exec: %lu",
			 cow->got[MMS_COW(MMS_COW_ANON, MMS_COW_BY_FORK)]);
	if (!cow->got[USER(FILE_FIRST)] && !cow->got[USER(FILE)])
		cow_note(cow, "nothing counted for /bin/true");
}

struct uffd {
	struct cow *cow;
	int fd;
	bool zap;		/* throw the page away instead of unprotecting it */
	volatile unsigned int nr;
	pthread_t thread;
};

static int protect(const struct uffd *uffd, char *at, size_t pages, bool on)
{
	struct uffdio_writeprotect range = {
		.range = { (uintptr_t)at, pages * PAGE },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(uffd->fd, UFFDIO_WRITEPROTECT, &range);
}

static void *uffd_reader(void *arg)
{
	struct uffd *uffd = arg;
	struct uffdio_range range;
	struct uffd_msg msg;
	char *at;

	while (read(uffd->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		at = (char *)(uintptr_t)(msg.arg.pagefault.address & ~(PAGE - 1));
		uffd->nr++;
		if (uffd->zap) {
			range = (struct uffdio_range){ (uintptr_t)at, PAGE };
			madvise(at, PAGE, MADV_DONTNEED);
			ioctl(uffd->fd, UFFDIO_WAKE, &range);
		} else {
			protect(uffd, at, 1, false);
		}
	}
	return NULL;
}

static void uffd_setup(struct cow *cow, struct uffd *uffd, bool share, bool zap)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };

	uffd->cow = cow;
	uffd->zap = zap;
	cow_map(cow, NR);
	cow_write(cow);
	if (share)
		cow_share(cow);
	uffd->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd->fd < 0 || ioctl(uffd->fd, UFFDIO_API, &api))
		cow_missing(cow, "userfaultfd");
	reg.range = (struct uffdio_range){ (uintptr_t)cow->at, NR * PAGE };
	if (ioctl(uffd->fd, UFFDIO_REGISTER, &reg) || protect(uffd, cow->at, NR, true))
		cow_fail(cow, "UFFDIO_REGISTER, UFFDIO_WRITEPROTECT");
	if (pthread_create(&uffd->thread, NULL, uffd_reader, uffd))
		cow_fail(cow, "pthread_create");
	cow_begin(cow);
}

static void uffd_told(struct cow *cow, struct uffd *uffd)
{
	if (uffd->nr != NR)
		cow_note(cow, "userfaultfd: %u faults told, not %d", uffd->nr, NR);
}

static void uffd_shared(struct cow *cow)
{
	struct uffd uffd = {};

	uffd_setup(cow, &uffd, true, false);
	cow_write(cow);
	uffd_told(cow, &uffd);
	cow_want(cow, USER(ANON), NR);
	cow_end(cow, NR);
}

/* Whether it is made writable with the protection or by the write is the kernel's business. */
static void uffd_own(struct cow *cow)
{
	struct uffd uffd = {};

	cow->vmstat_too = true;
	uffd_setup(cow, &uffd, false, false);
	cow_write(cow);
	uffd_told(cow, &uffd);
	cow_count(cow);
	cow_want(cow, MMS_COW_REUSE, cow->got[MMS_COW_REUSE]);
	cow_end(cow, 0);
}

/* The write was told of and not copied; when it is tried again there is nothing to be copied. */
static void uffd_zapped(struct cow *cow)
{
	struct uffd uffd = {};

	uffd_setup(cow, &uffd, true, true);
	cow_write(cow);
	uffd_told(cow, &uffd);
	cow_end(cow, NR);
}

const struct cow_case cow_kinds[] = {
	{ "swapped and shared", swapped_shared },
	{ "swapped, not shared", swapped_own },
	{ "swapped, read back, written", swapped_read_first },
	{ "merged by KSM, written", ksm_written },
	{ "merged by KSM, unmerged", ksm_unmerged },
	{ "KSM may merge, but has not", ksm_not_merged },
	{ "frames of /dev/mem", pfn_map },
	{ "pinned, then forked", pinned_fork },
	{ "shared, then pinned", pinned_when_shared },
	{ "exec", no_fork_by_exec },
	{ "userfaultfd, shared", uffd_shared },
	{ "userfaultfd, not shared", uffd_own },
	{ "userfaultfd, thrown away", uffd_zapped },
	{ NULL, NULL },
};
