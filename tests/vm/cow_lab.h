/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A laboratory for copy-on-write: an actor, a region of its memory, and a partner that shares it.
 * Between cow_begin() and cow_end() nothing else of the actor's memory is shared, so that all its
 * counters are known by construction. What was copied is also seen in /proc/PID/pagemap.
 */
#ifndef MMS_COW_LAB_H
#define MMS_COW_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "proc.h"
#include "uapi/mmscope_events.h"

struct tracer;

#define HUGE_1G (1UL << 30)
#define COW_MAX_PAGES 4096
#define COW_MAX_NOTES 24

/* What became of a case, in memory shared with the test. */
struct cow_result {
	bool done;
	char missing[128];		/* what this machine lacks, then nothing was tested */
	unsigned int nr_notes;		/* differences found, or why it could not be done */
	char notes[COW_MAX_NOTES][160];
};

struct cow {
	struct tracer *tracer;
	struct cow_result *result;
	pid_t actor;
	pid_t partner;
	pid_t measured;			/* whose counters are compared: the actor's, unless changed */
	void (*act)(struct cow *cow);	/* what the partner does when told to */
	int to[2], from[2];
	char *at;			/* the region */
	size_t pages;			/* PFNs compared, of pages that are */
	size_t step;			/* so many bytes apart */
	uint64_t want[MMS_MAX_COUNTERS];
	uint64_t had[MMS_MAX_COUNTERS];
	uint64_t got[MMS_MAX_COUNTERS];
	long vmstat_had[4];
	bool vmstat_too;		/* compare with the kernel's counters of the whole system */
};

struct cow_case {
	const char *name;
	void (*run)(struct cow *cow);
};

extern const struct cow_case cow_pages[], cow_ways[], cow_kinds[], cow_huge[];

/* Ends the case: something that should work does not. */
void __attribute__((noreturn, format(printf, 2, 3))) cow_fail(struct cow *cow, const char *fmt, ...);
void __attribute__((noreturn, format(printf, 2, 3))) cow_missing(struct cow *cow, const char *fmt,
								  ...);
/* A difference found; the case goes on. */
void __attribute__((format(printf, 2, 3))) cow_note(struct cow *cow, const char *fmt, ...);

/* Anonymous small pages, private, with nothing in them yet. */
void cow_map(struct cow *cow, size_t pages);

/* Any other region. */
void cow_region(struct cow *cow, void *at, size_t pages, size_t step);
void *cow_mmap(struct cow *cow, size_t size, int prot, int flags, int fd, size_t align);

void cow_touch(struct cow *cow, bool write);	/* one byte of each page */
void cow_write(struct cow *cow);
void cow_read(struct cow *cow);

/* Forks the partner, which waits; the region is shared then. */
void cow_share(struct cow *cow);
/* Has the partner do @act, and waits for the end of that. */
void cow_tell(struct cow *cow);
void cow_end_partner(struct cow *cow);

/* Breaks all sharing of this process but that of the region. */
void cow_settle(struct cow *cow);

void cow_begin(struct cow *cow);
/* Expects @nr of a counter, and of the copies of small pages among them MMS_COW_PAGES. */
void cow_want(struct cow *cow, unsigned int counter, uint64_t nr);
/* Compares all counters, and the pages of which the frame changed since cow_begin(). */
void cow_end(struct cow *cow, size_t moved);

/* Counters of the process measured since cow_begin(), for what cannot be known by construction. */
void cow_count(struct cow *cow);

/* The counters of a process, zeroes if it has no record. */
void cow_counters(struct cow *cow, pid_t pid, uint64_t count[MMS_MAX_COUNTERS]);

#endif /* MMS_COW_LAB_H */
