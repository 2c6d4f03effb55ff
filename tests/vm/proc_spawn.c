// SPDX-License-Identifier: GPL-2.0
/*
 * Processes made for a test: see proc_spawn.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "proc_spawn.h"

static void give_up(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(2);
}

void spawn_rest(void)
{
	for (;;)
		pause();
}

static void run_child(int ready, void (*func)(void *arg), void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (func)
		func(arg);
	if (write(ready, "", 1) != 1)
		_exit(1);
	close(ready);
	spawn_rest();
}

static pid_t spawn_clone(struct clone_args *args, void (*func)(void *arg), void *arg)
{
	int ready[2];
	pid_t pid;
	char byte;

	fflush(stdout);
	if (pipe(ready))
		give_up("pipe");
	args->exit_signal = SIGCHLD;
	pid = syscall(SYS_clone3, args, sizeof(*args));
	if (pid < 0)
		give_up("clone");
	if (!pid) {
		close(ready[0]);
		run_child(ready[1], func, arg);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1 || !proc_wait_idle(pid, 60))
		give_up("a child");
	close(ready[0]);
	return pid;
}

pid_t spawn_with(unsigned long flags, void (*func)(void *arg), void *arg)
{
	struct clone_args args = { .flags = flags };

	return spawn_clone(&args, func, arg);
}

pid_t spawn(void (*func)(void *arg), void *arg)
{
	return spawn_with(0, func, arg);
}

pid_t spawn_numbered(pid_t pid, void (*func)(void *arg), void *arg)
{
	struct clone_args args = { .set_tid = (uintptr_t)&pid, .set_tid_size = 1 };

	return spawn_clone(&args, func, arg);
}

void spawn_kill(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
}

void spawn_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int spawn_run(int (*func)(void *arg), void *arg)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid)
		_exit(func(arg));
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
