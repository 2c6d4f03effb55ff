/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A run of counting: tracer and module, the processes, the command, signals and time, until the counts
 * are shown. Knows neither what the counters mean nor how they look.
 */
#ifndef MMS_COUNTING_H
#define MMS_COUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flushes.h"
#include "launch.h"
#include "out.h"
#include "selectors.h"
#include "tracer.h"

/**
 * struct mms_counts - a reading
 * @ns: since counting began
 * @records: by question: header, others, then a record per process; NULL: not counted
 * @nr: how many
 * @total: the sum over the records, header apart
 * @missing: bit per counter that is not available
 * @losses: by question
 * @flushes: TLB flushes from the module; nr 0: not available
 */
struct mms_counts {
	uint64_t ns;
	struct mms_trace_record *records[MMS_NR_QUESTIONS];
	size_t nr[MMS_NR_QUESTIONS];
	uint64_t total[MMS_NR_QUESTIONS][MMS_MAX_COUNTERS];
	uint64_t missing[MMS_NR_QUESTIONS];
	struct tracer_losses losses[MMS_NR_QUESTIONS];
	struct mms_flush_counts flushes;
};

struct mms_mmaplog;
struct mms_symbols;

/**
 * struct mms_counting - a run
 * @selectors: whom to count, how long
 * @style: how to write
 * @what: the command
 * @tracer: NULL: no eBPF
 * @no_tracer: why
 * @flushes: the module's half
 * @has_flushes: it counts
 * @no_flushes: why not
 * @pidfds: of the processes of -p, by their order; -1 once they have exited
 * @launch: the command that was started, pid -1 if none
 * @command_pid: its PID, also after its end
 * @signals: a signalfd
 * @handed: the module's file "tracer", or -1
 * @start_ns: when counting began, CLOCK_MONOTONIC
 * @exec_error: the command could not be executed, errno
 * @symbols: for stacks, NULL without
 * @mmaplog: the same
 */
struct mms_counting {
	const struct mms_selectors *selectors;
	const struct mms_style *style;
	const struct mms_counted *what;
	struct tracer *tracer;
	char no_tracer[512];
	struct mms_flushes flushes;
	bool has_flushes;
	char no_flushes[512];
	int *pidfds;
	struct mms_launch launch;
	pid_t command_pid;
	int signals;
	int handed;
	uint64_t start_ns;
	int exec_error;
	struct mms_symbols *symbols;
	struct mms_mmaplog *mmaplog;
};

/* Columns of the lines of -i, at most. */
#define MMS_MAX_LINE 16

/**
 * struct mms_detail - counters that exclude each other, which are summed up by VMA and by stack
 * @question: whose
 * @first: the first of them
 * @nr: how many
 */
struct mms_detail {
	enum mms_question question;
	unsigned int first, nr;
};

/**
 * struct mms_counted - what a command counts and shows
 * @question: by enum mms_question
 * @flushes: TLB flushes by the module, too
 * @detail: what is also counted by VMA, and by stack if asked for; nr 0: nothing
 * @line: columns of the lines of -i; the first is the time
 * @nr_line: how many
 * @sample: fills in the values of a line but for the first, counted since the beginning
 * @show: shows the counts themselves, see mms_show(). Return: 0, or -1 with mms_failure() set
 */
struct mms_counted {
	bool question[MMS_NR_QUESTIONS];
	bool flushes;
	struct mms_detail detail;
	const struct mms_column *line;
	unsigned int nr_line;
	void (*sample)(const struct mms_counts *counts, struct mms_value *values);
	int (*show)(struct mms_out *out, const struct mms_counting *counting,
		    const struct mms_counts *counts);
};

struct mms_command;
struct mms_options;

/**
 * mms_counting_run() - all of a command that counts, from its options to its output
 * @command: the command
 * @options: receives the shared ones
 * @what: what to count
 * @argc: words
 * @argv: the words
 *
 * Return: 0, the status of the command that was started (127 or 126 if it could not be), or -1 with
 * mms_failure() set.
 */
int mms_counting_run(const struct mms_command *command, struct mms_options *options,
		     const struct mms_counted *what, int argc, char **argv);

/* A counter's sum over all that is counted; absent if it is not available. */
struct mms_value mms_counts_value(const struct mms_counts *counts, enum mms_question question,
				  unsigned int counter);

/* The sum of a reason's flushes over all CPUs; NULL if not available. */
const struct mms_tlb_count *mms_counts_flushes(const struct mms_counts *counts,
					       enum mms_tlb_reason reason);

#endif /* MMS_COUNTING_H */
