// SPDX-License-Identifier: GPL-2.0
/*
 * What mmscope needs, looked at one by one. Prints nothing.
 */
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor.h"
#include "error.h"
#include "event_names.h"
#include "module_file.h"
#include "session.h"
#include "tracer.h"
#include "uapi/mmscope.h"

/* Of tests/KERNELS, by the Makefile: "6.1 to 6.12". */
#define SUPPORTED MMS_SUPPORTED_KERNELS

static void __printf(3, 4) found(struct mms_finding *finding, enum mms_health health,
				 const char *format, ...)
{
	va_list args;

	finding->health = health;
	va_start(args, format);
	vsnprintf(finding->detail, sizeof(finding->detail), format, args);
	va_end(args);
}

static void __printf(2, 3) mend(struct mms_finding *finding, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(finding->mend, sizeof(finding->mend), format, args);
	va_end(args);
}

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

/* Is it one of the words of a file? */
static bool has_word(const char *path, const char *wanted)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char word[256];

	if (!file)
		return false;
	while (!found && fscanf(file, "%255s", word) == 1)
		found = !strcmp(word, wanted);
	fclose(file);
	return found;
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

static void look_at_rights(struct mms_finding *finding)
{
	if (has_capability(CAP_SYS_ADMIN) && has_capability(CAP_SYS_PTRACE)) {
		found(finding, MMS_HEALTH_OK, "CAP_SYS_ADMIN and CAP_SYS_PTRACE");
		return;
	}
	found(finding, MMS_HEALTH_NO, "CAP_SYS_ADMIN and CAP_SYS_PTRACE are needed: be root");
	mend(finding, "sudo mmscope doctor");
}

/* For comparison. */
static unsigned int version_of(const char *release)
{
	unsigned int major, minor;

	return sscanf(release, "%u.%u", &major, &minor) == 2 ? major << 16 | minor : 0;
}

static void look_at_kernel(struct mms_finding *finding)
{
	struct utsname kernel;
	unsigned int version;

	uname(&kernel);
	version = version_of(kernel.release);
	if (strcmp(kernel.machine, "x86_64")) {
		found(finding, MMS_HEALTH_NO, "%s on %s: only x86_64 is supported", kernel.release,
		      kernel.machine);
		return;
	}
	if (version < version_of(SUPPORTED)) {
		found(finding, MMS_HEALTH_NO, "%s is too old: " SUPPORTED " are supported",
		      kernel.release);
	} else if (version > version_of(strstr(SUPPORTED, " to ") + 4)) {
		found(finding, MMS_HEALTH_LIMITED,
		      "%s is newer than the kernels it is known to work on (" SUPPORTED "): the module is not built for it, and some events may not be counted",
		      kernel.release);
	} else {
		found(finding, MMS_HEALTH_OK, "%s", kernel.release);
		return;
	}
	mend(finding, "boot one of those: " SUPPORTED);
}

