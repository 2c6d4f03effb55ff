/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What labs measure of a process's memory, by the module's views. What cannot be read ends the lab.
 */
#ifndef LAB_MEASURE_H
#define LAB_MEASURE_H

#include <sys/types.h>

#include "lab.h"
#include "leaf.h"

struct lab_target;

/* Return: the process, held until the lab ends. */
struct lab_target *lab_watch(struct lab *lab, pid_t pid);

/* Whether it has exited, as the module's "targets" says. */
bool lab_exited(struct lab_target *target);

/* A line of summary, in bytes; of "vmas" and "runs", the number. */
uint64_t lab_sum(struct lab_target *target, const char *name);

/**
 * struct lab_vma - a row of vmas
 * @start: first address
 * @end: behind its last
 * @perm: "rw-p"
 * @kind: "heap"
 * @name: of the file, or "" for none
 */
struct lab_vma {
	uint64_t start, end;
	char perm[8];
	char kind[16];
	char name[256];
};

/* A column of the VMA that @addr is in, in bytes; 0 if there is no VMA. */
uint64_t lab_vma_sum(struct lab_target *target, uint64_t addr, const char *column);

/* Return: whether @addr is in a VMA, which @vma then is. */
bool lab_vma_at(struct lab_target *target, uint64_t addr, struct lab_vma *vma);

/* Calls @each for every VMA, in order. */
void lab_each_vma(struct lab_target *target, void (*each)(void *data, const struct lab_vma *vma),
		  void *data);

/* Calls @each for every process there is, with a column of processes, in bytes. */
void lab_each_process(struct lab *lab, const char *column,
		      void (*each)(void *data, pid_t pid, const char *comm, uint64_t bytes),
		      void *data);

/* A column of tables, of one level or, with 0, of all. */
uint64_t lab_tables(struct lab_target *target, unsigned int level, const char *column);

/* Memory of tables as /proc has it (VmPTE): without the topmost, with those set aside. */
uint64_t lab_tables_below(struct lab_target *target);

/* A line of tables, such as "flat_bytes". */
uint64_t lab_tables_line(struct lab_target *target, const char *name);

/**
 * struct lab_entry - the leaf entry that maps an address, or stands for its page
 * @class: MMS_CLASS_NONE: there is no entry
 * @level: of its table
 * @raw: the entry
 * @present: it maps a frame
 * @pfn: of the page of 4 KiB that holds the address; of a swapped page the offset in its area
 */
struct lab_entry {
	enum mms_class class;
	enum mms_level level;
	uint64_t raw;
	bool present;
	uint64_t pfn;
};

/* The entry of the page that @addr is in. */
struct lab_entry lab_entry(struct lab_target *target, uint64_t addr);

typedef void (*lab_each_fn)(void *data, uint64_t addr, const struct lab_entry *entry);

/* Calls @each for every page of 4 KiB with an entry, of @nr pages from @addr on, in order. */
void lab_each_page(struct lab_target *target, uint64_t addr, size_t nr, lab_each_fn each, void *data);

/* How many of @nr pages from @addr on are of @class, and have all of @set and none of @clear in @raw. */
uint64_t lab_pages(struct lab_target *target, uint64_t addr, size_t nr, enum mms_class class,
		   uint64_t set, uint64_t clear);

/**
 * lab_same_frames() - how many pages of two processes, or of two places, are in the same frame
 * @a: one process
 * @addr_a: from here on
 * @b: the other, perhaps the same
 * @addr_b: from here on
 * @nr: how many pages, one by one
 * @both: receives how many are present in both; or NULL
 */
uint64_t lab_same_frames(struct lab_target *a, uint64_t addr_a, struct lab_target *b, uint64_t addr_b,
			 size_t nr, uint64_t *both);

#define LAB_MAX_STEPS 6

/**
 * struct lab_walk - a translation, step by step
 * @nr: tables read
 * @step: from the top: its level, the index in it, where the entry is, the entry
 * @has_user_copy: there is page-table isolation
 * @user_copy: the topmost entry, as the table has it that is in use while the process itself runs
 * @has_frame: it ends at a frame
 * @pfn: of the page the leaf maps
 * @offset: in that page
 * @physical: the physical address
 * @size: bytes that the leaf maps
 * @touch: what reading, writing, executing would do, as mmscope-translate(8) has it
 */
struct lab_walk {
	unsigned int nr;
	struct lab_step {
		char level[8];
		unsigned int index;
		uint64_t at, raw;
		char flags[128];
	} step[LAB_MAX_STEPS];
	bool has_user_copy;
	uint64_t user_copy;
	bool has_frame;
	uint64_t pfn, offset, physical, size;
	char touch[3][24];
};

/* Translates @addr, mapped or not, into @walk. */
void lab_walk(struct lab_target *target, uint64_t addr, struct lab_walk *walk);

/* Adds the walk of @addr to the evidence. */
void lab_show_walk(struct lab *lab, struct lab_target *target, const char *what, uint64_t addr);

/* A line of the module's "version", 0 for "no" or a word. */
uint64_t lab_machine(struct lab *lab, const char *name);
/* Whether it says "yes". */
bool lab_machine_has(struct lab *lab, const char *name);

/* The number that a file in debugfs begins with. Skips the lab if there is no such file. */
uint64_t lab_debugfs_number(struct lab *lab, const char *name);

#endif /* LAB_MEASURE_H */
