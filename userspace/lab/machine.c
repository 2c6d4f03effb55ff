// SPDX-License-Identifier: GPL-2.0
/*
 * Settings, files, swap and control groups for labs. What is made is noted for the guard first.
 */
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "machine.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define CGROUPS "/sys/fs/cgroup"
#define ZRAM	"/sys/class/zram-control"
#define ZSWAP	"/sys/module/zswap/parameters/enabled"

static void must_write(struct lab *lab, const char *path, const char *text)
{
	if (lab_guard_write(path, text))
		lab_broken(lab, "writing '%s' to %s: %s", text, path, strerror(errno));
}

/* "always [madvise] never": the word in brackets is what is set. */
static void take_setting(const char *text, char *setting, size_t size)
{
	const char *open = strchr(text, '[');

	if (open)
		snprintf(setting, size, "%.*s", (int)strcspn(open + 1, "]"), open + 1);
	else
		snprintf(setting, size, "%s", text);
}

void lab_set(struct lab *lab, const char *path, const char *value)
{
	const char *text = lab_file_text(path);
	char before[128];

	if (!text)
		lab_skip(lab, "this kernel has no %s", path);
	take_setting(text, before, sizeof(before));
	lab_guard_undo(lab, LAB_UNDO_WRITE, path, before);
	must_write(lab, path, value);
}

int lab_file(struct lab *lab, char *path, const char *name, size_t size)
{
	const char *dir = getenv("TMPDIR");
	uint64_t page[PAGE / sizeof(uint64_t)] = { 0 };
	size_t at;
	int fd;

	snprintf(path, LAB_PATH, "%s/mmscope-lab-%s-%d", dir && *dir ? dir : "/var/tmp", name,
		 getpid());
	lab_guard_undo(lab, LAB_UNDO_UNLINK, path, NULL);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		lab_broken(lab, "%s: %s", path, strerror(errno));
	for (at = 0; at < size; at += PAGE) {
		page[0] = at / PAGE;
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			lab_skip(lab, "%s: %s", path, strerror(errno ? errno : ENOSPC));
	}
	lab_file_drop(lab, fd);
	return fd;
}

void lab_file_drop(struct lab *lab, int fd)
{
	unsigned char resident = 0;
	struct stat status;
	void *at;

	if (fsync(fd) || fstat(fd, &status))
		lab_broken(lab, "fsync: %s", strerror(errno));
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	at = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || mincore(at, PAGE, &resident))
		lab_broken(lab, "mincore: %s", strerror(errno));
	munmap(at, PAGE);
	if (resident & 1)
		lab_skip(lab, "a file system on a disk is needed: where the lab's file is (TMPDIR, else /var/tmp), files stay in memory");
}

/* do_migrate_pages() begins with lru_cache_disable(); from a node to itself, nothing moves. */
void lab_empty_batches(struct lab *lab)
{
	unsigned long node = 1;

	if (syscall(SYS_migrate_pages, 0, 8 * sizeof(node), &node, &node) < 0)
		lab_broken(lab, "migrate_pages: %s", strerror(errno));
}

/* Runs a program to its end, which must be a good one. */
static void must_run(struct lab *lab, char *const argv[])
{
	int status = lab_wait_end(lab, lab_spawn(lab, argv, NULL));

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		lab_broken(lab, "%s failed", argv[0]);
}

/* A module that is not there now is not to be there afterwards. */
static void note_module(struct lab *lab, const char *name)
{
	char path[LAB_PATH];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (access(path, F_OK))
		lab_guard_undo(lab, LAB_UNDO_RMMOD, name, NULL);
}

/* Modules that zram brings with it: those it asks for, those it needs, in the order of loading. */
static void note_modules(struct lab *lab, const struct kmod_module *zram)
{
	struct kmod_list *needed = kmod_module_get_dependencies(zram), *item;
	struct kmod_module *module;

	note_module(lab, "lzo");
	note_module(lab, "lzo_rle");
	kmod_list_foreach(item, needed) {
		module = kmod_module_get_module(item);
		note_module(lab, kmod_module_get_name(module));
		kmod_module_unref(module);
	}
	kmod_module_unref_list(needed);
	note_module(lab, "zram");
}

