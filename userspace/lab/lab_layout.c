// SPDX-License-Identifier: GPL-2.0
/*
 * Text, data, bss, heap, mappings, stack and vdso: where they are, and what is permitted there.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define PROGRAM "/bin/bash"
/* Of personality(2): changes nothing. */
#define ASK	0xffffffff
#define DOWN(n) ((n) & ~(PAGE - 1))
#define UP(n)	DOWN((n) + PAGE - 1)

enum part { TEXT, DATA, BSS, HEAP, LIBC, STACK, VDSO, NR_PARTS };

static const struct {
	const char *what, *kind, *perm;
} parts[NR_PARTS] = {
	[TEXT] = { "text, r-xp", "text", "r-xp" },
	[DATA] = { "data, rw-p", "data", "rw-p" },
	[BSS] = { "bss (data that is zero), rw-p", "bss", "rw-p" },
	[HEAP] = { "heap, rw-p", "heap", "rw-p" },
	[LIBC] = { "mappings: text of libc, r-xp", "text", "r-xp" },
	[STACK] = { "stack, rw-p", "stack", "rw-p" },
	[VDSO] = { "vdso, r-xp", "vdso", "r-xp" },
};

/* What the program's file says: relative to where it is loaded, in whole pages; and its entry point. */
struct image {
	uint64_t entry;
	struct {
		uint64_t start, end;
	} text, data, bss;
};

/* A process that runs it, stopped. */
struct process {
	pid_t pid;
	struct lab_target *target;
	uint64_t at[NR_PARTS];
	struct lab_vma vma[NR_PARTS];
};

static void take_segment(struct image *image, const Elf64_Phdr *segment)
{
	uint64_t start = segment->p_vaddr, end = start + segment->p_memsz;

	if (segment->p_type == PT_GNU_RELRO)
		/* Made read-only when the loader is done with it. */
		image->data.start = DOWN(end);
	if (segment->p_type != PT_LOAD)
		return;
	if (segment->p_flags & PF_X) {
		image->text.start = DOWN(start);
		image->text.end = UP(end);
	} else if (segment->p_flags & PF_W) {
		if (!image->data.start)
			image->data.start = DOWN(start);
		image->data.end = image->bss.start = UP(start + segment->p_filesz);
		image->bss.end = UP(end);
	}
}

static struct image read_image(struct lab *lab)
{
	int fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);
	struct image image = { 0 };
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	unsigned int i;

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		lab_skip(lab, PROGRAM ": %s", strerror(errno));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_type != ET_DYN)
		lab_skip(lab, PROGRAM " is no program that can be loaded anywhere");
	image.entry = header.e_entry;
	for (i = 0; i < header.e_phnum; i++)
		if (pread(fd, &segment, sizeof(segment), header.e_phoff + i * sizeof(segment)) ==
		    sizeof(segment))
			take_segment(&image, &segment);
	close(fd);
	if (image.bss.end <= image.bss.start)
		lab_skip(lab, PROGRAM " has no bss of a page");
	return image;
}

/* What the kernel told the program when it was started. */
static uint64_t told(struct lab *lab, pid_t pid, uint64_t type)
{
	uint64_t pair[2], value = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		lab_broken(lab, "%s: %s", path, strerror(errno));
	while (!value && read(fd, pair, sizeof(pair)) == sizeof(pair) && pair[0] != AT_NULL)
		if (pair[0] == type)
			value = pair[1];
	close(fd);
	return value;
}

/* A field of /proc/PID/stat, as numbered in proc_pid_stat(5). */
static uint64_t stat_field(struct lab *lab, pid_t pid, unsigned int number)
{
	const char *text;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = lab_file_text(path);
	text = text ? strrchr(text, ')') : NULL;
	for (; text && number > 2; number--)
		text = strchr(text + 1, ' ');
	if (!text)
		lab_broken(lab, "%s cannot be parsed", path);
	return strtoull(text, NULL, 10);
}

