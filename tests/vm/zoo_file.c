// SPDX-License-Identifier: GPL-2.0
/*
 * Animals that map files and shared memory objects.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zoo.h"

#define RW (PROT_READ | PROT_WRITE)

static void make_file(void)
{
	int fd = zoo_file("file", 64);
	char *at = zoo_map(16 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0, 0);

	zoo_read(at, 8);
	zoo_add("private, read", at, 16 * PAGE, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_FILE, MMS_PTE, 8);

	at = zoo_map(16 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 16 * PAGE, 0);
	zoo_read(at, 2);
	zoo_add("text", at, 16 * PAGE, MMS_KIND_TEXT);
	zoo_want(MMS_CLASS_FILE, MMS_PTE, 2);
	zoo_column("exec", 8);

	/* Read only, read before it is written, written first: and bss after it. */
	at = zoo_map(20 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, 0);
	if (mmap(at, 16 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 32 * PAGE) != at ||
	    mmap(at + 16 * PAGE, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		    MAP_FAILED)
		zoo_fail("data and bss");
	zoo_read(at, 8);
	zoo_write(at + 4 * PAGE, 6);
	zoo_write(at + 16 * PAGE, 2);
	zoo_add("data", at, 16 * PAGE, MMS_KIND_DATA);
	zoo_want(MMS_CLASS_FILE, MMS_PTE, 4);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 6);
	zoo_add("bss", at + 16 * PAGE, 4 * PAGE, MMS_KIND_BSS);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 2);

	at = zoo_map(16 * PAGE, RW, MAP_SHARED, fd, 48 * PAGE, 0);
	zoo_read(at, 4);
	zoo_write(at + 4 * PAGE, 4);
	zoo_add("shared", at, 16 * PAGE, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_FILE, MMS_PTE, 8);

	/* 4 pages of the file, the rest of the mapping beyond its end. */
	at = zoo_map(16 * PAGE, RW, MAP_SHARED, fd, 60 * PAGE, 0);
	zoo_read(at, 4);
	zoo_add("beyond the end of the file", at, 16 * PAGE, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_FILE, MMS_PTE, 4);
}

/* In no page cache: the first touch reads it. */
static void make_cold_file(void)
{
	int fd = zoo_file("cold", 16);
	char *at;

	if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		zoo_fail("fadvise");
	at = zoo_map(16 * PAGE, RW, MAP_PRIVATE, fd, 0, 0);
	zoo_advise(at, 16 * PAGE, MADV_RANDOM);
	zoo_add("cold", at, 16 * PAGE, MMS_KIND_DATA);
	zoo_column("untouched", 64);
	at = zoo_map(16 * PAGE, RW, MAP_SHARED, fd, 0, 0);
	zoo_advise(at, 16 * PAGE, MADV_RANDOM);
	zoo_add("cold, shared", at, 16 * PAGE, MMS_KIND_FILE);
	zoo_column("untouched", 64);
}

static void make_memfd(void)
{
	int fd = zoo_memfd("an object", 32 * PAGE, 0);
	char *at = zoo_map(16 * PAGE, RW, MAP_SHARED, fd, 0, 0);

	zoo_write(at, 8);
	zoo_read(at + 8 * PAGE, 2);
	zoo_add("object, shared", at, 16 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 10);
	zoo_column("shmem", 40);

	at = zoo_map(16 * PAGE, RW, MAP_PRIVATE, fd, 16 * PAGE, 0);
	zoo_read(at, 4);
	zoo_write(at + 2 * PAGE, 4);
	zoo_add("object, private", at, 16 * PAGE, MMS_KIND_DATA);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 2);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);

	at = zoo_map(16 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0, 0);
	zoo_write(at, 4);
	zoo_add("shared anonymous", at, 16 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 4);
}

