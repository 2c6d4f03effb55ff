// SPDX-License-Identifier: GPL-2.0
/*
 * The way to the module: debugfs, ABI check, the process held.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "error.h"
#include "session.h"
#include "uapi/mmscope.h"
#include "viewfile.h"

#define DEBUGFS "/sys/kernel/debug"

static int check_debugfs(const char *debugfs)
{
	struct statfs fs;

	if (statfs(debugfs, &fs))
		return mms_fail("%s: %s", debugfs, strerror(errno));
	/* A directory named on purpose may be a copy, kept for later study. */
	if (!strcmp(debugfs, DEBUGFS) && fs.f_type != DEBUGFS_MAGIC)
		return mms_fail("debugfs is not mounted on %s (mount -t debugfs none %s)", debugfs,
				debugfs);
	return 0;
}

/* ENOENT is the module's absence, unless the directory is there. */
static int open_failed(const struct mms_session *session, const char *path, int error)
{
	if (error == EACCES || error == EPERM)
		return mms_fail("%s: %s (root is needed, with CAP_SYS_ADMIN and CAP_SYS_PTRACE; kernel lockdown forbids it)", path, strerror(error));
	if (error == ENOENT && access(session->dir, F_OK))
		return mms_fail("%s: the mmscope module is not loaded (mmscope load)",
				session->dir);
	return mms_fail("%s: %s", path, strerror(error));
}

static int check_abi(const struct mms_session *session)
{
	struct mms_viewfile file;
	unsigned int abi = 0;
	char *line;
	int fd;

	fd = mms_session_view(session, "version", O_RDONLY);
	if (fd < 0)
		return -1;
	mms_viewfile_init(&file, fd);
	while ((line = mms_viewfile_line(&file)))
		if (sscanf(line, "abi %u", &abi) == 1)
			break;
	mms_viewfile_close(&file);
	if (abi != MMS_ABI_VERSION)
		return mms_fail("the loaded module has ABI version %u, this reader knows %u: load the module it was built with (mmscope unload, mmscope load)",
				abi, MMS_ABI_VERSION);
	return 0;
}

int mms_session_open(struct mms_session *session, const char *debugfs)
{
	*session = (struct mms_session){ .hold = -1 };
	if (!debugfs)
		debugfs = DEBUGFS;
	if (check_debugfs(debugfs))
		return -1;
	if ((size_t)snprintf(session->dir, sizeof(session->dir), "%s/mmscope", debugfs) >=
	    sizeof(session->dir))
		return mms_fail("%s: %s", debugfs, strerror(ENAMETOOLONG));
	return check_abi(session);
}

/* Directories carry PIDs of the initial namespace, which this process may not be in. */
static int find_target(struct mms_session *session)
{
	struct mms_viewfile file;
	char *line, state[16];
	bool found = false;
	int fd, pid, dir;

	fd = mms_session_view(session, "targets", O_RDONLY);
	if (fd < 0)
		return -1;
	mms_viewfile_init(&file, fd);
	while (!found && (line = mms_viewfile_line(&file))) {
		found = sscanf(line, "%d %d %15s", &pid, &dir, state) == 3 &&
			pid == session->pid && !strcmp(state, "running");
		if (found)
			snprintf(session->target, sizeof(session->target), "%d", dir);
	}
	mms_viewfile_close(&file);
	return found ? 0 : mms_fail("process %d has exited", session->pid);
}

int mms_process_failed(pid_t pid, int error)
{
	switch (error) {
	case ESRCH: return mms_fail("no process has the PID %d", pid);
	case EINVAL: return mms_fail("process %d is a kernel thread: it has no address space of its own", pid);
	case EPERM: return mms_fail("process %d: not permitted (CAP_SYS_PTRACE in its user namespace is needed)", pid);
	default: return mms_fail("process %d: %s", pid, strerror(error));
	}
}

static int hold_failed(const struct mms_session *session, int error)
{
	switch (error) {
	case EEXIST: return mms_fail("an exited process is still attached as %d (echo %d > %s/detach)", session->pid, session->pid, session->dir);
	case ENOSPC: return mms_fail("too many processes are attached (module parameter max_targets)");
	default: return mms_process_failed(session->pid, error);
	}
}

static int parse_pid(const char *who, pid_t *pid)
{
	char *end;
	long value;

	if (!strcmp(who, "self")) {
		*pid = getpid();
		return 0;
	}
	errno = 0;
	value = strtol(who, &end, 10);
	if (*who < '0' || *who > '9' || *end || errno || value < 1 || value > 1 << 30)
		return mms_fail("not a PID: '%s'", who);
	*pid = value;
	return 0;
}

/* What is written to "attach" lasts as long as the file is open. */
int mms_session_hold(struct mms_session *session, const char *who)
{
	char path[300], request[32];
	int len;

	if (parse_pid(who, &session->pid))
		return -1;
	snprintf(path, sizeof(path), "%s/attach", session->dir);
	session->hold = open(path, O_WRONLY | O_CLOEXEC);
	if (session->hold < 0)
		return open_failed(session, path, errno);
	len = snprintf(request, sizeof(request), "hold %d", session->pid);
	if (write(session->hold, request, len) != len)
		return hold_failed(session, errno);
	return find_target(session);
}

int mms_session_view(const struct mms_session *session, const char *name, int flags)
{
	char path[320];
	int fd;

	snprintf(path, sizeof(path), "%s/%s%s%s", session->dir, session->target,
		 *session->target ? "/" : "", name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? open_failed(session, path, errno) : fd;
}

void mms_session_close(struct mms_session *session)
{
	if (session->hold >= 0)
		close(session->hold);
	session->hold = -1;
}

int mms_view_failed(const struct mms_session *session, const char *view, int error)
{
	if (error == ESRCH)
		return mms_fail("process %d has exited", session->pid);
	return mms_fail("%s: %s", view, strerror(error));
}
