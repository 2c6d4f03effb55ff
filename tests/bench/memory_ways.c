// SPDX-License-Identifier: GPL-2.0
/*
 * The ways to look at a process's memory: mmscope's views, and what the kernel has in /proc.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "records.h"
#include "views.h"

extern char **environ;

static char buffer[1 << 16];

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		fail(path);
	return fd;
}

/* Return: whether it could be opened and read to its end. */
static bool drain(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t nr;

	if (fd < 0)
		return false;
	do
		nr = read(fd, buffer, sizeof(buffer));
	while (nr > 0);
	close(fd);
	return !nr;
}

static void drain_all(const char *path)
{
	if (!drain(path))
		fail(path);
}

static void read_view(const struct subject *subject, const char *view)
{
	drain_all(views_path(subject->pid, view));
}

static void read_proc(const struct subject *subject, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", subject->pid, name);
	drain_all(path);
}

/* Into user space and decoded by the reader, run by run. */
static void read_records(const struct subject *subject, const char *view)
{
	const struct mms_record *run, *end;
	struct mms_records records;
	u64 nr = 0;
	int more;

	if (mms_records_open(&records, open_file(views_path(subject->pid, view))))
		fail("records");
	while ((more = mms_records_next(&records, &run, &end)) > 0)
		for (; run < end; run++)
			if (run->addr - subject->start < subject->bytes)
				nr += run->nr;
	mms_records_close(&records);
	if (more || !nr)
		fail("records");
}

static int open_pagemap(const struct subject *subject)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", subject->pid);
	return open_file(path);
}

/* Only the target's area: its other VMAs are few, and what lies between them is vast. */
static void read_pagemap(const struct subject *subject, const char *arg __attribute__((unused)))
{
	u64 at = subject->start / PAGE * 8, end = at + subject->bytes / PAGE * 8;
	int fd = open_pagemap(subject);
	ssize_t nr;

	for (; at < end; at += nr) {
		nr = pread(fd, buffer, end - at < sizeof(buffer) ? end - at : sizeof(buffer), at);
		if (nr <= 0)
			fail("pagemap");
	}
	close(fd);
}

static u64 read_word(int fd, u64 index)
{
	u64 word;

	if (pread(fd, &word, sizeof(word), index * sizeof(word)) != sizeof(word))
		fail("kpage");
	return word;
}

/* As scripts do it: one page after the other. */
static void read_kpage(const struct subject *subject, const char *arg __attribute__((unused)))
{
	int pagemap = open_pagemap(subject), flags = open_file("/proc/kpageflags"),
	    count = open_file("/proc/kpagecount");
	u64 i, entry;

	for (i = 0; i < NR_SINGLE; i++) {
		entry = read_word(pagemap, subject->start / PAGE + i);
		read_word(flags, entry & PM_FRAME);
		read_word(count, entry & PM_FRAME);
	}
	close(count);
	close(flags);
	close(pagemap);
}

/* The ioctl of 6.7, newer than the headers we may be built with (include/uapi/linux/fs.h). */
struct scan_arg {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct scan_region {
	__u64 start, end, categories;
};

#define SCAN _IOWR('f', 16, struct scan_arg)
#define SCAN_PRESENT (1 << 3)
#define SCAN_ALL 0xff

static void scan(int fd, const struct subject *subject)
{
	static struct scan_region regions[4096];
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = subject->start,
		.end = subject->start + subject->bytes,
		.vec = (uintptr_t)regions,
		.vec_len = sizeof(regions) / sizeof(regions[0]),
		.category_anyof_mask = SCAN_PRESENT,
		.return_mask = SCAN_ALL,
	};

	for (; arg.start < arg.end; arg.start = arg.walk_end)
		if (ioctl(fd, SCAN, &arg) < 0)
			fail("PAGEMAP_SCAN");
}

static void read_scan(const struct subject *subject, const char *arg __attribute__((unused)))
{
	int fd = open_pagemap(subject);

	scan(fd, subject);
	close(fd);
}

static bool has_scan(void)
{
	struct scan_arg arg = { .size = sizeof(arg), .return_mask = SCAN_PRESENT };
	int fd = open_file("/proc/self/pagemap");
	bool has = ioctl(fd, SCAN, &arg) >= 0;

	close(fd);
	return has;
}

/* Every process's file of this name; those of kernel threads cannot be read. */
static void read_everyone(const struct subject *subject __attribute__((unused)), const char *name)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char path[300];

	if (!dir)
		fail("/proc");
	while ((entry = readdir(dir))) {
		if (*entry->d_name < '1' || *entry->d_name > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/%s", entry->d_name, name);
		drain(path);
	}
	closedir(dir);
}

