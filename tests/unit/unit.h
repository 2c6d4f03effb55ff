/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the unit tests share: cmocka, kernels' layouts, captured output, files made of text.
 */
#ifndef MMS_UNIT_H
#define MMS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leaf.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* As the headers of Debian's kernels have it, 52 bits of physical address. */
static const struct mms_layout layout_6_12 = {
	.pfn_mask = 0x000ffffffffff000, .special = 1 << 9,	  .uffd_wp = 1 << 10,
	.soft_dirty = 1 << 11,		.devmap = 1ULL << 57,	  .saved_dirty = 1ULL << 58,
	.swp_pfn_mask = 0xffffffffff,	.swp_hwpoison = 27,	  .swp_migration_read = 28,
	.swp_migration_read_exclusive = 29, .swp_migration_write = 30, .swp_device_read = 0xff,
	.swp_device_write = 0xff,	.swp_device_exclusive_read = 0xff,
	.swp_device_exclusive_write = 0xff, .swp_marker = 31,	  .marker_uffd_wp = 1,
	.marker_poison = 2,		.nr_swapfiles = 27,
};

/* The same kernel with CONFIG_DEVICE_PRIVATE, which takes four types. */
static inline struct mms_layout layout_with_device(void)
{
	struct mms_layout layout = layout_6_12;

	layout.nr_swapfiles = 23;
	layout.swp_hwpoison = 23;
	layout.swp_migration_read = 24;
	layout.swp_migration_read_exclusive = 25;
	layout.swp_migration_write = 26;
	layout.swp_device_write = 27;
	layout.swp_device_read = 28;
	layout.swp_device_exclusive_write = 29;
	layout.swp_device_exclusive_read = 30;
	return layout;
}

/* A swap entry as the kernel encodes it: __swp_entry() of pgtable_64.h. */
static inline uint64_t swp_entry(unsigned int type, uint64_t offset)
{
	return (~offset << 14 >> 5) | (uint64_t)type << 59;
}

/* A file descriptor to read @len bytes from. */
static inline int file_of(const void *data, size_t len)
{
	int fd = memfd_create("unit", 0);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int saved_stdout = -1;

/* From here to captured(), standard output goes to a file in memory. */
static inline void capture(void)
{
	int fd = memfd_create("stdout", 0);

	fflush(stdout);
	saved_stdout = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	close(fd);
}

/* What was written since capture(); valid until the next call. */
static inline char *captured(void)
{
	static char text[1 << 20];
	ssize_t len;

	fflush(stdout);
	len = pread(STDOUT_FILENO, text, sizeof(text) - 1, 0);
	dup2(saved_stdout, STDOUT_FILENO);
	close(saved_stdout);
	assert_true(len >= 0);
	text[len] = '\0';
	return text;
}

#endif /* MMS_UNIT_H */