/* The firmware's variable: four bytes of attributes, then 1 if it is on. */
static bool secure_boot(void)
{
	FILE *file = fopen("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "re");
	unsigned char bytes[5] = { 0 };
	size_t nr;

	if (!file)
		return false;
	nr = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	return nr == sizeof(bytes) && bytes[4] == 1;
}

static void look_at_secure_boot(struct mms_finding *finding)
{
	char path[PATH_MAX], signer[128];

	if (access("/sys/firmware/efi", F_OK)) {
		found(finding, MMS_HEALTH_OK, "this machine has none: it was not started by UEFI");
		return;
	}
	if (!secure_boot()) {
		found(finding, MMS_HEALTH_OK, "off");
		return;
	}
	if (mms_module_find(path, sizeof(path)) &&
	    mms_module_fact(path, "signer", signer, sizeof(signer))) {
		found(finding, MMS_HEALTH_NOTE,
		      "on: the module is loaded if the key of '%.100s' is enrolled", signer);
		mend(finding, "mokutil --import /var/lib/dkms/mok.pub, and reboot");
		return;
	}
	found(finding, MMS_HEALTH_LIMITED, "on: a module must be signed, and there is none that is");
	mend(finding, "make dkms-install, which signs; mokutil --import /var/lib/dkms/mok.pub; reboot");
}

/* The active one of "none [integrity] confidentiality". */
static void look_at_lockdown(struct mms_finding *finding)
{
	char line[128] = "", *active, *end;

	read_line("/sys/kernel/security/lockdown", line, sizeof(line));
	active = strchr(line, '[');
	end = active ? strchr(active, ']') : NULL;
	if (!end) {
		found(finding, MMS_HEALTH_OK, "not in this kernel, or securityfs is not mounted");
		return;
	}
	*end = '\0';
	if (!strcmp(active + 1, "none")) {
		found(finding, MMS_HEALTH_OK, "none");
		return;
	}
	found(finding, MMS_HEALTH_NO, "%s: the module is closed, unsigned modules %s refused", active + 1,
	      strcmp(active + 1, "integrity") ? "and eBPF programs are" : "are");
	if (secure_boot())
		mend(finding, "mokutil --disable-validation, and reboot: Secure Boot brings it about");
	else
		mend(finding, "boot without lockdown= among the kernel's parameters");
}

static bool debugfs_mounted(void)
{
	struct statfs fs;

	return !statfs("/sys/kernel/debug", &fs) && fs.f_type == DEBUGFS_MAGIC;
}

static void look_at_debugfs(struct mms_finding *finding)
{
	if (debugfs_mounted()) {
		found(finding, MMS_HEALTH_OK, "on /sys/kernel/debug");
		return;
	}
	found(finding, MMS_HEALTH_NO, "not mounted on /sys/kernel/debug");
	mend(finding, "mount -t debugfs none /sys/kernel/debug");
}

static void look_at_headers(struct mms_finding *finding)
{
	struct utsname kernel;
	char path[400];

	uname(&kernel);
	snprintf(path, sizeof(path), "/lib/modules/%s/build", kernel.release);
	if (!access(path, F_OK)) {
		found(finding, MMS_HEALTH_OK, "%s", path);
		return;
	}
	found(finding, MMS_HEALTH_LIMITED, "not installed: the module cannot be built here");
	mend(finding, "apt install linux-headers-%s", kernel.release);
}

static void look_at_module_file(struct mms_finding *finding)
{
	char path[PATH_MAX], line[16], magic[128] = "";
	struct utsname kernel;

	uname(&kernel);
	if (access("/proc/modules", F_OK)) {
		found(finding, MMS_HEALTH_NO, "this kernel takes no modules (CONFIG_MODULES is off)");
		return;
	}
	if (read_line("/proc/sys/kernel/modules_disabled", line, sizeof(line)) && *line == '1') {
		found(finding, mms_module_loaded() ? MMS_HEALTH_NOTE : MMS_HEALTH_NO,
		      "loading modules is disabled until the next boot");
		mend(finding, "reboot, without kernel.modules_disabled=1 in sysctl.conf");
		return;
	}
	mend(finding, "make module, or make dkms-install");
	if (!mms_module_find(path, sizeof(path))) {
		found(finding, mms_module_loaded() ? MMS_HEALTH_NOTE : MMS_HEALTH_NO,
		      "none for this kernel, %s", kernel.release);
		return;
	}
	if (!mms_module_fact(path, "vermagic", magic, sizeof(magic))) {
		found(finding, MMS_HEALTH_NO, "%.300s is no module", path);
		return;
	}
	magic[strcspn(magic, " ")] = '\0';
	if (strcmp(magic, kernel.release)) {
		found(finding, MMS_HEALTH_NO, "%.300s is built for another kernel, %s; this is %s", path,
		      magic, kernel.release);
		return;
	}
	found(finding, MMS_HEALTH_OK, "%.500s", path);
	*finding->mend = '\0';
}

static void look_at_module(struct mms_finding *finding)
{
	struct mms_session session;

	if (!mms_module_loaded()) {
		found(finding, MMS_HEALTH_NO, "not loaded");
		mend(finding, "mmscope load");
		return;
	}
	if (mms_session_open(&session, NULL)) {
		found(finding, MMS_HEALTH_NO, "loaded; %s", mms_failure());
		if (debugfs_mounted() && has_capability(CAP_SYS_ADMIN))
			mend(finding, "mmscope unload && mmscope load");
		return;
	}
	mms_session_close(&session);
	found(finding, MMS_HEALTH_OK, "loaded, ABI version %d", MMS_ABI_VERSION);
}

static bool has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", F_OK);
}

