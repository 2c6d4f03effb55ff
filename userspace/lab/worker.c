// SPDX-License-Identifier: GPL-2.0
/*
 * The processes that a lab looks at.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "witness.h"
#include "worker.h"

#define PAGE 4096UL
#define HUGE (2UL << 20)

/* @pid: of a child, when it has been forked; @message: why it gave up. */
struct lab_worker_shared {
	pid_t pid;
	char message[512];
};

void *lab_shared(struct lab *lab, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE,
			-1, 0);

	if (at == MAP_FAILED)
		lab_broken(lab, "memory to share: %s", strerror(errno));
	return at;
}

/* Return: whether the byte came. */
static bool take_byte(int fd)
{
	char byte;
	ssize_t got;

	do {
		got = read(fd, &byte, 1);
	} while (got < 0 && errno == EINTR);
	return got == 1;
}

static void wait_to_be_told(const struct lab_worker *worker)
{
	/* The lab has ended, and with it this. */
	if (!take_byte(worker->go))
		_exit(0);
}

struct lab_worker *lab_child(struct lab *lab, lab_work work, void *arg)
{
	struct lab_worker *worker = calloc(1, sizeof(*worker));
	int go[2], done[2];

	if (!worker || pipe2(go, O_CLOEXEC) || pipe2(done, O_CLOEXEC))
		lab_broken(lab, "a worker: %s", strerror(errno));
	*worker = (struct lab_worker){ .go = go[1], .done = done[0], .theirs = { go[0], done[1] },
				       .work = work, .arg = arg };
	worker->shared = lab_shared(lab, sizeof(*worker->shared));
	return worker;
}

/* In the process that was made: it has no use for the other ends. */
static void become(struct lab_worker *worker)
{
	close(worker->go);
	close(worker->done);
	worker->pid = getpid();
	worker->go = worker->theirs[0];
	worker->done = worker->theirs[1];
	wait_to_be_told(worker);
	worker->work(worker, worker->arg);
	_exit(0);
}

static void close_theirs(const struct lab_worker *worker)
{
	close(worker->theirs[0]);
	close(worker->theirs[1]);
}

struct lab_worker *lab_worker(struct lab *lab, lab_work work, void *arg)
{
	struct lab_worker *worker = lab_child(lab, work, arg);
	pid_t parent = getpid();

	/* Nothing that the lab had to say is for the worker to say again. */
	fflush(NULL);
	worker->pid = fork();
	if (worker->pid < 0)
		lab_broken(lab, "fork: %s", strerror(errno));
	if (!worker->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		become(worker);
	}
	close_theirs(worker);
	return worker;
}

void lab_fork(struct lab_worker *worker, struct lab_worker *child)
{
	pid_t pid = fork();

	if (pid < 0)
		lab_give_up(worker, "fork: %s", strerror(errno));
	if (!pid) {
		close(worker->go);
		close(worker->done);
		become(child);
	}
	child->shared->pid = pid;
	close_theirs(child);
	close(child->go);
	close(child->done);
}

pid_t lab_born(struct lab *lab, struct lab_worker *child)
{
	if (!child->shared->pid)
		lab_broken(lab, "a child was not born");
	close_theirs(child);
	return child->pid = child->shared->pid;
}

void lab_done(struct lab_worker *worker)
{
	if (write(worker->done, "", 1) != 1)
		_exit(0);
	wait_to_be_told(worker);
}

void lab_give_up(struct lab_worker *worker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(worker->shared->message, sizeof(worker->shared->message), format, args);
	va_end(args);
	_exit(1);
}

static void fell_short(struct lab *lab, const struct lab_worker *worker, int status)
{
	if (*worker->shared->message)
		lab_broken(lab, "process %d: %s", worker->pid, worker->shared->message);
	if (WIFSIGNALED(status))
		lab_broken(lab, "process %d was killed by signal %d", worker->pid, WTERMSIG(status));
	lab_broken(lab, "process %d has ended too early", worker->pid);
}

static void ended(struct lab *lab, const struct lab_worker *worker)
{
	int status = 0;

	/* Another's child is not to be waited for. */
	waitpid(worker->pid, &status, 0);
	fell_short(lab, worker, status);
}

void lab_go_on(struct lab *lab, struct lab_worker *worker)
{
	if (write(worker->go, "", 1) != 1)
		ended(lab, worker);
}

void lab_wait(struct lab *lab, struct lab_worker *worker)
{
	if (!take_byte(worker->done))
		ended(lab, worker);
}

void lab_go(struct lab *lab, struct lab_worker *worker)
{
	lab_go_on(lab, worker);
	lab_wait(lab, worker);
}

