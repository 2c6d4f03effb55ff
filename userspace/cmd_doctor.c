// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope doctor: what this machine can and cannot do, and why.
 */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "macros.h"
#include "module_file.h"
#include "session.h"
#include "viewtable.h"

enum { CHECK, STATE, DETAIL, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	[CHECK] = { "check", "CHECK", MMS_TEXT, 14, 0, 0, "what was looked at" },
	[STATE] = { "state", "STATE", MMS_TEXT, 7, 0, 0, "ok, limited (some numbers missing), no" },
	[DETAIL] = { "detail", "DETAIL", MMS_TEXT, 40, 0, true, "what was found, what would mend it" },
};

enum state { OK, LIMITED, NO };

/* First line of a file without its newline; false if it cannot be read. */
static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool got;

	if (!file)
		return false;
	got = fgets(line, size, file);
	fclose(file);
	if (got)
		line[strcspn(line, "\n")] = '\0';
	return got;
}

static bool has_capability(unsigned int capability)
{
	unsigned long effective = 0;
	char line[256];
	FILE *file = fopen("/proc/self/status", "re");

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %lx", &effective) == 1)
			break;
	fclose(file);
	return effective >> capability & 1;
}

static enum state check_rights(char *detail, size_t size)
{
	bool admin = has_capability(CAP_SYS_ADMIN), ptrace = has_capability(CAP_SYS_PTRACE);

	snprintf(detail, size, "%s", admin && ptrace ? "CAP_SYS_ADMIN and CAP_SYS_PTRACE" :
				     "run it as root: CAP_SYS_ADMIN and CAP_SYS_PTRACE are needed");
	return admin && ptrace ? OK : NO;
}

static enum state check_kernel(char *detail, size_t size)
{
	struct utsname kernel;
	unsigned int major, minor;

	uname(&kernel);
	if (sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
		major = minor = 0;
	if (strcmp(kernel.machine, "x86_64")) {
		snprintf(detail, size, "%s on %s: only x86_64 is supported", kernel.release,
			 kernel.machine);
		return NO;
	}
	if (major < 6 || (major == 6 && minor < 1)) {
		snprintf(detail, size, "%s: 6.1 or newer is needed", kernel.release);
		return NO;
	}
	snprintf(detail, size, "%s%s", kernel.release, major == 6 && minor <= 12 ? "" :
		 ": newer than those it was tested on (6.1 to 6.12)");
	return major == 6 && minor <= 12 ? OK : LIMITED;
}

/* The active one of "none [integrity] confidentiality". */
static enum state check_lockdown(char *detail, size_t size)
{
	char line[128] = "", *active, *end;

	read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	active = strchr(line, '[');
	end = active ? strchr(active, ']') : NULL;
	if (!end) {
		snprintf(detail, size, "not in this kernel, or securityfs is not mounted");
		return OK;
	}
	*end = '\0';
	if (!strcmp(active + 1, "none")) {
		snprintf(detail, size, "none");
		return OK;
	}
	snprintf(detail, size, "%s: the module is closed, unsigned modules %s refused (Secure Boot brings it about)",
		 active + 1, strcmp(active + 1, "integrity") ? "and eBPF programs are" : "are");
	return NO;
}

static enum state check_debugfs(char *detail, size_t size)
{
	struct statfs fs;

	if (!statfs("/sys/kernel/debug", &fs) && fs.f_type == DEBUGFS_MAGIC) {
		snprintf(detail, size, "on /sys/kernel/debug");
		return OK;
	}
	snprintf(detail, size, "mount -t debugfs none /sys/kernel/debug");
	return NO;
}

static enum state check_module_file(char *detail, size_t size)
{
	char path[PATH_MAX], line[16];

	if (access("/proc/modules", F_OK)) {
		snprintf(detail, size, "this kernel takes no modules (CONFIG_MODULES is off)");
		return NO;
	}
	if (mms_module_find(path, sizeof(path))) {
		snprintf(detail, size, "%s", path);
		return OK;
	}
	if (read_line("/proc/sys/kernel/modules_disabled", line, sizeof(line)) && *line == '1')
		snprintf(detail, size, "loading modules is disabled until the next boot");
	else
		snprintf(detail, size, "none built for this kernel: make module");
	return mms_module_loaded() ? LIMITED : NO;
}

static enum state check_module(char *detail, size_t size)
{
	struct mms_session session;

