/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Leaf runs as a walk finds them: what pages prints and records carries.
 */
#ifndef MMS_RUNS_H
#define MMS_RUNS_H

#include "walk.h"

#define MMS_MAX_RUNS 2048

/**
 * struct mms_runs - the runs of one chunk, and the one under way
 * @run: finished ones
 * @kind: the kind of each one's VMA
 * @nr: how many
 * @open: the run under way, if its nr is not 0
 * @first: no run of this VMA has begun yet
 */
struct mms_runs {
	struct mms_record run[MMS_MAX_RUNS];
	u8 kind[MMS_MAX_RUNS];
	unsigned int nr;
	struct mms_record open;
	bool first;
};

/* Argument: struct mms_runs. Empty it (nr = 0) between chunks; zero it before a pass. */
extern const struct mms_sink mms_runs_sink;

#endif /* MMS_RUNS_H */
