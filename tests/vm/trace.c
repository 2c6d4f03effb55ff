// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's tracer, in an instance of its own: see trace.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "trace.h"

#define TRACING "/sys/kernel/tracing/"
#define INSTANCE TRACING "instances/mmscope-test/"

/* Per processor, in KiB. */
#define BUFFER "16384"

static pid_t owner;

/* Forked children come here too, at their exit. */
static void close_instance(void)
{
	if (getpid() == owner)
		rmdir(INSTANCE);
}

bool trace_has(const char *const *events)
{
	char path[128];

	for (; *events; events++) {
		snprintf(path, sizeof(path), TRACING "events/%s/enable", *events);
		if (access(path, W_OK))
			return false;
	}
	return true;
}

static void set(const char *file, const char *value)
{
	char path[128];
	int err;

	snprintf(path, sizeof(path), INSTANCE "%s", file);
	err = proc_write(path, value);
	if (!err)
		return;
	printf("Bail out! %s: %s\n", path, strerror(-err));
	exit(2);
}

/* Empties the buffers: so does only an open() that truncates. */
static void clear(void)
{
	int fd = open(INSTANCE "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
}

/* Its removal sets free so many files that the interrupts after it are long: once, at the end. */
static void open_instance(void)
{
	if (mkdir(INSTANCE, 0700)) {
		if (errno == EEXIST)
			return;
		printf("Bail out! " INSTANCE ": %s\n", strerror(errno));
		exit(2);
	}
	owner = getpid();
	atexit(close_instance);
	set("tracing_on", "0");
	set("buffer_size_kb", BUFFER);
	set("trace_clock", "mono");
}

void trace_begin(const char *const *events)
{
	char text[64];

	open_instance();
	clear();
	snprintf(text, sizeof(text), "%ld", syscall(SYS_gettid));
	set("set_event_pid", text);
	for (; *events; events++) {
		snprintf(text, sizeof(text), "events/%s/enable", *events);
		set(text, "1");
	}
	set("tracing_on", "1");
}

static u64 count_lost(void)
{
	char path[128];
	u64 lost = 0;
	long cpu, nr;

	for (cpu = 0; cpu < sysconf(_SC_NPROCESSORS_CONF); cpu++) {
		snprintf(path, sizeof(path), INSTANCE "per_cpu/cpu%ld/stats", cpu);
		nr = proc_number(path, "overrun");
		lost += nr > 0 ? nr : 0;
		nr = proc_number(path, "dropped events");
		lost += nr > 0 ? nr : 0;
	}
	return lost;
}

char *trace_end(u64 *nr_lost)
{
	char *text;

	set("tracing_on", "0");
	set("events/enable", "0");
	*nr_lost = count_lost();
	text = proc_read_file(INSTANCE "trace", NULL);
	return text;
}

/* "  comm-pid  [cpu] flags  seconds.microseconds: name: fields" */
static const char *parse(const char *at, char name[40], u64 *ns)
{
	unsigned long long seconds, micros;
	int len = 0;

	at = strchr(at, '[');
	at = at ? strchr(at, ']') : NULL;
	if (!at || sscanf(at + 1, "%*s %llu.%llu: %39[^:]:%n", &seconds, &micros, name, &len) != 3 ||
	    !len)
		return NULL;
	*ns = seconds * 1000000000 + micros * 1000;
	return at + 1 + len;
}

const char *trace_next(const char **line, char name[40], u64 *ns)
{
	while (**line) {
		const char *at = *line, *end = strchr(at, '\n'), *fields;

		*line = end ? end + 1 : at + strlen(at);
		fields = *at == '#' ? NULL : parse(at, name, ns);
		if (fields)
			return fields;
	}
	return NULL;
}

u64 trace_field(const char *fields, const char *key)
{
	size_t len = strlen(key);
	const char *at;

	for (at = fields; *at && *at != '\n'; at++)
		if (*at == ' ' && !strncmp(at + 1, key, len) && at[1 + len] == '=')
			return strtoull(at + 2 + len, NULL, strcmp(key, "ptr") && strcmp(key, "mm") ? 0 : 16);
	return 0;
}
