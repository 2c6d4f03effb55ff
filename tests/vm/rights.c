// SPDX-License-Identifier: GPL-2.0
/*
 * Who asks, what for, and about whom: see rights.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "proc_spawn.h"
#include "rights.h"
#include "tap.h"
#include "views.h"

pid_t rights_target;
char rights_secret[64];
static char dir[] = "/run/rights.XXXXXX", setuid_program[64];
static struct stat way;

const struct file rights_files[NR_FILES] = {
	{ "version", SYSTEM, 0400 },   { "targets", SYSTEM, 0400 }, { "processes", SYSTEM, 0400 },
	{ "tlb", SYSTEM, 0400 },       { "cow", SYSTEM, 0400 },	    { "faults", SYSTEM, 0400 },
	{ "attach", CONTROL, 0200 },   { "detach", CONTROL, 0200 }, { "count", CONTROL, 0600 },
	{ "tracer", CONTROL, 0600 },   { "summary", TARGET, 0400 }, { "vmas", TARGET, 0400 },
	{ "tables", TARGET, 0400 },    { "pages", TARGET, 0400 },   { "records", TARGET, 0400 },
	{ "translate", TARGET, 0600 }, { "tlb", TARGET, 0400 },	    { "cow", TARGET, 0400 },
	{ "faults", TARGET, 0400 },
};

const char *rights_path(const struct file *file)
{
	return views_path(file->kind == TARGET ? rights_target : 0, file->name);
}

int rights_flags(const struct file *file)
{
	return file->mode == 0400 ? O_RDONLY : file->mode == 0200 ? O_WRONLY : O_RDWR;
}

bool rights_keep(u64 capabilities)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	unsigned int i;

	if (syscall(SYS_capget, &header, data))
		return false;
	for (i = 0; i < 2; i++) {
		data[i].permitted &= capabilities >> (32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return !syscall(SYS_capset, &header, data);
}

static void become_user(void)
{
	if (setgroups(0, NULL) || setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		_exit(100);
}

void rights_become(const struct who *who)
{
	if (who->uid && prctl(PR_SET_KEEPCAPS, 1))
		_exit(100);
	if (who->uid)
		become_user();
	if (who->in_namespace ? unshare(CLONE_NEWUSER) : !rights_keep(who->capabilities))
		_exit(100);
}

/*
 * The kinds of targets. Each executes, for an address space belongs to the user namespace that it began
 * in.
 */

static void execute(const char *program)
{
	execl(program, "target", "1000", NULL);
	_exit(100);
}

static void be_roots(void)
{
	execute("/bin/sleep");
}

static void be_users(void)
{
	become_user();
	execute("/bin/sleep");
}

static void be_setuid(void)
{
	become_user();
	execute(setuid_program);
}

static void be_in_namespace(void)
{
	become_user();
	if (!unshare(CLONE_NEWUSER))
		execute("/bin/sleep");
}

/* Whose program he may not read is not his, whatever his namespace. */
static void be_secret(void)
{
	become_user();
	if (!unshare(CLONE_NEWUSER))
		execute(rights_secret);
}

const struct whom rights_whoms[NR_WHOMS] = {
	{ "root's process", be_roots, false, false },
	{ "the user's own process", be_users, false, false },
	{ "a setuid program that the user runs", be_setuid, false, true },
	{ "a process of a user namespace that the user has made", be_in_namespace, true, false },
	{ "the same, which runs a program that the user cannot read", be_secret, false, false },
};

/* The file a process executes. */
static struct stat program_of(const char *pid)
{
	struct stat program;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	if (stat(path, &program))
		tap_bail("%s: %s", path, strerror(errno));
	return program;
}

/* Waits until @pid executes another program, and rests in it. */
static void wait_executed(pid_t pid)
{
	const ino_t own = program_of("self").st_ino;
	char number[16];

	snprintf(number, sizeof(number), "%d", pid);
	while (program_of(number).st_ino == own)
		usleep(1000);
	if (!proc_wait_idle(pid, 60))
		tap_bail("the target does not rest");
}

void rights_start(void (*become)(void))
{
	fflush(stdout);
	rights_target = fork();
	if (!rights_target) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		become();
		_exit(100);
	}
	wait_executed(rights_target);
	if (views_attach(rights_target))
		tap_bail("attach: %s", strerror(errno));
}

bool rights_is_setuid(void)
{
	char path[64], *status;
	bool is;

	snprintf(path, sizeof(path), "/proc/%d/status", rights_target);
	status = proc_read_file(path, NULL);
	is = status && strstr(status, "\nUid:\t65534\t0\t0\t");
	free(status);
	return is;
}

void rights_end(void)
{
	views_detach(rights_target);
	spawn_end(rights_target);
}

/* A copy of sleep in a directory of this test's. */
static void make_program(char *path, const char *name, mode_t mode)
{
	char *bytes;
	size_t len;
	FILE *copy;

	snprintf(path, 64, "%s/%s", dir, name);
	bytes = proc_read_file("/bin/sleep", &len);
	copy = fopen(path, "w");
	if (!bytes || !copy || fwrite(bytes, 1, len, copy) != len || fclose(copy) ||
	    chmod(path, mode))
		tap_bail("%s: %s", path, strerror(errno));
	free(bytes);
}

void rights_open(void)
{
	if (!mkdtemp(dir) || chmod(dir, 0755))
		tap_bail("%s: %s", dir, strerror(errno));
	make_program(rights_secret, "secret", 0111);
	make_program(setuid_program, "setuid", 04755);
	/* So that it is not the way there that refuses. */
	if (stat("/sys/kernel/debug", &way) || chmod("/sys/kernel/debug", 0755))
		tap_bail("/sys/kernel/debug: %s", strerror(errno));
}

void rights_close(void)
{
	chmod("/sys/kernel/debug", way.st_mode & 07777);
	unlink(rights_secret);
	unlink(setuid_program);
	rmdir(dir);
}
