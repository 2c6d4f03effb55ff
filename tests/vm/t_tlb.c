// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes as the module counts them: against perf's counts of the same tracepoint, against the
 * trace buffer, against counts known by construction; and that nothing is registered while nobody
 * counts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event_names.h"
#include "proc_spawn.h"
#include "tap.h"
#include "tlb_witness.h"
#include "views.h"

#define STORM 2000
#define PAGES 4
#define ROUNDS 500
#define MAX_CPUS 16

/* What a worker and the test share. */
static struct shared {
	pid_t tid[MAX_CPUS];	/* of the thread on each CPU */
	atomic_uint ready;	/* threads that wait */
	atomic_uint running;	/* threads that run, in the round under way */
	atomic_uint done;	/* threads that have flushed what they had to */
	atomic_uint round;	/* even: wait; odd: run */
	atomic_uint givers;	/* how many of them, from CPU 0 on, flush */
} *shared;

static unsigned int cpus;

static void run_on(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(9);
}

/* Nothing but the kernel's own threads comes between, which leaves the address space loaded. */
static void run_first(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		_exit(10);
}

static char *map_pages(void)
{
	return mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Each time maps pages, and asks for one flush of them. */
static void give_back(char *at, unsigned int times)
{
	while (times--) {
		for (unsigned int i = 0; i < PAGES; i++)
			((volatile char *)at)[i * PAGE] = 1;
		madvise(at, PAGES * PAGE, MADV_DONTNEED);
	}
}

/* A round: all run, some of them flush, and nobody rests before all have flushed. */
static void *thread_of(void *arg)
{
	unsigned int cpu = (uintptr_t)arg, round = 1;
	char *at = map_pages();

	run_on(cpu);
	shared->tid[cpu] = gettid();
	atomic_fetch_add(&shared->ready, 1);
	for (;; round += 2) {
		while (atomic_load(&shared->round) < round)
			usleep(1000);
		run_first();
		atomic_fetch_add(&shared->running, 1);
		while (atomic_load(&shared->running) < cpus)
			;
		if (cpu < atomic_load(&shared->givers))
			give_back(at, STORM);
		atomic_fetch_add(&shared->done, 1);
		while (atomic_load(&shared->done) < cpus)
			;
		sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
		atomic_fetch_add(&shared->ready, 1);
	}
	return NULL;
}

/* A process that does what it is told, and says when it is done. */
struct worker {
	pid_t pid;
	int to, from;
};

static void wait_ready(unsigned int nr)
{
	while (atomic_load(&shared->ready) < nr)
		usleep(1000);
}

static void begin_threads(void)
{
	pthread_t thread;
	uintptr_t cpu;

	memset(shared, 0, sizeof(*shared));
	for (cpu = 0; cpu < cpus; cpu++)
		pthread_create(&thread, NULL, thread_of, (void *)cpu);
	wait_ready(cpus);
}

static void storm(unsigned int givers)
{
	atomic_store(&shared->ready, 0);
	atomic_store(&shared->running, 0);
	atomic_store(&shared->done, 0);
	atomic_store(&shared->givers, givers);
	atomic_fetch_add(&shared->round, 1);
	wait_ready(cpus);
	atomic_fetch_add(&shared->round, 1);
}

static void __attribute__((noreturn)) work(int in, int out)
{
	char command;

	while (read(in, &command, 1) == 1) {
		if (command == 't')
			begin_threads();
		if (command == 'o')
			storm(1);
		if (command == 'a')
			storm(cpus);
		if (command == 'g')
			give_back(map_pages(), STORM);
		if (command == 'x')
			execl("/proc/self/exe", "t_tlb", "again", NULL);
		if (command == '1')
			run_on(cpus > 1);
		if (write(out, &command, 1) != 1)
			break;
	}
	_exit(0);
}

static void worker_start(struct worker *worker)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		tap_bail("pipe");
	tap_flush();
	worker->pid = fork();
	if (!worker->pid) {
		/* Where the program that "x" executes finds them. */
		dup2(to[0], 0);
		dup2(from[1], 1);
		work(0, 1);
	}
	close(to[0]);
	close(from[1]);
	worker->to = to[1];
	worker->from = from[0];
}

