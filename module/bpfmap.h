/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maps that tracers hand over: taken, checked, read, dropped. Knows their records, not what the
 * counters mean.
 */
#ifndef MMS_BPFMAP_H
#define MMS_BPFMAP_H

#include <linux/list.h>
#include <linux/types.h>

#include "uapi/mmscope_events.h"

struct bpf_map;

/**
 * struct mms_tracer - an open tracer file
 * @node: among the tracers, in order of opening
 * @nr: PID of who opened it, in the initial PID namespace
 * @map: by enum mms_question; NULL: not handed over
 */
struct mms_tracer {
	struct list_head node;
	pid_t nr;
	struct bpf_map *map[MMS_NR_QUESTIONS];
};

/* Return: a tracer without maps, for mms_tracer_close(), or NULL without memory. May sleep. */
struct mms_tracer *mms_tracer_open(void);

/* Drops its maps; no reader uses them any more. May sleep. */
void mms_tracer_close(struct mms_tracer *tracer);

/**
 * mms_tracer_take() - take the maps that a writer names
 * @tracer: the open file
 * @text: lines "NAME FD", NAME as mms_question_name(), FD of the caller; is cut to pieces
 *
 * All of them are taken or none. May sleep. Return: 0, -EINVAL not such a line, not a map, or not a
 * map of this question, -EBADF no such FD, -EEXIST handed over already, -EOPNOTSUPP this kernel does
 * not let a module have maps, -EINTR fatal signal.
 */
int mms_tracer_take(struct mms_tracer *tracer, char *text);

/**
 * mms_tracers_lock() - keep the tracers as they are, while they are read
 *
 * May sleep. Return: 0 or -EINTR, fatal signal.
 */
int mms_tracers_lock(void);
void mms_tracers_unlock(void);

/* The tracers, under mms_tracers_lock(). */
extern struct list_head mms_tracers;

/**
 * mms_tracer_header() - read the header of a map
 * @tracer: under mms_tracers_lock()
 * @question: whose map
 * @header: is filled in
 *
 * Return: false if there is no such map, or it is no longer one of ours.
 */
bool mms_tracer_header(const struct mms_tracer *tracer, enum mms_question question,
		       struct mms_trace_header *header);

/**
 * mms_tracer_record() - read the record of a process
 * @tracer: under mms_tracers_lock()
 * @question: one for which mms_tracer_header() said true
 * @nr: PID in the initial PID namespace
 * @start_time: of the thread group's leader
 * @record: is filled in; each counter is read once
 *
 * May sleep. Return: false if the tracer has no record of it.
 */
bool mms_tracer_record(const struct mms_tracer *tracer, enum mms_question question, pid_t nr,
		       u64 start_time, struct mms_trace_record *record);

/* As mms_tracer_record(), the sum of the counters of all records; the owner means nothing. */
void mms_tracer_sum(const struct mms_tracer *tracer, enum mms_question question,
		    struct mms_trace_record *sum);

#endif /* MMS_BPFMAP_H */
