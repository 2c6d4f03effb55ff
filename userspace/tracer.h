/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A tracer: the eBPF programs loaded and attached, the processes they count for, and what they
 * counted. Knows no formats. What a question is made of is in tracer_questions.c.
 */
#ifndef MMS_TRACER_H
#define MMS_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "uapi/mmscope_events.h"

struct tracer;

/**
 * struct tracer_options - what to count
 * @question: by enum mms_question; a question not asked costs nothing
 * @everyone: every process, else those selected
 * @follow: with those selected, children that they fork from now on, and theirs
 * @by_vma: also by VMA
 * @user_stacks: also by user stack
 * @kernel_stacks: also by kernel stack
 * @slots: processes that can be told apart, the others are summed up in slot MMS_SLOT_OTHERS;
 *	0 for a default. Each takes 560 bytes per question.
 */
struct tracer_options {
	bool question[MMS_NR_QUESTIONS];
	bool everyone;
	bool follow;
	bool by_vma;
	bool user_stacks;
	bool kernel_stacks;
	unsigned int slots;
};

/**
 * struct tracer_losses - what could not be counted, or not in full detail
 * @missed: events lost to recursion or for want of memory; also header.missed. Only as exact as
 *	the kernel counts them: each program that was skipped is one.
 * @vmas: counted, but not by VMA
 * @stacks: counted, but not by stack
 * @processes: children of selected processes that could not be followed
 */
struct tracer_losses {
	uint64_t missed;
	uint64_t vmas;
	uint64_t stacks;
	uint64_t processes;
};

/* One of tracer_for_each_vma(): @name is the last component of a file's name, or empty. */
struct tracer_vma {
	unsigned int slot;
	unsigned int counter;
	uint64_t start;
	uint64_t end;
	uint64_t flags;
	uint64_t count;
	const char *name;
};

/* One of tracer_for_each_stack(): addresses of return, the innermost first. */
struct tracer_stack {
	unsigned int slot;
	unsigned int counter;
	uint64_t count;
	const uint64_t *user;
	size_t nr_user;
	const uint64_t *kernel;
	size_t nr_kernel;
};

/* A non-zero result ends the iteration, which returns it. */
typedef int (*tracer_vma_fn)(void *data, const struct tracer_vma *vma);
typedef int (*tracer_stack_fn)(void *data, const struct tracer_stack *stack);

/**
 * tracer_open() - load the programs; nothing is attached, nothing counts yet
 * @tracer: receives the tracer, to be closed with tracer_close()
 * @options: what to count; at least one question
 *
 * A hook that this kernel does not have is no failure: see tracer_missing_hook().
 *
 * Return: 0, or a negative errno with mms_failure() set: -EPERM or -EACCES without the privileges
 * named there, -ENOENT without BTF, -ENOMEM, -EINVAL.
 */
int tracer_open(struct tracer **tracer, const struct tracer_options *options);

/**
 * tracer_select() - count for a process
 * @tracer: from tracer_open(), started or not
 * @pid: a process, as the caller sees its PID; with @everyone it only gets its slot now
 *
 * Return: 0, or a negative errno with mms_failure() set: -ESRCH, -EINVAL for a thread that is not
 * a process.
 */
int tracer_select(struct tracer *tracer, pid_t pid);

/**
 * tracer_start() - attach the programs: counting begins
 * @tracer: from tracer_open(), not started
 *
 * Return: 0, or a negative errno with mms_failure() set.
 */
int tracer_start(struct tracer *tracer);

/**
 * tracer_hand_over() - let the module show what is counted
 * @tracer: started
 * @fd: the module's file "tracer", open for writing; it ends with that file, not with the tracer
 *
 * Return: 0, or a negative errno with mms_failure() set.
 */
int tracer_hand_over(struct tracer *tracer, int fd);

/**
 * tracer_read() - the records in use, the header first
 * @tracer: started
 * @question: one that was asked
 * @records: receives copies: the header, the record of the others, then one per process; each
 *	counter is read at one moment, but not all at the same. May be NULL if @max is 0.
 * @max: room in @records
 *
 * The record of the others is always the second; it has owner.tgid 0.
 *
 * Return: the number of records there are, which may be more than @max.
 */
size_t tracer_read(struct tracer *tracer, enum mms_question question,
		   struct mms_trace_record *records, size_t max);

/**
 * tracer_slot_tgid() - whose slot is this?
 * @tracer: started
 * @question: one that was asked
 * @slot: as in struct tracer_vma and tracer_stack
 *
 * Return: the tgid in the initial PID namespace, or 0 for slot MMS_SLOT_OTHERS.
 */
pid_t tracer_slot_tgid(struct tracer *tracer, enum mms_question question, unsigned int slot);

/* What was lost so far by one question; the same @processes for all. */
struct tracer_losses tracer_losses(struct tracer *tracer, enum mms_question question);

/**
 * tracer_missing_hook() - why a counter is not available
 * @tracer: from tracer_open(); some are known to be missing only once it is started
 * @question: one that was asked
 * @counter: of that question
 *
 * Return: the kernel's functions of which one would be needed, such as "do_set_pte or
 * set_pte_range", or NULL if the counter is available. Owned by the tracer.
 */
const char *tracer_missing_hook(struct tracer *tracer, enum mms_question question,
				unsigned int counter);

/**
 * tracer_for_each_vma() - events by VMA
 * @tracer: opened with by_vma, started
 * @question: one that was asked
 * @function: called for each VMA and counter, in no order
 * @data: passed to @function
 *
 * Return: 0, what @function returned, or a negative errno with mms_failure() set.
 */
int tracer_for_each_vma(struct tracer *tracer, enum mms_question question, tracer_vma_fn function,
			void *data);

/**
 * tracer_for_each_stack() - events by stack
 * @tracer: opened with user_stacks or kernel_stacks, started
 * @question: one that was asked
 * @function: called for each pair of stacks and counter, in no order
 * @data: passed to @function
 *
 * Return: 0, what @function returned, or a negative errno with mms_failure() set.
 */
int tracer_for_each_stack(struct tracer *tracer, enum mms_question question,
			  tracer_stack_fn function, void *data);

/* Detaches and frees everything; what was handed over stays until its file is closed. */
void tracer_close(struct tracer *tracer);

#endif /* MMS_TRACER_H */
