/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the addresses of a stack to names: what was mapped where in which process, and the symbols of
 * those files and of the kernel.
 */
#ifndef MMS_SYMBOLS_H
#define MMS_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "elfsym.h"

/**
 * struct mms_symbol - what is at an address
 * @name: of the function, NULL if not known
 * @offset: from its beginning; without name, from the beginning of the file
 * @file: base name of the file, or of the kernel's module; NULL if not known, "" for the kernel
 *
 * The names stay valid until mms_symbols_close().
 */
struct mms_symbol {
	const char *name;
	uint64_t offset;
	const char *file;
};

/**
 * struct mms_mapping - a stretch of code in a process
 * @pid: the process
 * @start: first address
 * @end: behind the last
 * @offset: in the file, of @start, in bytes
 * @path: of the file, or "[vdso]" and the like
 * @build_id: of the file
 */
struct mms_mapping {
	pid_t pid;
	uint64_t start, end, offset;
	const char *path;
	struct mms_build_id build_id;
};

struct mms_symbols;

/* Return: for mms_symbols_close(), or NULL with mms_failure() set. */
struct mms_symbols *mms_symbols_open(void);
void mms_symbols_close(struct mms_symbols *symbols);

/**
 * mms_symbols_map() - note what is mapped
 * @symbols: is added to
 * @mapping: is copied. A later one goes before the earlier ones of the same place.
 *
 * Return: 0, or -1 with mms_failure() set, out of memory.
 */
int mms_symbols_map(struct mms_symbols *symbols, const struct mms_mapping *mapping);

/**
 * mms_symbols_read_maps() - note what a process has mapped now
 * @symbols: is added to
 * @pid: the process; one that is gone has nothing
 *
 * Return: 0, or -1 with mms_failure() set, out of memory.
 */
int mms_symbols_read_maps(struct mms_symbols *symbols, pid_t pid);

/**
 * mms_symbols_forked() - a process has what its parent had, if it has not mapped something itself
 * @symbols: is added to
 * @pid: the child
 * @parent: its parent
 *
 * Return: 0, or -1 with mms_failure() set, out of memory.
 */
int mms_symbols_forked(struct mms_symbols *symbols, pid_t pid, pid_t parent);

/**
 * mms_symbols_user() - name an address of a process
 * @symbols: with its mappings
 * @pid: the process
 * @addr: the address
 * @returned: it is where a call returns to: the call is just before it
 * @symbol: filled in
 */
void mms_symbols_user(struct mms_symbols *symbols, pid_t pid, uint64_t addr, bool returned,
		      struct mms_symbol *symbol);

/* As mms_symbols_user(), of the kernel. Its symbols are read when they are first asked for. */
void mms_symbols_kernel(struct mms_symbols *symbols, uint64_t addr, bool returned,
			struct mms_symbol *symbol);

/* Takes the kernel's symbols from another file than /proc/kallsyms, before the first is asked for. */
void mms_symbols_kernel_from(struct mms_symbols *symbols, const char *path);

/* Why the kernel's addresses have no names; NULL if they have, or were not asked for. */
const char *mms_symbols_kernel_failure(const struct mms_symbols *symbols);

#endif /* MMS_SYMBOLS_H */
