// SPDX-License-Identifier: GPL-2.0
/*
 * A redis-server that saves its data in a child (BGSAVE) while it is written to. After the save it
 * says how much memory that has cost: rdb_last_cow_size, the sum of Private_Dirty over the smaps of
 * the child, which the child reads when it has written the file (zmalloc_get_private_dirty()).
 *
 * Private_Dirty of the child is not the number of copies. All the child's pages are shared with its
 * parent when it is born. A page is its own alone, and dirty, from then on if
 *  - the parent has written to it, which copied it for the parent (a break of the parent), or
 *  - the child has written to it, which copied it for the child (a break of the child), or
 *  - the child has touched it first (no break at all: a first touch), or
 *  - the parent has given it back; or no longer, if the child has done so.
 * Whoever comes second is the only owner and copies nothing; but if both come at once, or the page is in
 * another processor's batch, both copy one and the same page, and it counts once. Which pages those are
 * is read off pagemap: in neither process is the frame that was there before the fork. A save before
 * the one that is looked at leaves nothing absent that the fork itself touches.
 * Breaks of the parent that copy pages of files do not change the child's. That anything is given back
 * is kept from happening: the allocator returns nothing to the kernel (MALLOC_CONF), values of half a page or less
 * are not given back by the child (dismissMemory()). Nor are there huge pages, parts of which both
 * copy: with more than one user of the whole, nobody counts as the only owner of a part. With both
 * stopped, the sum is exact. The server's own number is older than the end of the child, and
 * newer than the parent's last write when that stands still until the child has ended:
 *	breaks of the parent <= size <= breaks of the parent + breaks and first touches of the child
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "workload.h"
#include "workload_redis.h"

#define DIR "/tmp/workload-redis"
#define SOCKET DIR "/socket"
/* Of the 20,000 keys, and the size of their values. */
#define WRITTEN 8000
#define SIZE 900

static pid_t start_server(void)
{
	pid_t pid;

	mkdir(DIR, 0700);
	pid = fork();
	if (pid)
		return pid;
	setenv("MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1", 1);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", SOCKET, "--dir", DIR,
	       "--logfile", DIR "/log", "--save", "", "--appendonly", "no", "--jemalloc-bg-thread", "no",
	       "--enable-debug-command", "yes", NULL);
	_exit(127);
}

static int connect_to_server(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), tries;

	for (tries = 0; tries < 600; tries++) {
		if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
			return fd;
		usleep(100000);
	}
	tap_bail("redis-server does not answer");
}

/* Sends commands, a line each; reads as many replies as there are lines, each of one line. */
static const char *ask(int fd, const char *commands)
{
	static char reply[1 << 16];
	size_t lines = 0, seen = 0, len = 0, from = 0;
	ssize_t got;

	for (const char *at = commands; *at; at++)
		lines += *at == '\n';
	if (write(fd, commands, strlen(commands)) != (ssize_t)strlen(commands))
		tap_bail("redis-server: write");
	while (seen < lines) {
		got = read(fd, reply + len, sizeof(reply) - 1 - len);
		if (got <= 0)
			tap_bail("redis-server: no reply");
		for (len += got; from < len; from++)
			seen += reply[from] == '\n';
	}
	reply[len] = '\0';
	if (memchr(reply, '-', 1))
		tap_bail("redis-server: %s", reply);
	return reply;
}

/* A number of INFO, whose reply ends with an empty line after its last. */
static long info(int fd, const char *key)
{
	static char reply[1 << 14];
	char *at;
	ssize_t got;
	size_t len = 0;

	if (write(fd, "INFO persistence\n", 17) != 17)
		tap_bail("redis-server: write");
	do {
		got = read(fd, reply + len, sizeof(reply) - 1 - len);
		if (got <= 0)
			tap_bail("redis-server: no reply");
		len += got;
		reply[len] = '\0';
		at = strstr(reply, "\r\n");
	} while (!at || len < (size_t)(at + 2 - reply) + strtoul(reply + 1, NULL, 10) + 2);
	at = strstr(reply, key);
	return at ? strtol(at + strlen(key) + 1, NULL, 10) : -1;
}

static void write_to_keys(int fd)
{
	static char commands[1 << 14];
	size_t len = 0;

	for (int i = 0; i < WRITTEN; i++) {
		len += snprintf(commands + len, sizeof(commands) - len, "SETRANGE key:%d 0 %d\n", i, i);
		if (i % 100 == 99) {
			ask(fd, commands);
			len = 0;
		}
	}
}

/* Of the process's state: 'T' stopped, 'Z' ended. */
static void wait_for_state(pid_t pid, char state)
{
	char path[64], *text, *at, found;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int tries = 0; tries < 1200; tries++) {
		text = proc_read_file(path, NULL);
		at = text ? strrchr(text, ')') : NULL;
		found = at ? at[2] : 'Z';
		free(text);
		if (found == state)
			return;
		usleep(50000);
	}
	tap_bail("process %d is not in state %c", pid, state);
}

