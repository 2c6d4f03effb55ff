// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, for MMSCOPE_TORTURE_SECONDS (30): processes that never rest are read by several
 * readers, frozen, traced, counted; others are attached, executed and killed; processors go and come;
 * memory runs out. What is known by construction is counted exactly meanwhile, what never changes always
 * reads the same. Then the module goes and comes MMSCOPE_TORTURE_CYCLES times (20), with its files in use
 * whenever they are there. At the end its memory is what it was.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "churn_judge.h"
#include "disturb.h"
#include "proc_spawn.h"
#include "trace_map.h"
#include "views.h"
#include "zoo.h"

#define NR_READERS 2
#define NR_USERS 2
/* Those of the processes that never rest which go on while the module goes and comes. */
#define NR_LEFT 4
/* Of one round of exact counting. */
#define FLUSHES 500
/* A file in use is given back before so many tries. */
#define TRIES 100000

/* What the processes tell each other. */
static struct shared {
	volatile bool enough;
	u64 rounds[NR_READERS], compared[NR_READERS], differences[NR_READERS];
	u64 attached, attach_errors;
	u64 counted, miscounted, last_count;
	u64 uses;
} *shared;

static struct churn *churn;
static unsigned int nr_churn;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static u64 number_of(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* The system's views: their own end, and nobody's business but that. */
static void read_system(void)
{
	static const char *const views[] = { "processes", "targets", "tlb", "cow", "faults" };
	unsigned int i;

	for (i = 0; i < 5; i++) {
		char *text = views_read(0, views[i], NULL);

		churn_whole.nr_compared++;
		if (!text || (!i && !strstr(text, "\n# cost ")))
			tap_differs(&churn_whole, "%s: %s", views[i], text ?: strerror(errno));
		free(text);
	}
}

static void read_always(void *arg)
{
	struct churn_steady *steady = calloc(nr_churn, sizeof(*steady));
	unsigned int reader = *(unsigned int *)arg, i;

	while (!shared->enough) {
		for (i = 0; i < nr_churn && !shared->enough; i++)
			churn_read(&churn[(i * (1 + 4 * reader)) % nr_churn],
				   &steady[(i * (1 + 4 * reader)) % nr_churn]);
		read_system();
		shared->rounds[reader]++;
	}
	shared->compared[reader] = churn_whole.nr_compared + churn_same.nr_compared +
				   churn_sane.nr_compared;
	shared->differences[reader] = churn_whole.nr + churn_same.nr + churn_sane.nr;
}

/* A process's end, of any kind; its status is not taken yet. */
static void end_somehow(pid_t pid)
{
	static const int signals[] = { SIGKILL, SIGSEGV, SIGABRT };

	kill(pid, signals[rand() % 3]);
}

static pid_t fork_target(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (rand() % 2)
			execl("/bin/sleep", "sleep", "1000", NULL);
		spawn_rest();
	}
	return pid;
}

/* Attached by name or held, read a little, gone at any moment. */
static void attach_always(void *arg)
{
	static const char *const views[] = { "summary", "vmas", "pages", "records", "tables", "tlb" };
	char byte[4096], text[32];

	(void)arg;
	while (!shared->enough) {
		pid_t pid = fork_target();
		int control = open(VIEWS_DIR "/attach", O_WRONLY), view, len;
		bool held = rand() % 2;

		len = snprintf(text, sizeof(text), held ? "hold %d" : "%d", pid);
		if (write(control, text, len) != len)
			shared->attach_errors++;
		view = open(views_path(pid, views[rand() % 6]), O_RDONLY);
		if (view < 0 || read(view, byte, 1 + rand() % sizeof(byte)) < 0)
			shared->attach_errors += errno != ESRCH;
		if (rand() % 2)
			end_somehow(pid);
		while (read(view, byte, sizeof(byte)) > 0)
			;
		if (!held)
			shared->attach_errors += views_detach(pid) != 0;
		close(control);
		close(view);
		spawn_end(pid);
		shared->attached++;
	}
}

