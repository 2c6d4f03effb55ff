// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to processes and to the machine: see disturb.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disturb.h"

#define CGROUPS "/sys/fs/cgroup"
#define FREEZER CGROUPS "/mmscope-freezer"
#define HUNGRY CGROUPS "/mmscope-hungry"

static struct disturb *self;

static void __attribute__((noreturn)) missing(const char *what)
{
	snprintf(self->missing, sizeof(self->missing), "%s", what);
	for (;;)
		pause();
}

static pid_t any_victim(void)
{
	unsigned int nr = 0;

	while (self->victims[nr])
		nr++;
	return self->victims[rand() % nr];
}

static const char *last_processor(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%ld/online",
		 sysconf(_SC_NPROCESSORS_CONF) - 1);
	return path;
}

static void plug(void)
{
	const char *path = last_processor();

	if (access(path, W_OK))
		missing("a processor that can go");
	for (;;) {
		if (!proc_write(path, "0"))
			self->count++;
		usleep(200000);
		proc_write(path, "1");
		usleep(200000);
	}
}

static void unplug_undo(void)
{
	proc_write(last_processor(), "1");
}

static void join(const char *group, pid_t pid)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	snprintf(text, sizeof(text), "%d", pid);
	proc_write(path, text);
}

static void freeze(void)
{
	if (mkdir(FREEZER, 0755) && errno != EEXIST)
		missing("control groups");
	for (;;) {
		pid_t pid = any_victim();

		join(FREEZER, pid);
		if (!proc_write(FREEZER "/cgroup.freeze", "1"))
			self->count++;
		usleep(50000);
		proc_write(FREEZER "/cgroup.freeze", "0");
		join(CGROUPS, pid);
		usleep(20000);
	}
}

static void empty_group(const char *group)
{
	char path[96], *pids, *line;

	snprintf(path, sizeof(path), "%s/cgroup.freeze", group);
	proc_write(path, "0");
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	pids = proc_read_file(path, NULL);
	for (line = pids ? strtok(pids, "\n") : NULL; line; line = strtok(NULL, "\n"))
		join(CGROUPS, atoi(line));
	free(pids);
	rmdir(group);
}

static void freeze_undo(void)
{
	empty_group(FREEZER);
}

/* Stopped, looked at, and let go. */
static void trace(void)
{
	for (;;) {
		pid_t pid = any_victim();
		int status;

		if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
			continue;
		if (!ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) && waitpid(pid, &status, __WALL) == pid &&
		    WIFSTOPPED(status)) {
			self->count++;
			usleep(1000);
		}
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		usleep(5000);
	}
}

static void eat(void)
{
	size_t size = 64 * MIB, i;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (i = 0; i < size; i += PAGE)
		at[i] = 1;
	_exit(0);
}

/* In a group of its own, so that the rest of the machine goes on. */
static void starve(void)
{
	if (proc_write(CGROUPS "/cgroup.subtree_control", "+memory") ||
	    (mkdir(HUNGRY, 0755) && errno != EEXIST) || proc_write(HUNGRY "/memory.max", "16M"))
		missing("control groups with memory limits");
	proc_write(HUNGRY "/memory.swap.max", "0");
	for (;;) {
		pid_t pid = fork();
		int status = 0;

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			join(HUNGRY, getpid());
			eat();
		}
		waitpid(pid, &status, 0);
		self->count += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		usleep(100000);
	}
}

static void starve_undo(void)
{
	empty_group(HUNGRY);
}

/* Tracers of everyone, killed at any moment of their lives. */
static void count_and_die(void)
{
	static const char *const commands[] = { "stat", "cow", "faults", "tlb" };
	unsigned int i;

	for (i = 0;; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			int null = open("/dev/null", O_RDWR);

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			dup2(null, 1);
			dup2(null, 2);
			execlp("mmscope", "mmscope", commands[i % 4], "-a", "-d", "3", NULL);
			_exit(127);
		}
		usleep(i % 3 ? 200000 + rand() % 3000000 : 10000000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status))
			missing("mmscope, or eBPF");
		self->count++;
	}
}

static const struct {
	const char *name;
	void (*func)(void);
	void (*undo)(void);
} kinds[] = {
	{ "processors go and come", plug, unplug_undo },
	{ "frozen", freeze, freeze_undo },
	{ "traced", trace, NULL },
	{ "killed for want of memory", starve, starve_undo },
	{ "tracers that are killed", count_and_die, NULL },
};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct disturb *disturb_open(unsigned int *nr)
{
	struct disturb *board = mmap(NULL, NR_KINDS * sizeof(*board), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++)
		snprintf(board[i].name, sizeof(board[i].name), "%s", kinds[i].name);
	*nr = NR_KINDS;
	return board;
}

void disturb_close(struct disturb *board, unsigned int nr)
{
	munmap(board, nr * sizeof(*board));
}

pid_t disturb_run(void (*func)(void *arg), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srand(getpid());
	func(arg);
	fflush(stdout);
	_exit(0);
}

static void run_kind(void *kind)
{
	kinds[*(unsigned int *)kind].func();
}

void disturb_start(struct disturb *disturb, unsigned int kind)
{
	self = disturb;
	disturb->pid = disturb_run(run_kind, &kind);
}

void disturb_stop(struct disturb *disturb)
{
	unsigned int i;

	kill(disturb->pid, SIGKILL);
	waitpid(disturb->pid, NULL, 0);
	for (i = 0; i < NR_KINDS; i++)
		if (!strcmp(kinds[i].name, disturb->name) && kinds[i].undo)
			kinds[i].undo();
}
