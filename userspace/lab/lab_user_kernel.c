// SPDX-License-Identifier: GPL-2.0
/*
 * The user's half is for the user, the kernel's half is not; what each part of the kernel allows.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	     4096UL
#define KALLSYMS     "/proc/kallsyms"
#define KCORE	     "/proc/kcore"
#define ADDRESS_BITS 0x000ffffffffff000UL

enum { TEXT, DATA, STACK, NR_USER };
enum { KERNEL_TEXT, KERNEL_RODATA, KERNEL_DATA, DIRECT_MAP, NR_KERNEL };

/* Of the kernel's half: where, and what the kernel may do there besides reading. */
static const struct {
	const char *what, *symbol;
	bool write, execute;
} parts[NR_KERNEL] = {
	[KERNEL_TEXT] = { "kernel text: executable, not writable", "_stext", false, true },
	[KERNEL_RODATA] = { "its constants: neither", "__start_rodata", false, false },
	[KERNEL_DATA] = { "its data: writable, not executable", "_sdata", true, false },
	[DIRECT_MAP] = { "the map of all memory: like its data", NULL, true, false },
};

/* @reads: at these addresses, @nr of them; @readable: those without SIGSEGV */
struct work {
	uint64_t at[NR_USER];
	const char *reads[NR_KERNEL + NR_USER];
	unsigned int nr, readable;
};

static sigjmp_buf back;

static void caught(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static bool may_read(const char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	lab_read_pages(at, 1, PAGE);
	return true;
}

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	char *data = lab_map(PAGE), on_stack = 1;
	unsigned int i;

	signal(SIGSEGV, caught);
	*data = 1;
	shared->at[TEXT] = (uint64_t)work;
	shared->at[DATA] = (uint64_t)data;
	shared->at[STACK] = (uint64_t)&on_stack;
	for (;;) {
		lab_done(worker);
		shared->readable = 0;
		for (i = 0; i < shared->nr; i++)
			shared->readable += may_read(shared->reads[i]);
	}
}

/* How many of these addresses the process may read, as it finds out by trying. */
static unsigned int readable(struct lab *lab, struct lab_worker *worker, struct work *shared,
			     const uint64_t *at, unsigned int nr)
{
	memcpy(shared->reads, at, nr * sizeof(*at));
	shared->nr = nr;
	lab_go(lab, worker);
	return shared->readable;
}

/* What a walk lets pass: each level has to. */
struct rights {
	bool present, user, write, execute;
	unsigned int user_steps;
};

static struct rights rights_of(struct lab *lab, struct lab_target *target, const char *what,
			       uint64_t at, bool user)
{
	struct rights rights = { .user = true, .write = true, .execute = true };
	struct lab_walk walk;
	unsigned int i;

	lab_walk(target, at, &walk);
	rights.present = walk.has_frame;
	/* With page-table isolation the user goes by way of its own topmost table. */
	if (walk.has_user_copy && user)
		walk.step[0].raw = walk.user_copy;
	for (i = 0; i < walk.nr; i++) {
		rights.user &= !!(walk.step[i].raw & MMS_X86_US);
		rights.write &= !!(walk.step[i].raw & MMS_X86_RW);
		rights.execute &= !(walk.step[i].raw & MMS_X86_NX);
		rights.user_steps += !!(walk.step[i].raw & MMS_X86_US);
	}
	lab_show_walk(lab, target, what, at);
	return rights;
}

static uint64_t symbol(struct lab *lab, const char *name)
{
	FILE *stream = fopen(KALLSYMS, "re");
	char line[512], found[128];
	uint64_t at = 0, addr;

	if (!stream)
		lab_skip(lab, "%s: %s", KALLSYMS, strerror(errno));
	while (!at && fgets(line, sizeof(line), stream))
		if (sscanf(line, "%lx %*c %127s", &addr, found) == 2 && !strcmp(found, name))
			at = addr;
	fclose(stream);
	if (!at)
		lab_skip(lab, "%s has no address of %s (kernel.kptr_restrict may hide them)",
			 KALLSYMS, name);
	return at;
}

/* Where the kernel has a physical address in its direct map, by the program headers of kcore. */
static uint64_t direct_map(struct lab *lab, uint64_t physical)
{
	int fd = open(KCORE, O_RDONLY | O_CLOEXEC);
	uint64_t at = 0;
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	unsigned int i;

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		lab_skip(lab, "%s: %s", KCORE, strerror(errno));
	for (i = 0; i < header.e_phnum && !at; i++) {
		off_t offset = header.e_phoff + i * sizeof(segment);

		if (pread(fd, &segment, sizeof(segment), offset) != sizeof(segment))
			break;
		if (segment.p_type == PT_LOAD && physical >= segment.p_paddr &&
		    physical - segment.p_paddr < segment.p_memsz)
			at = segment.p_vaddr + (physical - segment.p_paddr);
	}
	close(fd);
	if (!at)
		lab_skip(lab, "%s does not tell where memory is mapped", KCORE);
	return at;
}

static void check_user(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
		       struct work *shared)
{
	static const char *const what[NR_USER] = { "its text", "its data", "its stack" };
	unsigned int levels = lab_machine(lab, "paging_levels"), steps = 0, user = 0, i;
	struct rights rights[NR_USER];

