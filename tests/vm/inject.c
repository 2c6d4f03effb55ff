// SPDX-License-Identifier: GPL-2.0
/*
 * Failing the n-th allocation: see inject.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject.h"
#include "proc.h"

#define PARAMETER "/sys/module/mmscope/parameters/fail_nth"

static const char *const attributes[] = {
	"/sys/kernel/debug/failslab", "/sys/kernel/debug/fail_page_alloc",
};

/* Of this task; written and read in place. */
static int fail_nth = -1;

static void set(const char *name, const char *value)
{
	char path[96];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", attributes[i], name);
		proc_write(path, value);
	}
}

const char *inject_open(enum injector injector)
{
	if (injector == INJECT_MODULE)
		return access(PARAMETER, W_OK) ? "a module built with FAULTS=1" : NULL;
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0 || access("/sys/kernel/debug/failslab/ignore-gfp-wait", W_OK))
		return "a kernel with CONFIG_FAILSLAB";
	/* Silent: what it says looks like a report. All that may sleep too, of any size. */
	set("verbose", "0");
	set("ignore-gfp-wait", "0");
	set("ignore-gfp-highmem", "0");
	set("min-order", "0");
	return NULL;
}

void inject_close(enum injector injector)
{
	if (injector == INJECT_KERNEL) {
		set("ignore-gfp-wait", "1");
		set("ignore-gfp-highmem", "1");
		set("min-order", "1");
		close(fail_nth);
	}
}

static void write_number(int fd, unsigned int number)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", number);

	if (pwrite(fd, text, len, 0) != len)
		abort();
}

static unsigned int read_number(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		abort();
	return strtoul(text, NULL, 10);
}

/* Nothing to be had from insmod that has failed: the parameter is gone. */
static int open_parameter(void)
{
	return open(PARAMETER, O_RDWR | O_CLOEXEC);
}

void inject_arm(enum injector injector, unsigned int nth)
{
	int fd = injector == INJECT_MODULE ? open_parameter() : fail_nth;

	if (fd >= 0)
		write_number(fd, nth);
	if (injector == INJECT_MODULE && fd >= 0)
		close(fd);
}

bool inject_disarm(enum injector injector)
{
	int fd = injector == INJECT_MODULE ? open_parameter() : fail_nth;
	bool failed = fd < 0 || !read_number(fd);

	inject_arm(injector, 0);
	if (injector == INJECT_MODULE && fd >= 0)
		close(fd);
	return failed;
}

/* Where a function begins and what follows it, from kallsyms. */
static bool find_function(const char *name, char start[32], char end[32])
{
	unsigned long addr, at = 0, next = 0;
	char symbol[128], line[256];
	FILE *in = fopen("/proc/kallsyms", "r");

	while (in && !at && fgets(line, sizeof(line), in))
		if (sscanf(line, "%lx %*c %127s", &addr, symbol) == 2 && !strcmp(symbol, name))
			at = addr;
	while (in && at && !next && fgets(line, sizeof(line), in))
		if (sscanf(line, "%lx", &addr) == 1 && addr > at)
			next = addr;
	if (in)
		fclose(in);
	snprintf(start, 32, "0x%lx", at);
	snprintf(end, 32, "0x%lx", next);
	return at && next;
}

void inject_init_only(bool on)
{
	char start[32] = "0", end[32] = "0xffffffffffffffff";

	if (on && !find_function("do_one_initcall", start, end))
		return;
	set("stacktrace-depth", "32");
	set("require-start", start);
	set("require-end", end);
}