static void load_zram(struct lab *lab)
{
	struct kmod_ctx *context;
	struct kmod_module *module;
	int err;

	if (!access(ZRAM, F_OK))
		return;
	context = kmod_new(NULL, NULL);
	if (!context)
		lab_broken(lab, "out of memory");
	err = kmod_module_new_from_name(context, "zram", &module);
	if (!err) {
		note_modules(lab, module);
		err = kmod_module_probe_insert_module(module, 0, NULL, NULL, NULL, NULL);
		kmod_module_unref(module);
	}
	kmod_unref(context);
	if (err || access(ZRAM, F_OK))
		lab_skip(lab, "the kernel module zram is needed for swap of the lab's own");
}

const char *lab_swap(struct lab *lab, size_t bytes)
{
	static char device[32];
	char path[64], text[32];
	unsigned int id;

	/* It would keep what is swapped, and pass on to the device what it likes. */
	if (!access(ZSWAP, F_OK))
		lab_set(lab, ZSWAP, "N");
	load_zram(lab);
	id = lab_file_number(lab, ZRAM "/hot_add");
	snprintf(text, sizeof(text), "%u", id);
	lab_guard_undo(lab, LAB_UNDO_WRITE, ZRAM "/hot_remove", text);
	snprintf(device, sizeof(device), "/dev/zram%u", id);
	snprintf(path, sizeof(path), "/sys/block/zram%u/disksize", id);
	snprintf(text, sizeof(text), "%zu", bytes);
	must_write(lab, path, text);
	snprintf(path, sizeof(path), "/sys/block/zram%u/reset", id);
	lab_guard_undo(lab, LAB_UNDO_WRITE, path, "1");
	must_run(lab, (char *const[]){ "mkswap", device, NULL });
	lab_guard_undo(lab, LAB_UNDO_SWAPOFF, device, NULL);
	if (swapon(device, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK))
		lab_broken(lab, "swapon: %s", strerror(errno));
	return device;
}

void lab_cgroup(struct lab *lab, char *path)
{
	const char *text = lab_file_text(CGROUPS "/cgroup.controllers");

	if (!text || !strstr(text, "memory"))
		lab_skip(lab, "control groups (v2) with the memory controller are needed in " CGROUPS);
	text = lab_file_text(CGROUPS "/cgroup.subtree_control");
	if (!text || !strstr(text, "memory")) {
		lab_guard_undo(lab, LAB_UNDO_WRITE, CGROUPS "/cgroup.subtree_control", "-memory");
		if (lab_guard_write(CGROUPS "/cgroup.subtree_control", "+memory"))
			lab_skip(lab, "the memory controller cannot be switched on in " CGROUPS ": %s",
				 strerror(errno));
	}
	snprintf(path, LAB_PATH, CGROUPS "/mmscope-lab-%d", getpid());
	lab_guard_undo(lab, LAB_UNDO_RMDIR, path, NULL);
	if (mkdir(path, 0755))
		lab_broken(lab, "%s: %s", path, strerror(errno));
}

void lab_cgroup_set(struct lab *lab, const char *cgroup, const char *file, const char *value)
{
	char path[LAB_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	if (access(path, F_OK))
		lab_skip(lab, "control groups have no %s here", file);
	must_write(lab, path, value);
}

void lab_cgroup_enter(struct lab *lab, const char *cgroup, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	lab_cgroup_set(lab, cgroup, "cgroup.procs", text);
}

void lab_cgroup_reclaim(struct lab *lab, const char *cgroup, size_t bytes)
{
	char path[LAB_PATH + 64], text[32];

	snprintf(path, sizeof(path), "%s/memory.reclaim", cgroup);
	snprintf(text, sizeof(text), "%zu", bytes);
	if (access(path, F_OK))
		lab_skip(lab, "this kernel has no memory.reclaim");
	/* EAGAIN: less could be had. */
	if (lab_guard_write(path, text) && errno != EAGAIN)
		lab_broken(lab, "%s: %s", path, strerror(errno));
}

uint64_t lab_cgroup_number(struct lab *lab, const char *cgroup, const char *file, const char *key)
{
	char path[LAB_PATH + 64];

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	return key ? lab_number(lab, path, key) : lab_file_number(lab, path);
}
