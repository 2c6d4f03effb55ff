// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that are not the ordinary kind: without a leader, sharing memory with another, in a
 * PID namespace, with a number that somebody had before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

/* Where children say who they are; shared with them. */
static volatile pid_t *board;

static void check_row(pid_t dir, const char *row, const char *what)
{
	tap_str(views_target(dir), row, "%s", what);
}

static void *announce(void *arg)
{
	(void)arg;
	*board = gettid();
	spawn_rest();
}

/* A process whose first thread has exited; the other goes on. */
static pid_t spawn_leaderless(void)
{
	pthread_t thread;
	pid_t pid;

	*board = 0;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, announce, NULL);
		pthread_exit(NULL);
	}
	while (!*board)
		usleep(1000);
	if (!proc_wait_idle(pid, 30) || !proc_wait_idle(*board, 30))
		tap_bail("the leaderless process does not rest");
	return pid;
}

/* VMAs of @pid in vmas that are those of /proc/@other/maps; SIZE_MAX if not as many. */
static size_t same_vmas(pid_t pid, pid_t other)
{
	struct views_table vmas;
	struct proc_vmas maps;
	size_t row, same = 0;

	if (views_table(pid, "vmas", &vmas) || proc_maps(other, &maps) || vmas.nr != maps.nr)
		return SIZE_MAX;
	for (row = 0; row < vmas.nr; row++)
		same += views_hex(&vmas, row, "start") == maps.vma[row].start &&
			views_hex(&vmas, row, "end") == maps.vma[row].end;
	same = same == vmas.nr ? same : SIZE_MAX;
	views_table_free(&vmas);
	proc_vmas_free(&maps);
	return same;
}

static size_t rows_in_processes(pid_t pid)
{
	char *text = proc_read_file(VIEWS_DIR "/processes", NULL);
	struct views_table processes;
	size_t row, found = 0;

	if (!text || !views_parse(text, &processes))
		tap_bail("processes: %s", strerror(errno));
	for (row = 0; row < processes.nr; row++)
		found += views_u64(&processes, row, "pid") == (u64)pid;
	views_table_free(&processes);
	return found;
}

/* /proc shows such a process's memory by its other thread only. */
static void check_leaderless(void)
{
	pid_t pid = spawn_leaderless();
	char row[64];

	snprintf(row, sizeof(row), "%d %d running yes 0", pid, pid);
	tap_result(views_attach(pid), 0, "a process whose leader has exited");
	check_row(pid, row, "leaderless: it runs");
	tap_ok(same_vmas(pid, *board) != SIZE_MAX, "leaderless: its VMAs are its other thread's");
	tap_eq(rows_in_processes(pid), 1, "leaderless: it has a row in processes");
	tap_result(views_attach(*board), -ESRCH, "leaderless: its other thread is no process");
	spawn_end(pid);
	tap_result(views_detach(pid), 0, "leaderless: detached after its end");
}

static int child_of_clone(void *arg)
{
	(void)arg;
	*board = getpid();
	spawn_rest();
}

/* A parent and a child with one memory between them: by clone(), or by vfork(). */
static pid_t spawn_sharers(bool by_vfork)
{
	static char stack[65536];
	pid_t parent;

	*board = 0;
	parent = fork();
	if (!parent) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (by_vfork && !vfork())
			child_of_clone(NULL);
		else if (!by_vfork)
			clone(child_of_clone, stack + sizeof(stack) - 64, CLONE_VM | SIGCHLD, NULL);
		spawn_rest();
	}
	while (!*board)
		usleep(1000);
	if (!proc_wait_idle(*board, 30))
		tap_bail("the child does not rest");
	return parent;
}

static void check_sharers(bool by_vfork)
{
	const char *what = by_vfork ? "vfork" : "clone with CLONE_VM";
	pid_t parent = spawn_sharers(by_vfork), child = *board;

	tap_result(views_attach(child), 0, "%s: the child", what);
	tap_result(views_attach(parent), 0, "%s: the parent", what);
	tap_ok(same_vmas(child, parent) != SIZE_MAX, "%s: the child's memory is the parent's", what);
	tap_ok(same_vmas(parent, child) != SIZE_MAX, "%s: and the other way round", what);
	kill(child, SIGKILL);
	/* Not reaped by its parent, the child is a zombie. */
	while (proc_status(child, "VmSize") > 0)
		usleep(1000);
	tap_ok(!views_read(child, "vmas", NULL) && errno == ESRCH, "%s: the child is gone", what);
	tap_ok(same_vmas(parent, parent) != SIZE_MAX, "%s: the parent keeps its memory", what);
	views_detach(child);
	views_detach(parent);
	spawn_end(parent);
}

