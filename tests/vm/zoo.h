/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The zoo: processes that own, by construction, every kind of page. Each animal is a process of
 * the program zoo; it says what it made and where, then waits for commands. Whether an animal is
 * what it should be is checked with /proc by its maker; knows nothing of mmscope but the names of
 * classes, levels and kinds.
 */
#ifndef MMS_ZOO_H
#define MMS_ZOO_H

#include "leaf.h"
#include "proc.h"

#define ZOO_MAX_AREAS 16
#define ZOO_MAX_WANTS 3
#define ZOO_MAX_COLUMNS 4

/* So many pages of an area are of this class, at this level. */
struct zoo_want {
	unsigned int class, level;
	u64 pages;
};

/* A column of vmas, in kB, of the VMA that starts at the area's address. */
struct zoo_column {
	char name[16];
	u64 kb;
};

/**
 * struct zoo_area - what was made somewhere
 * @label: what it is
 * @addr, @len: where; pages no want counts have no entry
 * @of_partner: in the partner, not in the animal itself
 * @want: what the entries are
 * @column: what else is known
 * @kind: of the VMA; ZOO_ANY_KIND
 * @pfn: the first frame, where that is known; else 0
 * @swap_extra: pages that smaps counts as swapped though the page tables hold something else
 */
struct zoo_area {
	char label[40];
	u64 addr, len;
	bool of_partner;
	struct zoo_want want[ZOO_MAX_WANTS];
	unsigned int nr_wants;
	struct zoo_column column[ZOO_MAX_COLUMNS];
	unsigned int nr_columns;
	unsigned int kind;
	u64 pfn;
	u64 swap_extra;
};

#define ZOO_ANY_KIND MMS_NR_KINDS

/**
 * struct zoo_report - what an animal says when it is ready
 * @error: why it could not be made; "" if it could
 * @missing: what this machine lacks for it; "" if nothing
 * @partner: another process that belongs to it, or 0
 */
struct zoo_report {
	char error[160];
	char missing[120];
	pid_t partner;
	unsigned int nr_areas;
	struct zoo_area area[ZOO_MAX_AREAS];
};

/* How an address is to be touched. */
enum zoo_access { ZOO_READ, ZOO_WRITE, ZOO_EXEC };

/* "Touch this" to an animal, and what came of it. */
struct zoo_touch {
	u64 addr;
	enum zoo_access access;
};

struct zoo_touched {
	int signal;		/* 0: none */
	int code;		/* si_code */
	u64 fault_addr;		/* si_addr */
	long minor, major;	/* faults of the thread */
	u64 before, after;	/* pagemap of the page */
};

/* For those that keep animals: zoo_keeper.c. */

struct zoo_animal {
	char name[24];
	pid_t pid;
	int commands, answers;
	struct zoo_report report;
};

/* Starts an animal and waits until it is ready. Exits if it cannot be started. */
void zoo_start(struct zoo_animal *animal, const char *name);
/* Kills it and its partner. */
void zoo_stop(struct zoo_animal *animal);
/* Return: false if the animal is gone. */
bool zoo_touch(struct zoo_animal *animal, u64 addr, enum zoo_access access,
	       struct zoo_touched *touched);
const struct zoo_area *zoo_find(const struct zoo_animal *animal, const char *label);

/* What the animals need of the machine: swap, file systems, huge pages, quiet. */
void zoo_world_open(void);
void zoo_world_close(void);

#define ZOO_DIR "/run/mmscope-zoo"
#define ZOO_DISK ZOO_DIR "/ext4"	/* a file system with a page cache of its own */
#define ZOO_TMPFS ZOO_DIR "/huge"	/* tmpfs with huge=always */

/* Names of all animals, ends with NULL. */
extern const char *const zoo_names[];

/* For the animals: zoo.c. */

/* The last area added. */
extern struct zoo_area *zoo_area;

/* A protection key in use, or 0: signals take the right to it away. */
extern int zoo_pkey;

void zoo_add(const char *label, const void *addr, size_t len, unsigned int kind);
void zoo_want(unsigned int class, unsigned int level, u64 pages);
void zoo_column(const char *name, u64 kb);
void zoo_partner(pid_t pid);

/* Ends the animal: it could not be made, or not on this machine. With errno, if set. */
void zoo_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void zoo_missing(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* mmap() that does not fail; no neighbour of it merges with it. @align: a power of two, or 0. */
void *zoo_map(size_t len, int prot, int flags, int fd, off_t offset, size_t align);
/* Private anonymous memory, small pages only; with @written of its first pages written. */
char *zoo_small(size_t pages, size_t written);
/* Private anonymous memory for huge pages; the first @written are. */
char *zoo_thp(size_t huge, size_t written);
/* Writes a byte to (reads one from) each of these pages. */
void zoo_write(char *addr, size_t pages);
void zoo_read(const char *addr, size_t pages);
/* madvise() that does not fail. */
void zoo_advise(void *addr, size_t len, int advice);
/* No huge page there, on kernels that could make one. */
void zoo_no_thp(void *addr, size_t len);
/* Say what is missing, and end this animal, where there is no such thing. */
void zoo_need_thp(void);
void zoo_need_swap(void);
void zoo_need_poison(void);
/* MADV_PAGEOUT until all of these pages are in swap, or without @entries until none is mapped. */
void zoo_page_out(char *addr, size_t pages, bool entries);
/* How many of these pages have any of these bits in pagemap. */
size_t zoo_count(const char *addr, size_t pages, u64 bits);
/* A handler for SIGBUS, which MADV_HWPOISON sends to who has the page. */
void zoo_survive(int signal);
/* Forks a process that waits to be killed, after @func(arg) in it. */
pid_t zoo_fork(void (*func)(void *arg), void *arg);
/* A memfd of that many bytes. */
int zoo_memfd(const char *name, size_t len, unsigned int flags);
/* Whether something is mounted on a directory below ZOO_DIR. */
bool zoo_mounted(const char *dir);
/* A file on ZOO_DISK of that many pages, each holding its index and the rest of it zeroes. */
int zoo_file(const char *name, size_t pages);

struct zoo_maker {
	const char *name;
	void (*make)(void);
};

extern const struct zoo_maker zoo_anon_makers[], zoo_state_makers[], zoo_file_makers[],
	zoo_huge_makers[], zoo_swap_makers[], zoo_uffd_makers[], zoo_odd_makers[];

#endif /* MMS_ZOO_H */