static void find_libc(void *data, const struct lab_vma *vma)
{
	if (strstr(vma->name, "/libc.so") && !strcmp(vma->perm, "r-xp"))
		*(uint64_t *)data = vma->start;
}

/* @randomized: as the machine has it; else with addresses that are always the same. */
static struct process start(struct lab *lab, const struct image *image, bool randomized)
{
	static char *const argv[] = { "setarch", "-R", PROGRAM, "-c", "kill -STOP $$", NULL };
	struct process p = { .pid = lab_spawn(lab, randomized ? argv + 2 : argv, NULL) };
	uint64_t base;
	int status, i;

	if (waitpid(p.pid, &status, WUNTRACED) != p.pid || !WIFSTOPPED(status))
		lab_broken(lab, PROGRAM " does not stop");
	p.target = lab_watch(lab, p.pid);
	base = told(lab, p.pid, AT_ENTRY) - image->entry;
	p.at[TEXT] = base + image->text.start;
	p.at[DATA] = base + image->data.start;
	p.at[BSS] = base + image->bss.start;
	p.at[HEAP] = stat_field(lab, p.pid, 47);
	p.at[STACK] = stat_field(lab, p.pid, 28);
	p.at[VDSO] = told(lab, p.pid, AT_SYSINFO_EHDR);
	lab_each_vma(p.target, find_libc, &p.at[LIBC]);
	for (i = 0; i < NR_PARTS; i++)
		if (!lab_vma_at(p.target, p.at[i], &p.vma[i]))
			p.vma[i] = (struct lab_vma){ 0 };
	return p;
}

/* The size of a part if it is where it has to be, of its kind, and permits what it should. */
static uint64_t size_of(struct lab *lab, const struct process *p, enum part part)
{
	const struct lab_vma *vma = &p->vma[part];
	bool right = !strcmp(vma->kind, parts[part].kind) && !strcmp(vma->perm, parts[part].perm);

	lab_evidence(lab, "%lx-%lx %s %s %s, by its address 0x%lx", vma->start, vma->end, vma->perm,
		     vma->kind, vma->name, p->at[part]);
	return right ? vma->end - vma->start : 0;
}

static void check_parts(struct lab *lab, const struct image *image, const struct process *p)
{
	const uint64_t sizes[NR_PARTS] = {
		[TEXT] = image->text.end - image->text.start,
		[DATA] = image->data.end - image->data.start,
		[BSS] = image->bss.end - image->bss.start,
	};
	enum part i;

	lab_step(lab, "bash is started; its parts are where its file, the kernel (auxv) and /proc/PID/stat say, and permit what they should");
	for (i = 0; i < NR_PARTS; i++)
		lab_check(lab, .what = parts[i].what, .unit = LAB_BYTES,
			  .min = sizes[i] ? sizes[i] : PAGE, .max = sizes[i] ? sizes[i] : UINT64_MAX,
			  .measured = size_of(lab, p, i),
			  LAB_WITNESS("smaps", lab_smaps(lab, p->pid, p->at[i], "Size")));
	lab_check_that(lab, "in this order: text, data, bss, heap, mappings, stack",
		       p->at[TEXT] < p->at[DATA] && p->at[DATA] < p->at[BSS] &&
			       p->at[BSS] < p->at[HEAP] && p->at[HEAP] < p->at[LIBC] &&
			       p->at[LIBC] < p->at[STACK]);
}