static void tell(const struct worker *worker, char command)
{
	char answer;

	if (write(worker->to, &command, 1) != 1 || read(worker->from, &answer, 1) != 1)
		tap_bail("the worker has died");
}

static void worker_end(struct worker *worker)
{
	close(worker->to);
	close(worker->from);
	/* A worker begun after it has its pipe open too. */
	kill(worker->pid, SIGKILL);
	waitpid(worker->pid, NULL, 0);
}

static void read_tlb(pid_t pid, struct views_table *table)
{
	int err = views_table(pid, "tlb", table);

	if (err)
		tap_bail("tlb: %s", strerror(-err));
}

static void check_sum(const struct views_table *table, const char *what)
{
	static const char *const columns[] = { "events", "pages", "full", "none" };
	unsigned int reason, column;
	bool equal = true;
	size_t row;

	for (reason = 0; reason < MMS_NR_TLB_REASONS; reason++) {
		for (column = 0; column < 4; column++) {
			u64 sum = 0;

			for (row = 0; row < table->nr; row++)
				if (strcmp(views_field(table, row, "cpu"), "all") &&
				    !strcmp(views_field(table, row, "reason"),
					    mms_tlb_reason_name(reason)))
					sum += views_u64(table, row, columns[column]);
			equal &= sum == views_flushes(table, "all", reason, columns[column]);
		}
	}
	tap_ok(equal, "%s: the CPUs' rows add up", what);
}

/* The counts that perf's filter of tlb_flush for the worker's threads gives, over all CPUs. */
static void check_against_perf(const struct views_table *table, unsigned int reason,
			       const struct tlb_perf *perf, const char *what)
{
	const char *name = mms_tlb_reason_name(reason);
	u64 events = 0, full = 0, none = 0;
	unsigned int cpu;

	for (cpu = 0; cpu < cpus; cpu++) {
		events += tlb_perf_read(perf[cpu].events);
		full += tlb_perf_read(perf[cpu].full);
		none += tlb_perf_read(perf[cpu].none);
	}
	tap_eq(views_flushes(table, "all", reason, "events"), events,
	       "%s: %s: events as perf counts them", what, name);
	tap_eq(views_flushes(table, "all", reason, "full"), full, "%s: %s: full flushes", what, name);
	tap_eq(views_flushes(table, "all", reason, "none"), none, "%s: %s: flushes of nothing", what,
	       name);
}

/*
 * With one thread that flushes, each time is one flush. A CPU on which one of the kernel's threads
 * runs meanwhile drops out of those asked, so that there may be fewer IPIs; of all of the pages each.
 */
