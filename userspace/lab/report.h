/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What labs say, as text while they run, and as JSON. Knows no lab.
 */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

#include "lab.h"
#include "out.h"

/**
 * struct lab_options - how labs are run
 * @style: how to write
 * @debugfs: where debugfs is, NULL for the usual place
 * @explain: show the evidence
 * @step: wait for a key before each step
 * @spoil: break the premises
 */
struct lab_options {
	struct mms_style style;
	const char *debugfs;
	bool explain;
	bool step;
	bool spoil;
};

struct json_object;

/**
 * struct lab - a lab that runs
 * @def: which
 * @options: how
 * @json: what it has said, with --json
 * @step: the step under way, in @json
 * @nr_steps: steps begun
 * @nr_checks: numbers checked
 * @nr_wrong: of them those that are not as predicted
 * @heading: the columns have been named in this step
 */
struct lab {
	const struct lab_def *def;
	const struct lab_options *options;
	struct json_object *json;
	struct json_object *step;
	unsigned int nr_steps, nr_checks, nr_wrong;
	bool heading;
};

/* Says which lab it is; with --json makes the object that all it says goes to. */
void lab_report_begin(struct lab *lab);

/**
 * lab_report_end() - say the verdict
 * @lab: the lab
 * @verdict: how it ended
 * @reason: why, for all but LAB_PASS
 */
void lab_report_end(struct lab *lab, enum lab_verdict verdict, const char *reason);

/* Ends the lab's process with what its checks have shown. */
void lab_report_finish(struct lab *lab) __attribute__((noreturn));

/* The labs by topic. */
void lab_report_list(const struct lab_options *options);

#endif /* LAB_REPORT_H */