/* The number of an exited target, given to another process. */
static void check_recycled(void)
{
	pid_t pid = spawn(NULL, NULL), again;
	char row[64];

	views_attach(pid);
	spawn_end(pid);
	again = spawn_numbered(pid, NULL, NULL);
	if (again != pid)
		tap_bail("the number %d is not to be had again", pid);
	tap_ok(!views_read(pid, "vmas", NULL) && errno == ESRCH,
	       "recycled: the directory is still that of the exited process");
	snprintf(row, sizeof(row), "%d %d exited yes 0", pid, pid);
	check_row(pid, row, "recycled: so is the row");
	tap_result(views_attach(pid), -EEXIST, "recycled: the place is taken");
	tap_result(views_write("attach", row, 0), -EINVAL, "recycled: nothing else has changed");
	tap_result(views_detach(pid), 0, "recycled: the exited process is detached");
	tap_result(views_attach(pid), 0, "recycled: the new one is attached");
	tap_ok(same_vmas(pid, pid) != SIZE_MAX, "recycled: its directory is its own");
	views_detach(pid);
	spawn_end(pid);
}

/* The first process of a PID namespace: attaches its own child and looks at what it sees. */
static int inside(void *arg)
{
	pid_t child;
	char *text;

	(void)arg;
	child = fork();
	if (!child)
		spawn_rest();
	proc_wait_idle(child, 30);
	/* 2 is a kernel thread outside, here it is the child. */
	if (child != 2 || views_attach(2) || views_attach(2) != -EEXIST)
		return 1;
	text = proc_read_file(VIEWS_DIR "/targets", NULL);
	if (!text || !strstr(text, "\n2 "))
		return 2;
	free(text);
	text = proc_read_file(VIEWS_DIR "/processes", NULL);
	if (!text || !strstr(text, "\n1 ") || !strstr(text, "\n2 ") || strstr(text, "\n3 "))
		return 3;
	/* 0 is the number here of all that are attached outside: of none. */
	if (views_detach(0) != -ESRCH)
		return 6;
	if (views_detach(2) || views_detach(2) != -ESRCH || views_attach(1000000) != -ESRCH)
		return 4;
	return views_attach(2) ? 5 : 0;
}

/* In a new PID and mount namespace, with its own /proc, where @inside's result is left. */
static int enter_namespace(void *arg)
{
	int status = -1;
	pid_t pid;

	(void)arg;
	if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 10;
	pid = fork();
	if (!pid) {
		if (mount("proc", "/proc", "proc", 0, NULL))
			_exit(11);
		_exit(inside(NULL));
	}
	/* What it has attached, seen from outside, before its namespace ends. */
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 12;
}

static void rest_as_first(void *arg)
{
	(void)arg;
}

static void check_namespace(void)
{
	pid_t first;
	char row[64];

	if (views_attach(getpid()))
		tap_bail("this test cannot be attached");
	tap_eq(spawn_run(enter_namespace, NULL), 0, "PID namespace: numbers are the writer's");
	views_detach(getpid());
	first = spawn_with(CLONE_NEWPID, rest_as_first, NULL);
	snprintf(row, sizeof(row), "%d %d running yes 0", first, first);
	tap_result(views_attach(first), 0, "PID namespace: its first process, from outside");
	check_row(first, row, "PID namespace: its number and directory are those outside");
	tap_ok(same_vmas(first, first) != SIZE_MAX, "PID namespace: its VMAs");
	views_detach(first);
	spawn_end(first);
}

/* How many targets have exited; @pid is that of the one attached last. */
static unsigned int count_exited(pid_t *pid)
{
	char *text = proc_read_file(VIEWS_DIR "/targets", NULL), *line, *next;
	unsigned int exited = 0;

	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (!strstr(line, " exited yes 0 "))
			continue;
		exited++;
		*pid = atoi(line);
	}
	free(text);
	return exited;
}

/* What was attached inside is still there, by the number that it had outside. */
static void check_left(unsigned int before)
{
	pid_t pid = 0;

	tap_eq(count_exited(&pid), before + 1,
	       "PID namespace: its target is left, exited, after its end");
	tap_result(views_detach(pid), 0, "PID namespace: and is detached from outside");
}

int main(void)
{
	unsigned int exited;
	pid_t pid;

	board = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	tap_plan(6 + 2 * 6 + 7 + 4 + 2);
	check_leaderless();
	check_sharers(false);
	check_sharers(true);
	check_recycled();
	exited = count_exited(&pid);
	check_namespace();
	check_left(exited);
	return tap_done();
}
