// SPDX-License-Identifier: GPL-2.0
/*
 * The file "count": whose TLB flushes are in it. A small family of processes, each of which flushes a
 * known number of times when it is told to: what the file says grows by as much, or not at all.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
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

#define COUNT VIEWS_DIR "/count"

/* MAX_PROCESSES of module/count.c, and some more. */
#define ROOM 16384
#define TOO_MANY 100
#define STACK 4096

enum { PARENT, OLDER, CHILD, GRANDCHILD, OF_THREAD, STRANGER, NR_MEMBERS };

/* Shared by all, also across an exec: a memfd with this number. */
#define FAMILY_FD 100
static struct member {
	sem_t go, done;
	char command;
	unsigned int arg;
	pid_t pid;
} *family;

static void give_back(unsigned int times)
{
	volatile char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (times--) {
		*at = 1;
		madvise((void *)at, PAGE, MADV_DONTNEED);
	}
	munmap((void *)at, PAGE);
}

static void member_main(unsigned int who);

static void *fork_one(void *arg)
{
	unsigned int who = (uintptr_t)arg;
	pid_t pid = fork();

	if (!pid)
		member_main(who);
	family[who].pid = pid;
	return NULL;
}

/* A thread other than the leader, which takes over its PID. */
static void *execute(void *arg)
{
	char who[8];

	snprintf(who, sizeof(who), "%u", (unsigned int)(uintptr_t)arg);
	execl("/proc/self/exe", "t_count", who, NULL);
	_exit(1);
}

static void in_thread(void *(*run)(void *arg), uintptr_t arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, (void *)arg))
		_exit(1);
	pthread_join(thread, NULL);
}

static void member_main(unsigned int who)
{
	struct member *self = &family[who];

	for (;;) {
		/* Once per command, so that what is written to after a fork has been copied. */
		sem_post(&self->done);
		while (sem_wait(&self->go))
			;
		switch (self->command) {
		case 'g':
			give_back(self->arg);
			break;
		case 'f':
			fork_one((void *)(uintptr_t)self->arg);
			break;
		case 't':
			in_thread(fork_one, self->arg);
			break;
		case 'e':
			in_thread(execute, who);
			break;
		case 'x':
			sem_post(&self->done);
			_exit(0);
		}
	}
}

static void wait_done(unsigned int who)
{
	while (sem_wait(&family[who].done))
		;
}

static void tell(unsigned int who, char command, unsigned int arg)
{
	family[who].command = command;
	family[who].arg = arg;
	sem_post(&family[who].go);
	wait_done(who);
}

/* @child is born to @who, and has warmed up: what it writes to has been copied. */
static void bear(unsigned int who, char how, unsigned int child)
{
	tell(who, how, child);
	wait_done(child);
	tell(child, 'g', 1);
}

static void make_family(void)
{
	int fd = memfd_create("family", 0);
	unsigned int i;

	if (dup2(fd, FAMILY_FD) < 0 || ftruncate(fd, NR_MEMBERS * sizeof(*family)))
		tap_bail("memfd");
	close(fd);
	family = mmap(NULL, NR_MEMBERS * sizeof(*family), PROT_READ | PROT_WRITE, MAP_SHARED,
		      FAMILY_FD, 0);
	for (i = 0; i < NR_MEMBERS; i++) {
		sem_init(&family[i].go, 1, 0);
		sem_init(&family[i].done, 1, 0);
	}
	signal(SIGCHLD, SIG_IGN);
}

static void begin_member(unsigned int who)
{
	tap_flush();
	fork_one((void *)(uintptr_t)who);
	wait_done(who);
	tell(who, 'g', 1);
}

static int count_open(void)
{
	int fd = open(COUNT, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		tap_bail("count: %s", strerror(errno));
	return fd;
}

static int count_add(int fd, const char *whom)
{
	return write(fd, whom, strlen(whom)) == (ssize_t)strlen(whom) ? 0 : errno;
}

static int count_process(int fd, const char *verb, pid_t pid)
{
	char whom[32];

	snprintf(whom, sizeof(whom), "%s%d", verb, pid);
	return count_add(fd, whom);
}

static void count_read(int fd, struct views_table *table)
{
	static char text[1 << 20];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0), more;

	while (len > 0 && (more = pread(fd, text + len, sizeof(text) - 1 - len, len)) > 0)
		len += more;
	if (len <= 0)
		tap_bail("count: %s", strerror(errno));
	text[len] = '\0';
	if (!views_parse(strdup(text), table))
		tap_bail("count: not a table");
}

/* Flushes that a process made itself, and what remarks say. */
static u64 counted(int fd, const char *what)
{
	struct views_table table;
	u64 value;

	count_read(fd, &table);
	value = what ? views_remark(&table, what) :
		       views_flushes(&table, "all", MMS_TLB_LOCAL_MM_SHOOTDOWN, "events");
	views_table_free(&table);
	return value;
}

