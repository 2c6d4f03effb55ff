// SPDX-License-Identifier: GPL-2.0
/*
 * What the animals need of the machine: swap, file systems, huge pages; and quiet, so that no page
 * changes by itself. Set back at the end. What cannot be had is missed by the animals that want it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "tap.h"
#include "zoo.h"

#define MM "/sys/kernel/mm/"

struct setting {
	const char *path;
	const char *value;
	char before[64];
};

/*
 * Huge pages only where asked for; nothing scans, merges, compacts or balances; a fault maps one
 * page, and swap is read one page at a time.
 */
static struct setting settings[] = {
	{ .path = MM "transparent_hugepage/enabled", .value = "madvise" },
	{ .path = MM "transparent_hugepage/khugepaged/scan_sleep_millisecs", .value = "3600000" },
	{ .path = MM "ksm/run", .value = "0" },
	{ .path = MM "ksm/max_page_sharing", .value = "256" },
	{ .path = "/proc/sys/vm/compaction_proactiveness", .value = "0" },
	{ .path = "/proc/sys/vm/page-cluster", .value = "0" },
	{ .path = "/proc/sys/kernel/numa_balancing", .value = "0" },
	{ .path = "/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", .value = "1" },
	{ .path = "/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms", .value = "10" },
	{ .path = "/sys/kernel/debug/fault_around_bytes", .value = "4096" },
	{ .path = MM "hugepages/hugepages-2048kB/nr_hugepages", .value = "24" },
};
#define NR_SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* "always [madvise] never": the word in brackets is the one in force. */
static void keep_value(struct setting *setting, char *text)
{
	char *open = strchr(text, '[');

	if (open)
		text = open + 1;
	snprintf(setting->before, sizeof(setting->before), "%.*s", (int)strcspn(text, "]\n"), text);
}

static void apply_settings(void)
{
	unsigned int i;

	for (i = 0; i < NR_SETTINGS; i++) {
		char *text = proc_read_file(settings[i].path, NULL);

		if (!text)
			continue;
		keep_value(&settings[i], text);
		free(text);
		proc_write(settings[i].path, settings[i].value);
	}
}

static void restore_settings(void)
{
	unsigned int i;

	for (i = 0; i < NR_SETTINGS; i++)
		if (*settings[i].before)
			proc_write(settings[i].path, settings[i].before);
}

static void run(const char *command)
{
	if (system(command))
		tap_diag("failed: %s", command);
}

static void add_swap(void)
{
	run("modprobe -q zram num_devices=1");
	if (proc_write("/sys/block/zram0/disksize", "256M"))
		return;
	run("mkswap /dev/zram0 >/dev/null");
	if (swapon("/dev/zram0", 0))
		tap_diag("swapon: %s", strerror(errno));
}

static void remove_swap(void)
{
	if (!swapoff("/dev/zram0"))
		proc_write("/sys/block/zram0/reset", "1");
}

static void mount_all(void)
{
	mkdir(ZOO_DIR, 0700);
	mkdir(ZOO_DISK, 0700);
	mkdir(ZOO_TMPFS, 0700);
	mkdir(ZOO_DIR "/xfs", 0700);
	mkdir(ZOO_DIR "/dax", 0700);
	if (mount("tmpfs", ZOO_TMPFS, "tmpfs", 0, "huge=always"))
		tap_diag("no tmpfs with huge pages: %s", strerror(errno));
	run("modprobe -q loop");
	run("truncate -s 32M " ZOO_DIR "/image && mkfs.ext4 -q -F " ZOO_DIR "/image && "
	    "mount -o loop,noatime " ZOO_DIR "/image " ZOO_DISK);
	if (!system("command -v mkfs.xfs >/dev/null"))
		run("truncate -s 320M " ZOO_DIR "/image.xfs && mkfs.xfs -q " ZOO_DIR "/image.xfs && "
		    "mount -o loop,noatime " ZOO_DIR "/image.xfs " ZOO_DIR "/xfs");
	run("modprobe -q nd_pmem; modprobe -q nd_e820; true");
	if (!access("/dev/pmem0", F_OK))
		run("mkfs.ext4 -q -F -b 4096 /dev/pmem0 && mount -o dax,noatime /dev/pmem0 "
		    ZOO_DIR "/dax");
}

static void unmount_all(void)
{
	static const char *const places[] = {
		ZOO_TMPFS, ZOO_DISK, ZOO_DIR "/xfs", ZOO_DIR "/dax",
	};
	unsigned int i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		umount2(places[i], 0);
		rmdir(places[i]);
	}
	unlink(ZOO_DIR "/image");
	unlink(ZOO_DIR "/image.xfs");
	rmdir(ZOO_DIR);
}

void zoo_world_open(void)
{
	apply_settings();
	mount_all();
	add_swap();
}

void zoo_world_close(void)
{
	remove_swap();
	unmount_all();
	restore_settings();
}
