// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults as the tracer counts them: each row against what is known by construction, the sums
 * against the kernel's own: getrusage() in every case, /proc/vmstat for the whole system.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../../userspace/error.h"
#include "../../userspace/tracer.h"
#include "event_lab.h"
#include "tap.h"

#define PAGES 1024UL
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)
#define BIT(counter) (1ULL << (counter))
#define LATENCY (~0ULL << MMS_FAULT_NS)

/* The rows that faults of one kind are in. */
static void want(struct lab *lab, unsigned int from, unsigned int purpose, uint64_t nr)
{
	lab_want(lab, from, nr);
	lab_want(lab, purpose, nr);
	lab_want(lab, MMS_FAULT_MINOR, nr);
}

static uint64_t sum(const struct lab *lab, unsigned int first, unsigned int last)
{
	uint64_t all = 0;

	for (; first <= last; first++)
		all += lab->got[first];
	return all;
}

/* What holds whatever was done: one row of each group, the kernel's own counts, all latencies. */
static void finish(struct lab *lab)
{
	uint64_t handled;

	lab_count(lab);
	handled = sum(lab, MMS_FAULT_FROM_USER, MMS_FAULT_FROM_GUP);
	lab_equal(lab, sum(lab, MMS_FAULT_MINOR, MMS_FAULT_FAILED), handled, "sum of minor to failed");
	lab_equal(lab, sum(lab, MMS_FAULT_FIRST_TOUCH, MMS_FAULT_OTHER), handled, "sum of purposes");
	lab_equal(lab, lab->got[MMS_FAULT_MINOR], lab->minor, "minflt of getrusage");
	lab_equal(lab, lab->got[MMS_FAULT_MAJOR], lab->major, "majflt of getrusage");
	lab_equal(lab, sum(lab, MMS_FAULT_HISTOGRAM, MMS_NR_FAULT_COUNTERS - 1),
	      sum(lab, MMS_FAULT_FROM_USER, MMS_FAULT_FROM_KERNEL), "histogram");
	lab->ignored |= LATENCY;
	lab_compare(lab);
}

static char *anonymous(struct lab *lab)
{
	return lab_mmap(lab, PAGES * PAGE, RW, PRIVATE, -1, PAGE);
}

static void first_touch(struct lab *lab)
{
	char *at = anonymous(lab);

	lab_begin(lab);
	lab_write(at, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_FIRST_TOUCH, PAGES);
	finish(lab);
}

static void zero_page(struct lab *lab)
{
	char *at = anonymous(lab);

	lab_begin(lab);
	lab_read(at, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_ZERO_PAGE, PAGES);
	lab_write(at, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_COW, PAGES);
	finish(lab);
}

static void huge(struct lab *lab)
{
	char *at = lab_mmap(lab, 8 * HUGE_2M, RW, PRIVATE, -1, HUGE_2M);

	if (proc_value("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") != (long)HUGE_2M)
		lab_missing(lab, "no transparent huge pages");
	lab_begin(lab);
	for (int i = 0; i < 4; i++)
		at[i * HUGE_2M] = 1;
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_FIRST_TOUCH_HUGE, 4);
	lab_read(at + 4 * HUGE_2M, 512);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_ZERO_PAGE, 1);
	/* The huge zero page is split, then one small page copied. */
	at[4 * HUGE_2M] = 1;
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_COW, 1);
	finish(lab);
}

static void file_map(struct lab *lab)
{
	int fd = lab_file(lab, PAGES);
	char *at = lab_mmap(lab, PAGES * PAGE, PROT_READ, MAP_SHARED, fd, MIB);
	long around = proc_value("/sys/kernel/debug/fault_around_bytes");

	if (around < (long)PAGE)
		lab_missing(lab, "fault_around_bytes is not known");
	lab_begin(lab);
	lab_read(at, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_FILE_MAP, PAGES * PAGE / around);
	finish(lab);
}

static void file_shared_write(struct lab *lab)
{
	char *at = lab_mmap(lab, PAGES * PAGE, RW, MAP_SHARED, lab_file(lab, PAGES), MIB);

	lab_begin(lab);
	lab_write(at, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_FILE_MAP, PAGES);
	finish(lab);
}

static void file_private(struct lab *lab)
{
	int fd = lab_file(lab, PAGES);
	char *first = lab_mmap(lab, PAGES * PAGE, RW, MAP_PRIVATE, fd, MIB);
	char *second = lab_mmap(lab, PAGES * PAGE, RW, MAP_PRIVATE, fd, MIB);

	lab_read(second, PAGES);
	lab_begin(lab);
	lab_write(first, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_FILE_COW, PAGES);
	lab_write(second, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_COW, PAGES);
	finish(lab);
}

