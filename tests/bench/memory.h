/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is looked at, and the ways to look at it.
 */
#ifndef MMS_BENCH_MEMORY_H
#define MMS_BENCH_MEMORY_H

#include <stdbool.h>
#include <stdio.h>

#include "proc.h"

/* All targets have their area here, below everything else. */
#define AREA 0x080000000000UL

/* A process that rests, and its area. */
struct subject {
	pid_t pid;
	u64 start, bytes, nr;
};

/**
 * struct way - a way to read a process's memory
 * @name: what it is called; NULL ends an array
 * @read: does so once: opens, reads to the end, closes. NULL: a command does
 * @arg: for @read; or the command, the target's PID for "%d"
 * @present: whether this kernel has it, or NULL: it has
 * @nr: things it reads, if not all of the target's
 */
struct way {
	const char *name;
	void (*read)(const struct subject *subject, const char *arg);
	const char *arg;
	bool (*present)(void);
	u64 nr;
};

/**
 * struct target - a process to be looked at
 * @name: what it is called; NULL ends an array
 * @unit: what costs are divided by
 * @make: makes its memory, in a process of its own
 * @bytes: length of its area
 * @nr: units in it
 * @ways: in which it is read
 */
struct target {
	const char *name, *unit;
	void (*make)(void *arg);
	u64 bytes, nr;
	const struct way *ways;
};

extern const struct target targets[];
extern const struct way ways_pages[], ways_large[], ways_sparse[], ways_vmas[],
	ways_commands[], ways_processes[];

/* Some pages are read one by one: that is slow. */
#define NR_SINGLE 2048
#define NR_PROCESSES 2000

/*
 * Runs a command; what it prints is thrown away. Return: the processor time it took, in which it
 * did not wait for the files it is made of.
 */
u64 run_command(const struct subject *subject, const char *format);

void fail(const char *what) __attribute__((noreturn));

#endif /* MMS_BENCH_MEMORY_H */