/* @who flushes @times: so much are the counts to grow. */
static void grows(int fd, unsigned int who, unsigned int times, bool is_counted, const char *what)
{
	u64 before = counted(fd, NULL);

	tell(who, 'g', times);
	tap_eq(counted(fd, NULL) - before, is_counted ? times : 0, "%s", what);
}

static void check_alone(void)
{
	int fd = count_open();

	tap_eq(counted(fd, NULL), 0, "nobody: nothing");
	tap_eq(count_process(fd, "", family[PARENT].pid), 0, "a process");
	grows(fd, PARENT, 100, true, "its flushes");
	grows(fd, STRANGER, 90, false, "not another's");
	bear(PARENT, 'f', OLDER);
	grows(fd, OLDER, 80, false, "not followed: not its child's");
	tap_eq(count_process(fd, "", family[PARENT].pid), 0, "the same process again");
	grows(fd, PARENT, 70, true, "counts once");
	tap_eq(count_process(fd, "", family[STRANGER].pid), 0, "another process");
	grows(fd, STRANGER, 60, true, "its flushes, too");
	tap_eq(counted(fd, "execs"), 0, "no exec");
	close(fd);
}

static void check_followed(void)
{
	int fd = count_open(), late, child;
	u64 before;

	count_process(fd, "follow ", family[PARENT].pid);
	bear(PARENT, 'f', CHILD);
	grows(fd, CHILD, 50, true, "followed: its child's");
	bear(CHILD, 'f', GRANDCHILD);
	grows(fd, GRANDCHILD, 40, true, "followed: its grandchild's");
	bear(PARENT, 't', OF_THREAD);
	grows(fd, OF_THREAD, 30, true, "followed: that of one of its threads");
	grows(fd, OLDER, 20, false, "followed: not of a child forked before");
	late = count_open();
	count_process(late, "follow ", family[PARENT].pid);
	grows(late, CHILD, 25, false, "followed later: not of a child forked meanwhile");
	grows(late, PARENT, 15, true, "followed later: its own");
	child = count_open();
	count_process(child, "", family[CHILD].pid);
	count_process(fd, "", family[CHILD].pid);
	grows(fd, CHILD, 35, true, "a child that is followed and named: once");
	grows(child, CHILD, 45, true, "in two countings: in each");
	tell(CHILD, 'e', 0);
	tap_eq(counted(child, "execs"), 1, "an exec by another thread than the first");
	tap_eq(counted(fd, "execs"), 1, "an exec of a child");
	tap_eq(counted(late, "execs"), 0, "an exec of nobody who is counted");
	/* Its old leader is freed after a grace period: others open and close files meanwhile. */
	usleep(500000);
	tell(CHILD, 'g', 1);
	grows(child, CHILD, 55, true, "after it, the counts go on");
	grows(fd, CHILD, 65, true, "after it, followed, too");
	before = counted(fd, NULL);
	tell(GRANDCHILD, 'x', 0);
	tell(CHILD, 'x', 0);
	while (!kill(family[CHILD].pid, 0) || !kill(family[GRANDCHILD].pid, 0))
		usleep(1000);
	tap_ok(counted(fd, NULL) >= before, "exited: its counts stay");
	grows(fd, PARENT, 75, true, "its parent's go on");
	tap_eq(count_process(fd, "", family[CHILD].pid), ESRCH, "nobody by that name any more");
	tap_eq(counted(fd, "unfollowed"), 0, "none was too many");
	close(child);
	close(late);
	close(fd);
}

static void check_everyone(void)
{
	int fd = count_open(), named = count_open(), third;

	tap_eq(count_add(fd, "all\n"), 0, "everyone");
	tap_ok(counted(fd, NULL) < 100000, "everyone: from now on");
	third = counted(fd, NULL);
	tell(STRANGER, 'g', 1000);
	tap_ok(counted(fd, NULL) - third >= 1000, "everyone's flushes");
	tap_eq(count_add(fd, "all"), EBUSY, "everyone again");
	tap_eq(count_process(fd, "", family[PARENT].pid), EBUSY, "everyone, and one more");
	count_process(named, "", family[PARENT].pid);
	tap_eq(count_add(named, "all"), EBUSY, "one, and everyone");
	grows(named, PARENT, 10, true, "refused: the counting goes on as it was");
	close(named);
	close(fd);
}