/* Each round flushes twice for each of so many times, and nothing else does. */
static void __attribute__((noreturn)) flush_on_demand(int in, int out)
{
	char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), byte;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	at[0] = 1;
	/* Nobody else takes its pages away. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		_exit(1);
	while (write(out, "", 1) == 1 && read(in, &byte, 1) == 1) {
		for (i = 0; i < FLUSHES; i++) {
			*(volatile char *)at = i;
			mprotect(at, PAGE, PROT_READ);
			mprotect(at, PAGE, PROT_READ | PROT_WRITE);
		}
	}
	_exit(0);
}

/* What an open "count" has of the process's own flushes. */
static u64 flushes_of(int fd)
{
	struct views_table table;
	char *text = calloc(1, 1 << 16);
	u64 nr;

	if (pread(fd, text, (1 << 16) - 1, 0) <= 0 || !views_parse(text, &table))
		return UINT64_MAX;
	nr = views_flushes(&table, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events");
	views_table_free(&table);
	return nr;
}

static void count_always(void *arg)
{
	int to[2], from[2], control = open(VIEWS_DIR "/count", O_RDWR), len;
	char text[32], byte;
	u64 before, after;
	pid_t pid;

	(void)arg;
	if (pipe(to) || pipe(from))
		return;
	pid = fork();
	if (!pid)
		flush_on_demand(to[0], from[1]);
	len = snprintf(text, sizeof(text), "%d", pid);
	if (write(control, text, len) != len || read(from[0], &byte, 1) != 1)
		return;
	while (!shared->enough) {
		before = flushes_of(control);
		if (write(to[1], "", 1) != 1 || read(from[0], &byte, 1) != 1)
			break;
		after = flushes_of(control);
		shared->counted++;
		if (after - before != 2 * FLUSHES) {
			shared->miscounted++;
			shared->last_count = after - before;
		}
		usleep(10000);
	}
	close(control);
	spawn_end(pid);
}

/* Bytes of the kernel's memory that a leak would be in, after what need not stay is gone. */
static u64 kernel_memory(void)
{
	char *text, *line, *save = NULL, name[64], path[128];
	unsigned long objects, size;
	u64 bytes = 0;

	proc_write("/proc/sys/vm/drop_caches", "3");
	text = proc_read_file("/proc/slabinfo", NULL);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%63s %*u %*u %lu", name, &size) != 2 ||
		    (strncmp(name, "kmalloc", 7) && strcmp(name, "mm_struct") && strcmp(name, "pid") &&
		     strcmp(name, "task_struct")))
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
		proc_write(path, "1");
	}
	free(text);
	text = proc_read_file("/proc/slabinfo", NULL);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%63s %lu %*u %lu", name, &objects, &size) == 3 &&
		    (!strncmp(name, "kmalloc", 7) || !strcmp(name, "mm_struct") || !strcmp(name, "pid")))
			bytes += objects * size;
	free(text);
	return bytes + proc_number("/proc/meminfo", "Percpu") * 1024;
}

/* Areas of vmalloc() that the module has asked for and not given back. */
static unsigned int module_areas(void)
{
	char *text = proc_read_file("/proc/vmallocinfo", NULL), *at = text;
	unsigned int nr = 0;

	while (at && (at = strstr(at, "[mmscope]"))) {
		at++;
		nr++;
	}
	free(text);
	return nr;
}

/* Everybody's but who executes for ever: what traces him would be executed. */
static void start_all(struct disturb *disturb, unsigned int nr)
{
	unsigned int i, k, v;

	for (i = 0; i < nr_churn; i++) {
		churn_start(&churn[i], i);
		if (views_attach(churn[i].pid))
			tap_bail("%s cannot be attached", churn[i].name);
	}
	for (k = 0; k < nr; k++) {
		for (i = v = 0; i < nr_churn; i++)
			if (churn[i].steady)
				disturb[k].victims[v++] = churn[i].pid;
		disturb_start(&disturb[k], k);
	}
}