static void read_processes(const struct subject *subject __attribute__((unused)), const char *view)
{
	drain_all(views_path(0, view));
}

/* Of a process that has ended and not been waited for. */
static u64 processor_time(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		fail("clock_getcpuclockid");
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

u64 run_command(const struct subject *subject, const char *format)
{
	char text[128], *words[8], *save = NULL;
	posix_spawn_file_actions_t actions;
	int status, nr = 0;
	siginfo_t info;
	pid_t pid;
	u64 time;

	snprintf(text, sizeof(text), format, subject->pid);
	for (words[nr] = strtok_r(text, " ", &save); words[nr] && nr < 7;)
		words[++nr] = strtok_r(NULL, " ", &save);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, words[0], &actions, NULL, words, environ) ||
	    waitid(P_PID, pid, &info, WEXITED | WNOWAIT))
		fail(format);
	posix_spawn_file_actions_destroy(&actions);
	time = processor_time(pid);
	if (waitpid(pid, &status, 0) != pid || status)
		fail(format);
	return time;
}

/* tests/bench/run says why, if it could not be had. */
static bool has_page_types(void)
{
	return !system("command -v page-types >/dev/null");
}

#define PEERS								\
	{ "pagemap", read_pagemap, NULL, NULL, 0 },			\
	{ "PAGEMAP_SCAN", read_scan, NULL, has_scan, 0 },		\
	{ "smaps", read_proc, "smaps", NULL, 0 },			\
	{ "smaps_rollup", read_proc, "smaps_rollup", NULL, 0 },		\
	{ "numa_maps", read_proc, "numa_maps", NULL, 0 }

#define VIEWS								\
	{ "tables", read_view, "tables", NULL, 0 },			\
	{ "summary", read_view, "summary", NULL, 0 },			\
	{ "vmas", read_view, "vmas", NULL, 0 },				\
	{ "records", read_records, "records", NULL, 0 },		\
	{ "pages", read_view, "pages", NULL, 0 }

#define END { NULL, NULL, NULL, NULL, 0 }

const struct way ways_pages[] = {
	VIEWS,
	PEERS,
	{ "kpage*", read_kpage, NULL, NULL, NR_SINGLE },
	END
};

/* What takes long is left out. */
const struct way ways_large[] = {
	{ "tables", read_view, "tables", NULL, 0 },
	{ "summary", read_view, "summary", NULL, 0 },
	{ "vmas", read_view, "vmas", NULL, 0 },
	{ "records", read_records, "records", NULL, 0 },
	PEERS,
	END
};

/*
 * Not pagemap, which has 8 bytes for every page that is not there, nor records and pages: how many
 * runs there are is up to how the frames of libraries and of huge pages happen to lie.
 */
const struct way ways_sparse[] = {
	{ "tables", read_view, "tables", NULL, 0 },
	{ "summary", read_view, "summary", NULL, 0 },
	{ "vmas", read_view, "vmas", NULL, 0 },
	{ "PAGEMAP_SCAN", read_scan, NULL, has_scan, 0 },
	{ "smaps", read_proc, "smaps", NULL, 0 },
	{ "smaps_rollup", read_proc, "smaps_rollup", NULL, 0 },
	{ "numa_maps", read_proc, "numa_maps", NULL, 0 },
	END
};

const struct way ways_vmas[] = {
	VIEWS,
	{ "smaps", read_proc, "smaps", NULL, 0 },
	{ "smaps_rollup", read_proc, "smaps_rollup", NULL, 0 },
	{ "numa_maps", read_proc, "numa_maps", NULL, 0 },
	{ "mmscope_map", NULL, "mmscope map %d", NULL, 0 },
	{ "cat_smaps", NULL, "cat /proc/%d/smaps", NULL, 0 },
	END
};

/* Whole programs: what people type. Few VMAs, for some take long. */
const struct way ways_commands[] = {
	{ "vmas", read_view, "vmas", NULL, 0 },
	{ "smaps", read_proc, "smaps", NULL, 0 },
	{ "mmscope_map", NULL, "mmscope map %d", NULL, 0 },
	{ "cat_smaps", NULL, "cat /proc/%d/smaps", NULL, 0 },
	{ "page-types", NULL, "page-types -p %d", has_page_types, 0 },
	{ "pmap_-XX", NULL, "pmap -XX %d", NULL, 0 },
	END
};

const struct way ways_processes[] = {
	{ "processes", read_processes, "processes", NULL, 0 },
	{ "smaps_rollup", read_everyone, "smaps_rollup", NULL, 0 },
	{ "mmscope_ps", NULL, "mmscope ps", NULL, 0 },
	END
};
