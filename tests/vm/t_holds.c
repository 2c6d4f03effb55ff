// SPDX-License-Identifier: GPL-2.0
/*
 * "hold PID" written to attach: the process is a target for as long as that file is open, by whom
 * ever, and beside being attached by name.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

/* An open control file that holds @pid. Return: the file, or -errno. */
static int hold(pid_t pid)
{
	int fd = open(VIEWS_DIR "/attach", O_WRONLY);
	char text[32];
	int len = snprintf(text, sizeof(text), "hold %d\n", pid), err;

	if (fd < 0)
		tap_bail("attach: %s", strerror(errno));
	if (write(fd, text, len) == len)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static void check_row(pid_t pid, const char *state, const char *what)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%d %d %s", pid, pid, state);
	tap_str(views_target(pid), state ? expected : "no row", "%s", what);
}

static void check_one(pid_t pid)
{
	int fd = hold(pid);
	char *text;

	check_row(pid, "running no 1", "a hold makes a target");
	text = views_read(pid, "summary", NULL);
	tap_ok(text, "its views can be read");
	free(text);
	tap_result(write(fd, "hold 1", 6) < 0 ? -errno : 6, -EBUSY, "a second hold of one open file");
	tap_result(views_detach(pid), -ESRCH, "it is not attached by name");
	close(fd);
	check_row(pid, NULL, "it ends with the file");
	tap_ok(access(views_path(pid, "summary"), F_OK), "and so does its directory");
}

static void check_many(pid_t pid)
{
	int one = hold(pid), two = hold(pid), three;

	check_row(pid, "running no 2", "two holds");
	tap_result(views_attach(pid), 0, "attached by name besides");
	three = hold(pid);
	check_row(pid, "running yes 3", "three holds, attached");
	tap_result(views_attach(pid), -EEXIST, "attached by name once only");
	close(one);
	tap_result(views_detach(pid), 0, "detached while held");
	check_row(pid, "running no 2", "two holds are left");
	close(two);
	close(three);
	check_row(pid, NULL, "none is left");
}

static void check_shared(pid_t pid)
{
	int fd = hold(pid), other = dup(fd);

	close(fd);
	check_row(pid, "running no 1", "the file is still open by its second descriptor");
	close(other);
	check_row(pid, NULL, "it is not any more");
}

static void hold_it(void *arg)
{
	hold(*(pid_t *)arg);
}

/* However the holder ends. */
static void check_killed(pid_t pid)
{
	pid_t holder = spawn(hold_it, &pid);

	check_row(pid, "running no 1", "held by another process");
	spawn_end(holder);
	check_row(pid, NULL, "the holder was killed");
}

static void check_exited(void)
{
	pid_t pid = spawn(NULL, NULL);
	int fd = hold(pid);

	spawn_kill(pid);
	check_row(pid, "exited no 1", "a held process has exited");
	tap_result(hold(pid), -ESRCH, "an exited process cannot be held");
	close(fd);
	check_row(pid, NULL, "let go");
	spawn_end(pid);
}

/* What is held is a target like others: it counts, and open files survive its end. */
static void check_counts(pid_t pid)
{
	int fd = hold(pid), view = open(views_path(pid, "summary"), O_RDONLY);
	char byte;

	/* However many others there may be. */
	proc_write("/sys/module/mmscope/parameters/max_targets", "1");
	tap_result(hold(getpid()), -ENOSPC, "a held process counts as a target");
	proc_write("/sys/module/mmscope/parameters/max_targets", "1024");
	close(fd);
	tap_result(read(view, &byte, 1) < 0 ? -errno : 1, -EIO, "a view is open when the hold ends");
	close(view);
}

/* What was refused holds nothing, and leaves the open file free for another. */
static void check_refused(pid_t pid)
{
	int fd = open(VIEWS_DIR "/attach", O_WRONLY);
	char text[32];
	int len = snprintf(text, sizeof(text), "hold %d", pid);

	tap_result(write(fd, "hold 4194303", 12) < 0 ? -errno : 12, -ESRCH, "a hold of nobody");
	tap_result(write(fd, text, len), len, "then one of somebody, by the same open file");
	check_row(pid, "running no 1", "it holds");
	close(fd);
}

int main(void)
{
	pid_t pid = spawn(NULL, NULL);

	tap_plan(6 + 7 + 2 + 2 + 3 + 2 + 3 + 1);
	check_one(pid);
	check_many(pid);
	check_shared(pid);
	check_killed(pid);
	check_exited();
	check_counts(pid);
	check_refused(pid);
	check_row(pid, NULL, "nothing is left");
	spawn_end(pid);
	return tap_done();
}
