// SPDX-License-Identifier: GPL-2.0
/*
 * Who may open which file of the module, and name which process in it: root and a user, with each
 * capability alone, with all but each, and in a user namespace; with the modes as they are made, and
 * with all modes open, so that nothing but the module refuses. They are judged by may_look() and
 * expected_of(), which are README's table.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "proc_spawn.h"
#include "rights.h"
#include "tap.h"
#include "views.h"

/* Whether every mode is open. */
static bool opened;

/* What a child found; it prints nothing. */
static struct found {
	unsigned int nr_compared, nr;
	char text[TAP_MAX_DIFFS][160];
} *found;

/* The table: may he look at this target? */
static bool may_look(const struct who *who, const struct whom *whom)
{
	return (who->capabilities & BIT(CAP_SYS_ADMIN)) &&
	       ((who->capabilities & BIT(CAP_SYS_PTRACE)) || (whom->owned && who->uid == USER));
}

/* The way to a file is for its owner, or who may go everywhere. */
static bool may_reach(const struct who *who, const struct file *file)
{
	u64 any = BIT(CAP_DAC_OVERRIDE);

	if (file->mode == 0400)
		any |= BIT(CAP_DAC_READ_SEARCH);
	return opened || !who->uid || (who->capabilities & any);
}

/* With what error a file opens, or 0. */
static int expected_of(const struct who *who, const struct whom *whom, const struct file *file)
{
	if (!may_reach(who, file))
		return EACCES;
	if (!(who->capabilities & BIT(CAP_SYS_ADMIN)))
		return EPERM;
	if (file->kind == TARGET)
		return may_look(who, whom) ? 0 : EPERM;
	return file->kind == CONTROL || (who->capabilities & BIT(CAP_SYS_PTRACE)) ? 0 : EPERM;
}

static void compare(const struct who *who, const char *what, int got, int expected)
{
	found->nr_compared++;
	if (got == expected || found->nr++ >= TAP_MAX_DIFFS)
		return;
	snprintf(found->text[found->nr - 1], sizeof(found->text[0]),
		 "uid %u with %llx%s: %s: expected %s, got %s", who->uid, who->capabilities,
		 who->in_namespace ? " in a user namespace" : "", what,
		 expected ? strerror(expected) : "no error", got ? strerror(got) : "no error");
}

/* Writes "hold PID" and the like. Return: an errno, or 0. */
static int name_target(int fd, const char *verb)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%s%d", verb, rights_target);

	return write(fd, text, len) == len ? 0 : errno;
}

static void look(const struct who *who, const struct whom *whom)
{
	unsigned int i;

	for (i = 0; i < NR_FILES; i++) {
		int fd = open(rights_path(&rights_files[i]), rights_flags(&rights_files[i]));
		int may = may_look(who, whom) ? 0 : EPERM;

		compare(who, rights_path(&rights_files[i]), fd < 0 ? errno : 0,
			expected_of(who, whom, &rights_files[i]));
		if (fd >= 0 && !strcmp(rights_files[i].name, "attach"))
			compare(who, "hold", name_target(fd, "hold "), may);
		if (fd >= 0 && !strcmp(rights_files[i].name, "count"))
			compare(who, "count", name_target(fd, "follow "), may);
		if (fd >= 0)
			close(fd);
	}
}

static const struct whom *looked_at;

static int become_and_look(void *arg)
{
	const struct who *who = arg;

	rights_become(who);
	look(who, looked_at);
	return 0;
}

static void compare_one(struct tap_diffs *diffs, uid_t uid, u64 capabilities, bool in_namespace)
{
	struct who who = { uid, capabilities, in_namespace };
	unsigned int i;

	memset(found, 0, sizeof(*found));
	if (spawn_run(become_and_look, &who))
		tap_bail("uid %u cannot have %llx", uid, capabilities);
	diffs->nr_compared += found->nr_compared;
	for (i = 0; i < found->nr && i < TAP_MAX_DIFFS; i++)
		tap_differs(diffs, "%s", found->text[i]);
}

/* Alone, and all but it. */
static void compare_each(struct tap_diffs *diffs, uid_t uid, const struct whom *whom)
{
	static const int capabilities[] = { CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_DAC_OVERRIDE };
	long last = proc_value("/proc/sys/kernel/cap_last_cap");
	int i;

	if (whom != rights_whoms) {
		for (i = 0; i < 3; i++) {
			compare_one(diffs, uid, BIT(capabilities[i]), false);
			compare_one(diffs, uid, ALL_CAPABILITIES & ~BIT(capabilities[i]), false);
		}
		return;
	}
	for (i = 0; i <= last; i++) {
		compare_one(diffs, uid, BIT(i), false);
		compare_one(diffs, uid, ALL_CAPABILITIES & ~BIT(i), false);
	}
}

static void compare_all(struct tap_diffs *diffs, const struct whom *whom)
{
	const u64 two = BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE);
	uid_t uid;

	for (uid = 0; uid <= USER; uid += USER) {
		compare_one(diffs, uid, 0, false);
		compare_one(diffs, uid, 0, true);
		compare_one(diffs, uid, ALL_CAPABILITIES, false);
		compare_one(diffs, uid, two, false);
		compare_one(diffs, uid, two | BIT(CAP_DAC_OVERRIDE), false);
		compare_one(diffs, uid, two | BIT(CAP_DAC_READ_SEARCH), false);
		compare_one(diffs, uid, BIT(CAP_SYS_ADMIN) | BIT(CAP_DAC_OVERRIDE), false);
		compare_each(diffs, uid, whom);
	}
}

/* As made, or for everyone. */
static void set_modes(bool open)
{
	unsigned int i;

	opened = open;
	if (chmod(VIEWS_DIR, open ? 0777 : 0700) ||
	    chmod(views_path(rights_target, ""), open ? 0777 : 0700))
		tap_bail("chmod: %s", strerror(errno));
	for (i = 0; i < NR_FILES; i++)
		if (chmod(rights_path(&rights_files[i]),
			  open ? 0666 : rights_files[i].mode))
			tap_bail("chmod: %s", strerror(errno));
}

static void check_table(const struct whom *whom)
{
	char what[2][128];
	unsigned int open;

	rights_start(whom->become);
	looked_at = whom;
	if (rights_is_setuid() != whom->is_setuid)
		tap_bail("%s is not what it is to be", whom->name);
	for (open = 0; open < 2; open++) {
		struct tap_diffs diffs = { .what = what[open] };

		snprintf(what[open], sizeof(what[open]), "%s%s", whom->name,
			 open ? ", every mode open" : "");
		set_modes(open);
		compare_all(&diffs, whom);
		tap_no_diffs(&diffs);
	}
	set_modes(false);
	rights_end();
}

int main(void)
{
	char *before, *after;
	unsigned int i;

	tap_plan(2 * NR_WHOMS + 1);
	found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	rights_open();
	before = proc_read_file(VIEWS_DIR "/targets", NULL);
	for (i = 0; i < NR_WHOMS; i++)
		check_table(&rights_whoms[i]);
	after = proc_read_file(VIEWS_DIR "/targets", NULL);
	tap_str(after, before, "who may not has changed nothing");
	rights_close();
	return tap_done();
}
