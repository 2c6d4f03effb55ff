// SPDX-License-Identifier: GPL-2.0
/*
 * A server that saves its data in a child pays for what changes meanwhile, and for nothing else.
 *
 * When the child has written the file it reads the sum of Private_Dirty from its smaps, which is
 * what redis reports (rdb_last_cow_size). A page that both had is the child's alone, and dirty, when
 * the parent has written to it, which copied it for the parent, or the child has, which copied it
 * for the child; whoever comes second is its only owner, and copies nothing. To these come the pages
 * that the child has touched first. Nothing is given back: neither by the allocator (MALLOC_CONF)
 * nor, of values this small, by the child. There are no huge pages, parts of which both copy.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"
#include "guard.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define THP	"/sys/kernel/mm/transparent_hugepage/enabled"
#define KEYS	10000U
#define WRITTEN 4000U
#define SIZE	900U
/* Microseconds for each key, so that the child is stopped before it has ended. */
#define DELAY "100"

struct server {
	pid_t pid, child;
	int fd;
	char dir[LAB_PATH];
	struct lab_target *target;
};

static void note_file(struct lab *lab, const struct server *server, const char *name)
{
	char path[LAB_PATH + 32];

	snprintf(path, sizeof(path), "%s/%s", server->dir, name);
	lab_guard_undo(lab, LAB_UNDO_UNLINK, path, NULL);
}

static void connect_to(struct lab *lab, struct server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	unsigned int tries = 0;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", server->dir) >=
	    (int)sizeof(address.sun_path))
		lab_broken(lab, "TMPDIR is too long a name for a socket in it");
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	while (connect(server->fd, (struct sockaddr *)&address, sizeof(address))) {
		if (waitpid(server->pid, NULL, WNOHANG))
			lab_broken(lab, "redis-server has ended too early");
		if (tries++ == 6000)
			lab_broken(lab, "redis-server does not answer: %s", strerror(errno));
		usleep(10000);
	}
}

/* "Redis server v=7.0.15 sha=...": from 7.0 on there is --enable-debug-command. */
static void need_version(struct lab *lab, const struct server *server)
{
	static char *const argv[] = { "redis-server", "--version", NULL };
	char path[LAB_PATH + 32];
	unsigned int version = 0;
	const char *text;

	note_file(lab, server, "version");
	snprintf(path, sizeof(path), "%s/version", server->dir);
	lab_wait_end(lab, lab_spawn(lab, argv, path));
	text = lab_file_text(path);
	if (!text || sscanf(text, "%*[^=]=%u", &version) != 1)
		lab_broken(lab, "redis-server does not tell its version");
	if (version < 7)
		lab_skip(lab, "redis-server 7.0 or newer is needed, this is %s", text);
}

static void start(struct lab *lab, struct server *server)
{
	const char *tmp = getenv("TMPDIR");
	char socket[LAB_PATH + 32];
	char *const argv[] = { "redis-server", "--port", "0", "--unixsocket", socket, "--dir", server->dir,
			 "--save", "", "--appendonly", "no", "--jemalloc-bg-thread", "no",
			 "--enable-debug-command", "yes", "--rdb-key-save-delay", DELAY, NULL };

	snprintf(server->dir, sizeof(server->dir), "%s/mmscope-lab-redis-%d",
		 tmp && *tmp ? tmp : "/var/tmp", getpid());
	snprintf(socket, sizeof(socket), "%s/socket", server->dir);
	lab_guard_undo(lab, LAB_UNDO_RMDIR, server->dir, NULL);
	note_file(lab, server, "socket");
	note_file(lab, server, "dump.rdb");
	if (mkdir(server->dir, 0700))
		lab_broken(lab, "%s: %s", server->dir, strerror(errno));
	need_version(lab, server);
	/* Of the system's jemalloc, and of redis' own. */
	setenv("MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1", 1);
	setenv("JE_MALLOC_CONF", "dirty_decay_ms:-1,muzzy_decay_ms:-1", 1);
	server->pid = lab_spawn(lab, argv, NULL);
	connect_to(lab, server);
	server->target = lab_watch(lab, server->pid);
}

/* Sends commands, a line each; waits for as many replies, each of one line. */
static void ask(struct lab *lab, const struct server *server, const char *commands)
{
	size_t lines = 0, len = strlen(commands), i;
	char reply[4096];
	ssize_t got;

	for (i = 0; i < len; i++)
		lines += commands[i] == '\n';
	if (write(server->fd, commands, len) != (ssize_t)len)
		lab_broken(lab, "redis-server: %s", strerror(errno));
	while (lines) {
		got = read(server->fd, reply, sizeof(reply));
		if (got <= 0 || *reply == '-')
			lab_broken(lab, "redis-server: %.*s", got > 0 ? (int)got : 0, reply);
		while (got--)
			lines -= lines && reply[got] == '\n';
	}
}

/* A number of INFO: its reply has its length before it, and an empty line at its end. */
static uint64_t info(struct lab *lab, const struct server *server, const char *key)
{
	char reply[1 << 14], *at;
	size_t len = 0;
	ssize_t got;

	if (write(server->fd, "INFO persistence\n", 17) != 17)
		lab_broken(lab, "redis-server: %s", strerror(errno));
	do {
		got = read(server->fd, reply + len, sizeof(reply) - 1 - len);
		if (got <= 0)
			lab_broken(lab, "redis-server has ended");
		len += got;
		reply[len] = '\0';
		at = strstr(reply, "\r\n");
	} while (!at || len < (size_t)(at + 2 - reply) + strtoul(reply + 1, NULL, 10) + 2);
	at = strstr(reply, key);
	if (!at)
		lab_broken(lab, "redis-server does not tell its %s", key);
	return strtoul(at + strlen(key) + 1, NULL, 10);
}

