/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Starting a command that waits for a word before its first instruction, so that it can be counted
 * from there. Knows nothing of counting.
 */
#ifndef MMS_LAUNCH_H
#define MMS_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * struct mms_launch - a command being started, or running
 * @pid: of the command
 * @pidfd: readable once the command has exited
 * @argv: the command's words, NULL at the end
 * @go: the word is given by closing this end of a pipe, or by a byte: private, as are the next
 * @wait: the other end
 * @done: closed by the kernel when the program has been executed, or could not be
 * @doing: the other end
 * @ends: those three which the process uses or closes, as they were when it was made: it shares the
 *	memory, but not the files, so that what changes above is not for it
 * @mask: signals blocked in the command
 * @to_stderr: the command's standard output
 * @error: errno of the failure to execute it; written by the command's process, atomically
 * @stack: on which it waits
 * @stack_size: bytes
 */
struct mms_launch {
	pid_t pid;
	int pidfd;
	char **argv;
	int go, wait;
	int done, doing;
	struct {
		int go, wait, done;
	} ends;
	sigset_t mask;
	bool to_stderr;
	int error;
	void *stack;
	size_t stack_size;
};

/**
 * mms_launch_prepare() - make the process of a command, which waits
 * @launch: filled in; must stay where it is until mms_launch_go(); for mms_launch_close()
 * @argv: the command's words, NULL at the end
 * @mask: signals to be blocked in the command
 * @to_stderr: what it writes to standard output goes to standard error
 *
 * The process shares this one's memory until it executes the command, as vfork(2) has it: nothing
 * that happens before is charged to its PID by those who charge by address space.
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_launch_prepare(struct mms_launch *launch, char **argv, const sigset_t *mask,
		       bool to_stderr);

/**
 * mms_launch_go() - let the command begin
 * @launch: prepared
 *
 * Return: 0 once the program has been executed, or the errno of execvp(3), the process being gone.
 */
int mms_launch_go(struct mms_launch *launch);

/* Waits for the end of the command. Return: its status as a shell has it: 128 + N for signal N. */
int mms_launch_status(struct mms_launch *launch);

/* What was not let begin ends here. */
void mms_launch_close(struct mms_launch *launch);

#endif /* MMS_LAUNCH_H */
