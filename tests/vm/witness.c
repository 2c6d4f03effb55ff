// SPDX-License-Identifier: GPL-2.0
/*
 * What the tests of tracers.sh ask the kernel, and the crowds that it has counted.
 *
 *	witness probes NAME...		how often each tracepoint is enabled
 *	witness usage FILE CMD...	runs CMD; minor and major faults of all it ran, as wait4() has
 *					them, go to FILE
 *	witness kill CALL N PATH CMD...	kills CMD when it is about to make its Nth system call of that
 *					name, on an open file of that path unless PATH is "-"; says how
 *					many it has made. Status 0: killed, 1: it ended before
 *	witness crowd N PAGES		N processes that live at the same time, each having written to
 *					as many pages shared since its fork
 *	witness births N M PAGES	N processes that share all memory and end at once; then M that
 *					write to pages, one after the other
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "tlb_witness.h"

static int probes(char **names)
{
	for (; *names; names++)
		printf("%s %ld\n", *names, tracepoint_enabled(*names));
	return 0;
}

static int usage(const char *path, char **command)
{
	struct rusage used;
	int status = 0, ended;
	pid_t first, pid;
	FILE *file;

	/* Who has lost its parent comes to this process. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	first = fork();
	if (!first) {
		execvp(command[0], command);
		_exit(127);
	}
	while ((pid = wait(&ended)) > 0 || errno == EINTR)
		if (pid == first)
			status = ended;
	getrusage(RUSAGE_CHILDREN, &used);
	file = fopen(path, "we");
	if (!file || fprintf(file, "%ld %ld\n", used.ru_minflt, used.ru_majflt) < 0 || fclose(file))
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static const struct {
	const char *name;
	unsigned int nr;
} calls[] = { { "bpf", SYS_bpf }, { "write", SYS_write }, { "clone", SYS_clone } };

/* In the child: stops at such calls only; others are not slowed down. */
static int traced(unsigned int call, char **command)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 127;
	execvp(command[0], command);
	return 127;
}

/* Is the call on that file? */
static bool concerns(pid_t pid, const char *path)
{
	struct user_regs_struct regs;
	char link[64], target[PATH_MAX];
	ssize_t len;

	if (!strcmp(path, "-"))
		return true;
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs))
		return false;
	snprintf(link, sizeof(link), "/proc/%d/fd/%llu", pid, regs.rdi);
	len = readlink(link, target, sizeof(target));
	return len == (ssize_t)strlen(path) && !memcmp(target, path, len);
}

static int kill_at(unsigned int call, unsigned int nr, const char *path, char **command)
{
	unsigned int seen = 0;
	int status, signal;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(traced(call, command));
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		   PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL))
		return 2;
	for (signal = 0; !ptrace(PTRACE_CONT, pid, NULL, signal);) {
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			break;
		signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
		if (status >> 8 != (SIGTRAP | PTRACE_EVENT_SECCOMP << 8) || !concerns(pid, path) ||
		    ++seen != nr)
			continue;
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		break;
	}
	printf("%u\n", seen);
	return !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static int kill_command(char **argv)
{
	for (unsigned int i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(argv[0], calls[i].name))
			return kill_at(calls[i].nr, atoi(argv[1]), argv[2], argv + 3);
	return 2;
}

static volatile char *new_pages(size_t nr)
{
	volatile char *pages = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || madvise((void *)pages, nr * PAGE, MADV_NOHUGEPAGE))
		exit(2);
	return pages;
}

static void write_pages(volatile char *pages, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		pages[i * PAGE] = 1;
}

/* Each says that it is there by a byte, and stays until the other pipe is closed. */
static int crowd(size_t nr, size_t nr_pages)
{
	volatile char *pages = new_pages(nr_pages);
	pid_t *pids = calloc(nr, sizeof(*pids));
	int there[2], stay[2], status, bad = 0;
	char byte = 0;
	size_t i;

	write_pages(pages, nr_pages);
	if (!pids || pipe(there) || pipe(stay))
		return 2;
	for (i = 0; i < nr; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			return 3;
		if (pids[i])
			continue;
		close(stay[1]);
		write_pages(pages, nr_pages);
		_exit(write(there[1], &byte, 1) != 1 || read(stay[0], &byte, 1) != 0);
	}
	for (i = 0; i < nr; i++)
		bad |= read(there[0], &byte, 1) != 1;
	close(stay[1]);
	for (i = 0; i < nr; i++)
		/* By name: who waits for anyone looks at all of them each time. */
		bad |= waitpid(pids[i], &status, 0) != pids[i] || status;
	return bad;
}

static int end_at_once(void *arg)
{
	(void)arg;
	_exit(0);
}

static int births(size_t nr, size_t nr_writers, size_t nr_pages)
{
	static char stack[1 << 14] __attribute__((aligned(16)));
	volatile char *pages = new_pages(nr_pages);
	size_t i;

	write_pages(pages, nr_pages);
	for (i = 0; i < nr; i++)
		if (clone(end_at_once, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL) < 0 ||
		    wait(NULL) < 0)
			return 3;
	for (i = 0; i < nr_writers; i++) {
		if (!fork()) {
			write_pages(pages, nr_pages);
			_exit(0);
		}
		if (wait(NULL) < 0)
			return 3;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "probes"))
		return probes(argv + 2);
	if (argc > 3 && !strcmp(argv[1], "usage"))
		return usage(argv[2], argv + 3);
	if (argc > 5 && !strcmp(argv[1], "kill"))
		return kill_command(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "crowd"))
		return crowd(atol(argv[2]), atol(argv[3]));
	if (argc == 5 && !strcmp(argv[1], "births"))
		return births(atol(argv[2]), atol(argv[3]), atol(argv[4]));
	return 2;
}