static pid_t child_of(pid_t pid)
{
	char path[96], *text;
	pid_t child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	text = proc_read_file(path, NULL);
	child = text ? atoi(text) : 0;
	free(text);
	if (child <= 0)
		tap_bail("redis-server has no child");
	return child;
}

/* Pages. */
static u64 private_dirty(pid_t pid)
{
	struct proc_vmas vmas;
	u64 kb = 0;

	if (proc_smaps(pid, &vmas))
		tap_bail("smaps of %d", pid);
	for (size_t i = 0; i < vmas.nr; i++)
		kb += vmas.vma[i].kb[SMAPS_PRIVATE_DIRTY];
	proc_vmas_free(&vmas);
	return kb / 4;
}

/* The copies of the parent that left a page to the child. */
static u64 anonymous_breaks(pid_t pid)
{
	struct counts counts;

	workload_counts(pid, &counts);
	return count_cause(&counts, MMS_COW_ANON);
}

/* The pages that the child has made for itself. */
static u64 own_pages(pid_t pid)
{
	struct counts counts;

	workload_counts(pid, &counts);
	return count_breaks(&counts) + counts.count[MMS_QUESTION_FAULTS][MMS_FAULT_FIRST_TOUCH];
}

/* The entries of pagemap for all of @vmas, one after the other; for free(). */
static u64 *entries_of(pid_t pid, const struct proc_vmas *vmas, size_t *nr)
{
	u64 *entries;
	size_t at = 0;
	int fd = proc_open_pagemap(pid);

	*nr = 0;
	for (size_t i = 0; i < vmas->nr; i++)
		*nr += (vmas->vma[i].end - vmas->vma[i].start) / PAGE;
	entries = malloc(*nr * sizeof(*entries));
	if (fd < 0 || !entries)
		tap_bail("pagemap of %d", pid);
	for (size_t i = 0; i < vmas->nr; i++) {
		size_t pages = (vmas->vma[i].end - vmas->vma[i].start) / PAGE;

		proc_entries(fd, vmas->vma[i].start / PAGE, pages, entries + at, 0);
		at += pages;
	}
	close(fd);
	return entries;
}

/* What the parent has before the fork. */
struct image {
	struct proc_vmas vmas;
	u64 *entries;
};

static void image_take(struct image *image, pid_t pid)
{
	size_t nr;

	if (proc_maps(pid, &image->vmas))
		tap_bail("maps of %d", pid);
	image->entries = entries_of(pid, &image->vmas, &nr);
}

/* Anonymous pages of which each of the two has its own copy now. */
static u64 copied_twice(const struct image *image, pid_t parent, pid_t child)
{
	u64 mask = PM_PRESENT | PM_FRAME, twice = 0, *of_parent, *of_child;
	size_t nr;

	of_parent = entries_of(parent, &image->vmas, &nr);
	of_child = entries_of(child, &image->vmas, &nr);
	for (size_t i = 0; i < nr; i++)
		twice += (image->entries[i] & PM_PRESENT) && !(image->entries[i] & PM_FILE) &&
			 (of_parent[i] & of_child[i] & PM_PRESENT) &&
			 ((of_parent[i] ^ image->entries[i]) & mask) &&
			 ((of_child[i] ^ image->entries[i]) & mask);
	free(of_parent);
	free(of_child);
	return twice;
}

static void image_drop(struct image *image)
{
	free(image->entries);
	proc_vmas_free(&image->vmas);
}

static void wait_for_save(int fd)
{
	while (info(fd, "rdb_bgsave_in_progress") != 0)
		usleep(50000);
}

/* Both are stopped. */
static void measure(struct redis *redis, pid_t parent, pid_t child, u64 before)
{
	redis->broken = anonymous_breaks(parent) - before;
	redis->own = own_pages(child);
	redis->private_dirty = private_dirty(child);
}

void redis_run(struct redis *redis)
{
	pid_t parent = start_server(), child;
	int fd = connect_to_server();
	struct image image;
	u64 before;

	ask(fd, "DEBUG POPULATE 20000 key 900\n");
	ask(fd, "BGSAVE\n");
	wait_for_save(fd);
	if (proc_empty_batches())
		tap_bail("compact_memory");
	image_take(&image, parent);
	before = anonymous_breaks(parent);
	ask(fd, "BGSAVE\n");
	child = child_of(parent);
	kill(child, SIGSTOP);
	wait_for_state(child, 'T');
	write_to_keys(fd);
	redis->written = WRITTEN * SIZE / PAGE;
	kill(parent, SIGSTOP);
	wait_for_state(parent, 'T');
	measure(redis, parent, child, before);
	redis->twice = copied_twice(&image, parent, child);
	image_drop(&image);
	kill(child, SIGCONT);
	wait_for_state(child, 'Z');
	redis->own_later = own_pages(child);
	kill(parent, SIGCONT);
	wait_for_save(fd);
	redis->saves = info(fd, "rdb_saves");
	redis->last_cow_size = info(fd, "rdb_last_cow_size");
	write_to_keys(fd);
	redis->broken_alone = anonymous_breaks(parent) - before - redis->broken;
	close(fd);
	kill(parent, SIGTERM);
	waitpid(parent, &redis->status, 0);
}