static void copy_and_reuse(struct lab *lab)
{
	char *at = anonymous(lab), *other = anonymous(lab);
	int keep;
	pid_t pid;

	lab_write(at, PAGES);
	lab_write(other, PAGES);
	pid = lab_share(lab, &keep);
	lab_begin(lab);
	lab_write(at, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_COW, PAGES);
	finish(lab);
	close(keep);
	waitpid(pid, NULL, 0);
	memset(lab->want, 0, sizeof(lab->want));
	if (proc_empty_batches())
		lab_fail(lab, "migrate_pages");
	lab_begin(lab);
	lab_write(other, PAGES);
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_PROTECTION, PAGES);
	finish(lab);
}

static void swap_in(struct lab *lab)
{
	char *at = anonymous(lab);
	size_t i, out = 0;

	lab_write(at, PAGES);
	for (i = 0; i < 10; i++)
		madvise(at, PAGES * PAGE, MADV_PAGEOUT);
	for (i = 0; i < PAGES; i++)
		out += !!(proc_pagemap(getpid(), at + i * PAGE) & PM_SWAP);
	if (!out)
		lab_missing(lab, "no swap");
	lab_begin(lab);
	lab_write(at, PAGES);
	lab_want(lab, MMS_FAULT_FROM_USER, out);
	lab_want(lab, MMS_FAULT_SWAP_IN, out);
	/* Those still in the swap cache are minor; finish() has the kernel's word for the sum. */
	lab->ignored |= BIT(MMS_FAULT_MINOR) | BIT(MMS_FAULT_MAJOR);
	finish(lab);
}

static sigjmp_buf after;

static void on_signal(int signal)
{
	siglongjmp(after, signal);
}

static void __attribute__((noinline)) fail_at(volatile char *at, bool write)
{
	if (sigsetjmp(after, 1))
		return;
	if (write)
		*at = 1;
	else
		(void)*at;
}

static void invalid(struct lab *lab)
{
	char *none = lab_mmap(lab, PAGE, PROT_NONE, PRIVATE, -1, PAGE);
	char *closed = lab_mmap(lab, PAGE, PROT_READ, PRIVATE, -1, PAGE);
	int fd = memfd_create("lab", MFD_CLOEXEC);
	char *beyond = lab_mmap(lab, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);

	munmap(none, PAGE);
	signal(SIGSEGV, on_signal);
	signal(SIGBUS, on_signal);
	fail_at(none, true);
	lab_begin(lab);
	for (int i = 0; i < 50; i++) {
		fail_at(none, i & 1);
		fail_at(closed, true);
		fail_at(closed, true);
		fail_at(beyond, false);
	}
	/* Neither a general protection fault nor a signal sent is a fault. */
	fail_at((char *)0x8000000000000000, false);
	if (!sigsetjmp(after, 1))
		raise(SIGSEGV);
	lab_want(lab, MMS_FAULT_INVALID_UNMAPPED, 50);
	lab_want(lab, MMS_FAULT_INVALID_ACCESS, 100);
	lab_want(lab, MMS_FAULT_INVALID_OTHER, 50);
	lab_want(lab, MMS_FAULT_FROM_USER, 50);
	lab_want(lab, MMS_FAULT_FAILED, 50);
	lab_want(lab, MMS_FAULT_OTHER, 50);
	finish(lab);
}

static void looked_up(struct lab *lab)
{
	char *written = anonymous(lab), *read = anonymous(lab), *shared = anonymous(lab);
	int keep;
	pid_t pid;

	lab_write(shared, PAGES);
	pid = lab_share(lab, &keep);
	lab_begin(lab);
	if (madvise(written, PAGES * PAGE, MADV_POPULATE_WRITE) ||
	    madvise(read, PAGES * PAGE, MADV_POPULATE_READ) ||
	    madvise(shared, PAGES * PAGE, MADV_POPULATE_WRITE))
		lab_fail(lab, "MADV_POPULATE");
	want(lab, MMS_FAULT_FROM_GUP, MMS_FAULT_FIRST_TOUCH, PAGES);
	want(lab, MMS_FAULT_FROM_GUP, MMS_FAULT_ZERO_PAGE, PAGES);
	want(lab, MMS_FAULT_FROM_GUP, MMS_FAULT_COW, PAGES);
	/* Given back one by one, just before: that flush is no copy. */
	madvise(written, PAGE, MADV_DONTNEED);
	if (madvise(written, PAGE, MADV_POPULATE_WRITE))
		lab_fail(lab, "MADV_POPULATE");
	want(lab, MMS_FAULT_FROM_GUP, MMS_FAULT_FIRST_TOUCH, 1);
	finish(lab);
	close(keep);
	waitpid(pid, NULL, 0);
}

