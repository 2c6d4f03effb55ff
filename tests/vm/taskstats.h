/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel says of each task when it ends: taskstats, by generic netlink. Knows nothing of
 * mmscope.
 */
#ifndef MMS_TASKSTATS_H
#define MMS_TASKSTATS_H

#include <stddef.h>
#include <sys/types.h>

#include "proc.h"

/* A task's faults until it began to end; @tgid as the initial PID namespace has it. */
struct task_faults {
	pid_t tgid;
	u64 minor, major;
};

/* Listens to the tasks that end from now on. Return: for taskstats_read() and close(), or -errno. */
int taskstats_open(void);

/**
 * taskstats_read() - take the tasks that have ended, those that were waited for among them
 * @fd: of taskstats_open()
 * @tasks: receives the first @max of them
 * @max: room in @tasks
 *
 * Return: how many there were, which may be more than @max, or -errno; -ENOBUFS: some are lost.
 */
long taskstats_read(int fd, struct task_faults *tasks, size_t max);

#endif /* MMS_TASKSTATS_H */
