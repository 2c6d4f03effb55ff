// SPDX-License-Identifier: GPL-2.0
/*
 * Cases for what the tracer counts, their processes, and what they expect.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/tracer.h"
#include "event_lab.h"
#include "event_names.h"

#define MAX_RECORDS 1024
#define MAX_CPUS 64

static struct mms_trace_record records[MAX_RECORDS];
/* Regions of the case: settle() leaves them as they are. */
static struct {
	unsigned long start, end;
} regions[16];
static unsigned int nr_regions;

static pthread_t spinners[MAX_CPUS];
static unsigned int nr_spinners;
static atomic_uint spinning;

static void note(struct lab *lab, const char *fmt, va_list args)
{
	struct lab_result *result = lab->result;

	if (result->nr_notes < LAB_MAX_NOTES)
		vsnprintf(result->notes[result->nr_notes++], sizeof(result->notes[0]), fmt, args);
}

void lab_note(struct lab *lab, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(lab, fmt, args);
	va_end(args);
}

void lab_fail(struct lab *lab, const char *fmt, ...)
{
	int error = errno;
	va_list args;

	va_start(args, fmt);
	note(lab, fmt, args);
	va_end(args);
	lab_note(lab, "errno: %s", strerror(error));
	_exit(1);
}

void lab_missing(struct lab *lab, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(lab->result->missing, sizeof(lab->result->missing), fmt, args);
	va_end(args);
	_exit(0);
}

void *lab_mmap(struct lab *lab, size_t size, int prot, int flags, int fd, size_t align)
{
	char *at = mmap(NULL, size + 2 * align, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *good = (char *)(((uintptr_t)at + align) & -align);

	if (at == MAP_FAILED)
		lab_fail(lab, "address space");
	good = mmap(good, size, prot, flags | MAP_FIXED, fd, 0);
	if (good == MAP_FAILED)
		lab_fail(lab, "mmap");
	if (nr_regions == sizeof(regions) / sizeof(*regions))
		lab_fail(lab, "too many regions");
	regions[nr_regions].start = (unsigned long)good;
	regions[nr_regions++].end = (unsigned long)good + size;
	madvise(good, size, align == HUGE_2M ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return good;
}

void lab_write(void *at, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		((volatile char *)at)[i * PAGE] = i + 1;
}

void lab_read(const void *at, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		(void)((const volatile char *)at)[i * PAGE];
}

int lab_file(struct lab *lab, size_t pages)
{
	int fd = memfd_create("lab", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, pages * PAGE))
		lab_fail(lab, "memfd");
	for (size_t i = 0; i < pages; i++)
		if (pwrite(fd, "x", 1, i * PAGE) != 1)
			lab_fail(lab, "pwrite");
	return fd;
}

pid_t lab_share(struct lab *lab, int *keep)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		lab_fail(lab, "pipe");
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	close(ends[0]);
	*keep = ends[1];
	return pid;
}

void lab_equal(struct lab *lab, uint64_t got, uint64_t expected, const char *what)
{
	if (got != expected)
		lab_note(lab, "%s: expected %lu, got %lu", what, expected, got);
}

bool lab_counters(struct lab *lab, enum mms_question question, pid_t pid, uint64_t *count)
{
	size_t i, nr = tracer_read(lab->tracer, question, records, MAX_RECORDS);
	bool found = false;
	unsigned int j;

	memset(count, 0, MMS_MAX_COUNTERS * sizeof(*count));
	if (nr > MAX_RECORDS)
		lab_fail(lab, "%zu records", nr);
	for (i = MMS_SLOT_OTHERS; i < nr; i++) {
		if (pid && records[i].owner.tgid != (uint32_t)pid)
			continue;
		found = true;
		for (j = 0; j < MMS_MAX_COUNTERS; j++)
			count[j] += records[i].count[j];
	}
	return found;
}

static bool is_region(unsigned long start, unsigned long end)
{
	unsigned int i;

	for (i = 0; i < nr_regions; i++)
		if (start < regions[i].end && end > regions[i].start)
			return true;
	return false;
}