static void check_bad(void)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{ "follow", EINVAL },	   { "follow ", EINVAL },   { "follow  1", EINVAL },
		{ "follow x", EINVAL },	   { "follow -1", EINVAL }, { "follow all", EINVAL },
		{ "all ", EINVAL },	   { "ALL", EINVAL },	    { "all 1", EINVAL },
		{ "count 1", EINVAL },	   { "2", EINVAL },	    { "follow 2", EINVAL },
		{ "follow 4194303", ESRCH },
	};
	int fd = count_open();
	unsigned int i;
	char byte;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		tap_eq(count_add(fd, bad[i].text), bad[i].error, "'%s' is refused", bad[i].text);
	tap_eq(counted(fd, NULL), 0, "what was refused counts nothing");
	tap_ok(lseek(fd, 1, SEEK_SET) == 1 && read(fd, &byte, 1) == 1 && byte == ' ',
	       "read from the middle");
	close(fd);
}

static const char *const tracepoints[] = { "tlb_flush", "sched_switch", "sched_process_exec",
					   "sched_process_fork", "sched_process_free" };
#define NR_TRACEPOINTS (sizeof(tracepoints) / sizeof(*tracepoints))

static void check_probes(const long *own, long wanted, const char *when)
{
	unsigned int i;

	for (i = 0; i < NR_TRACEPOINTS; i++)
		tap_eq(tracepoint_enabled(tracepoints[i]), own[i] + wanted, "%s: probes of %s", when,
		       tracepoints[i]);
}

static void check_registered(void)
{
	long own[NR_TRACEPOINTS];
	unsigned int i;
	int one, two;

	for (i = 0; i < NR_TRACEPOINTS; i++)
		own[i] = tracepoint_enabled(tracepoints[i]);
	one = count_open();
	check_probes(own, 1, "open");
	two = count_open();
	close(one);
	check_probes(own, 1, "open twice, closed once");
	close(two);
	check_probes(own, 0, "closed");
}

static int rest(void *arg)
{
	char byte;

	/* Until all of them may go. */
	return read(*(int *)arg, &byte, 1) != 0;
}

/* As many processes as memory for them alone allows: they share that of this one. */
static void *be_many(void *arg)
{
	char *stacks = mmap(NULL, (ROOM + TOO_MANY) * (size_t)STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int *nr = arg, i;
	int ends[2];

	if (pipe(ends))
		return NULL;
	for (i = 0; i < ROOM + TOO_MANY; i++)
		if (clone(rest, stacks + (i + 1) * (size_t)STACK, CLONE_VM | CLONE_FILES | SIGCHLD,
			  &ends[0]) > 0)
			++*nr;
	close(ends[1]);
	return NULL;
}

static int parent_of_many(void *arg)
{
	unsigned int *nr = arg;
	char byte;

	if (read(0, &byte, 1) == 1)
		be_many(nr);
	signal(SIGCHLD, SIG_DFL);
	while (wait(NULL) > 0)
		;
	return read(0, &byte, 1) != 1;
}

static void check_too_many(void)
{
	unsigned int *nr = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = count_open(), to[2];
	pid_t pid;

	proc_write("/proc/sys/kernel/pid_max", "100000");
	proc_write("/proc/sys/kernel/threads-max", "100000");
	signal(SIGCHLD, SIG_DFL);
	if (pipe(to))
		tap_bail("pipe");
	tap_flush();
	pid = fork();
	if (!pid) {
		dup2(to[0], 0);
		close(to[1]);
		_exit(parent_of_many(nr));
	}
	count_process(fd, "follow ", pid);
	if (write(to[1], "x", 1) != 1 || write(to[1], "x", 1) != 1)
		tap_bail("write");
	close(to[1]);
	waitpid(pid, NULL, 0);
	tap_eq(*nr, ROOM + TOO_MANY, "as many children as there is room for, and some more");
	/* The parent itself takes one of the entries. */
	tap_eq(counted(fd, "unfollowed"), TOO_MANY + 1, "those for which there was no room are told");
	close(fd);
}

#define NUMA_BALANCING "/proc/sys/kernel/numa_balancing"

int main(int argc, char **argv)
{
	long balancing = proc_value(NUMA_BALANCING);

	if (argc > 1) {
		family = mmap(NULL, NR_MEMBERS * sizeof(*family), PROT_READ | PROT_WRITE, MAP_SHARED,
			      FAMILY_FD, 0);
		member_main(strtoul(argv[1], NULL, 10));
	}
	/* It makes faults, and flushes, of its own. */
	proc_write(NUMA_BALANCING, "0");
	tap_plan(10 + 17 + 7 + 15 + 3 * NR_TRACEPOINTS + 2);
	check_registered();
	check_bad();
	make_family();
	begin_member(PARENT);
	begin_member(STRANGER);
	check_alone();
	check_followed();
	check_everyone();
	tell(OLDER, 'x', 0);
	tell(OF_THREAD, 'x', 0);
	tell(PARENT, 'x', 0);
	tell(STRANGER, 'x', 0);
	check_too_many();
	if (balancing > 0)
		proc_write(NUMA_BALANCING, "1");
	return tap_done();
}