int lab_last(struct lab *lab, struct lab_worker *worker)
{
	int status;

	lab_go_on(lab, worker);
	status = lab_wait_end(lab, worker->pid);
	if (*worker->shared->message)
		fell_short(lab, worker, status);
	return status;
}

int lab_wait_end(struct lab *lab, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			lab_broken(lab, "process %d: %s", pid, strerror(errno));
	return status;
}

char *lab_map(size_t size)
{
	/* Between two pages without access no neighbour joins it. */
	char *at = mmap(NULL, size + 2 * PAGE, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED || mprotect(at + PAGE, size, PROT_READ | PROT_WRITE) ||
	    (madvise(at + PAGE, size, MADV_NOHUGEPAGE) && errno != EINVAL)) {
		fprintf(stderr, "mmscope: mmap of %zu bytes: %s\n", size, strerror(errno));
		_exit(1);
	}
	return at + PAGE;
}

char *lab_map_file(int fd, size_t size, int prot, int flags)
{
	/* Room around it, without access. */
	char *at = mmap(NULL, size + 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);

	if (at != MAP_FAILED)
		at = mmap(at + HUGE - (uintptr_t)at % HUGE, size, prot, flags | MAP_FIXED, fd, 0);
	if (at == MAP_FAILED) {
		fprintf(stderr, "mmscope: mmap of a file: %s\n", strerror(errno));
		_exit(1);
	}
	return at;
}

void lab_read_pages(const char *at, size_t nr, size_t stride)
{
	for (; nr--; at += stride)
		__atomic_load_n(at, __ATOMIC_RELAXED);
}

void lab_write_pages(char *at, size_t nr, size_t stride)
{
	for (; nr--; at += stride)
		__atomic_store_n(at, 1, __ATOMIC_RELAXED);
}

static size_t nr_present(const char *at, size_t nr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t present = 0, i;
	uint64_t entry;

	for (i = 0; i < nr; i++)
		if (pread(fd, &entry, sizeof(entry), ((uintptr_t)at / PAGE + i) * sizeof(entry)) ==
		    sizeof(entry))
			present += entry >> 63;
	close(fd);
	return present;
}

size_t lab_page_out(char *at, size_t nr)
{
	size_t present = nr;
	int try;

	for (try = 0; try < 200 && present; try++) {
		madvise(at, nr * PAGE, MADV_PAGEOUT);
		sched_yield();
		present = nr_present(at, nr);
	}
	return present;
}

/*
 * More pages than are flushed one by one, unless somebody has raised tlb_single_page_flush_ceiling,
 * which is 33 (arch/x86/mm/tlb.c, 6.12), above it.
 */
void lab_flush_tlb(void)
{
	const size_t nr = 512;
	char *at = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		_exit(1);
	lab_write_pages(at, nr, PAGE);
	munmap(at, nr * PAGE);
}

static void execute(char *const argv[], const char *output)
{
	int null = open("/dev/null", O_RDWR);
	int out = output ? open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600) : null;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], argv);
}

pid_t lab_spawn(struct lab *lab, char *const argv[], const char *output)
{
	int told[2], error = 0;
	pid_t pid;

	if (pipe2(told, O_CLOEXEC))
		lab_broken(lab, "pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		lab_broken(lab, "fork: %s", strerror(errno));
	if (!pid) {
		execute(argv, output);
		error = errno;
		_exit(write(told[1], &error, sizeof(error)) == sizeof(error) ? 127 : 126);
	}
	close(told[1]);
	if (read(told[0], &error, sizeof(error)) == sizeof(error)) {
		lab_wait_end(lab, pid);
		lab_skip(lab, "the program %s cannot be run: %s", argv[0], strerror(error));
	}
	close(told[0]);
	return pid;
}

void lab_wait_state(struct lab *lab, pid_t pid, char state)
{
	const char *text, *rest;
	unsigned int tries = 0;
	char path[64], found;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		text = lab_file_text(path);
		rest = text ? strrchr(text, ')') : NULL;
		found = rest ? rest[2] : 'Z';
		if (found == state)
			return;
		if (found == 'Z')
			lab_broken(lab, "process %d has ended too early", pid);
		usleep(2000);
	} while (tries++ < 60000);
	lab_broken(lab, "process %d does not get to state %c", pid, state);
}

void lab_need_room(struct lab *lab, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		lab_skip(lab, "this machine does not promise %lu GiB to a process (vm.overcommit_memory, ulimit -v)",
			 size >> 30);
	munmap(at, size);
}

void lab_need_cpus(struct lab *lab, unsigned int nr)
{
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		lab_broken(lab, "sched_getaffinity: %s", strerror(errno));
	if ((unsigned int)CPU_COUNT(&cpus) < nr)
		lab_skip(lab, "%u CPUs are needed, this process may use %d", nr, CPU_COUNT(&cpus));
}