static void report(struct disturb *disturb, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr_churn; i++) {
		if (*churn[i].missing)
			tap_skip(churn[i].missing, "%s", churn[i].name);
		else
			tap_ok(churn[i].count && churn_is_running(&churn[i]), "%s: %llu times",
			       churn[i].name, churn[i].count);
	}
	for (i = 0; i < nr; i++) {
		if (*disturb[i].missing)
			tap_skip(disturb[i].missing, "%s", disturb[i].name);
		else
			tap_ok(disturb[i].count, "%s: %llu times", disturb[i].name, disturb[i].count);
	}
}

static void all_at_once(double seconds)
{
	unsigned int nr, i, reader[NR_READERS];
	struct disturb *disturb = disturb_open(&nr);
	double begun = now();
	pid_t readers[NR_READERS], attacher, counter;

	start_all(disturb, nr);
	for (i = 0; i < NR_READERS; i++) {
		reader[i] = i;
		readers[i] = disturb_run(read_always, &reader[i]);
	}
	attacher = disturb_run(attach_always, NULL);
	counter = disturb_run(count_always, NULL);
	for (seconds += now(); now() < seconds;)
		usleep(100000);
	shared->enough = true;
	/* What a frozen one is asked must be answered before it is let go. */
	for (i = 0; i < nr; i++)
		disturb_stop(&disturb[i]);
	report(disturb, nr);
	for (i = 0; i < NR_READERS; i++) {
		waitpid(readers[i], NULL, 0);
		tap_ok(shared->compared[i] && !shared->differences[i],
		       "reader %u: %llu rounds, %llu compared, %llu differences", i,
		       shared->rounds[i], shared->compared[i], shared->differences[i]);
	}
	waitpid(attacher, NULL, 0);
	waitpid(counter, NULL, 0);
	tap_ok(shared->attached && !shared->attach_errors, "attached and let go: %llu times, %llu errors",
	       shared->attached, shared->attach_errors);
	if (!tap_ok(shared->counted && !shared->miscounted,
		    "TLB flushes counted exactly: %llu times, %llu not", shared->counted,
		    shared->miscounted))
		tap_diag("%d by construction, counted %llu", 2 * FLUSHES, shared->last_count);
	for (i = 0; i < nr_churn; i++)
		views_detach(churn[i].pid);
	disturb_close(disturb, nr);
	tap_diag("all at once took %.0f s", now() - begun);
}

