/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a lab is, and what it says: the claim, the steps, the numbers predicted and measured, notes.
 * How a lab works with processes is in worker.h, with the machine in machine.h; how it measures is in
 * measure.h and count.h, with whom it agrees in witness.h.
 */
#ifndef LAB_H
#define LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "macros.h"

/* How a lab ends; the exit status of its process. With another it has given no verdict. */
enum lab_verdict {
	LAB_PASS = 0,
	LAB_FAIL = 76,
	LAB_SKIP = 77,
};

/* In the order in which they are listed. */
enum lab_topic {
	LAB_TRANSLATION,
	LAB_DEMAND,
	LAB_COPYING,
	LAB_SHARING,
	LAB_LAYOUT,
	LAB_PROTECTION,
	LAB_REPLACEMENT,
	LAB_TLB,
	LAB_PLACEMENT,
	LAB_NR_TOPICS,
};

struct lab;

/**
 * struct lab_def - a lab
 * @name: what is typed
 * @topic: under which it is listed
 * @claim: a sentence, as a textbook has it
 * @spoil: what --spoil does to its premise, so that it must fail: "writes one page more". A lab asks
 *	lab_spoilt() and then really does so
 * @run: does it. Runs in a process of its own; returns when all has been checked
 */
struct lab_def {
	const char *name;
	enum lab_topic topic;
	const char *claim;
	const char *spoil;
	void (*run)(struct lab *lab);
};

/* Every lab, in the order in which --all runs them; NULL at the end. */
extern const struct lab_def *const lab_defs[];

/* Whether the premise is to be broken, as @spoil says. */
bool lab_spoilt(const struct lab *lab);

/**
 * lab_step() - say what is done next
 * @lab: the lab
 * @format: in the third person, without a full stop: "maps 1 GiB, touches nothing"
 *
 * To be called before it is done: with --step it waits for a key.
 */
void lab_step(struct lab *lab, const char *format, ...) __printf(2, 3);

enum lab_unit {
	LAB_COUNT,
	LAB_BYTES,
	LAB_HEX,
	LAB_PERCENT,	/* tenths of a percent */
	LAB_PHYSICAL,	/* an address, left out with --no-pfn */
};

/**
 * struct lab_check - a number that was predicted
 * @what: in a few words, 24 columns if possible
 * @unit: of all its numbers
 * @min: the least that is as predicted
 * @max: the most; UINT64_MAX: no limit
 * @measured: by mmscope
 * @by: the independent source, such as "smaps"; NULL: there is none
 * @witness: what that says
 * @slack: by how much the two may differ; 0 wherever nothing else happens
 */
struct lab_check {
	const char *what;
	enum lab_unit unit;
	uint64_t min, max;
	uint64_t measured;
	const char *by;
	uint64_t witness;
	uint64_t slack;
};

#define LAB_EXACTLY(n)		.min = (n), .max = (n)
#define LAB_BETWEEN(a, b)	.min = (a), .max = (b)
#define LAB_AT_LEAST(n)		.min = (n), .max = UINT64_MAX
#define LAB_AT_MOST(n)		.min = 0, .max = (n)
/* In this order: the witness's name, what it says. */
#define LAB_WITNESS(name, n)	.by = (name), .witness = (n)

/**
 * lab_check() - compare a number with its prediction, and with its witness
 * @lab: the lab
 * @...: members of struct lab_check
 *
 * A lab all of whose checks agree passes. The prediction must come from the machine and from what the
 * lab does, never from a measurement of the same thing.
 */
#define lab_check(lab, ...) lab_check_one((lab), &(const struct lab_check){ __VA_ARGS__ })
void lab_check_one(struct lab *lab, const struct lab_check *check);

/**
 * lab_check_that() - the same for what is true or not
 * @lab: the lab
 * @what: what must hold: "the child's page has another frame"
 * @holds: whether it does
 */
void lab_check_that(struct lab *lab, const char *what, bool holds);

/* What the textbook simplifies, or what to look at. A sentence or two. */
void lab_note(struct lab *lab, const char *format, ...) __printf(2, 3);

/* What stands behind the verdict; shown with --explain, and in JSON. A line. */
void lab_evidence(struct lab *lab, const char *format, ...) __printf(2, 3);

struct lab_point {
	const char *label;	/* of the value on the x axis */
	uint64_t y;
};

/**
 * lab_plot() - draw a curve, as bars
 * @lab: the lab
 * @x: name of the x axis
 * @y: name of the y axis
 * @unit: of the values
 * @points: from left to right
 * @nr: how many
 */
void lab_plot(struct lab *lab, const char *x, const char *y, enum lab_unit unit,
	      const struct lab_point *points, unsigned int nr);

/*
 * Ends the lab: this machine cannot show it. Names what is missing. A lab some of whose numbers were
 * not as predicted has failed all the same.
 */
void lab_skip(struct lab *lab, const char *format, ...) __printf(2, 3)
	__attribute__((noreturn));

/* Ends the lab: something went wrong that has nothing to do with the claim. */
void lab_broken(struct lab *lab, const char *format, ...) __printf(2, 3)
	__attribute__((noreturn));

/* Skips unless a process may map @size bytes of memory, most of which it does not touch. */
void lab_need_room(struct lab *lab, size_t size);

/* Whether frames, physical addresses and raw entries may be told (--no-pfn). */
bool lab_tells_frames(const struct lab *lab);

/* Skips unless there are @nr CPUs that this process may use. */
void lab_need_cpus(struct lab *lab, unsigned int nr);

#endif /* LAB_H */