	if (!mms_module_loaded()) {
		snprintf(detail, size, "not loaded: mmscope load");
		return NO;
	}
	if (mms_session_open(&session, NULL)) {
		snprintf(detail, size, "%s", mms_failure());
		return NO;
	}
	mms_session_close(&session);
	snprintf(detail, size, "loaded, ABI version %d", MMS_ABI_VERSION);
	return OK;
}

static enum state check_headers(char *detail, size_t size)
{
	struct utsname kernel;
	char path[400];

	uname(&kernel);
	snprintf(path, sizeof(path), "/lib/modules/%s/build", kernel.release);
	if (!access(path, F_OK)) {
		snprintf(detail, size, "%s", path);
		return OK;
	}
	snprintf(detail, size, "the module cannot be built here: apt install linux-headers-%s",
		 kernel.release);
	return LIMITED;
}

static bool cpu_has(const char *flag)
{
	char word[64];
	bool found = false;
	FILE *file = fopen("/proc/cpuinfo", "re");

	if (!file)
		return false;
	while (!found && fscanf(file, "%63s", word) == 1)
		found = !strcmp(word, flag);
	fclose(file);
	return found;
}

static enum state check_pcid(char *detail, size_t size)
{
	bool pcid = cpu_has("pcid");

	snprintf(detail, size, "%s", pcid ? "the TLB is tagged: switching processes need not flush" :
			       "the TLB is not tagged: every switch of address space flushes it");
	return OK;
}

static enum state check_thp(char *detail, size_t size)
{
	char line[128];

	if (!read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof(line))) {
		snprintf(detail, size, "not in this kernel");
		return LIMITED;
	}
	snprintf(detail, size, "%s", line);
	return OK;
}

static enum state check_swap(char *detail, size_t size)
{
	char line[256];
	FILE *file = fopen("/proc/swaps", "re");
	unsigned int nr = 0;

	while (file && fgets(line, sizeof(line), file))
		nr++;
	if (file)
		fclose(file);
	snprintf(detail, size, nr > 1 ? "%u areas" : "none: nothing will be seen in swap", nr - 1);
	return OK;
}

static enum state check_btf(char *detail, size_t size)
{
	bool btf = !access("/sys/kernel/btf/vmlinux", F_OK);

	snprintf(detail, size, "%s", btf ? "/sys/kernel/btf/vmlinux" :
			       "none (CONFIG_DEBUG_INFO_BTF): no counting of events by eBPF");
	return btf ? OK : LIMITED;
}

static const struct {
	const char *name;
	enum state (*check)(char *detail, size_t size);
} checks[] = {
	{ "rights", check_rights },	{ "kernel", check_kernel },
	{ "lockdown", check_lockdown },	{ "debugfs", check_debugfs },
	{ "headers", check_headers },	{ "module file", check_module_file },
	{ "module", check_module },	{ "BTF", check_btf },
	{ "PCID", check_pcid },		{ "THP", check_thp },
	{ "swap", check_swap },
};

static void show(struct mms_out *out)
{
	static const char *const states[] = { "ok", "limited", "no" };
	struct mms_value values[NR_COLUMNS] = { 0 };
	char detail[512];
	unsigned int i, worst = OK;

	mms_out_table(out, "checks", columns, NR_COLUMNS);
	for (i = 0; i < ARRAY_SIZE(checks); i++) {
		enum state state = checks[i].check(detail, sizeof(detail));

		worst = state > worst ? state : worst;
		values[CHECK].text = checks[i].name;
		values[STATE].text = states[state];
		values[DETAIL].text = detail;
		mms_out_row(out, values);
	}
	mms_out_table_end(out);
	mms_out_string(out, "verdict", states[worst]);
	mms_out_say(out, worst == NO ? "mmscope does not work here as things are\n" :
				       "mmscope works here\n");
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	struct mms_args args = { 0 };
	struct mms_out *out;

	mms_parse(command, options, &args, argc, argv);
	options->style.wide = true;
	out = mms_out_begin(&options->style, "doctor");
	show(out);
	return mms_out_end(out, false);
}

const struct mms_command mms_cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "what works on this machine, and what would mend it",
	.columns = columns,
	.nr_columns = NR_COLUMNS,
	.run = run,
};
