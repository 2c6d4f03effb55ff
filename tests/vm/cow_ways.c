// SPDX-License-Identifier: GPL-2.0
/*
 * Copy-on-write by how the write arrives: the kernel for the process, another process, the
 * process's own system calls that look pages up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cow_lab.h"

#define NR 64
#define RW (PROT_READ | PROT_WRITE)
#define ANON(way) MMS_COW(MMS_COW_ANON, MMS_COW_BY_##way)

static char buffer[PAGE];

/* A shared region; @act is what the partner can do. */
static void shared(struct cow *cow, void (*act)(struct cow *cow))
{
	cow_map(cow, NR);
	cow_write(cow);
	cow->act = act;
	cow_share(cow);
	cow_begin(cow);
}

/* One byte of each page from a file that gives plenty: copy_to_user() in read(2). */
static void by_read(struct cow *cow)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	size_t i;

	shared(cow, NULL);
	for (i = 0; i < NR; i++)
		if (read(fd, cow->at + i * PAGE, 8) != 8)
			cow_fail(cow, "read");
	cow_want(cow, ANON(KERNEL), NR);
	cow_end(cow, NR);
}

static void write_mem(struct cow *cow, pid_t pid)
{
	char path[32];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	for (i = 0; i < cow->pages; i++)
		if (pwrite(fd, "x", 1, (off_t)(uintptr_t)(cow->at + i * cow->step)) != 1)
			cow_note(cow, "%s: %s", path, strerror(errno));
	close(fd);
}

static void act_mem(struct cow *cow)
{
	write_mem(cow, cow->actor);
}

static void by_mem(struct cow *cow)
{
	shared(cow, act_mem);
	cow_tell(cow);
	cow_want(cow, ANON(REMOTE), NR);
	cow_end(cow, NR);
}

/* The same file of its own: get_user_pages_remote() all the same. */
static void by_own_mem(struct cow *cow)
{
	shared(cow, NULL);
	write_mem(cow, cow->actor);
	cow_want(cow, ANON(REMOTE), NR);
	cow_end(cow, NR);
}

/* What may be written with /proc/PID/mem only, for it forces its way. */
static void by_mem_read_only(struct cow *cow)
{
	cow_map(cow, NR);
	cow_write(cow);
	if (mprotect(cow->at, NR * PAGE, PROT_READ))
		cow_fail(cow, "mprotect");
	cow->act = act_mem;
	cow_share(cow);
	cow_begin(cow);
	cow_tell(cow);
	cow_want(cow, ANON(REMOTE), NR);
	cow_end(cow, NR);
}

static void act_vm_writev(struct cow *cow)
{
	struct iovec local = { buffer, PAGE }, remote = { cow->at, PAGE };
	size_t i;

	for (i = 0; i < cow->pages; i++) {
		remote.iov_base = cow->at + i * PAGE;
		if (process_vm_writev(cow->actor, &local, 1, &remote, 1, 0) != (ssize_t)PAGE)
			cow_note(cow, "process_vm_writev: %s", strerror(errno));
	}
}

static void by_vm_writev(struct cow *cow)
{
	shared(cow, act_vm_writev);
	cow_tell(cow);
	cow_want(cow, ANON(REMOTE), NR);
	cow_end(cow, NR);
}

static void act_vm_readv(struct cow *cow)
{
	struct iovec local = { buffer, PAGE }, remote = { cow->at, PAGE };
	size_t i;

	for (i = 0; i < cow->pages; i++) {
		remote.iov_base = cow->at + i * PAGE;
		if (process_vm_readv(cow->actor, &local, 1, &remote, 1, 0) != (ssize_t)PAGE)
			cow_note(cow, "process_vm_readv: %s", strerror(errno));
	}
}

/* It pins what it reads, and a pin on a page that is shared wants a copy first. */
static void by_vm_readv(struct cow *cow)
{
	shared(cow, act_vm_readv);
	cow_tell(cow);
	cow_want(cow, ANON(UNSHARE), NR);
	cow_end(cow, NR);
}

static void poke(struct cow *cow, size_t from)
{
	size_t i;

	if (ptrace(PTRACE_SEIZE, cow->actor, 0, 0) || ptrace(PTRACE_INTERRUPT, cow->actor, 0, 0) ||
	    waitpid(cow->actor, NULL, __WALL) != cow->actor)
		cow_note(cow, "ptrace: %s", strerror(errno));
	for (i = from; i < cow->pages; i++)
		if (ptrace(PTRACE_POKEDATA, cow->actor, cow->at + i * cow->step, 1))
			cow_note(cow, "PTRACE_POKEDATA: %s", strerror(errno));
	ptrace(PTRACE_DETACH, cow->actor, 0, 0);
}

static void act_poke(struct cow *cow)
{
	poke(cow, 0);
}

static void by_ptrace(struct cow *cow)
{
	shared(cow, act_poke);
	cow_tell(cow);
	cow_want(cow, ANON(REMOTE), NR);
	cow_end(cow, NR);
}