/* One use of one file, if it is there: read a little, or a command that holds, counts or hands over. */
static void use(int map)
{
	static const char *const views[] = { "processes", "targets", "tlb", "cow", "version" };
	static const char *const controls[] = { "attach", "count", "attach", "tracer" };
	pid_t pid = churn[rand() % nr_churn].pid;
	char byte[512], text[32];
	int kind = rand() % 9, fd, len;

	if (kind < 5)
		fd = open(views_path(0, views[kind]), O_RDONLY | O_CLOEXEC);
	else
		fd = open(views_path(0, controls[kind - 5]), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	shared->uses++;
	len = kind == 5 ? snprintf(text, sizeof(text), "hold %d", pid) :
	      kind == 6 ? snprintf(text, sizeof(text), "follow %d", pid) :
	      kind == 7 ? snprintf(text, sizeof(text), "%d", pid) :
			  snprintf(text, sizeof(text), "cow %d", map);
	if (kind < 5)
		len = read(fd, byte, sizeof(byte));
	else
		len = write(fd, text, len);
	if (kind == 5 && len > 0) {
		int view = open(views_path(pid, rand() % 2 ? "vmas" : "records"), O_RDONLY | O_CLOEXEC);

		len = read(view, byte, sizeof(byte));
		close(view);
	}
	usleep(rand() % 2000);
	close(fd);
}

static void use_always(void *arg)
{
	struct mms_trace_record header = trace_map_header(MMS_QUESTION_COW);
	int map = trace_map(&header, MMS_SLOT_FIRST + 2);

	(void)arg;
	while (!shared->enough) {
		use(map);
		usleep(rand() % 4000);
	}
}

static bool is_loaded(void)
{
	return !access(VIEWS_DIR "/tracer", F_OK);
}

static bool go_and_come(const char *module)
{
	unsigned int tries;
	bool gone;
	int fd;

	for (tries = 0; tries < TRIES && syscall(SYS_delete_module, "mmscope", O_NONBLOCK); tries++) {
		if (errno != EWOULDBLOCK && errno != EBUSY)
			return false;
		usleep(100);
	}
	gone = access(VIEWS_DIR, F_OK) && access("/sys/module/mmscope", F_OK);
	fd = open(module, O_RDONLY | O_CLOEXEC);
	if (syscall(SYS_finit_module, fd, "", 0))
		tap_bail("insmod: %s", strerror(errno));
	close(fd);
	return tries < TRIES && gone && is_loaded();
}

static void load_and_unload(const char *module, u64 cycles)
{
	pid_t users[NR_USERS];
	double begun = now();
	u64 i, went = 0;

	/* A few go on, so that there is something to count. */
	for (i = NR_LEFT; i < nr_churn; i++)
		churn_stop(&churn[i]);
	nr_churn = NR_LEFT;
	shared->enough = false;
	for (i = 0; i < NR_USERS; i++)
		users[i] = disturb_run(use_always, NULL);
	for (i = 0; i < cycles; i++)
		went += go_and_come(module);
	shared->enough = true;
	for (i = 0; i < NR_USERS; i++)
		waitpid(users[i], NULL, 0);
	tap_ok(went == cycles && shared->uses > cycles,
	       "the module went and came %llu of %llu times, its files used %llu times", went, cycles,
	       shared->uses);
	tap_diag("in %.0f s", now() - begun);
}

/* Nobody is attached, nothing is open. */
static void check_rest(u64 before, u64 attached)
{
	/* What a leak of 64 bytes each time would come to; the machine's own memory is not still. */
	u64 room = 64 * attached > 4 * MIB ? 64 * attached : 4 * MIB, after;

	after = kernel_memory();
	tap_ok(after < before + room, "kernel memory: %lld kB more than before, of %llu kB",
	       (long long)(after - before) / 1024, before / 1024);
	tap_eq(module_areas(), 0, "areas of vmalloc that the module still has");
	tap_eq(proc_value("/sys/module/mmscope/refcnt"), 0, "uses of the module");
}

int main(int argc, char **argv)
{
	const char *module = getenv("MMSCOPE_KO") ?: "/run/vm/job/mmscope.ko";
	double seconds = number_of("MMSCOPE_TORTURE_SECONDS", 30);
	u64 cycles = number_of("MMSCOPE_TORTURE_CYCLES", 20), before;
	unsigned int i;

	churn_resume(argc, argv);
	zoo_world_open();
	proc_write("/proc/sys/vm/compact_unevictable_allowed", "0");
	proc_write("/sys/kernel/mm/transparent_hugepage/enabled", "always");
	proc_write("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "10");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	churn = churn_open(&nr_churn);
	tap_plan(nr_churn + 5 + NR_READERS + 2 + 1 + 3);
	before = kernel_memory();
	all_at_once(seconds);
	load_and_unload(module, cycles);
	for (i = 0; i < nr_churn; i++) {
		/* If the last users left it attached. */
		views_detach(churn[i].pid);
		churn_stop(&churn[i]);
	}
	churn_close(churn);
	check_rest(before, shared->attached + shared->uses);
	zoo_world_close();
	return tap_done();
}
