// SPDX-License-Identifier: GPL-2.0
/*
 * What the module shows to others: the modes of all its files, what a file is good for that was opened
 * by who had the right, what is in the kernel's log. Who may open a file is t_rights'.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>

#include "proc_spawn.h"
#include "rights.h"
#include "tap.h"
#include "views.h"

static void be_roots(void)
{
	rights_whoms[0].become();
}

static const struct file *file_named(const char *name, bool of_target)
{
	unsigned int i;

	for (i = 0; i < NR_FILES; i++)
		if (!strcmp(rights_files[i].name, name) &&
		    (rights_files[i].kind == TARGET) == of_target)
			return &rights_files[i];
	return NULL;
}

/* What is in a directory. Return: how many files. */
static unsigned int check_directory(const char *path, bool of_target, struct tap_diffs *diffs)
{
	DIR *entries = opendir(path);
	unsigned int nr = 0;
	struct dirent *entry;
	struct stat st;

	if (fstat(dirfd(entries), &st) || st.st_mode != (S_IFDIR | 0700) || st.st_uid || st.st_gid)
		tap_differs(diffs, "%s: %o", path, st.st_mode);
	while ((entry = readdir(entries))) {
		const struct file *file = file_named(entry->d_name, of_target);

		if (*entry->d_name == '.' || (entry->d_type == DT_DIR && !of_target))
			continue;
		nr++;
		if (fstatat(dirfd(entries), entry->d_name, &st, 0) || !file ||
		    st.st_mode != (S_IFREG | file->mode) || st.st_uid || st.st_gid)
			tap_differs(diffs, "%s/%s: %o", path, entry->d_name, st.st_mode);
	}
	closedir(entries);
	return nr;
}

static void check_modes(void)
{
	struct tap_diffs diffs = { .what = "modes: nothing is for others" };

	rights_start(be_roots);
	diffs.nr_compared = check_directory(VIEWS_DIR, false, &diffs) +
			    check_directory(views_path(rights_target, ""), true, &diffs);
	if (diffs.nr_compared != NR_FILES)
		tap_differs(&diffs, "there are %llu files, not %d",
			    (unsigned long long)diffs.nr_compared, NR_FILES);
	tap_no_diffs(&diffs);
	rights_end();
}

/* Rights are those at open: of a view, for all that is read; of a control file, for what is written. */
static int read_without_rights(void *arg)
{
	int fd = open(views_path(rights_target, "vmas"), O_RDONLY);
	int attach = open(VIEWS_DIR "/attach", O_WRONLY);
	int detach = open(VIEWS_DIR "/detach", O_WRONLY);
	char text[4096];
	int len;

	(void)arg;
	if (fd < 0 || attach < 0 || detach < 0 || !rights_keep(0))
		return 100;
	if (read(fd, text, sizeof(text)) <= 0)
		return 1;
	len = snprintf(text, sizeof(text), "%d", getpid());
	if (write(attach, text, len) != len)
		return 2;
	return write(detach, text, len) == len ? 0 : 3;
}

/* Asked by USER, who has made its user namespace: while it runs something else, and after. */
static int read_before_and_after(void *go)
{
	const struct who who = { USER, BIT(CAP_SYS_ADMIN) | BIT(CAP_DAC_OVERRIDE), false };
	char byte;
	int fd;

	rights_become(&who);
	fd = open(views_path(rights_target, "summary"), O_RDONLY);
	if (fd < 0 || pread(fd, &byte, 1, 0) != 1 || write(*(int *)go, "\n", 1) != 1)
		return 100;
	do
		usleep(1000);
	while (proc_status(rights_target, "VmExe") > 64);
	if (!proc_wait_idle(rights_target, 60))
		return 101;
	return pread(fd, &byte, 1, 0) < 0 ? errno : 0;
}

static int wait_fd;

/* Executes the secret program when something can be read. */
static void be_changing(void)
{
	const struct who user = { USER, 0, false };
	char command[128];

	rights_become(&user);
	snprintf(command, sizeof(command), "read line <&%d; exec %s 1000", wait_fd, rights_secret);
	if (!unshare(CLONE_NEWUSER))
		execl("/bin/bash", "bash", "-c", command, NULL);
}

static void check_changing(void)
{
	int go[2];

	if (pipe(go))
		tap_bail("pipe");
	wait_fd = go[0];
	rights_start(be_changing);
	tap_eq(spawn_run(read_before_and_after, &go[1]), EPERM,
	       "a view opened before its process runs a program that the opener cannot read");
	rights_end();
	close(go[0]);
	close(go[1]);
}

/* Numbers of 16 digits that are addresses of the kernel's half. */
static unsigned int kernel_addresses(const char *text)
{
	unsigned int nr = 0;

	for (; (text = strstr(text, "ffff")); text += 4)
		nr += strspn(text, "0123456789abcdef") >= 16;
	return nr;
}

static void check_addresses(void)
{
	struct tap_diffs diffs = { .what = "no view shows an address of the kernel's" };
	unsigned int i;

	rights_start(be_roots);
	for (i = 0; i < NR_FILES; i++) {
		char *text;

		if (rights_files[i].kind == CONTROL || !strcmp(rights_files[i].name, "records"))
			continue;
		text = proc_read_file(rights_path(&rights_files[i]), NULL);
		diffs.nr_compared++;
		if (!text || kernel_addresses(text))
			tap_differs(&diffs, "%s: %s", rights_files[i].name, text ?: strerror(errno));
		free(text);
	}
	tap_no_diffs(&diffs);
	rights_end();
}

/* The kernel's log since @fd was opened. */
static void check_log(int fd)
{
	struct tap_diffs diffs = { .what = "the kernel's log: no line of the module's, no address" };
	char record[8192];
	ssize_t len;

	/* So that there is one line at least. */
	if (!proc_write("/dev/kmsg", "t_exposed has ended\n"))
		while ((len = read(fd, record, sizeof(record) - 1)) > 0) {
			record[len] = '\0';
			diffs.nr_compared++;
			if (strstr(record, "mmscope") || kernel_addresses(record))
				tap_differs(&diffs, "%s", record);
		}
	tap_no_diffs(&diffs);
}

int main(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	tap_plan(1 + 2 + 1 + 1);
	if (lseek(log, 0, SEEK_END))
		tap_bail("/dev/kmsg: %s", strerror(errno));
	rights_open();
	check_modes();
	rights_start(be_roots);
	tap_eq(spawn_run(read_without_rights, NULL), 0, "what was opened before can be used after");
	rights_end();
	check_changing();
	check_addresses();
	check_log(log);
	rights_close();
	return tap_done();
}