/* As a debugger sets breakpoints: private pages of a file that may not be written. */
static void by_breakpoints(struct cow *cow)
{
	int fd = memfd_create("cow", MFD_CLOEXEC);
	size_t i;

	for (i = 0; i < NR; i++)
		if (write(fd, buffer, PAGE) != (ssize_t)PAGE)
			cow_fail(cow, "memfd");
	cow_region(cow, cow_mmap(cow, NR * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0), NR,
		   PAGE);
	cow->pages = NR / 2;
	/* No page around those that are read. */
	madvise(cow->at, NR * PAGE, MADV_RANDOM);
	cow_read(cow);
	cow->pages = NR;
	cow->act = act_poke;
	cow_share(cow);
	cow_begin(cow);
	cow_count(cow);
	cow_tell(cow);
	cow_count(cow);
	cow_want(cow, MMS_COW(MMS_COW_FILE, MMS_COW_BY_REMOTE),
		 cow->got[MMS_COW(MMS_COW_FILE, MMS_COW_BY_REMOTE)]);
	cow_want(cow, MMS_COW(MMS_COW_FILE_FIRST, MMS_COW_BY_REMOTE),
		 NR - cow->got[MMS_COW(MMS_COW_FILE, MMS_COW_BY_REMOTE)]);
	cow_end(cow, cow->got[MMS_COW(MMS_COW_FILE, MMS_COW_BY_REMOTE)]);
}

static void by_mlock(struct cow *cow)
{
	shared(cow, NULL);
	if (mlock(cow->at, NR * PAGE))
		cow_fail(cow, "mlock");
	cow_want(cow, ANON(GUP), NR);
	cow_end(cow, NR);
}

static void by_populate(struct cow *cow)
{
	shared(cow, NULL);
	if (madvise(cow->at, NR * PAGE, MADV_POPULATE_WRITE))
		cow_fail(cow, "MADV_POPULATE_WRITE");
	cow_want(cow, ANON(GUP), NR);
	cow_end(cow, NR);
}

/* The device writes into the page: it is looked up for writing. */
static void by_direct_read(struct cow *cow)
{
	int fd = open("/run/cow/direct", O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	void *other = cow_mmap(cow, NR * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;

	/* Not from the region: write(2) may return with its pages pinned still, and fork copy them. */
	if (fd < 0 || write(fd, other, NR * PAGE) != NR * (ssize_t)PAGE)
		cow_missing(cow, "a file system with direct I/O on /run/cow");
	cow_map(cow, NR);
	cow_write(cow);
	cow_share(cow);
	cow_begin(cow);
	for (i = 0; i < NR; i++)
		if (pread(fd, cow->at + i * PAGE, PAGE, i * PAGE) != (ssize_t)PAGE)
			cow_fail(cow, "direct read");
	cow_want(cow, ANON(GUP), NR);
	cow_end(cow, NR);
}

/* Zero pages and file pages by a way other than the user's. */
static void zero_by_read(struct cow *cow)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	size_t i;

	cow_map(cow, NR);
	cow_read(cow);
	cow_begin(cow);
	for (i = 0; i < NR; i++)
		if (read(fd, cow->at + i * PAGE, 8) != 8)
			cow_fail(cow, "read");
	cow_want(cow, MMS_COW(MMS_COW_ZERO, MMS_COW_BY_KERNEL), NR);
	cow_end(cow, NR);
}

static void file_by_mlock(struct cow *cow)
{
	int fd = memfd_create("cow", MFD_CLOEXEC);

	if (ftruncate(fd, NR * PAGE))
		cow_fail(cow, "ftruncate");
	cow_region(cow, cow_mmap(cow, NR * PAGE, RW, MAP_PRIVATE, fd, 0), NR, PAGE);
	cow_begin(cow);
	if (mlock(cow->at, NR * PAGE))
		cow_fail(cow, "mlock");
	cow_want(cow, MMS_COW(MMS_COW_FILE_FIRST, MMS_COW_BY_GUP), NR);
	cow_end(cow, 0);
}

const struct cow_case cow_ways[] = {
	{ "read(2) into it", by_read },
	{ "/proc/PID/mem of another process", by_mem },
	{ "/proc/self/mem", by_own_mem },
	{ "/proc/PID/mem, not writable", by_mem_read_only },
	{ "process_vm_writev()", by_vm_writev },
	{ "process_vm_readv() unshares", by_vm_readv },
	{ "PTRACE_POKEDATA", by_ptrace },
	{ "breakpoints in a file", by_breakpoints },
	{ "mlock()", by_mlock },
	{ "MADV_POPULATE_WRITE", by_populate },
	{ "direct I/O into it", by_direct_read },
	{ "zero page, read(2) into it", zero_by_read },
	{ "private file, mlock()", file_by_mlock },
	{ NULL, NULL },
};
