/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cases for what the tracer counts: each runs in a process of its own, whose counters are compared
 * with what the case expects, all of them unless it says otherwise.
 */
#ifndef MMS_EVENT_LAB_H
#define MMS_EVENT_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "../../userspace/tracer.h"
#include "proc.h"
#include "tap.h"
#include "uapi/mmscope_events.h"

#define LAB_MAX_NOTES 24

/* What became of a case, in memory shared with the test. */
struct lab_result {
	int status;		/* of its process, as waitpid() has it */
	bool done;
	char missing[128];
	unsigned int nr_notes;
	char notes[LAB_MAX_NOTES][160];
};

struct lab {
	struct tracer *tracer;
	struct lab_result *result;
	enum mms_question question;
	uint64_t had[MMS_MAX_COUNTERS];
	uint64_t got[MMS_MAX_COUNTERS];
	uint64_t want[MMS_MAX_COUNTERS];
	uint64_t ignored;		/* bit per counter */
	long minor_had, major_had;	/* of this process, as getrusage() has them */
	long minor, major;
};

typedef void (*lab_fn)(struct lab *lab);

struct lab_case {
	const char *name;
	lab_fn run;
};

void __attribute__((noreturn, format(printf, 2, 3))) lab_fail(struct lab *lab, const char *fmt, ...);
void __attribute__((noreturn, format(printf, 2, 3))) lab_missing(struct lab *lab, const char *fmt,
								  ...);
void __attribute__((format(printf, 2, 3))) lab_note(struct lab *lab, const char *fmt, ...);

/* Aligned to @align, and a VMA of its own; without huge pages unless @align is that of one. */
void *lab_mmap(struct lab *lab, size_t size, int prot, int flags, int fd, size_t align);

/* One byte of each page. */
void lab_write(void *at, size_t pages);
void lab_read(const void *at, size_t pages);

/* An unnamed file of as many pages, all of them there. */
int lab_file(struct lab *lab, size_t pages);

/* Forks a child that shares all memory until @keep is closed. */
pid_t lab_share(struct lab *lab, int *keep);

/* A difference, if there is one. */
void lab_equal(struct lab *lab, uint64_t got, uint64_t expected, const char *what);

/* From now on this process has no faults of its own making: all its other memory is there. */
void lab_begin(struct lab *lab);
void lab_want(struct lab *lab, unsigned int counter, uint64_t nr);
/* Reads the counters; with lab_compare() they are compared. */
void lab_count(struct lab *lab);
void lab_compare(struct lab *lab);

/* Counters of a process, or of all with @pid 0. Return: false if it has no record. */
bool lab_counters(struct lab *lab, enum mms_question question, pid_t pid, uint64_t *count);

/* Runs a case in its process. Return: what became of it, until the next is run. */
struct lab_result *lab_run(struct tracer *tracer, enum mms_question question, lab_fn run);

/*
 * Whether tasks are preempted in a program of the tracer: with preempt=full. As long as one is, that
 * program is skipped for all others on its CPU, unless it runs under the page-table lock; what was
 * missed so is told, see tracer_losses().
 */
bool lab_preemptible(void);

/* Makes it a point. What is not as expected, and told to be missed for preemption, is skipped. */
static inline void lab_point(struct tracer *tracer, enum mms_question question, const char *mode,
			     const struct lab_case *test)
{
	uint64_t missed = tracer_losses(tracer, question).missed;
	struct lab_result *result;
	unsigned int i;

	tap_flush();
	result = lab_run(tracer, question, test->run);
	missed = tracer_losses(tracer, question).missed - missed;
	if (!*result->missing && result->nr_notes && missed && lab_preemptible())
		snprintf(result->missing, sizeof(result->missing), "%lu missed, preempted", missed);
	if (*result->missing) {
		tap_skip(result->missing, "%s: %s", mode, test->name);
		return;
	}
	tap_ok(!result->status && result->done && !result->nr_notes, "%s: %s", mode, test->name);
	if (result->status)
		tap_diag("status 0x%x", result->status);
	for (i = 0; i < result->nr_notes; i++)
		tap_diag("%s", result->notes[i]);
}

/* A point: no program was skipped, but for those preempted. */
static inline void lab_none_missed(struct tracer *tracer, enum mms_question question, const char *mode)
{
	uint64_t missed = tracer_losses(tracer, question).missed;

	if (missed && lab_preemptible())
		tap_skip("tasks are preempted here", "%s: none missed, but %lu", mode, missed);
	else
		tap_eq(missed, 0, "%s: none missed", mode);
}

/* Runs threads of this process on their CPU until lab_stop_spinning(). Return: how many. */
unsigned int lab_spin(struct lab *lab);
void lab_stop_spinning(void);
void lab_pin(unsigned int cpu);

#endif /* MMS_EVENT_LAB_H */