static void check_entries(struct lab *lab, const struct process *a, const struct process *b,
			  const struct image *image)
{
	uint64_t nr = (image->text.end - image->text.start) / PAGE, both, same;

	lab_step(lab, "a second bash is started: what the entries of both permit, and what they share");
	lab_check(lab, .what = "text: writable", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_vma_sum(a->target, a->at[TEXT], "writable"));
	lab_check(lab, .what = "data, bss, heap, stack: executable", .unit = LAB_BYTES,
		  LAB_EXACTLY(0),
		  .measured = lab_vma_sum(a->target, a->at[DATA], "exec") +
			      lab_vma_sum(a->target, a->at[BSS], "exec") +
			      lab_vma_sum(a->target, a->at[HEAP], "exec") +
			      lab_vma_sum(a->target, a->at[STACK], "exec"));
	lab_check(lab, .what = "text that is the process's own", .unit = LAB_BYTES, LAB_EXACTLY(0),
		  .measured = lab_vma_sum(a->target, a->at[TEXT], "anon"),
		  LAB_WITNESS("smaps", lab_smaps(lab, a->pid, a->at[TEXT], "Anonymous")));
	same = lab_same_frames(a->target, a->at[TEXT], b->target, b->at[TEXT], nr, &both);
	lab_check(lab, .what = "text: pages in the same frame", .min = both ? both : 1, .max = both,
		  .measured = same,
		  LAB_WITNESS("pagemap", lab_pagemap_same(lab, a->pid, a->at[TEXT], b->pid,
							  b->at[TEXT], nr)));
	/* The allocator begins with its own account there. */
	lab_check(lab, .what = "heap: first page in the same frame", LAB_EXACTLY(0),
		  .measured = lab_same_frames(a->target, a->at[HEAP], b->target, b->at[HEAP], 1, &both),
		  LAB_WITNESS("pagemap",
			      lab_pagemap_same(lab, a->pid, a->at[HEAP], b->pid, b->at[HEAP], 1)));
	lab_check(lab, .what = "present in both", LAB_EXACTLY(1), .measured = both);
}

/* Two runs, and how many of five parts are elsewhere. */
static void check_moved(struct lab *lab, const struct process *a, const struct process *b,
			unsigned int expected)
{
	static const enum part which[] = { TEXT, HEAP, LIBC, STACK, VDSO };
	unsigned int nr = 0, by_maps = 0, i;

	for (i = 0; i < ARRAY_SIZE(which); i++) {
		enum part part = which[i];

		nr += a->vma[part].end != b->vma[part].end;
		/* By what the kernel told the programs. */
		by_maps += a->at[part] != b->at[part];
		lab_evidence(lab, "%s: up to %lx in one, to %lx in the other", parts[part].what,
			     a->vma[part].end, b->vma[part].end);
	}
	lab_check(lab, .what = "of five parts, elsewhere", LAB_EXACTLY(expected), .measured = nr,
		  LAB_WITNESS("auxv", by_maps));
}

static void run(struct lab *lab)
{
	struct image image = read_image(lab);
	bool randomized = lab_file_number(lab, "/proc/sys/kernel/randomize_va_space");
	struct process a, b, c, d;

	/* Whoever started this may have switched it off for himself, as setarch -R does. */
	if (personality(personality(ASK) & ~ADDR_NO_RANDOMIZE) < 0)
		lab_broken(lab, "personality: %s", strerror(errno));
	a = start(lab, &image, true);
	b = start(lab, &image, true);
	check_parts(lab, &image, &a);
	check_entries(lab, &a, &b, &image);
	lab_step(lab, "the two are compared: where text, heap, libc, stack and vdso are (ASLR)");
	check_moved(lab, &a, &b, randomized ? 5 : 0);
	lab_note(lab, "as kernel.randomize_va_space has it, %s here; heap and data need not move apart from the text",
		 randomized ? "on" : "off");

	lab_step(lab, "two more are started by 'setarch -R', which switches that off for them");
	c = start(lab, &image, lab_spoilt(lab));
	d = start(lab, &image, lab_spoilt(lab));
	check_moved(lab, &c, &d, 0);
}

const struct lab_def lab_def_layout = {
	.name = "layout",
	.topic = LAB_LAYOUT,
	.claim = "Text, data, bss, heap, mappings, stack and vdso each have their place and their permissions; the place changes from run to run.",
	.spoil = "the last two are started without setarch -R",
	.run = run,
};