static void check_one(const struct views_table *table, const char *what)
{
	u64 sent = views_flushes(table, "all", MMS_TLB_REMOTE_SEND_IPI, "events");

	tap_eq(views_flushes(table, "0", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events"), STORM,
	       "%s: one local flush for each madvise", what);
	tap_eq(views_flushes(table, "0", MMS_TLB_LOCAL_MM_SHOOTDOWN, "pages"), STORM * PAGES,
	       "%s: of its pages", what);
	tap_ok(cpus > 1 ? sent && sent <= STORM : !sent, "%s: at most one IPI each", what);
	tap_eq(views_flushes(table, "all", MMS_TLB_REMOTE_SEND_IPI, "pages"), sent * PAGES,
	       "%s: for its pages", what);
}

/* The target's flushes: those while one of its threads is current. */
static void check_storm(char command, const char *what)
{
	struct tlb_perf perf[MMS_NR_TLB_REASONS][MAX_CPUS];
	unsigned int reason, cpu;
	struct views_table table;
	struct worker worker;
	pid_t tids[MAX_CPUS + 1];

	worker_start(&worker);
	tell(&worker, 't');
	/* What the threads touch for the first time is copied, and flushed, in a round before. */
	tell(&worker, command);
	memcpy(tids, shared->tid, sizeof(shared->tid));
	tids[cpus] = worker.pid;
	for (reason = 1; reason < MMS_TLB_OTHER; reason++)
		for (cpu = 0; cpu < cpus; cpu++)
			if (tlb_perf_open(&perf[reason][cpu], tids, cpus + 1, cpu, reason))
				tap_bail("perf_event_open of tlb:tlb_flush");
	/* Threads that wait wake up now and then, and flush nothing but on a switch. */
	if (views_attach(worker.pid))
		tap_bail("attach");
	tell(&worker, command);
	read_tlb(worker.pid, &table);
	for (reason = 1; reason < MMS_TLB_OTHER; reason++) {
		check_against_perf(&table, reason, perf[reason], what);
		for (cpu = 0; cpu < cpus; cpu++)
			tlb_perf_close(&perf[reason][cpu]);
	}
	check_sum(&table, what);
	if (command == 'o')
		check_one(&table, what);
	views_table_free(&table);
	views_detach(worker.pid);
	worker_end(&worker);
}

/* No switch to it comes any more: with its answer it has not stopped to run. */
static void wait_idle(const struct worker *worker)
{
	if (!proc_wait_idle(worker->pid, 30))
		tap_bail("the worker does not rest");
}

/*
 * Switches between two processes on one CPU: charged to the one switched to. The trace begins before
 * the module counts, and ends after it was read.
 */
static void check_switches(void)
{
	struct views_table table;
	struct worker worker;
	long expected;
	unsigned int i;

	worker_start(&worker);
	tell(&worker, '1');
	run_on(cpus > 1);
	wait_idle(&worker);
	if (tlb_trace_begin(cpus > 1))
		tap_bail("the trace buffer");
	if (views_attach(worker.pid))
		tap_bail("attach");
	for (i = 0; i < ROUNDS; i++)
		tell(&worker, '.');
	wait_idle(&worker);
	read_tlb(worker.pid, &table);
	expected = tlb_trace_end(worker.pid);
	tap_ok(expected >= ROUNDS, "switches: the trace has them");
	tap_eq(views_flushes(&table, "all", MMS_TLB_TASK_SWITCH, "events"), expected,
	       "switches: charged to the process switched to");
	views_table_free(&table);
	views_detach(worker.pid);
	worker_end(&worker);
}

static u64 read_execs(pid_t pid)
{
	char *text = views_read(pid, "tlb", NULL), *at = text ? strstr(text, " execs=") : NULL;
	u64 execs = at ? strtoull(at + strlen(" execs="), NULL, 10) : UINT64_MAX;

	free(text);
	return execs;
}

static void check_exec(void)
{
	struct views_table before, after;
	struct worker worker;

	worker_start(&worker);
	views_attach(worker.pid);
	tell(&worker, 'g');
	read_tlb(worker.pid, &before);
	tap_eq(read_execs(worker.pid), 0, "exec: none so far");
	tell(&worker, 'x');
	tell(&worker, 'g');
	read_tlb(worker.pid, &after);
	tap_eq(read_execs(worker.pid), 1, "exec: marked");
	tap_ok(views_flushes(&after, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events") >=
		       views_flushes(&before, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events") + STORM,
	       "exec: the counts go on");
	views_table_free(&before);
	worker_end(&worker);
	read_tlb(worker.pid, &before);
	tap_ok(views_flushes(&before, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events") >=
		       views_flushes(&after, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events"),
	       "exit: the counts stay until detach");
	views_table_free(&before);
	views_table_free(&after);
	views_detach(worker.pid);
}

/* Between two readings of perf's counters lies the module's, for every reason. */
static void check_system(void)
{
	struct tlb_perf perf[MAX_CPUS];
	struct views_table first, second;
	struct worker worker;
	u64 before = 0, after = 0, counted;
	unsigned int cpu;

	worker_start(&worker);
	views_attach(worker.pid);
	for (cpu = 0; cpu < cpus; cpu++)
		if (tlb_perf_open(&perf[cpu], NULL, 0, cpu, MMS_TLB_LOCAL_MM_SHOOTDOWN))
			tap_bail("perf_event_open of a CPU");
	read_tlb(0, &first);
	for (cpu = 0; cpu < cpus; cpu++)
		before -= tlb_perf_read(perf[cpu].events);
	tell(&worker, 'g');
	for (cpu = 0; cpu < cpus; cpu++)
		before += tlb_perf_read(perf[cpu].events);
	read_tlb(0, &second);
	for (cpu = 0; cpu < cpus; cpu++)
		after += tlb_perf_read(perf[cpu].events);
	counted = views_flushes(&second, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events") -
		  views_flushes(&first, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events");
	tap_ok(counted >= before && counted <= after && before >= STORM,
	       "system: %llu flushes, between %llu and %llu", counted, before, after);
	for (cpu = 0; cpu < cpus; cpu++)
		tlb_perf_close(&perf[cpu]);
	views_table_free(&first);
	views_table_free(&second);
	views_detach(worker.pid);
	worker_end(&worker);
}

static void check_probes(long wanted, const long *own, const char *when)
{
	tap_eq(tracepoint_enabled("tlb_flush"), own[0] + wanted, "%s: probes of tlb_flush", when);
	tap_eq(tracepoint_enabled("sched_switch"), own[1] + wanted, "%s: of sched_switch", when);
	tap_eq(tracepoint_enabled("sched_process_exec"), own[2] + wanted, "%s: of exec", when);
}

static int open_hold(pid_t pid)
{
	int fd = open("/sys/kernel/debug/mmscope/attach", O_WRONLY | O_CLOEXEC);
	char text[32];

	snprintf(text, sizeof(text), "hold %d", pid);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		tap_bail("%s: %s", text, strerror(errno));
	return fd;
}

/* Who counts, by the kernel's own record of its probes. */
static void check_registered(void)
{
	long own[] = { tracepoint_enabled("tlb_flush"), tracepoint_enabled("sched_switch"),
		       tracepoint_enabled("sched_process_exec") };
	struct worker one, two;
	char *text;
	int fd;

	worker_start(&one);
	worker_start(&two);
	tap_ok(own[0] >= 0 && own[1] >= 0 && own[2] >= 0, "the tracepoints' own counts are readable");
	text = views_read(0, "tlb", NULL);
	tap_ok(text && strstr(text, "# not counting\n"), "nothing attached: said so");
	free(text);
	fd = open_hold(one.pid);
	check_probes(0, own, "held to be looked at");
	text = views_read(one.pid, "tlb", NULL);
	tap_ok(text && strstr(text, "# not counting\n"), "held: said so");
	free(text);
	close(fd);
	views_attach(one.pid);
	views_attach(two.pid);
	check_probes(1, own, "two attached");
	views_detach(one.pid);
	check_probes(1, own, "one attached");
	views_detach(two.pid);
	check_probes(0, own, "none attached");
	worker_end(&one);
	worker_end(&two);
}

#define NUMA_BALANCING "/proc/sys/kernel/numa_balancing"

int main(int argc, char **argv)
{
	long balancing;

	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	if (argc > 1 && !strcmp(argv[1], "again")) {
		if (write(1, "x", 1) == 1)
			work(0, 1);
		return 1;
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	/* Threads that spin are never to be held back, nor made to fault for NUMA balancing. */
	proc_write("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	balancing = proc_value(NUMA_BALANCING);
	proc_write(NUMA_BALANCING, "0");
	tap_plan(3 + 4 * 3 + 2 * (3 * 4 + 1) + 4 + 2 + 4 + 1);
	check_registered();
	check_storm('o', "one flushes, all run");
	check_storm('a', "all flush");
	check_switches();
	check_exec();
	check_system();
	proc_write("/proc/sys/kernel/sched_rt_runtime_us", "950000");
	if (balancing > 0)
		proc_write(NUMA_BALANCING, "1");
	return tap_done();
}