	lab_step(lab, "a process's text, data and stack: the bit US of each entry on the way");
	for (i = 0; i < NR_USER; i++) {
		rights[i] = rights_of(lab, target, what[i], shared->at[i], true);
		steps += rights[i].user_steps;
		user += rights[i].present && rights[i].user;
	}
	lab_check(lab, .what = "entries with US", LAB_EXACTLY(NR_USER * levels), .measured = steps);
	lab_check(lab, .what = "addresses the user may read", LAB_EXACTLY(NR_USER), .measured = user,
		  LAB_WITNESS("tried", readable(lab, worker, shared, shared->at, NR_USER)));
	lab_check_that(lab, "text: executable, not writable",
		       rights[TEXT].execute && !rights[TEXT].write);
	lab_check_that(lab, "data and stack: writable, not executable",
		       rights[DATA].write && !rights[DATA].execute && rights[STACK].write &&
			       !rights[STACK].execute);
}

static void check_kernel(struct lab *lab, struct lab_worker *worker, struct lab_target *target,
			 struct work *shared, const uint64_t at[NR_KERNEL])
{
	struct rights rights[NR_KERNEL];
	unsigned int user = 0, i;
	struct lab_walk walk;

	lab_step(lab, "the kernel's half, by the same tables: its text, constants and data, and where it has all memory, the process's included");
	for (i = 0; i < NR_KERNEL; i++) {
		rights[i] = rights_of(lab, target, parts[i].what, at[i], false);
		user += rights[i].present && rights[i].user;
	}
	lab_check(lab, .what = "addresses the user may read", LAB_EXACTLY(0), .measured = user,
		  LAB_WITNESS("tried", readable(lab, worker, shared, at, NR_KERNEL)));
	for (i = 0; i < NR_KERNEL; i++)
		lab_check_that(lab, parts[i].what,
			       rights[i].present && rights[i].write == parts[i].write &&
				       rights[i].execute == parts[i].execute);
	lab_walk(target, at[DIRECT_MAP], &walk);
	lab_check(lab, .what = "where the process's page is there", .unit = LAB_PHYSICAL,
		  LAB_EXACTLY((lab_pagemap(lab, worker->pid, shared->at[DATA]) & LAB_PAGEMAP_FRAME) *
			      PAGE), .measured = walk.physical);
	lab_note(lab, "one level without US is enough: the topmost entry of the kernel's text may have it, for the vsyscall page, which is for the user, is in the same part");
}

static void check_other_table(struct lab *lab, struct lab_target *target, const char *what,
			      uint64_t at)
{
	struct lab_walk walk;

	lab_walk(target, at, &walk);
	if (lab_tells_frames(lab))
		lab_evidence(lab, "0x%lx: %016lx in the kernel's table, %016lx in the user's", at,
			     walk.step[0].raw, walk.user_copy);
	lab_check_that(lab, what, walk.has_user_copy && (walk.user_copy & ADDRESS_BITS) !=
								(walk.step[0].raw & ADDRESS_BITS));
}

static void check_isolation(struct lab *lab, struct lab_target *target, uint64_t user,
			    const uint64_t at[NR_KERNEL])
{
	struct lab_walk walk;

	lab_step(lab, "page-table isolation: while the process itself runs, another topmost table is in use");
	if (!lab_machine_has(lab, "page_table_isolation")) {
		lab_note(lab, "left out: it is off here, as on processors that do not let user code guess what is behind an entry without US (Meltdown); the kernel's half is then in the one table there is");
		return;
	}
	lab_walk(target, user, &walk);
	if (lab_tells_frames(lab))
		lab_evidence(lab, "0x%lx: %016lx in the kernel's table, %016lx in the user's", user,
			     walk.step[0].raw, walk.user_copy);
	lab_check(lab, .what = "the user's half: next table", .unit = LAB_PHYSICAL,
		  LAB_EXACTLY(walk.step[0].raw & ADDRESS_BITS),
		  .measured = walk.user_copy & ADDRESS_BITS);
	lab_check_that(lab, "not executable by way of the kernel's table",
		       (walk.step[0].raw & MMS_X86_NX) && !(walk.user_copy & MMS_X86_NX));
	check_other_table(lab, target, "direct map: another table, or none", at[DIRECT_MAP]);
	check_other_table(lab, target, "kernel text: another table, or none", at[KERNEL_TEXT]);
	lab_note(lab, "in those other tables is what it takes to enter the kernel: its entry code, and a page or so of each CPU's data");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	struct lab_worker *worker = lab_worker(lab, work, shared);
	struct lab_target *target = lab_watch(lab, worker->pid);
	uint64_t at[NR_KERNEL], physical;
	unsigned int i;

	for (i = 0; i < DIRECT_MAP; i++)
		at[i] = symbol(lab, parts[i].symbol);
	lab_go(lab, worker);
	physical = (lab_pagemap(lab, worker->pid, shared->at[DATA]) & LAB_PAGEMAP_FRAME) * PAGE;
	at[DIRECT_MAP] = direct_map(lab, physical);
	if (lab_spoilt(lab))
		at[KERNEL_DATA] = shared->at[DATA];
	check_user(lab, worker, target, shared);
	check_kernel(lab, worker, target, shared, at);
	check_isolation(lab, target, shared->at[DATA], at);
}

const struct lab_def lab_def_user_kernel = {
	.name = "user-kernel",
	.topic = LAB_PROTECTION,
	.claim = "Entries of the process's half let the user pass, entries of the kernel's half do not.",
	.spoil = "an address of the process is taken for the kernel's data",
	.run = run,
};
