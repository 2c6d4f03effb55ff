/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's symbols, from /proc/kallsyms.
 */
#ifndef MMS_KALLSYMS_H
#define MMS_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct mms_kallsym - a function of the kernel
 * @addr: where it begins
 * @name: as the kernel has it
 * @module: of which it is part, "" for the kernel itself
 */
struct mms_kallsym {
	uint64_t addr;
	const char *name;
	const char *module;
};

struct mms_kallsyms;

/**
 * mms_kallsyms_open() - read the kernel's functions
 * @path: NULL for /proc/kallsyms
 *
 * Return: for mms_kallsyms_close(), or NULL with mms_failure() set: unreadable, or the addresses are
 * hidden (CAP_SYSLOG is missing, or kernel.kptr_restrict is 2).
 */
struct mms_kallsyms *mms_kallsyms_open(const char *path);

void mms_kallsyms_close(struct mms_kallsyms *symbols);

/* Return: the last function that begins at or below @addr, not far; or NULL. kallsyms has no sizes. */
const struct mms_kallsym *mms_kallsyms_find(const struct mms_kallsyms *symbols, uint64_t addr);

#endif /* MMS_KALLSYMS_H */
