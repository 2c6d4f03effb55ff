// SPDX-License-Identifier: GPL-2.0
/*
 * Who may: without root, without one of the two capabilities, from another user namespace, nothing
 * can be opened; what was opened with them can be read without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

static pid_t target;

static const char *const system_files[] = { "version", "targets", "processes" };
static const char *const target_files[] = {
	"summary", "vmas", "tables", "pages", "translate", "records",
};
#define NR_SYSTEM 3
#define NR_TARGET 6

/* The file number @i of all: those of the system, of the target, attach and detach. */
static const char *file_path(unsigned int i)
{
	static char path[128];

	if (i < NR_SYSTEM)
		snprintf(path, sizeof(path), VIEWS_DIR "/%s", system_files[i]);
	else if (i < NR_SYSTEM + NR_TARGET)
		return views_path(target, target_files[i - NR_SYSTEM]);
	else
		snprintf(path, sizeof(path), VIEWS_DIR "/%s",
			 i == NR_SYSTEM + NR_TARGET ? "attach" : "detach");
	return path;
}
#define NR_VIEWS (NR_SYSTEM + NR_TARGET)
#define NR_FILES (NR_VIEWS + 2)

/* Gives up a capability. */
static bool drop(int capability)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[capability / 32].effective &= ~(1U << capability % 32);
	data[capability / 32].permitted &= ~(1U << capability % 32);
	return !syscall(SYS_capset, &header, data);
}

/* How many of the first @nr files open with this error. */
static unsigned int refused_with(unsigned int nr, int error)
{
	unsigned int i, count = 0;

	for (i = 0; i < nr; i++) {
		int fd = open(file_path(i), i >= NR_VIEWS ? O_WRONLY : O_RDONLY);

		count += fd < 0 && errno == error;
		if (fd >= 0)
			close(fd);
	}
	return count;
}

static int without_root(void *arg)
{
	(void)arg;
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return 100;
	return refused_with(NR_FILES, EACCES);
}

/* With all rights to files, yet nobody else's. */
static int without_admin(void *arg)
{
	(void)arg;
	return drop(CAP_SYS_ADMIN) ? refused_with(NR_FILES, EPERM) : 100;
}

static int without_ptrace(void *arg)
{
	(void)arg;
	return drop(CAP_SYS_PTRACE) ? refused_with(NR_VIEWS, EPERM) : 100;
}

/* attach itself is no process's: who may not look at one is told so when he names it. */
static int attach_without_ptrace(void *arg)
{
	(void)arg;
	if (!drop(CAP_SYS_PTRACE))
		return 100;
	return -views_attach(getppid());
}

static int hold_without_ptrace(void *arg)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "hold %d", getppid());

	(void)arg;
	if (!drop(CAP_SYS_PTRACE))
		return 100;
	return -views_write("attach", text, len);
}

/* Root of a user namespace has all capabilities, but not over those outside. */
static int in_user_namespace(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER) || proc_write("/proc/self/setgroups", "deny") ||
	    proc_write("/proc/self/uid_map", "0 0 1") || proc_write("/proc/self/gid_map", "0 0 1"))
		return 100;
	return refused_with(NR_FILES, EPERM);
}

static void enter_user_namespace(void *arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER))
		_exit(1);
}

/* Rights are those at open: of a view, for all that is read; of attach, for all that is written. */
static int read_without_rights(void *arg)
{
	int fd = open(views_path(target, "vmas"), O_RDONLY);
	int attach = open(VIEWS_DIR "/attach", O_WRONLY);
	char text[4096];
	int len;

	(void)arg;
	if (fd < 0 || attach < 0 || !drop(CAP_SYS_ADMIN) || !drop(CAP_SYS_PTRACE))
		return 100;
	if (read(fd, text, sizeof(text)) != sizeof(text))
		return 1;
	len = snprintf(text, sizeof(text), "%d", getpid());
	return write(attach, text, len) == len ? 0 : 2;
}

static void check_modes(void)
{
	struct tap_diffs diffs = { .what = "modes: 0700 and 0400, 0200 for control files, 0600 for translate" };
	struct stat st;
	unsigned int i;

	for (i = 0; i < NR_FILES; i++) {
		mode_t expected = i >= NR_VIEWS ? 0200 : 0400;

		if (strstr(file_path(i), "translate"))
			expected = 0600;
		diffs.nr_compared++;
		if (stat(file_path(i), &st) || (st.st_mode & 07777) != expected || st.st_uid)
			tap_differs(&diffs, "%s: %o", file_path(i), st.st_mode);
	}
	diffs.nr_compared += 2;
	if (stat(VIEWS_DIR, &st) || st.st_mode != (S_IFDIR | 0700) ||
	    stat(views_path(target, ""), &st) || st.st_mode != (S_IFDIR | 0700))
		tap_differs(&diffs, "a directory: %o", st.st_mode);
	tap_no_diffs(&diffs);
}

int main(void)
{
	char *before, *after;
	pid_t other;

	tap_plan(1 + 7 + 3);
	target = spawn(NULL, NULL);
	if (views_attach(target))
		tap_bail("attach: %s", strerror(errno));
	/* So that what refuses is the module and not the way there. */
	check_modes();
	before = proc_read_file(VIEWS_DIR "/targets", NULL);
	tap_eq(spawn_run(without_root, NULL), NR_FILES, "without root: no file opens");
	tap_eq(spawn_run(without_admin, NULL), NR_FILES, "without CAP_SYS_ADMIN: no file opens");
	tap_eq(spawn_run(without_ptrace, NULL), NR_VIEWS, "without CAP_SYS_PTRACE: no view opens");
	tap_eq(spawn_run(attach_without_ptrace, NULL), EPERM, "without CAP_SYS_PTRACE: no attach");
	tap_eq(spawn_run(hold_without_ptrace, NULL), EPERM, "without CAP_SYS_PTRACE: no hold");
	tap_eq(spawn_run(in_user_namespace, NULL), NR_FILES, "root of a user namespace: no file opens");
	after = proc_read_file(VIEWS_DIR "/targets", NULL);
	tap_str(after, before, "who may not has changed nothing");

	tap_eq(spawn_run(read_without_rights, NULL), 0, "what was opened before can be used after");
	other = spawn(enter_user_namespace, NULL);
	tap_result(views_attach(other), 0, "root may attach a process of a user namespace");
	tap_result(views_detach(other), 0, "and detach it");
	views_detach(target);
	spawn_end(other);
	spawn_end(target);
	return tap_done();
}
