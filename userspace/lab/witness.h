/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What others say of the same: the files of /proc and /sys. What is missing ends the lab.
 */
#ifndef LAB_WITNESS_H
#define LAB_WITNESS_H

#include <sys/types.h>

#include "lab.h"

/* Bits of an entry of pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define LAB_PAGEMAP_PRESENT	(1ULL << 63)
#define LAB_PAGEMAP_SWAP	(1ULL << 62)
#define LAB_PAGEMAP_FILE	(1ULL << 61)
#define LAB_PAGEMAP_FRAME	((1ULL << 55) - 1)

/* The entry of an address. */
uint64_t lab_pagemap(struct lab *lab, pid_t pid, uint64_t addr);

/* How many of @nr pages from @addr on have all of @set. */
uint64_t lab_pagemap_pages(struct lab *lab, pid_t pid, uint64_t addr, size_t nr, uint64_t set);

/* How many of @nr pages of two processes, from an address of each on, are in the same frame. */
uint64_t lab_pagemap_same(struct lab *lab, pid_t a, uint64_t addr_a, pid_t b, uint64_t addr_b,
			  size_t nr);

/* A line of smaps in bytes, of the VMA that @addr is in: "Rss". 0 if there is no VMA. */
uint64_t lab_smaps(struct lab *lab, pid_t pid, uint64_t addr, const char *line);
/* Its dirty bytes, private or shared: those of the page or of the entry, whichever is. */
uint64_t lab_smaps_dirty(struct lab *lab, pid_t pid, uint64_t addr);
/* The sum of that line over all VMAs. */
uint64_t lab_smaps_sum(struct lab *lab, pid_t pid, const char *line);

/* A line of /proc/PID/status, in bytes if it is in kB: "VmPTE". */
uint64_t lab_status(struct lab *lab, pid_t pid, const char *line);

struct lab_faults {
	uint64_t minor, major;
};

/* Of /proc/PID/stat, which keeps those of a process alone. */
struct lab_faults lab_stat_faults(struct lab *lab, pid_t pid);

/* The number after @key in a file of "KEY NUMBER" or "KEY: NUMBER kB" lines, as it stands there. */
uint64_t lab_number(struct lab *lab, const char *path, const char *key);

/* The number that a file begins with. */
uint64_t lab_file_number(struct lab *lab, const char *path);

/* The content of a small file, without the newline at its end; in a static buffer. NULL: there is none. */
const char *lab_file_text(const char *path);

/* The sum over all CPUs of a line of /proc/interrupts: "TLB". */
uint64_t lab_interrupts(struct lab *lab, const char *name);

#endif /* LAB_WITNESS_H */
