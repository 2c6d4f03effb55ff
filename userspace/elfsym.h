/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of one ELF file: from its own symbol tables, or from separate debug information found
 * by build ID.
 */
#ifndef MMS_ELFSYM_H
#define MMS_ELFSYM_H

#include <stddef.h>
#include <stdint.h>

#define MMS_BUILD_ID_MAX 20

/**
 * struct mms_build_id - which build of a file
 * @len: bytes of @id, 0: not known
 * @id: the bytes, as in the note NT_GNU_BUILD_ID
 */
struct mms_build_id {
	unsigned int len;
	unsigned char id[MMS_BUILD_ID_MAX];
};

struct mms_elfsym;

/**
 * mms_elfsym_open() - read the functions of a file
 * @path: the file
 * @expected: its build ID, or NULL if any will do
 *
 * Separate debug information is looked for where libdwfl does: .debug beside the file, and in
 * /usr/lib/debug by name and by build ID; or only in mms_elfsym_debug_path if that is set.
 *
 * Return: for mms_elfsym_close(), or NULL with mms_failure() set: not such a file, or another build.
 */
struct mms_elfsym *mms_elfsym_open(const char *path, const struct mms_build_id *expected);

void mms_elfsym_close(struct mms_elfsym *file);

/**
 * mms_elfsym_find() - name a place in a file
 * @file: open
 * @offset: in the file, in bytes, of the instruction
 * @in_function: receives the distance from the beginning of the function
 *
 * Return: the function's name, valid until @file is closed, or NULL if none covers the place.
 */
const char *mms_elfsym_find(const struct mms_elfsym *file, uint64_t offset, uint64_t *in_function);

/* Directories of separate debug information, as libdwfl's debuginfo_path; NULL for the usual. */
extern char *mms_elfsym_debug_path;

#endif /* MMS_ELFSYM_H */
