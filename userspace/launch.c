// SPDX-License-Identifier: GPL-2.0
/*
 * Starting a command that waits for a word before its first instruction.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "launch.h"

/* execvp() takes its copy of the words, and of each directory of PATH, from the stack. */
#define STACK_SIZE (256 * 1024)

/*
 * Runs in the command's process, in its parent's memory but with its own files and signals. errno is
 * shared as well: from the word on, the parent is in a read() until the memory is its own.
 */
static __attribute__((no_sanitize("address"))) int command_process(void *arg)
{
	struct mms_launch *launch = arg;
	char word;

	close(launch->ends.go);
	close(launch->ends.done);
	/* The end of the file: whoever should give the word is no more. */
	if (read(launch->ends.wait, &word, 1) != 1)
		_exit(127);
	if (launch->to_stderr)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	sigprocmask(SIG_SETMASK, &launch->mask, NULL);
	execvp(launch->argv[0], launch->argv);
	__atomic_store_n(&launch->error, errno, __ATOMIC_RELEASE);
	_exit(127);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int make_pipes(struct mms_launch *launch)
{
	int word[2], result[2];

	if (pipe2(word, O_CLOEXEC))
		return -1;
	launch->wait = word[0];
	launch->go = word[1];
	if (pipe2(result, O_CLOEXEC))
		return -1;
	launch->done = result[0];
	launch->doing = result[1];
	return 0;
}

static int make_process(struct mms_launch *launch)
{
	size_t words = 0;

	while (launch->argv[words])
		words++;
	launch->stack_size = STACK_SIZE + 16 * words;
	launch->stack = mmap(NULL, launch->stack_size, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (launch->stack == MAP_FAILED) {
		launch->stack = NULL;
		return -1;
	}
	launch->ends.go = launch->go;
	launch->ends.wait = launch->wait;
	launch->ends.done = launch->done;
	launch->pid = clone(command_process,
			    (char *)launch->stack + (launch->stack_size & ~15UL),
			    CLONE_VM | CLONE_PIDFD | SIGCHLD, launch, &launch->pidfd);
	return launch->pid < 0 ? -1 : 0;
}

int mms_launch_prepare(struct mms_launch *launch, char **argv, const sigset_t *mask,
		       bool to_stderr)
{
	int err;

	*launch = (struct mms_launch){ .pid = -1, .pidfd = -1, .argv = argv, .go = -1, .wait = -1,
				       .done = -1, .doing = -1, .mask = *mask,
				       .to_stderr = to_stderr };
	err = make_pipes(launch);
	if (!err)
		err = make_process(launch);
	if (err) {
		mms_fail("%s: %s", argv[0], strerror(errno));
		mms_launch_close(launch);
		return -1;
	}
	close_end(&launch->doing);
	return 0;
}

int mms_launch_go(struct mms_launch *launch)
{
	char word = 'g';
	ssize_t got;
	int error;

	/* With this reader the pipe takes it, also if the process was killed meanwhile. */
	if (write(launch->go, &word, 1) != 1)
		return errno;
	close_end(&launch->go);
	close_end(&launch->wait);
	do
		got = read(launch->done, &word, 1);
	while (got < 0 && errno == EINTR);
	close_end(&launch->done);
	error = __atomic_load_n(&launch->error, __ATOMIC_ACQUIRE);
	if (error)
		mms_launch_status(launch);
	return error;
}

int mms_launch_status(struct mms_launch *launch)
{
	int status = 0;
	pid_t got;

	if (launch->pid < 0)
		return 127;
	do
		got = waitpid(launch->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	launch->pid = -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void mms_launch_close(struct mms_launch *launch)
{
	bool waiting = launch->go >= 0;

	close_end(&launch->go);
	if (waiting && launch->pid >= 0)
		mms_launch_status(launch);
	close_end(&launch->wait);
	close_end(&launch->done);
	close_end(&launch->doing);
	close_end(&launch->pidfd);
	/* It has its own memory by now, or has ended. */
	if (launch->stack)
		munmap(launch->stack, launch->stack_size);
	launch->stack = NULL;
}
