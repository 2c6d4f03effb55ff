/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes made for a test: they do one thing, say so, and rest until they are ended.
 */
#ifndef MMS_PROC_SPAWN_H
#define MMS_PROC_SPAWN_H

#include <sys/types.h>

/**
 * spawn() - a child that calls @func(@arg), then rests
 *
 * It dies with its parent. Exits if it cannot be made; waits until it rests.
 */
pid_t spawn(void (*func)(void *arg), void *arg);
/* The same, made with more flags of clone(), such as CLONE_NEWPID. */
pid_t spawn_with(unsigned long flags, void (*func)(void *arg), void *arg);
/* The same, with this PID, which must be free. */
pid_t spawn_numbered(pid_t pid, void (*func)(void *arg), void *arg);
/* Kills it and takes its status. */
void spawn_end(pid_t pid);
/* Kills it, and leaves its status for spawn_end(): it stays a zombie. */
void spawn_kill(pid_t pid);

/* Runs @func(@arg) in a child. Return: its result, 0 to 255, or -1 if it was killed. */
int spawn_run(int (*func)(void *arg), void *arg);

/* Rests until a signal kills it. */
void spawn_rest(void) __attribute__((noreturn));

#endif /* MMS_PROC_SPAWN_H */
