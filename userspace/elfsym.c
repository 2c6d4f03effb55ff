// SPDX-License-Identifier: GPL-2.0
/*
 * The functions of one ELF file, by libdwfl, which finds the best of its symbol tables.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elfsym.h"
#include "error.h"

#define NR_SEGMENTS 16
/* Symbols to look at for one that covers a place. */
#define NESTED	    8

struct function {
	uint64_t start, end;	/* addresses in the file; end 0: up to the next */
	const char *name;
	unsigned char binding;
};

struct segment {
	uint64_t offset, size, vaddr;
};

struct mms_elfsym {
	Dwfl *dwfl;		/* owns the names */
	struct segment segments[NR_SEGMENTS];
	unsigned int nr_segments;
	struct function *functions;	/* by start; one for each start */
	size_t nr;
};

char *mms_elfsym_debug_path;

/* A function of several names is called by the most public, then the plainest. */
static int preference(const struct function *a, const struct function *b)
{
	static const int order[] = { [STB_LOCAL] = 2, [STB_GLOBAL] = 0, [STB_WEAK] = 1 };
	int x = a->binding < 3 ? order[a->binding] : 3, y = b->binding < 3 ? order[b->binding] : 3;
	size_t underscores_a = strspn(a->name, "_"), underscores_b = strspn(b->name, "_");

	if ((a->end != 0) != (b->end != 0))
		return a->end ? -1 : 1;
	if (x != y)
		return x - y;
	if (underscores_a != underscores_b)
		return underscores_a < underscores_b ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int compare(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return preference(x, y);
}

/* The bias is what libdwfl adds to the addresses of the file. */
static int read_segments(struct mms_elfsym *file, Dwfl_Module *module)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);
	size_t i, nr;

	if (!elf || elf_getphdrnum(elf, &nr))
		return -1;
	for (i = 0; i < nr && file->nr_segments < NR_SEGMENTS; i++) {
		GElf_Phdr phdr;

		if (gelf_getphdr(elf, (int)i, &phdr) && phdr.p_type == PT_LOAD)
			file->segments[file->nr_segments++] = (struct segment){
				phdr.p_offset, phdr.p_filesz, phdr.p_vaddr + bias };
	}
	return 0;
}

/* Symbols without type are functions if they are in code: assembly's entry points. */
static bool is_function(Dwfl_Module *module, const GElf_Sym *sym, const char *name, GElf_Addr addr)
{
	unsigned char type = GELF_ST_TYPE(sym->st_info);
	GElf_Addr bias;
	GElf_Shdr shdr;
	Elf_Scn *scn;

	if (sym->st_shndx == SHN_UNDEF || !name || !*name)
		return false;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	if (type != STT_NOTYPE || sym->st_shndx >= SHN_LORESERVE)
		return false;
	scn = dwfl_module_address_section(module, &addr, &bias);
	return scn && gelf_getshdr(scn, &shdr) && shdr.sh_flags & SHF_EXECINSTR;
}

static int read_functions(struct mms_elfsym *file, Dwfl_Module *module)
{
	int i, nr = dwfl_module_getsymtab(module);
	size_t kept = 0, j;

	if (nr <= 0)
		return 0;
	file->functions = calloc(nr, sizeof(*file->functions));
	if (!file->functions)
		return -1;
	for (i = 0; i < nr; i++) {
		GElf_Sym sym;
		GElf_Addr addr;
		const char *name = dwfl_module_getsym_info(module, i, &sym, &addr, NULL, NULL, NULL);

		if (name && is_function(module, &sym, name, addr))
			file->functions[file->nr++] = (struct function){
				addr, sym.st_size ? addr + sym.st_size : 0, name,
				GELF_ST_BIND(sym.st_info) };
	}
	qsort(file->functions, file->nr, sizeof(*file->functions), compare);
	for (j = 0; j < file->nr; j++)
		if (!kept || file->functions[j].start != file->functions[kept - 1].start)
			file->functions[kept++] = file->functions[j];
	file->nr = kept;
	return 0;
}

static bool right_build(Dwfl_Module *module, const struct mms_build_id *expected)
{
	const unsigned char *id;
	GElf_Addr addr;
	int len;

	if (!expected || !expected->len)
		return true;
	len = dwfl_module_build_id(module, &id, &addr);
	return len == (int)expected->len && !memcmp(id, expected->id, len);
}

/* Whoever is looked at may have put anything there: opening a FIFO would wait for its writer. */
static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat stat;

	if (fd < 0)
		return mms_fail("%s: %s", path, strerror(errno));
	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode))
		return fd;
	close(fd);
	return mms_fail("%s: not a regular file", path);
}

static int read_file(struct mms_elfsym *file, const char *path,
		     const struct mms_build_id *expected)
{
	Dwfl_Module *module;
	int fd = open_regular(path);

	if (fd < 0)
		return -1;
	dwfl_report_begin(file->dwfl);
	/* Takes the FD if it takes the file. */
	module = dwfl_report_offline(file->dwfl, path, path, fd);
	dwfl_report_end(file->dwfl, NULL, NULL);
	if (!module) {
		close(fd);
		return mms_fail("%s: %s", path, dwfl_errmsg(-1));
	}
	if (!right_build(module, expected))
		return mms_fail("%s: not the build that ran", path);
	if (read_segments(file, module) || read_functions(file, module))
		return mms_fail("%s: %s", path, dwfl_errmsg(-1));
	return 0;
}

struct mms_elfsym *mms_elfsym_open(const char *path, const struct mms_build_id *expected)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &mms_elfsym_debug_path,
	};
	struct mms_elfsym *file = calloc(1, sizeof(*file));

	if (file)
		file->dwfl = dwfl_begin(&callbacks);
	if (!file || !file->dwfl) {
		mms_fail("out of memory");
		mms_elfsym_close(file);
		return NULL;
	}
	if (read_file(file, path, expected)) {
		mms_elfsym_close(file);
		return NULL;
	}
	return file;
}

void mms_elfsym_close(struct mms_elfsym *file)
{
	if (!file)
		return;
	if (file->dwfl)
		dwfl_end(file->dwfl);
	free(file->functions);
	free(file);
}

/* Where the loader puts what is at @offset: the addresses of libdwfl. Return: 0 if nowhere. */
static uint64_t address_of(const struct mms_elfsym *file, uint64_t offset)
{
	unsigned int i;

	for (i = 0; i < file->nr_segments; i++) {
		const struct segment *segment = &file->segments[i];

		if (offset >= segment->offset && offset - segment->offset < segment->size)
			return segment->vaddr + (offset - segment->offset);
	}
	return 0;
}

const char *mms_elfsym_find(const struct mms_elfsym *file, uint64_t offset, uint64_t *in_function)
{
	uint64_t addr = address_of(file, offset);
	size_t low = 0, high = file->nr;
	const struct function *found;
	unsigned int tries = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->functions[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!addr)
		return NULL;
	/* Behind a function that lies within another, the other one goes on. */
	for (; low && tries < NESTED; tries++) {
		found = &file->functions[--low];
		if (!found->end && tries)
			continue;
		if (found->end && addr >= found->end)
			continue;
		*in_function = addr - found->start;
		return found->name;
	}
	return NULL;
}
