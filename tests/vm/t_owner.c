// SPDX-License-Identifier: GPL-2.0
/*
 * Whose an event is, where what the kernel knows somebody by was another's before: the address of its
 * description of an address space, the PID.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/error.h"
#include "../../userspace/tracer.h"
#include "event_lab.h"
#include "proc_spawn.h"
#include "tap.h"

#define ROUNDS 50
#define PAGES 16

/* Not there yet, in any process. */
static char *memory;

/* A tracer of faults that counts this process and its children, with @slots for them. */
static struct tracer *trace(unsigned int slots)
{
	struct tracer_options options = { .question = { [MMS_QUESTION_FAULTS] = true },
					  .follow = true, .slots = slots };
	struct tracer *tracer;

	if (tracer_open(&tracer, &options) || tracer_select(tracer, getpid()) ||
	    tracer_start(tracer))
		tap_bail("%s", mms_failure());
	return tracer;
}

/* Another process, with pipes to and from it. */
static pid_t begin(void (*run)(int in, int out), int ends[2])
{
	int to[2], from[2];
	pid_t pid;

	if (pipe(to) || pipe(from))
		tap_bail("pipe");
	tap_flush();
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(to[0], from[1]);
		_exit(1);
	}
	close(to[0]);
	close(from[1]);
	ends[0] = to[1];
	ends[1] = from[0];
	return pid;
}

static void end(pid_t pid, const int ends[2])
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

/* A PID is sent, and one comes back. */
static pid_t ask(const int ends[2], pid_t pid)
{
	if (write(ends[0], &pid, sizeof(pid)) != sizeof(pid) ||
	    read(ends[1], &pid, sizeof(pid)) != sizeof(pid))
		tap_bail("the other process has died");
	return pid;
}

/* Makes a process whenever it is asked to, in place of the last. */
static void make_processes(int in, int out)
{
	pid_t pid = 0;

	while (read(in, &(pid_t){ 0 }, sizeof(pid)) == sizeof(pid)) {
		if (pid) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		if (write(out, &pid, sizeof(pid)) != sizeof(pid))
			return;
	}
}

/* Return: whether all faults of reading the memory of a new process are its own. */
static bool read_one(struct lab *lab, const int ends[2])
{
	static uint64_t count[MMS_MAX_COUNTERS];
	static char byte[PAGES];
	struct iovec local = { byte, PAGES }, remote[PAGES];
	unsigned int i;
	pid_t pid = ask(ends, 0);

	for (i = 0; i < PAGES; i++)
		remote[i] = (struct iovec){ memory + i * PAGE, 1 };
	if (process_vm_readv(pid, &local, 1, remote, PAGES, 0) != PAGES)
		tap_bail("process_vm_readv");
	lab_counters(lab, MMS_QUESTION_FAULTS, pid, count);
	return count[MMS_FAULT_FROM_GUP] == PAGES;
}

/*
 * Faults in the memory of others, one after the other, while this process has none of its own: the
 * mm_struct of one lies where that of another was.
 */
static void check_memory(void)
{
	struct lab lab = { .tracer = trace(0) };
	unsigned int i, right = 0;
	int ends[2];
	pid_t pid;

	/* Where what was freed last is given next. */
	lab_pin(0);
	pid = begin(make_processes, ends);
	/* All that this process needs is there then, and its own. */
	read_one(&lab, ends);
	if (mlockall(MCL_CURRENT))
		tap_bail("mlockall");
	for (i = 0; i < ROUNDS; i++)
		right += read_one(&lab, ends);
	munlockall();
	tap_eq(right, ROUNDS, "faults in the memory of processes that follow each other");
	tap_eq(tracer_losses(lab.tracer, MMS_QUESTION_FAULTS).missed, 0, "none missed");
	end(pid, ends);
	tracer_close(lab.tracer);
}

static void touch(void *arg)
{
	(void)arg;
	lab_write(memory, PAGES);
}

/* Makes a process with a PID that it is sent, which touches the memory. */
static void make_numbered(int in, int out)
{
	pid_t pid;

	while (read(in, &pid, sizeof(pid)) == sizeof(pid)) {
		pid = spawn_numbered(pid, touch, NULL);
		spawn_end(pid);
		if (write(out, &pid, sizeof(pid)) != sizeof(pid))
			return;
	}
}

/* What is counted of processes for which there are no slots. */
static uint64_t others(struct tracer *tracer)
{
	struct mms_trace_record records[MMS_SLOT_FIRST + 1];

	tracer_read(tracer, MMS_QUESTION_FAULTS, records, MMS_SLOT_FIRST + 1);
	return records[MMS_SLOT_OTHERS].count[MMS_FAULT_FIRST_TOUCH];
}

/* A PID that a child had for which there was no slot, given to a process that is not counted. */
static void check_pid(void)
{
	struct tracer *tracer;
	uint64_t before, after;
	pid_t other, pid;
	int ends[2];

	other = begin(make_numbered, ends);
	tracer = trace(MMS_SLOT_FIRST + 1);
	before = others(tracer);
	pid = spawn(touch, NULL);
	spawn_end(pid);
	after = others(tracer);
	tap_ok(after - before >= PAGES, "a child without a slot counts among the others");
	if (ask(ends, pid) != pid)
		tap_bail("the number %d is not to be had again", pid);
	tap_eq(others(tracer) - after, 0, "who has its PID by then does not count");
	end(other, ends);
	tracer_close(tracer);
}

int main(void)
{
	tap_plan(4);
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE))
		tap_bail("no memory");
	check_pid();
	check_memory();
	return tap_done();
}
