// SPDX-License-Identifier: GPL-2.0
/*
 * Animals whose pages are in swap.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "zoo.h"

#define RW (PROT_READ | PROT_WRITE)

static void make_swap(void)
{
	char *at, *huge, *shared;

	zoo_need_swap();
	at = zoo_small(32, 32);
	zoo_page_out(at, 32, true);
	zoo_read(at + 8 * PAGE, 4);
	zoo_add("swapped", at, 32 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_SWAP, MMS_PTE, 28);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_column("swap", 112);
	zoo_column("rss", 16);

	huge = zoo_thp(1, 1);
	zoo_page_out(huge, 512, true);
	zoo_add("huge, swapped", huge, HUGE_2M, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_SWAP, MMS_PTE, 512);

	/* Entries without the exclusive bit, soft-dirty cleared in half of them. */
	shared = zoo_small(8, 8);
	zoo_page_out(shared, 8, true);
	if (proc_write("/proc/self/clear_refs", "4"))
		zoo_fail("clear_refs");
	zoo_write(shared, 4);
	zoo_page_out(shared, 8, true);
	zoo_partner(zoo_fork(NULL, NULL));
	zoo_add("swapped and forked", shared, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_SWAP, MMS_PTE, 8);
	zoo_add("swapped and forked, in the child", shared, 8 * PAGE, MMS_KIND_MMAP);
	zoo_area->of_partner = true;
	zoo_want(MMS_CLASS_SWAP, MMS_PTE, 8);
}

/* All of an object to swap, through a mapping of its own. */
static void swap_object(int fd, size_t pages)
{
	char *at = zoo_map(pages * PAGE, RW, MAP_SHARED, fd, 0, 0);

	zoo_write(at, pages);
	zoo_page_out(at, pages, false);
	munmap(at, pages * PAGE);
}

/*
 * A private mapping of an object in swap, with copies of its own. smaps looks at the entries of a
 * mapping that may be written, but takes the object's word for one that may not: pages that have
 * become private before are then counted as swapped with the object too.
 */
static void add_private(int fd)
{
	char *at = zoo_map(32 * PAGE, RW, MAP_PRIVATE, fd, 0, 0);
	char *fixed = zoo_map(32 * PAGE, RW, MAP_PRIVATE, fd, 0, 0);

	zoo_write(at, 8);
	zoo_write(fixed, 8);
	swap_object(fd, 64);
	zoo_page_out(at, 4, true);
	zoo_page_out(fixed, 4, true);
	if (mprotect(fixed, 32 * PAGE, PROT_READ))
		zoo_fail("mprotect");
	zoo_add("object in swap, private", at, 32 * PAGE, MMS_KIND_DATA);
	zoo_want(MMS_CLASS_SWAP, MMS_PTE, 4);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_column("shmem_swap", 80);
	zoo_column("untouched", 16);
	zoo_add("object in swap, private, read-only", fixed, 32 * PAGE, MMS_KIND_FILE);
	zoo_want(MMS_CLASS_SWAP, MMS_PTE, 4);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_column("shmem_swap", 80);
	zoo_area->swap_extra = 8;
}

static void make_shmem_swap(void)
{
	int fd = zoo_memfd("swapped object", 96 * PAGE, 0);
	char *whole, *part;

	zoo_need_swap();
	add_private(fd);
	/* Pages 0 to 63 are in swap, the others do not exist; four come back. */
	whole = zoo_map(96 * PAGE, RW, MAP_SHARED, fd, 0, 0);
	zoo_read(whole + 8 * PAGE, 4);
	zoo_add("object in swap", whole, 96 * PAGE, MMS_KIND_SHM);
	zoo_want(MMS_CLASS_SHMEM, MMS_PTE, 4);
	zoo_column("shmem_swap", 240);
	zoo_column("untouched", 128);
	part = zoo_map(16 * PAGE, RW, MAP_SHARED, fd, 56 * PAGE, 0);
	zoo_add("object in swap, part of it", part, 16 * PAGE, MMS_KIND_SHM);
	zoo_column("shmem_swap", 32);
	zoo_column("untouched", 32);
}

/* Runs one command of the system. */
static void run(const char *command)
{
	if (system(command))
		zoo_missing("a device that fails (\"%s\")", command);
}

#define DMSETUP "dmsetup --noudevsync --noudevrules "

/* Pages of a swap device that failed when they were wanted back: no page, a touch is SIGBUS. */
static void make_swap_error(void)
{
	char *at;

	zoo_need_swap();
	run("modprobe -q brd rd_nr=1 rd_size=16384");
	run("modprobe -q dm-mod");
	run(DMSETUP "create zoo --table '0 32768 linear /dev/ram0 0'");
	run("mkswap /dev/dm-0 >/dev/null");
	if (swapon("/dev/dm-0", SWAP_FLAG_PREFER | 100))
		zoo_fail("swapon");
	at = zoo_small(8, 8);
	zoo_page_out(at, 4, true);
	run(DMSETUP "suspend zoo");
	run(DMSETUP "load zoo --table '0 32768 error'");
	run(DMSETUP "resume zoo");
	if (swapoff("/dev/dm-0"))
		zoo_fail("swapoff");
	run(DMSETUP "remove zoo");
	zoo_add("lost in swap", at, 8 * PAGE, MMS_KIND_MMAP);
	zoo_want(MMS_CLASS_POISON_MARKER, MMS_PTE, 4);
	zoo_want(MMS_CLASS_ANON, MMS_PTE, 4);
	zoo_column("marker", 16);
}

const struct zoo_maker zoo_swap_makers[] = {
	{ "swap", make_swap },
	{ "shmem-swap", make_shmem_swap },
	{ "swap-error", make_swap_error },
	{}
};
