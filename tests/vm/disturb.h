/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What happens to processes and to the machine while they are read: processors go and come, processes
 * are frozen, traced, killed for want of memory, counted by tracers that are killed. Each kind runs in
 * a process of its own until it is stopped. Knows nothing of the module but its reader's name.
 */
#ifndef MMS_DISTURB_H
#define MMS_DISTURB_H

#include <stdbool.h>
#include <sys/types.h>

#include "proc.h"

/**
 * struct disturb - one kind
 * @name: what happens
 * @pid: the process that does it
 * @victims: to whom, ended by 0
 * @count: how often; in shared memory
 * @missing: what this machine lacks for it, or ""
 */
struct disturb {
	char name[32];
	pid_t pid;
	pid_t victims[32];
	volatile u64 count;
	char missing[80];
};

/* Every kind there is, none running. */
struct disturb *disturb_open(unsigned int *nr);
void disturb_close(struct disturb *board, unsigned int nr);

/* Runs @func(@arg) in a process until it is killed. */
pid_t disturb_run(void (*func)(void *arg), void *arg);

/* Begins with the @kind-th, which is @disturb; its victims are set. */
void disturb_start(struct disturb *disturb, unsigned int kind);
/* Ends it, and takes back what it has done to the machine. */
void disturb_stop(struct disturb *disturb);

#endif /* MMS_DISTURB_H */
