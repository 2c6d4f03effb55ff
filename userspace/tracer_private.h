/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tracer's files share: tracer.c loads and attaches, tracer_hooks.c chooses, tracer_read.c
 * reads. Nobody else includes this.
 */
#ifndef MMS_TRACER_PRIVATE_H
#define MMS_TRACER_PRIVATE_H

#include "macros.h"
#include "tracer.h"
#include "tracer_questions.h"

#define TRACER_MAX_PROGRAMS 32

/**
 * struct traced - an object, loaded or not
 * @object: nothing in it if it was not opened
 * @question: its row
 * @links: of the programs attached
 * @programs: of each link
 * @nr_links: programs attached
 * @records: the question's map, or NULL
 * @absent: bit per hook of the row that this kernel does not have
 * @absent_names: for tracer_missing_hook(), by hook
 */
struct traced {
	struct tracer_object object;
	const struct tracer_question *question;
	struct bpf_link *links[TRACER_MAX_PROGRAMS];
	struct bpf_program *programs[TRACER_MAX_PROGRAMS];
	unsigned int nr_links;
	struct mms_trace_record *records;
	unsigned int absent;
	char absent_names[TRACER_MAX_HOOKS][192];
};

struct tracer {
	struct tracer_options options;
	struct btf *btf;
	struct traced who;
	struct traced asked[MMS_NR_QUESTIONS];
};

/* Sets a message, like mms_fail(). Return: @error. */
int tracer_fail(int error, const char *format, ...) __printf(2, 3);

/* What a program hooks, without the kind of hook: "do_wp_page" of "fentry/do_wp_page". */
const char *tracer_function(const struct bpf_program *program);

/* Begins to count anew: what was counted so far is no more. */
void tracer_forget(struct tracer *tracer, struct traced *traced);

/* For struct mms_config: where the count of interrupts is, or 0. */
__u32 tracer_preempt_count(const struct btf *btf);

/* Switches off what this kernel cannot have, as far as its types tell. */
void tracer_choose(struct traced *traced, const struct btf *btf);

/* Switches off what this kernel does not take, by trying. Return: false if that was nothing. */
bool tracer_try(struct traced *traced);

/* Marks the hook that @program serves as absent, for @error. Return: false if it is in no hook. */
bool tracer_lose_hook(struct traced *traced, const struct bpf_program *program, int error);

/* Bit per counter that is not available. */
__u64 tracer_missing(const struct traced *traced);

#endif /* MMS_TRACER_PRIVATE_H */
