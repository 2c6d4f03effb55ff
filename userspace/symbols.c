// SPDX-License-Identifier: GPL-2.0
/*
 * From the addresses of a stack to names. Files are opened when the first address in them is asked
 * for; by then the process may be gone, or the file be another: hence the build IDs.
 */
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "kallsyms.h"
#include "macros.h"
#include "symbols.h"

#define NR_BUCKETS 4096
/* Generations to look back: who forks without executing has its parent's mappings. */
#define ANCESTORS  64

/**
 * struct code_file - a file that was mapped somewhere
 * @next: in its bucket
 * @path: as the kernel named it
 * @build_id: of the file that was mapped
 * @pid: a process that had it
 * @start: where, and up to @end, for /proc/PID/map_files
 * @end: see @start
 * @opened: it was tried
 * @symbols: NULL if it failed
 */
struct code_file {
	struct code_file *next;
	char *path;
	struct mms_build_id build_id;
	pid_t pid;
	uint64_t start, end;
	bool opened;
	struct mms_elfsym *symbols;
};

struct code {
	struct code *older;
	uint64_t start, end, offset;
	struct code_file *file;
};

struct process {
	struct process *next;
	pid_t pid, parent;
	struct code *newest;
};

struct mms_symbols {
	struct process *processes[NR_BUCKETS];
	struct code_file *files[NR_BUCKETS];
	struct mms_kallsyms *kernel;
	const char *kernel_path;
	bool kernel_opened;
	char kernel_failure[256];
};

struct mms_symbols *mms_symbols_open(void)
{
	struct mms_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		mms_fail("out of memory");
	elf_version(EV_CURRENT);
	return symbols;
}

static void free_process(struct process *process)
{
	while (process->newest) {
		struct code *older = process->newest->older;

		free(process->newest);
		process->newest = older;
	}
	free(process);
}

void mms_symbols_close(struct mms_symbols *symbols)
{
	unsigned int i;

	if (!symbols)
		return;
	for (i = 0; i < NR_BUCKETS; i++) {
		while (symbols->processes[i]) {
			struct process *next = symbols->processes[i]->next;

			free_process(symbols->processes[i]);
			symbols->processes[i] = next;
		}
		while (symbols->files[i]) {
			struct code_file *next = symbols->files[i]->next;

			mms_elfsym_close(symbols->files[i]->symbols);
			free(symbols->files[i]->path);
			free(symbols->files[i]);
			symbols->files[i] = next;
		}
	}
	mms_kallsyms_close(symbols->kernel);
	free(symbols);
}

static struct process *find_process(const struct mms_symbols *symbols, pid_t pid)
{
	struct process *process = symbols->processes[(unsigned int)pid % NR_BUCKETS];

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

static struct process *get_process(struct mms_symbols *symbols, pid_t pid)
{
	struct process *process = find_process(symbols, pid);

	if (process)
		return process;
	process = calloc(1, sizeof(*process));
	if (!process) {
		mms_fail("out of memory");
		return NULL;
	}
	process->pid = pid;
	process->next = symbols->processes[(unsigned int)pid % NR_BUCKETS];
	symbols->processes[(unsigned int)pid % NR_BUCKETS] = process;
	return process;
}

static unsigned int hash(const struct mms_mapping *mapping)
{
	const unsigned char *path = (const unsigned char *)mapping->path;
	unsigned int i, value = 5381;

	while (*path)
		value = value * 33 + *path++;
	for (i = 0; i < mapping->build_id.len; i++)
		value = value * 33 + mapping->build_id.id[i];
	return value % NR_BUCKETS;
}

static bool same_build(const struct mms_build_id *a, const struct mms_build_id *b)
{
	return a->len == b->len && !memcmp(a->id, b->id, a->len);
}

static struct code_file *get_file(struct mms_symbols *symbols, const struct mms_mapping *mapping)
{
	struct code_file **bucket = &symbols->files[hash(mapping)], *file;

	for (file = *bucket; file; file = file->next)
		if (!strcmp(file->path, mapping->path) &&
		    same_build(&file->build_id, &mapping->build_id))
			return file;
	file = calloc(1, sizeof(*file));
	if (file)
		file->path = strdup(mapping->path);
	if (!file || !file->path) {
		free(file);
		mms_fail("out of memory");
		return NULL;
	}
	file->build_id = mapping->build_id;
	file->pid = mapping->pid;
	file->start = mapping->start;
	file->end = mapping->end;
	file->next = *bucket;
	*bucket = file;
	return file;
}

int mms_symbols_map(struct mms_symbols *symbols, const struct mms_mapping *mapping)
{
	struct process *process = get_process(symbols, mapping->pid);
	struct code_file *file = process ? get_file(symbols, mapping) : NULL;
	struct code *code = file ? malloc(sizeof(*code)) : NULL;

	if (!code)
		return mms_fail("out of memory");
	*code = (struct code){ process->newest, mapping->start, mapping->end, mapping->offset,
			       file };
	process->newest = code;
	return 0;
}

int mms_symbols_forked(struct mms_symbols *symbols, pid_t pid, pid_t parent)
{
	struct process *process = get_process(symbols, pid);

	if (!process)
		return -1;
	process->parent = parent;
	return 0;
}

/* Of the file that is mapped there, whatever is called so by now, or here. */
static void read_build_id(struct mms_mapping *mapping)
{
	char path[64];
	const void *id;
	ssize_t len;
	Elf *elf;
	int fd;

	mapping->build_id.len = 0;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", mapping->pid, mapping->start,
		 mapping->end);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	len = elf ? dwelf_elf_gnu_build_id(elf, &id) : -1;
	if (len > 0 && len <= MMS_BUILD_ID_MAX) {
		mapping->build_id.len = len;
		memcpy(mapping->build_id.id, id, len);
	}
	elf_end(elf);
	close(fd);
}

