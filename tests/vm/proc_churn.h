/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that never rest: each changes its memory in one way, over and over, and counts how often
 * it did. Beside that, each has a part that never changes.
 */
#ifndef MMS_PROC_CHURN_H
#define MMS_PROC_CHURN_H

#include "proc.h"

/* The part that never changes: locked, in tables of its own, below everything else. */
#define CHURN_STEADY 0x200000000000UL
#define CHURN_STEADY_PAGES 48

/**
 * struct churn - one of them
 * @name: what it does
 * @pid: its process
 * @steady: it has the part that never changes (not if it executes programs)
 * @ready: its steady part is there
 * @count: how often it has done it; in memory shared with it
 * @missing: what the machine lacks for it, or ""
 */
struct churn {
	char name[32];
	pid_t pid;
	bool steady;
	volatile bool ready;
	volatile u64 count;
	char missing[80];
};

/* Every kind there is, none of them running. Exits if there can be none. */
struct churn *churn_open(unsigned int *nr);
void churn_close(struct churn *board);

/* Starts the @kind-th, which is @churn; waits until its steady part is there. */
void churn_start(struct churn *churn, unsigned int kind);
/* Whether it goes on: it ends by itself only if something failed. */
bool churn_is_running(const struct churn *churn);
void churn_stop(struct churn *churn);

/* For main(): whether this is a process that has executed the test again; then it goes on. */
void churn_resume(int argc, char **argv);

#endif /* MMS_PROC_CHURN_H */