static void by_kernel(struct lab *lab)
{
	char *at = anonymous(lab);
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	lab_begin(lab);
	if (read(fd, at, PAGES * PAGE) != (ssize_t)(PAGES * PAGE))
		lab_fail(lab, "read");
	want(lab, MMS_FAULT_FROM_KERNEL, MMS_FAULT_FIRST_TOUCH, PAGES);
	finish(lab);
}

static void hugetlb(struct lab *lab)
{
	char *at;

	if (proc_value("/proc/sys/vm/nr_hugepages") < 4)
		lab_missing(lab, "no hugetlb pages");
	at = lab_mmap(lab, 4 * HUGE_2M, RW, PRIVATE | MAP_HUGETLB, -1, HUGE_2M);
	lab_begin(lab);
	for (int i = 0; i < 4; i++)
		at[i * HUGE_2M] = 1;
	want(lab, MMS_FAULT_FROM_USER, MMS_FAULT_HUGETLB, 4);
	finish(lab);
}

struct answer {
	int fd;
	char *page;
};

/* Answers each missing page with a copy. */
static void *answer(void *data)
{
	struct answer *answer = data;
	struct uffd_msg message;

	for (size_t i = 0; i < PAGES; i++) {
		struct uffdio_copy copy = { .src = (uintptr_t)answer->page, .len = PAGE };

		if (read(answer->fd, &message, sizeof(message)) != sizeof(message))
			_exit(3);
		copy.dst = message.arg.pagefault.address & -PAGE;
		if (ioctl(answer->fd, UFFDIO_COPY, &copy))
			_exit(4);
	}
	return NULL;
}

static void retried(struct lab *lab)
{
	char *at = anonymous(lab);
	struct answer data = { syscall(SYS_userfaultfd, O_CLOEXEC), anonymous(lab) };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = { { (uintptr_t)at, PAGES * PAGE },
					UFFDIO_REGISTER_MODE_MISSING, 0 };
	pthread_t thread;

	if (data.fd < 0 || ioctl(data.fd, UFFDIO_API, &api) ||
	    ioctl(data.fd, UFFDIO_REGISTER, &area))
		lab_missing(lab, "no userfaultfd");
	lab_write(data.page, 1);
	lab_begin(lab);
	pthread_create(&thread, NULL, answer, &data);
	lab_read(at, PAGES);
	pthread_join(thread, NULL);
	/*
	 * The new thread has faults of its own; the retry finds the page there. It is major if it
	 * was tried with mmap_lock before, minor if under the lock of the VMA: finish() knows.
	 */
	lab->ignored = ~(BIT(MMS_FAULT_OTHER) | BIT(MMS_FAULT_RETRIED));
	lab_want(lab, MMS_FAULT_OTHER, PAGES);
	lab_want(lab, MMS_FAULT_RETRIED, PAGES);
	finish(lab);
}

static atomic_uint turn;
static char *raced;

static void *racer(void *arg)
{
	lab_pin((uintptr_t)arg);
	for (unsigned int i = 0; i < PAGES; i++) {
		atomic_fetch_add(&turn, 1);
		while (atomic_load(&turn) < 2 * (i + 1))
			;
		((volatile char *)raced)[i * PAGE + (uintptr_t)arg] = 1;
	}
	return NULL;
}

/* Two threads write each page at once: one is given it, or copies it; the other finds it there. */
static void race(struct lab *lab, unsigned int purpose)
{
	pthread_t thread[2];
	uintptr_t i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		lab_missing(lab, "one processor");
	lab_begin(lab);
	for (i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, racer, (void *)i);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	lab_count(lab);
	lab->ignored = ~BIT(purpose);
	lab_want(lab, purpose, PAGES);
	/* Their stacks and the like are touched, not copied. */
	if (purpose == MMS_FAULT_FIRST_TOUCH && lab->got[purpose] > PAGES &&
	    lab->got[purpose] <= PAGES + 16)
		lab->want[purpose] = lab->got[purpose];
	finish(lab);
}

static void race_for_first_touch(struct lab *lab)
{
	raced = anonymous(lab);
	race(lab, MMS_FAULT_FIRST_TOUCH);
}

static void race_for_copy(struct lab *lab)
{
	int keep;
	pid_t pid;

	raced = anonymous(lab);
	lab_write(raced, PAGES);
	pid = lab_share(lab, &keep);
	race(lab, MMS_FAULT_COW);
	close(keep);
	waitpid(pid, NULL, 0);
}

