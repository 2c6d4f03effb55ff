// SPDX-License-Identifier: GPL-2.0
/*
 * Witnesses of TLB flushes and of probes: perf, the trace buffer, /proc/kcore.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tlb_witness.h"

#define TRACING "/sys/kernel/tracing/"

static int open_counter(const char *filter, unsigned int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = proc_value(TRACING "events/tlb/tlb_flush/id"),
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0 && (ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter) ||
			ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd < 0 ? -errno : fd;
}

int tlb_perf_open(struct tlb_perf *perf, const pid_t *tids, unsigned int nr, unsigned int cpu,
		  unsigned int reason)
{
	char filter[1024];
	unsigned int i;
	size_t len;

	len = sprintf(filter, "reason == %u", reason);
	for (i = 0; i < nr; i++)
		len += sprintf(filter + len, "%s common_pid == %d", i ? " ||" : " && (", tids[i]);
	if (nr)
		len += sprintf(filter + len, ")");
	perf->events = open_counter(filter, cpu);
	sprintf(filter + len, " && pages == 0xffffffffffffffff");
	perf->full = open_counter(filter, cpu);
	sprintf(filter + len, " && pages == 0");
	perf->none = open_counter(filter, cpu);
	if (perf->events < 0)
		return perf->events;
	return perf->full < 0 ? perf->full : perf->none < 0 ? perf->none : 0;
}

u64 tlb_perf_read(int counter)
{
	u64 count;

	return read(counter, &count, sizeof(count)) == sizeof(count) ? count : UINT64_MAX;
}

void tlb_perf_close(struct tlb_perf *perf)
{
	close(perf->events);
	close(perf->full);
	close(perf->none);
}

int tlb_calls_open(const char *function, unsigned int cpu)
{
	struct perf_event_attr attr = {
		.type = proc_value("/sys/bus/event_source/devices/kprobe/type"),
		.size = sizeof(attr),
		.kprobe_func = (uintptr_t)function,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int tlb_trace_begin(unsigned int cpu)
{
	char mask[16];
	int err;

	snprintf(mask, sizeof(mask), "%x", 1 << cpu);
	err = proc_write(TRACING "tracing_cpumask", mask);
	err = err ?: proc_write(TRACING "buffer_size_kb", "8192");
	err = err ?: proc_write(TRACING "events/sched/sched_switch/enable", "1");
	err = err ?: proc_write(TRACING "events/tlb/tlb_flush/enable", "1");
	err = err ?: proc_write(TRACING "trace", "");
	return err ?: proc_write(TRACING "tracing_on", "1");
}

static long count_switches(char *text, pid_t pid)
{
	char *line, *next, *field;
	long count = 0, to = -1;

	for (line = text; *line; line = next) {
		next = strchrnul(line, '\n');
		if (*next)
			*next++ = '\0';
		field = strstr(line, "next_pid=");
		if (field)
			to = atol(field + strlen("next_pid="));
		if (strstr(line, "LOST"))
			return -1;
		if (strstr(line, "(0)") && strstr(line, "tlb_flush:") && to == pid)
			count++;
		/* A second flush would not belong to that switch. */
		if (strstr(line, "tlb_flush:"))
			to = -1;
	}
	return count;
}

long tlb_trace_end(pid_t pid)
{
	unsigned long in, all;
	long count = -1;
	char *text, *entries;

	proc_write(TRACING "tracing_on", "0");
	proc_write(TRACING "events/sched/sched_switch/enable", "0");
	proc_write(TRACING "events/tlb/tlb_flush/enable", "0");
	proc_write(TRACING "tracing_cpumask", "ffffffff");
	text = proc_read_file(TRACING "trace", NULL);
	entries = text ? strstr(text, "entries-in-buffer/entries-written: ") : NULL;
	if (entries && sscanf(strchr(entries, ' '), "%lu/%lu", &in, &all) == 2 && in == all)
		count = count_switches(text, pid);
	free(text);
	proc_write(TRACING "trace", "");
	proc_write(TRACING "tracing_on", "1");
	return count;
}

static u64 symbol_address(const char *name)
{
	char *text = proc_read_file("/proc/kallsyms", NULL), wanted[64], *at;
	u64 address = 0;

	snprintf(wanted, sizeof(wanted), " __tracepoint_%s\n", name);
	at = text ? strstr(text, wanted) : NULL;
	while (at && at > text && at[-1] != '\n')
		at--;
	if (at)
		address = strtoull(at, NULL, 16);
	free(text);
	return address;
}

static bool read_kernel(u64 address, void *data, size_t len)
{
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC), i;
	bool done = false;
	Elf64_Phdr part;
	Elf64_Ehdr head;

	if (fd < 0)
		return false;
	if (pread(fd, &head, sizeof(head), 0) == sizeof(head))
		for (i = 0; !done && i < head.e_phnum; i++)
			done = pread(fd, &part, sizeof(part), head.e_phoff + i * sizeof(part)) ==
				       sizeof(part) &&
			       part.p_type == PT_LOAD && address >= part.p_vaddr &&
			       address + len <= part.p_vaddr + part.p_memsz &&
			       pread(fd, data, len, part.p_offset + address - part.p_vaddr) ==
				       (ssize_t)len;
	close(fd);
	return done;
}

/* struct tracepoint: the name, then struct static_key, which begins with its count (6.1, 6.12). */
long tracepoint_enabled(const char *name)
{
	u64 address = symbol_address(name);
	int enabled;

	if (!address || !read_kernel(address + sizeof(void *), &enabled, sizeof(enabled)))
		return -1;
	return enabled;
}
