/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What labs change on the machine, each undone when the lab ends: settings, files, swap, control groups.
 */
#ifndef LAB_MACHINE_H
#define LAB_MACHINE_H

#include <stddef.h>
#include <sys/types.h>

#include "lab.h"

/* Room for a path of lab_file() and lab_cgroup(). */
#define LAB_PATH 256

/* Writes a setting. Skips the lab if there is no such file. */
void lab_set(struct lab *lab, const char *path, const char *value);

/**
 * lab_file() - make a file, in TMPDIR or /var/tmp
 * @lab: the lab
 * @path: receives its path, LAB_PATH bytes
 * @name: a part of it, for those who look
 * @size: bytes of it, with content: each page begins with its number
 *
 * Skips the lab if it would not be on a real file system, where pages can be dropped and read again.
 * Return: it, open for reading and writing.
 */
int lab_file(struct lab *lab, char *path, const char *name, size_t size);

/* Writes back a file's pages and drops them from the page cache. */
void lab_file_drop(struct lab *lab, int fd);

/*
 * Has the kernel empty its CPUs' batches of new pages, which hold a reference each: such a page is
 * copied even by its only owner, and cannot be taken away.
 */
void lab_empty_batches(struct lab *lab);

/**
 * lab_swap() - have swap on a compressed disk in memory (zram) of its own, used before any other
 * @lab: the lab
 * @bytes: its size
 *
 * Skips if there is no zram to be had. Return: its device, such as "/dev/zram1".
 */
const char *lab_swap(struct lab *lab, size_t bytes);

/**
 * lab_cgroup() - make a control group (v2) with the memory controller
 * @lab: the lab
 * @path: receives its directory, LAB_PATH bytes
 *
 * Skips if there is none.
 */
void lab_cgroup(struct lab *lab, char *path);

/* Writes a setting of a control group. Skips the lab if there is no such file. */
void lab_cgroup_set(struct lab *lab, const char *cgroup, const char *file, const char *value);

/* Moves a process there. */
void lab_cgroup_enter(struct lab *lab, const char *cgroup, pid_t pid);

/* Has the kernel take @bytes from a control group, as much of it as can be had. */
void lab_cgroup_reclaim(struct lab *lab, const char *cgroup, size_t bytes);

/* A number of a control group, of a file of one number or, with @key, of "KEY NUMBER" lines. */
uint64_t lab_cgroup_number(struct lab *lab, const char *cgroup, const char *file, const char *key);

#endif /* LAB_MACHINE_H */
