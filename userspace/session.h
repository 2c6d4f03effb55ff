/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way to the module: where debugfs is, whether module and reader understand each other, which
 * process is looked at. Knows the files' names, not what is in them.
 */
#ifndef MMS_SESSION_H
#define MMS_SESSION_H

#include <sys/types.h>

/**
 * struct mms_session - the module, and a process held
 * @dir: the module's directory
 * @pid: the process held, 0 if none
 * @target: its directory's name in @dir
 * @hold: open file that keeps it attached, or -1
 */
struct mms_session {
	char dir[256];
	pid_t pid;
	char target[16];
	int hold;
};

/**
 * mms_session_open() - find the module and check that it speaks this reader's ABI
 * @session: filled in; to be closed with mms_session_close() if this succeeds
 * @debugfs: where debugfs is mounted, or NULL for /sys/kernel/debug
 *
 * Return: 0, or -1 with mms_failure() set: no rights, no debugfs, no module, another ABI.
 */
int mms_session_open(struct mms_session *session, const char *debugfs);

/**
 * mms_session_hold() - attach a process for as long as the session lasts
 * @session: an open session without a process
 * @who: a PID in decimal, or "self"
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_session_hold(struct mms_session *session, const char *who);

/**
 * mms_session_view() - open a view
 * @session: an open session
 * @name: of a view of the process held, or if none is, of the whole system
 * @flags: for open(2)
 *
 * Return: a file descriptor, or -1 with mms_failure() set.
 */
int mms_session_view(const struct mms_session *session, const char *name, int flags);

void mms_session_close(struct mms_session *session);

/* Sets mms_failure() for an errno of the module's when it was given a PID. Return: -1. */
int mms_process_failed(pid_t pid, int error);

/* Sets mms_failure() for an errno met while reading a view. Return: -1. */
int mms_view_failed(const struct mms_session *session, const char *view, int error);

#endif /* MMS_SESSION_H */