int mms_symbols_read_maps(struct mms_symbols *symbols, pid_t pid)
{
	struct mms_mapping mapping = { .pid = pid };
	char path[64], *line = NULL;
	size_t size = 0;
	int err = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return 0;
	while (!err && getline(&line, &size, maps) > 0) {
		int name = 0;
		char perm[5];

		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %n", &mapping.start, &mapping.end, perm,
			   &mapping.offset, &name) < 4 || perm[2] != 'x')
			continue;
		mapping.path = name ? line + name : "";
		read_build_id(&mapping);
		err = mms_symbols_map(symbols, &mapping);
	}
	free(line);
	fclose(maps);
	return err;
}

static const struct code *find_code(const struct mms_symbols *symbols, pid_t pid, uint64_t addr)
{
	unsigned int generation;

	for (generation = 0; generation < ANCESTORS; generation++) {
		const struct process *process = find_process(symbols, pid);
		const struct code *code;

		if (!process)
			return NULL;
		for (code = process->newest; code; code = code->older)
			if (addr >= code->start && addr < code->end)
				return code;
		pid = process->parent;
	}
	return NULL;
}

/*
 * Under its name; as the process sees it, which may have another root; and what is still mapped although
 * its name is gone. The build ID decides, if there is one; without, the last is right for sure.
 */
static struct mms_elfsym *open_file(const struct code_file *file)
{
	const struct mms_build_id *id = &file->build_id;
	struct mms_elfsym *symbols;
	char path[PATH_MAX];

	if (file->path[0] != '/' || !strncmp(file->path, "//", 2))
		return NULL;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", file->pid, file->start,
		 file->end);
	if (id->len) {
		symbols = mms_elfsym_open(file->path, id);
		if (symbols)
			return symbols;
	}
	symbols = mms_elfsym_open(path, id);
	if (symbols)
		return symbols;
	if ((size_t)snprintf(path, sizeof(path), "/proc/%d/root%s", file->pid, file->path) <
	    sizeof(path))
		symbols = mms_elfsym_open(path, id);
	return symbols || id->len ? symbols : mms_elfsym_open(file->path, NULL);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void mms_symbols_user(struct mms_symbols *symbols, pid_t pid, uint64_t addr, bool returned,
		      struct mms_symbol *symbol)
{
	const struct code *code;
	struct code_file *file;
	uint64_t offset;

	*symbol = (struct mms_symbol){ 0 };
	addr -= returned;
	code = find_code(symbols, pid, addr);
	if (!code)
		return;
	file = code->file;
	offset = addr - code->start + code->offset;
	if (!file->opened) {
		file->opened = true;
		file->symbols = open_file(file);
	}
	if (file->symbols)
		symbol->name = mms_elfsym_find(file->symbols, offset, &symbol->offset);
	if (!symbol->name)
		symbol->offset = offset;
	symbol->offset += returned;
	symbol->file = *file->path ? base_name(file->path) : NULL;
}

void mms_symbols_kernel(struct mms_symbols *symbols, uint64_t addr, bool returned,
			struct mms_symbol *symbol)
{
	const struct mms_kallsym *found;

	*symbol = (struct mms_symbol){ .file = "" };
	if (!symbols->kernel_opened) {
		symbols->kernel_opened = true;
		symbols->kernel = mms_kallsyms_open(symbols->kernel_path);
		if (!symbols->kernel)
			snprintf(symbols->kernel_failure, sizeof(symbols->kernel_failure), "%s",
				 mms_failure());
	}
	found = symbols->kernel ? mms_kallsyms_find(symbols->kernel, addr - returned) : NULL;
	symbol->offset = addr;
	if (!found)
		return;
	symbol->name = found->name;
	symbol->offset = addr - found->addr;
	symbol->file = found->module;
}

const char *mms_symbols_kernel_failure(const struct mms_symbols *symbols)
{
	return *symbols->kernel_failure ? symbols->kernel_failure : NULL;
}

void mms_symbols_kernel_from(struct mms_symbols *symbols, const char *path)
{
	symbols->kernel_path = path;
}