static void make_shmem_thp(void)
{
	int fd = open(ZOO_TMPFS "/thp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *at;

	zoo_need_thp();
	if (fd < 0 || ftruncate(fd, 2 * HUGE_2M))
		zoo_fail("file on tmpfs");
	at = zoo_map(2 * HUGE_2M, RW, MAP_SHARED, fd, 0, HUGE_2M);
	zoo_write(at, 1);
	zoo_write(at + HUGE_2M, 1);
	zoo_add("huge object", at, 2 * HUGE_2M, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PMD, 1024);
	zoo_column("thp_shmem", 4096);

	/* The same by small entries: a mapping that is not aligned. */
	at = zoo_map(4 * PAGE, RW, MAP_SHARED, fd, 16 * PAGE, 0);
	zoo_write(at, 4);
	zoo_add("huge object, by small pages", at, 4 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 4);
	zoo_column("thp_shmem", 0);
	zoo_column("shared", 16);
}

static void make_sysv(void)
{
	int id = shmget(IPC_PRIVATE, 16 * PAGE, 0600 | IPC_CREAT);
	char *at = shmat(id, NULL, 0);

	if (id < 0 || at == (void *)-1)
		zoo_fail("shmat");
	shmctl(id, IPC_RMID, NULL);
	zoo_write(at, 4);
	zoo_add("System V shared memory", at, 16 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 4);
}

static void make_odd_names(void)
{
	static const char *const names[] = {
		"blanks  in it ", "line\nbreak", "back\\slash", "# hash", "tab\there", "-",
	};
	char path[256], *at;
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		fd = zoo_file(names[i], 2);
		at = zoo_map(2 * PAGE, PROT_READ, MAP_SHARED, fd, 0, 0);
		zoo_read(at, 1);
		zoo_add("odd name", at, 2 * PAGE, MMS_KIND_FILE);
		zoo_want(MMS_CLASS_FILE, MMS_PTE, 1);
		if (i % 2)
			continue;
		snprintf(path, sizeof(path), ZOO_DISK "/%s", names[i]);
		if (unlink(path))
			zoo_fail("unlink");
	}
}

/* Large folios as the file system makes them: of Debian's, only XFS does it on both kernels. */
static void make_file_thp(void)
{
	int fd = !zoo_mounted(ZOO_DIR "/xfs") ? -1 :
		 open(ZOO_DIR "/xfs/file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *at;

	zoo_need_thp();
	if (fd < 0)
		zoo_missing("XFS (mkfs.xfs of xfsprogs)");
	if (posix_fallocate(fd, 0, 2 * HUGE_2M) || fsync(fd))
		zoo_fail("file on XFS");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	at = zoo_map(2 * HUGE_2M, PROT_READ, MAP_SHARED, fd, 0, HUGE_2M);
	zoo_advise(at, 2 * HUGE_2M, MADV_HUGEPAGE);
	zoo_read(at, 1);
	zoo_read(at + HUGE_2M, 1);
	zoo_add("huge file pages", at, 2 * HUGE_2M, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_FILE, MMS_PMD, 1024);
	zoo_column("thp_file", 4096);
}

static void make_dax(void)
{
	int fd = !zoo_mounted(ZOO_DIR "/dax") ? -1 :
		 open(ZOO_DIR "/dax/file", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char *at;

	if (fd < 0)
		zoo_missing("persistent memory (boot with memmap=128M!SOMEWHERE)");
	if (posix_fallocate(fd, 0, 2 * HUGE_2M) || fsync(fd))
		zoo_fail("file on DAX");
	at = zoo_map(16 * PAGE, RW, MAP_SHARED, fd, 0, 0);
	zoo_write(at, 4);
	zoo_add("DAX", at, 16 * PAGE, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_DEVMAP, MMS_PTE, 4);
	zoo_column("rss", 0);
	at = zoo_map(HUGE_2M, RW, MAP_SHARED, fd, HUGE_2M, HUGE_2M);
	zoo_write(at, 1);
	zoo_add("DAX, second half", at, HUGE_2M, MMS_KIND_FILE);
}

const struct zoo_maker zoo_file_makers[] = {
	{ "file", make_file },
	{ "cold-file", make_cold_file },
	{ "memfd", make_memfd },
	{ "shmem-thp", make_shmem_thp },
	{ "sysv", make_sysv },
	{ "odd-names", make_odd_names },
	{ "file-thp", make_file_thp },
	{ "dax", make_dax },
	{}
};