/* Every other writable private page of this process is there, and its own. */
static void settle(struct lab *lab)
{
	static char text[1 << 16];
	unsigned long start, end;
	char *line, *next, perms[5];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += got;
	close(fd);
	if (got < 0 || len == sizeof(text) - 1)
		lab_fail(lab, "/proc/self/maps");
	text[len] = '\0';
	for (line = text; *line; line = next + 1) {
		next = strchr(line, '\n');
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 &&
		    !strncmp(perms, "rw", 2) && perms[3] == 'p' && !is_region(start, end))
			madvise((void *)start, end - start, MADV_POPULATE_WRITE);
	}
}

static void read_usage(long *minor, long *major)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	*minor = usage.ru_minflt;
	*major = usage.ru_majflt;
}

void lab_begin(struct lab *lab)
{
	int i;

	/* What is done below and in lab_count() is done before, so that its memory is there. */
	for (i = 0; i < 2; i++) {
		lab_count(lab);
		settle(lab);
		lab_counters(lab, lab->question, getpid(), lab->had);
		read_usage(&lab->minor_had, &lab->major_had);
	}
}

void lab_want(struct lab *lab, unsigned int counter, uint64_t nr)
{
	lab->want[counter] += nr;
}

void lab_count(struct lab *lab)
{
	unsigned int i;

	read_usage(&lab->minor, &lab->major);
	lab_counters(lab, lab->question, getpid(), lab->got);
	for (i = 0; i < MMS_MAX_COUNTERS; i++)
		lab->got[i] -= lab->had[i];
	lab->minor -= lab->minor_had;
	lab->major -= lab->major_had;
}

void lab_compare(struct lab *lab)
{
	char name[MMS_COUNTER_NAME_MAX];
	unsigned int i;

	for (i = 0; i < mms_question_counters(lab->question); i++)
		if (!(lab->ignored >> i & 1) && lab->got[i] != lab->want[i])
			lab_note(lab, "%s: expected %lu, got %lu",
				 mms_counter_name(name, lab->question, i), lab->want[i],
				 lab->got[i]);
	lab->result->done = true;
}

struct lab_result *lab_run(struct tracer *tracer, enum mms_question question, lab_fn run)
{
	static struct lab_result *result;
	static struct lab lab;
	pid_t pid;

	if (!result)
		result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(result, 0, sizeof(*result));
	pid = fork();
	if (!pid) {
		alarm(600);
		lab = (struct lab){ .tracer = tracer, .result = result, .question = question };
		run(&lab);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &result->status, 0) != pid)
		result->status = -1;
	return result;
}

/* As it was booted; kernels that cannot be told at boot say in their version what they are. */
bool lab_preemptible(void)
{
	char *text = proc_read_file("/sys/kernel/debug/sched/preempt", NULL);
	bool full = text && strstr(text, "(full)");
	struct utsname kernel;

	uname(&kernel);
	full |= !text && strstr(kernel.version, " PREEMPT");
	free(text);
	return full;
}

void lab_pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *spin(void *cpu)
{
	struct sched_param first = { .sched_priority = 1 };

	lab_pin((uintptr_t)cpu);
	/* Whatever else wants this CPU waits, or it would be asked to flush in vain, or not at all. */
	sched_setscheduler(0, SCHED_FIFO, &first);
	atomic_fetch_add(&spinning, 1);
	while (atomic_load(&spinning))
		;
	return NULL;
}

unsigned int lab_spin(struct lab *lab)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN), i;

	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	proc_write("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	for (i = 1; i < cpus; i++)
		if (pthread_create(&spinners[nr_spinners++], NULL, spin, (void *)(uintptr_t)i))
			lab_fail(lab, "pthread_create");
	while (atomic_load(&spinning) < nr_spinners)
		sched_yield();
	return nr_spinners;
}

void lab_stop_spinning(void)
{
	atomic_store(&spinning, 0);
	while (nr_spinners)
		pthread_join(spinners[--nr_spinners], NULL);
}
