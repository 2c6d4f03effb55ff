/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that a lab looks at: they do a stretch of work when told to, and wait meanwhile.
 */
#ifndef LAB_WORKER_H
#define LAB_WORKER_H

#include <stddef.h>
#include <sys/types.h>

#include "lab.h"

/**
 * struct lab_worker - a process
 * @pid: its PID; 0: not yet made
 * @go: it is told to go on by a byte through here; this process's end of the pipe, as is the next
 * @done: it tells that it waits by a byte through here
 * @theirs: the ends of the process to be made
 * @shared: what it has to say besides
 * @work: what it is to do
 * @arg: for it
 */
struct lab_worker {
	pid_t pid;
	int go, done;
	int theirs[2];
	struct lab_worker_shared *shared;
	void (*work)(struct lab_worker *worker, void *arg);
	void *arg;
};

/* What a worker does. It begins when told to, and ends its process by returning. */
typedef void (*lab_work)(struct lab_worker *worker, void *arg);

/**
 * lab_worker() - make a process that waits to be told
 * @lab: the lab
 * @work: what it is to do
 * @arg: for it
 *
 * Return: the worker; it is gone when the lab ends, at the latest.
 */
struct lab_worker *lab_worker(struct lab *lab, lab_work work, void *arg);

/**
 * lab_child() - the same of a process that a worker is to fork
 * @lab: the lab
 * @work: what it is to do
 * @arg: for it
 *
 * To be called before the worker is made. It is made by lab_fork().
 *
 * Return: the worker to be; to be told to go on after lab_born().
 */
struct lab_worker *lab_child(struct lab *lab, lab_work work, void *arg);

/* In a worker: forks the child, which waits to be told. */
void lab_fork(struct lab_worker *worker, struct lab_worker *child);

/* After lab_fork(). Return: the child's PID. */
pid_t lab_born(struct lab *lab, struct lab_worker *child);

/* Tells it to go on. Return: when it has called lab_done(). It must not end meanwhile. */
void lab_go(struct lab *lab, struct lab_worker *worker);

/* The same in two parts, for workers that do something at the same time. */
void lab_go_on(struct lab *lab, struct lab_worker *worker);
void lab_wait(struct lab *lab, struct lab_worker *worker);

/* Tells it to go on, to its end. Not for a child, which is its parent's. Return: as of wait(2). */
int lab_last(struct lab *lab, struct lab_worker *worker);

/* In the worker: tells that it waits, and waits to be told to go on. */
void lab_done(struct lab_worker *worker);

/* In the worker: ends it and the lab, which is broken. */
void lab_give_up(struct lab_worker *worker, const char *format, ...) __printf(2, 3)
	__attribute__((noreturn));

/* Memory that the lab and its workers share, zeroed, for what they have to tell each other. */
void *lab_shared(struct lab *lab, size_t size);

/**
 * lab_map() - anonymous private memory, in the lab or in a worker, without huge pages
 * @size: bytes
 *
 * It is kept apart from other mappings, so that it is a VMA of its own. Return: where it is; does not
 * fail.
 */
char *lab_map(size_t size);

/**
 * lab_map_file() - a file's pages, in the lab or in a worker
 * @fd: the file
 * @size: bytes of it, from its beginning
 * @prot: as of mmap(2)
 * @flags: MAP_SHARED or MAP_PRIVATE
 *
 * It begins at a multiple of 2 MiB, a VMA of its own. Return: where it is; does not fail.
 */
char *lab_map_file(int fd, size_t size, int prot, int flags);

/* Reads, writes a byte of each of @nr pages of 4 KiB, @stride bytes apart. */
void lab_read_pages(const char *at, size_t nr, size_t stride);
void lab_write_pages(char *at, size_t nr, size_t stride);

/**
 * lab_page_out() - in a worker: have pages swapped out, or dropped if they are a file's
 * @at: the first
 * @nr: how many
 *
 * Pages that others have in hand for a moment are asked for again. Return: how many stayed.
 */
size_t lab_page_out(char *at, size_t nr);

/* In a worker: nothing of its memory is in the TLB any more, so that the next access sets A. */
void lab_flush_tlb(void);

/**
 * lab_spawn() - start a program, which runs until the lab ends
 * @lab: the lab
 * @argv: its words, found in PATH; NULL at the end
 * @output: file for what it prints, NULL for nowhere
 *
 * Skips the lab if there is no such program. Return: its PID.
 */
pid_t lab_spawn(struct lab *lab, char *const argv[], const char *output);

/**
 * lab_wait_state() - wait until a process is in a state
 * @lab: the lab
 * @pid: the process, which must not end meanwhile unless that is waited for
 * @state: as in /proc/PID/stat: 'T' stopped, 'Z' ended, 'S' asleep. A program that was started is not
 *	asleep before the loader is through: until then it waits for files only, which is another state
 */
void lab_wait_state(struct lab *lab, pid_t pid, char state);

/* Waits for the end of a process. Return: how it ended, as of wait(2). */
int lab_wait_end(struct lab *lab, pid_t pid);

#endif /* LAB_WORKER_H */
