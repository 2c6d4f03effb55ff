// SPDX-License-Identifier: GPL-2.0
/*
 * The same program linked statically and dynamically: what it maps, and how much of it is shared.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#include "labs.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	  4096UL
#define MAX_VMAS  100

/* A program that runs, and what it maps. */
struct program {
	pid_t pid;
	char path[PATH_MAX];
	struct lab_target *target;
	struct lab_vma vma[MAX_VMAS];
	unsigned int nr;
	bool overflown;
};

static void take_vma(void *data, const struct lab_vma *vma)
{
	struct program *program = data;

	if (program->nr == MAX_VMAS)
		program->overflown = true;
	else
		program->vma[program->nr++] = *vma;
}

/*
 * Has all of a program in memory, and nothing marked to be read ahead, so that each who runs it maps the
 * same pages.
 */
static void read_file(struct lab *lab, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buffer[PAGE];

	while (fd >= 0 && read(fd, buffer, sizeof(buffer)) > 0)
		;
	if (fd < 0 || close(fd))
		lab_skip(lab, "the program %s is not installed", path);
}

/* It is beside the labs' own program. */
static struct program *start(struct lab *lab, const char *name)
{
	struct program *program = calloc(1, sizeof(*program));
	char self[PATH_MAX / 2];
	char *const argv[] = { program ? program->path : NULL, NULL };
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (!program || len < 0)
		lab_broken(lab, "/proc/self/exe");
	self[len] = '\0';
	snprintf(program->path, sizeof(program->path), "%s/%s", dirname(self), name);
	read_file(lab, program->path);
	program->pid = lab_spawn(lab, argv, NULL);
	lab_wait_state(lab, program->pid, 'S');
	program->target = lab_watch(lab, program->pid);
	lab_each_vma(program->target, take_vma, program);
	if (program->overflown)
		lab_broken(lab, "%s has more than %d VMAs", name, MAX_VMAS);
	return program;
}

/* Different files among the VMAs: names with a slash. */
static unsigned int nr_files(const struct program *program)
{
	unsigned int i, k, nr = 0;

	for (i = 0; i < program->nr; i++) {
		if (*program->vma[i].name != '/')
			continue;
		for (k = 0; k < i && strcmp(program->vma[k].name, program->vma[i].name); k++)
			;
		nr += k == i;
	}
	return nr;
}

/* By maps: VMAs, without the one that is the same for all and not in the user's half. */
struct maps {
	unsigned int vmas, files;
};

static struct maps read_maps(struct lab *lab, pid_t pid)
{
	struct maps maps = { 0, 0 };
	char path[64], line[PATH_MAX + 100], last[PATH_MAX + 100] = "";
	char *name;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	stream = fopen(path, "re");
	if (!stream)
		lab_broken(lab, "%s cannot be read", path);
	while (fgets(line, sizeof(line), stream)) {
		maps.vmas += !strstr(line, "[vsyscall]");
		name = strchr(line, '/');
		/* The parts of a file follow one another. */
		if (!name || !strcmp(name, last))
			continue;
		maps.files++;
		snprintf(last, sizeof(last), "%s", name);
	}
	fclose(stream);
	return maps;
}

/* A column of the VMAs of files that can be executed: the code. */
static uint64_t of_code(const struct program *program, const char *column)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < program->nr; i++)
		if (*program->vma[i].name == '/' && program->vma[i].perm[2] == 'x')
			sum += lab_vma_sum(program->target, program->vma[i].start, column);
	return sum;
}

static uint64_t of_code_by_smaps(struct lab *lab, const struct program *program, const char *line)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < program->nr; i++)
		if (*program->vma[i].name == '/' && program->vma[i].perm[2] == 'x')
			sum += lab_smaps(lab, program->pid, program->vma[i].start, line);
	return sum;
}

/* Tables of a level that the pages in memory need: each covers 1 << @shift bytes. */
static uint64_t tables_for(struct lab *lab, const struct program *program, unsigned int shift)
{
	uint64_t last = UINT64_MAX, nr = 0, at;
	unsigned int i;

	for (i = 0; i < program->nr; i++)
		for (at = program->vma[i].start; at < program->vma[i].end; at += PAGE) {
			if (at >> shift == last ||
			    !(lab_pagemap(lab, program->pid, at) & LAB_PAGEMAP_PRESENT))
				continue;
			last = at >> shift;
			nr++;
		}
	return nr;
}

