// SPDX-License-Identifier: GPL-2.0
/*
 * No page is both writable and executable: what entries say, and what VMAs say.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE 4096UL
/* Of a mapping that may be written and executed: written, and only read. */
#define WRITTEN 7UL
#define READ	3UL
#define NR	(WRITTEN + READ)
/* "mov $42, %eax; ret" */
#define ANSWER	42
static const unsigned char code[] = { 0xb8, ANSWER, 0, 0, 0, 0xc3 };

struct work {
	char *at;
	char *writable, *executable;	/* the same memory, mapped twice */
	bool spoilt;
	int answer[2];
};

static int call(const char *at)
{
	return ((int (*)(void))at)();
}

static char *map(struct lab_worker *worker, int prot, int flags)
{
	char *at = mmap(NULL, NR * PAGE, prot, flags, -1, 0);

	if (at == MAP_FAILED)
		lab_give_up(worker, "mmap: %s", strerror(errno));
	return at;
}

/* Memory under two addresses: to write at one, to execute at the other. */
static void map_twice(struct lab_worker *worker, struct work *shared)
{
	shared->writable = map(worker, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
	/* Nothing is moved of what is shared, it is mapped once more. */
	shared->executable = mremap(shared->writable, 0, NR * PAGE, MREMAP_MAYMOVE);
	if (shared->executable == MAP_FAILED ||
	    mprotect(shared->executable, NR * PAGE, PROT_READ | PROT_EXEC))
		lab_give_up(worker, "mapping memory twice: %s", strerror(errno));
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	size_t i;

	/* An ordinary process, unless the premise is to be broken. */
	if (shared->spoilt)
		*map(worker, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS) = 1;
	lab_done(worker);
	shared->at = lab_map(NR * PAGE);
	if (mprotect(shared->at, NR * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC))
		lab_give_up(worker, "mprotect: %s", strerror(errno));
	for (i = 0; i < WRITTEN; i++)
		memcpy(shared->at + i * PAGE, code, sizeof(code));
	lab_read_pages(shared->at + WRITTEN * PAGE, READ, PAGE);
	shared->answer[0] = call(shared->at);
	lab_done(worker);
	if (mprotect(shared->at, NR * PAGE, PROT_READ | PROT_EXEC))
		lab_give_up(worker, "mprotect: %s", strerror(errno));
	shared->answer[1] = call(shared->at);
	lab_done(worker);
	map_twice(worker, shared);
	for (i = 0; i < NR; i++) {
		memcpy(shared->writable + i * PAGE, code, sizeof(code));
		shared->answer[0] = call(shared->executable + i * PAGE);
	}
	lab_done(worker);
}

/* Resident bytes of VMAs that may be written and executed, as smaps has it. */
struct loose {
	struct lab *lab;
	pid_t pid;
	uint64_t bytes;
};

static void add_loose(void *data, const struct lab_vma *vma)
{
	struct loose *loose = data;

	if (strchr(vma->perm, 'w') && strchr(vma->perm, 'x'))
		loose->bytes += lab_smaps(loose->lab, loose->pid, vma->start, "Rss");
}

static uint64_t loose_bytes(struct lab *lab, struct lab_target *target, pid_t pid)
{
	struct loose loose = { lab, pid, 0 };

	lab_each_vma(target, add_loose, &loose);
	return loose.bytes;
}

static void check_ordinary(struct lab *lab, const char *what, struct lab_target *target, pid_t pid)
{
	uint64_t exec = lab_sum(target, "exec"), writable = lab_sum(target, "writable");

	lab_check(lab, .what = what, .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_sum(target, "wx"),
		  LAB_WITNESS("smaps", loose_bytes(lab, target, pid)));
	lab_check_that(lab, "and there are pages of either kind", exec && writable);
	lab_evidence(lab, "%s, process %d: %lu bytes of executable pages, %lu of writable", what, pid,
		     exec, writable);
}

/* All that run, whatever they are: some make code as they go. */
struct everyone {
	struct lab *lab;
	unsigned int nr, loose;
};

static void look_at(void *data, pid_t pid, const char *comm, uint64_t bytes)
{
	struct everyone *all = data;

	all->nr++;
	all->loose += bytes > 0;
	if (bytes)
		lab_evidence(all->lab, "process %d, %s: %lu bytes writable and executable", pid, comm,
			     bytes);
}

static void check_machine(struct lab *lab, struct lab_target *target, pid_t pid)
{
	static char *const shell[] = { "sh", "-c", "kill -STOP $$", NULL };
	static char *const perl[] = { "perl", "-e", "sleep", NULL };
	static char *const sleeper[] = { "sleep", "1000", NULL };
	struct everyone all = { .lab = lab };
	pid_t started;

	lab_step(lab, "ordinary programs: pages whose entries have RW and not NX");
	/* A program that is under way has not mapped all of itself. */
	started = lab_spawn(lab, shell, NULL);
	lab_wait_state(lab, started, 'T');
	check_ordinary(lab, "in a shell", lab_watch(lab, started), started);
	started = lab_spawn(lab, sleeper, NULL);
	lab_wait_state(lab, started, 'S');
	check_ordinary(lab, "in sleep", lab_watch(lab, started), started);
	started = lab_spawn(lab, perl, NULL);
	lab_wait_state(lab, started, 'S');
	check_ordinary(lab, "in perl", lab_watch(lab, started), started);
	check_ordinary(lab, "in this lab's process", target, pid);
	lab_each_process(lab, "wx", look_at, &all);
	lab_note(lab, "of all %u processes that run here now, %u have such pages; those that do make code while they run, as Java and browsers may",
		 all.nr, all.loose);
}

static void check_made(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
		       const struct work *shared)
{
	uint64_t at;

	lab_step(lab, "a process maps 10 pages to be read, written and executed, writes a function to 7 of them, calls it, and reads the other 3");
	lab_go(lab, worker);
	at = (uint64_t)shared->at;
	lab_check(lab, .what = "what the function returns", LAB_EXACTLY(ANSWER),
		  .measured = shared->answer[0]);
	lab_check(lab, .what = "VMA that may be both", .unit = LAB_BYTES, LAB_EXACTLY(NR * PAGE),
		  .measured = lab_vma_sum(target, at, "size"),
		  LAB_WITNESS("smaps", lab_smaps(lab, worker->pid, at, "Size")));
	lab_check(lab, .what = "pages whose entry allows both", LAB_EXACTLY(WRITTEN),
		  .measured = lab_pages(target, at, NR, MMS_CLASS_ANON, MMS_X86_RW, MMS_X86_NX));
	lab_check(lab, .what = "as sum of the process", .unit = LAB_BYTES,
		  LAB_EXACTLY(WRITTEN * PAGE), .measured = lab_sum(target, "wx"),
		  LAB_WITNESS("smaps", loose_bytes(lab, target, worker->pid)));
	lab_show_walk(lab, target, "a page that was written", at);
	lab_show_walk(lab, target, "a page that was only read", at + WRITTEN * PAGE);
	lab_note(lab, "the VMA says what may come, the entry what the processor lets pass now: pages only read are the zero page, whose entry has no RW");
}

static void check_one_by_one(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			     const struct work *shared)
{
	lab_step(lab, "it takes away the right to write, and calls the function again: first one, then the other, as loaders do");
	lab_go(lab, worker);
	lab_check(lab, .what = "what the function returns", LAB_EXACTLY(ANSWER),
		  .measured = shared->answer[1]);
	lab_check(lab, .what = "writable and executable", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_sum(target, "wx"),
		  LAB_WITNESS("smaps", loose_bytes(lab, target, worker->pid)));

	lab_step(lab, "it maps the same memory twice, to write it here and to execute it there");
	lab_go(lab, worker);
	lab_check(lab, .what = "writable and executable", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_sum(target, "wx"),
		  LAB_WITNESS("smaps", loose_bytes(lab, target, worker->pid)));
	lab_check(lab, .what = "frames that are, by two entries", LAB_EXACTLY(NR),
		  .measured = lab_same_frames(target, (uint64_t)shared->writable, target,
					      (uint64_t)shared->executable, NR, NULL),
		  LAB_WITNESS("pagemap",
			      lab_pagemap_same(lab, worker->pid, (uint64_t)shared->writable,
					       worker->pid, (uint64_t)shared->executable, NR)));
	lab_note(lab, "the rule is for addresses, not for frames: code can still be written through another address");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);

	shared->spoilt = lab_spoilt(lab);
	lab_go(lab, worker);
	check_machine(lab, target, worker->pid);
	check_made(lab, worker, target, shared);
	check_one_by_one(lab, worker, target, shared);
}

const struct lab_def lab_def_wx = {
	.name = "wx",
	.topic = LAB_PROTECTION,
	.claim = "No page of an ordinary process is both writable and executable.",
	.spoil = "one of the ordinary processes has such a page",
	.run = run,
};