static void look_at_btf(struct mms_finding *finding)
{
	if (has_btf()) {
		found(finding, MMS_HEALTH_OK, "/sys/kernel/btf/vmlinux");
		return;
	}
	found(finding, MMS_HEALTH_LIMITED, "none: eBPF counts no events");
	mend(finding, "boot a kernel with CONFIG_DEBUG_INFO_BTF, as Debian's are");
}

/* Adds the hooks of a question that are not there, each once. */
static unsigned int missing_hooks(struct tracer *tracer, enum mms_question question, char *list,
				  size_t size)
{
	unsigned int i, nr = 0;

	for (i = 0; i < mms_question_counters(question); i++) {
		const char *hook = tracer_missing_hook(tracer, question, i);
		size_t len = strlen(list);

		nr += hook != NULL;
		if (hook && !strstr(list, hook) && len < size)
			snprintf(list + len, size - len, "%s%s", len ? "; " : "", hook);
	}
	return nr;
}

/* Attached for a moment, and to nobody. */
static void look_at_hooks(struct mms_finding *finding)
{
	const struct tracer_options options = { .question = { true, true, true }, .slots = 16 };
	struct tracer *tracer = NULL;
	char list[400] = "";
	unsigned int question, nr = 0;

	if (tracer_open(&tracer, &options)) {
		found(finding, MMS_HEALTH_LIMITED, "%s", mms_failure());
		return;
	}
	if (tracer_start(tracer)) {
		found(finding, MMS_HEALTH_LIMITED, "%s", mms_failure());
		tracer_close(tracer);
		return;
	}
	for (question = 0; question < MMS_NR_QUESTIONS; question++)
		nr += missing_hooks(tracer, question, list, sizeof(list));
	tracer_close(tracer);
	if (nr)
		found(finding, MMS_HEALTH_LIMITED, "%u counters are not available, for want of %s", nr,
		      list);
	else
		found(finding, MMS_HEALTH_OK, "all that eBPF counts can be counted");
}

static void look_at_pcid(struct mms_finding *finding)
{
	if (has_word("/proc/cpuinfo", "pcid")) {
		found(finding, MMS_HEALTH_OK, "the TLB is tagged: switching processes need not flush");
		return;
	}
	found(finding, MMS_HEALTH_NOTE,
	      "the TLB is not tagged: every switch of address space flushes it");
	mend(finding, has_word("/proc/cmdline", "nopcid") ?
		      "boot without nopcid among the kernel's parameters" :
		      "another processor, or in a virtual machine its type: -cpu host");
}

static void look_at_thp(struct mms_finding *finding)
{
	char line[128];

	if (!read_line("/sys/kernel/mm/transparent_hugepage/enabled", line, sizeof(line))) {
		found(finding, MMS_HEALTH_NOTE, "not in this kernel: no huge pages but hugetlb's");
		mend(finding, "boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE");
	} else if (strstr(line, "[never]")) {
		found(finding, MMS_HEALTH_NOTE, "off: no huge pages but hugetlb's");
		mend(finding, "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
	} else {
		found(finding, MMS_HEALTH_OK, "%s", line);
	}
}

static void look_at_swap(struct mms_finding *finding)
{
	unsigned int nr = 0;
	char line[256];
	FILE *file = fopen("/proc/swaps", "re");

	while (file && fgets(line, sizeof(line), file))
		nr += *line == '/';
	if (file)
		fclose(file);
	if (nr) {
		found(finding, MMS_HEALTH_OK, "%u area%s", nr, nr == 1 ? "" : "s");
		return;
	}
	found(finding, MMS_HEALTH_NOTE, "none: nothing is swapped out");
	mend(finding, "swapon FILE");
}

const struct mms_check mms_checks[] = {
	{ "rights", look_at_rights },	{ "kernel", look_at_kernel },
	{ "Secure Boot", look_at_secure_boot }, { "lockdown", look_at_lockdown },
	{ "debugfs", look_at_debugfs }, { "headers", look_at_headers },
	{ "module file", look_at_module_file }, { "module", look_at_module },
	{ "BTF", look_at_btf },		{ "hooks", look_at_hooks },
	{ "PCID", look_at_pcid },	{ "THP", look_at_thp },
	{ "swap", look_at_swap },	{ 0 },
};