static void check_tables(struct lab *lab, const struct program *program)
{
	uint64_t needed = tables_for(lab, program, 21) + tables_for(lab, program, 30) +
			  tables_for(lab, program, 39);
	uint64_t found = lab_tables(program->target, MMS_PTE, "bytes") +
			 lab_tables(program->target, MMS_PMD, "bytes") +
			 lab_tables(program->target, MMS_PUD, "bytes");

	/* A table stays if all that it mapped was unmapped, but not all that it could map. */
	lab_check(lab, .what = "memory of tables", .unit = LAB_BYTES,
		  LAB_BETWEEN(needed * PAGE, (needed + 2) * PAGE), .measured = found,
		  LAB_WITNESS("status", lab_status(lab, program->pid, "VmPTE")));
}

static void show(struct lab *lab, const struct program *program)
{
	unsigned int i;

	for (i = 0; i < program->nr; i++)
		lab_evidence(lab, "%lx-%lx %s %-5s %s", program->vma[i].start, program->vma[i].end,
			     program->vma[i].perm, program->vma[i].kind, program->vma[i].name);
}

/* @most: VMAs that it may have. */
static void check_program(struct lab *lab, const struct program *program, unsigned int files,
			  unsigned int most)
{
	struct maps maps = read_maps(lab, program->pid);

	lab_check(lab, .what = "files mapped", LAB_EXACTLY(files), .measured = nr_files(program),
		  LAB_WITNESS("maps", maps.files));
	lab_check(lab, .what = "VMAs", LAB_BETWEEN(files, most), .measured = program->nr,
		  LAB_WITNESS("maps", maps.vmas));
	/* smaps counts what is mapped in memory with reference counting, as rss does. */
	lab_check(lab, .what = "resident", .unit = LAB_BYTES,
		  LAB_BETWEEN(PAGE, lab_sum(program->target, "size")),
		  .measured = lab_sum(program->target, "rss"),
		  LAB_WITNESS("smaps", lab_smaps_sum(lab, program->pid, "Rss")));
	check_tables(lab, program);
	show(lab, program);
}

/* smaps tells a file's pages that are still to be written to the disk, as of a new program, apart. */
static void check_code(struct lab *lab, const struct program *program, const char *what,
		       uint64_t min, uint64_t max)
{
	lab_check(lab, .what = what, .unit = LAB_BYTES, LAB_BETWEEN(min, max),
		  .measured = of_code(program, "shared"),
		  LAB_WITNESS("smaps", of_code_by_smaps(lab, program, "Shared_Clean") +
					   of_code_by_smaps(lab, program, "Shared_Dirty")));
}

static void run(struct lab *lab)
{
	const char *name = lab_spoilt(lab) ? "mmscope-sample-dynamic" : "mmscope-sample-static";
	struct program *dynamic, *one, *other;

	/* As setarch -R does: where its parts are decides how many tables they need. */
	if (personality(ADDR_NO_RANDOMIZE) < 0)
		lab_broken(lab, "personality");
	lab_step(lab, "a small program that uses libc starts, linked dynamically, at addresses that are not random");
	dynamic = start(lab, "mmscope-sample-dynamic");
	/* Itself, the loader, libc; each in up to six parts, and eight of other kinds. */
	check_program(lab, dynamic, 3, 3 * 6 + 8);
	check_code(lab, dynamic, "code shared with others", PAGE, of_code(dynamic, "rss"));

	lab_step(lab, "the same program, linked statically");
	one = start(lab, name);
	check_program(lab, one, 1, dynamic->nr - 1);
	check_code(lab, one, "code shared with others", 0, 0);
	lab_check(lab, .what = "tables, less than dynamic", .unit = LAB_BYTES,
		  LAB_AT_MOST(lab_tables_line(dynamic->target, "kernel_bytes") - PAGE),
		  .measured = lab_tables_line(one->target, "kernel_bytes"),
		  LAB_WITNESS("status", lab_status(lab, one->pid, "VmPTE")));
	lab_note(lab, "what a static program has of libc is its own: it needs fewer regions, tables and pages for itself, but fifty different ones need fifty copies");

	lab_step(lab, "the static program is started once more");
	other = start(lab, name);
	check_code(lab, other, "code shared, all of it", of_code(other, "rss"), of_code(other, "rss"));
	lab_note(lab, "of one program, however it is linked, there is one copy: the file's pages are the page cache's");
}

const struct lab_def lab_def_static_dynamic = {
	.name = "static-dynamic",
	.topic = LAB_SHARING,
	.claim = "A statically linked program maps one file in few regions, and needs fewer tables; a dynamically linked one maps more, and shares it with the others.",
	.spoil = "in place of the static program the dynamic one runs again",
	.run = run,
};