static void write_keys(struct lab *lab, const struct server *server)
{
	char commands[1 << 13];
	unsigned int i, len = 0;

	for (i = 0; i < WRITTEN; i++) {
		len += snprintf(commands + len, sizeof(commands) - len, "SETRANGE key:%u 0 %u\n", i, i);
		if (i % 100 < 99)
			continue;
		ask(lab, server, commands);
		len = 0;
	}
}

static void begin_save(struct lab *lab, struct server *server)
{
	char path[96], temporary[32];
	const char *text;

	ask(lab, server, "BGSAVE\n");
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", server->pid, server->pid);
	text = lab_file_text(path);
	server->child = text ? atoi(text) : 0;
	if (server->child <= 0)
		lab_broken(lab, "redis-server has no child, or has saved already");
	snprintf(temporary, sizeof(temporary), "temp-%d.rdb", server->child);
	note_file(lab, server, temporary);
	kill(server->child, SIGSTOP);
	lab_wait_state(lab, server->child, 'T');
}

static uint64_t copies(struct lab *lab, const struct server *server)
{
	return lab_counted(lab, server->pid, LAB_BREAKS_OF(MMS_COW_ANON));
}

/* Pages that the child has made for itself. */
static uint64_t own_pages(struct lab *lab, const struct server *server)
{
	return lab_counted(lab, server->child, LAB_BREAKS) +
	       lab_counted(lab, server->child, LAB_FAULTS(MMS_FAULT_FIRST_TOUCH));
}

/* Both stand still while they are measured. Return: pages copied for the parent. */
static uint64_t check_writes(struct lab *lab, struct server *server, uint64_t before)
{
	uint64_t resident = lab_sum(server->target, "anon") / PAGE, copied, own, dirty;

	lab_step(lab, "%u of them are written to before the child has written its file", WRITTEN);
	if (!lab_spoilt(lab))
		write_keys(lab, server);
	kill(server->pid, SIGSTOP);
	lab_wait_state(lab, server->pid, 'T');
	copied = copies(lab, server) - before;
	own = own_pages(lab, server);
	dirty = lab_smaps_sum(lab, server->child, "Private_Dirty") / PAGE;
	/* At least the pages that what was written fills, at most all there are, each once. */
	lab_check(lab, .what = "pages copied", LAB_BETWEEN(WRITTEN * SIZE / PAGE, resident),
		  .measured = copied);
	/*
	 * Its own pages are few: it has not run for long. While both ran they may have written to the same
	 * page at the same moment, which copied it for both, and left the child one.
	 */
	lab_check(lab, .what = "the child's alone by that", LAB_BETWEEN(copied, resident),
		  .measured = copied + own, LAB_WITNESS("smaps", dirty), .slack = own);
	lab_evidence(lab, "%lu copies for the server, %lu pages made by the child", copied, own);
	lab_note(lab, "a page holds several keys, and is copied once, whichever of them are written, and however often");
	return copied;
}

static void check_end(struct lab *lab, struct server *server, uint64_t copied)
{
	uint64_t resident = lab_sum(server->target, "anon") / PAGE, own, size;

	lab_step(lab, "the child writes its file, and ends");
	kill(server->child, SIGCONT);
	lab_wait_state(lab, server->child, 'Z');
	own = own_pages(lab, server);
	kill(server->pid, SIGCONT);
	while (info(lab, server, "rdb_bgsave_in_progress"))
		usleep(20000);
	size = info(lab, server, "rdb_last_cow_size");
	lab_check(lab, .what = "copied for the snapshot", .unit = LAB_BYTES,
		  LAB_BETWEEN(WRITTEN * SIZE, resident * PAGE), .measured = copied * PAGE,
		  LAB_WITNESS("redis", size), .slack = own * PAGE);
	/* What the server reports is not older than its last write, and not younger than its child. */
	lab_check_that(lab, "redis reports no less than that", size >= copied * PAGE);
	lab_note(lab, "redis reports rdb_last_cow_size, of the child before it ends: the copies made for the server, and those of the %lu pages of its own that it has made until then",
		 own);
}

static void run(struct lab *lab)
{
	struct server server = { 0 };
	uint64_t before, copied;
	char populate[64];

	/* It switches them off for itself, but not at once. */
	lab_set(lab, THP, "never");
	start(lab, &server);
	lab_count(lab, server.pid);
	snprintf(populate, sizeof(populate), "DEBUG POPULATE %u key %u\n", KEYS, SIZE);
	ask(lab, &server, populate);
	lab_empty_batches(lab);
	before = copies(lab, &server);
	lab_step(lab, "redis-server holds %u keys of %u bytes, and forks a child that saves them (BGSAVE)",
		 KEYS, SIZE);
	begin_save(lab, &server);
	lab_check(lab, .what = "memory copied by fork", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = PAGE * lab_counted(lab, server.child,
						 LAB_COUNTERS(MMS_QUESTION_COW,
							      MMS_COW(MMS_COW_ANON, MMS_COW_BY_FORK),
							      1)));
	copied = check_writes(lab, &server, before);
	check_end(lab, &server, copied);

	lab_step(lab, "the same keys are written again, and no child is there");
	before = copies(lab, &server);
	write_keys(lab, &server);
	lab_check(lab, .what = "pages copied", LAB_EXACTLY(0),
		  .measured = copies(lab, &server) - before);
}

const struct lab_def lab_def_redis_snapshot = {
	.name = "redis-snapshot",
	.topic = LAB_COPYING,
	.claim = "A server that saves its data in a forked child needs memory only for the pages that change meanwhile.",
	.spoil = "nothing is written while the child saves",
	.run = run,
};