/* pgfault of 6.1 has the retried ones too. The first and the last reading lie outside. */
static void check_vmstat(struct tracer *tracer)
{
	uint64_t count[4][MMS_MAX_COUNTERS], faults[4];
	struct lab lab = { .tracer = tracer };
	long before, after;
	char *at;
	int i;

	at = mmap(NULL, PAGES * PAGE, RW, PRIVATE, -1, 0);
	madvise(at, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (i = 0; i < 2; i++) {
		lab_counters(&lab, MMS_QUESTION_FAULTS, 0, count[0]);
		before = proc_number("/proc/vmstat", "pgfault");
		lab_counters(&lab, MMS_QUESTION_FAULTS, 0, count[1]);
		lab_write(at, PAGES);
		madvise(at, PAGES * PAGE, MADV_DONTNEED);
		lab_counters(&lab, MMS_QUESTION_FAULTS, 0, count[2]);
		after = proc_number("/proc/vmstat", "pgfault");
		lab_counters(&lab, MMS_QUESTION_FAULTS, 0, count[3]);
	}
	for (i = 0; i < 4; i++)
		faults[i] = count[i][MMS_FAULT_MINOR] + count[i][MMS_FAULT_MAJOR] +
			    count[i][MMS_FAULT_FAILED];
	tap_ok(after - before >= (long)(faults[2] - faults[1]) &&
		       after - before <= (long)(faults[3] - faults[0] + count[3][MMS_FAULT_RETRIED] -
						count[0][MMS_FAULT_RETRIED]) &&
		       faults[2] - faults[1] >= PAGES,
	       "everyone: pgfault of vmstat, %ld, is between %lu and %lu", after - before,
	       faults[2] - faults[1], faults[3] - faults[0]);
	munmap(at, PAGES * PAGE);
}

static const struct lab_case cases[] = {
	{ "first touch", first_touch },
	{ "zero page, read then written", zero_page },
	{ "huge pages", huge },
	{ "shared file, read", file_map },
	{ "shared file, written", file_shared_write },
	{ "private file, written", file_private },
	{ "shared page copied, then the last one made writable", copy_and_reuse },
	{ "swapped in", swap_in },
	{ "invalid", invalid },
	{ "get_user_pages", looked_up },
	{ "read(2) into new memory", by_kernel },
	{ "hugetlb", hugetlb },
	{ "userfaultfd", retried },
	{ "two threads, first touch", race_for_first_touch },
	{ "two threads, copy", race_for_copy },
};

#define NR_CASES (sizeof(cases) / sizeof(*cases))

static unsigned int tracer_unavailable(struct tracer *tracer)
{
	unsigned int i, nr = 0;

	for (i = 0; i < MMS_NR_FAULT_COUNTERS; i++)
		nr += !!tracer_missing_hook(tracer, MMS_QUESTION_FAULTS, i);
	return nr;
}

static void run_mode(const char *mode, bool everyone)
{
	struct tracer_options options = { .question = { [MMS_QUESTION_FAULTS] = true },
					  .everyone = everyone, .follow = true };
	struct tracer *tracer;

	if (tracer_open(&tracer, &options) || tracer_select(tracer, getpid()) ||
	    tracer_start(tracer))
		tap_bail("%s", mms_failure());
	tap_eq(tracer_unavailable(tracer), 0, "%s: every counter is available", mode);
	for (size_t i = 0; i < NR_CASES; i++)
		lab_point(tracer, MMS_QUESTION_FAULTS, mode, &cases[i]);
	if (everyone)
		check_vmstat(tracer);
	lab_none_missed(tracer, MMS_QUESTION_FAULTS, mode);
	tracer_close(tracer);
}

int main(void)
{
	tap_plan(2 * (NR_CASES + 2) + 1);
	if (system("modprobe -q zram num_devices=1"))
		tap_diag("no zram");
	if (!proc_write("/sys/block/zram0/disksize", "64M") &&
	    !system("mkswap /dev/zram0 >/dev/null") && swapon("/dev/zram0", 0))
		tap_diag("swapon: %s", strerror(errno));
	proc_write("/proc/sys/vm/nr_hugepages", "4");
	proc_write("/proc/sys/vm/unprivileged_userfaultfd", "1");
	/* No collapsing behind the back of the cases. */
	proc_write("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	proc_write("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "600000");
	run_mode("selected", false);
	run_mode("everyone", true);
	swapoff("/dev/zram0");
	proc_write("/sys/block/zram0/reset", "1");
	proc_write("/proc/sys/vm/nr_hugepages", "0");
	return tap_done();
}
