/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tracer needs to know of a question: its eBPF object, and the hooks that each of its
 * counters needs. A new question is a row in tracer_questions.c.
 */
#ifndef MMS_TRACER_QUESTIONS_H
#define MMS_TRACER_QUESTIONS_H

#include <bpf/libbpf.h>
#include "uapi/mmscope_events.h"
#include "../bpf/shared.h"

#define TRACER_MAX_HOOKS 16
#define TRACER_MAX_WAYS 4

/**
 * struct tracer_program - a program that can serve a hook
 * @name: its name in the eBPF object; what it attaches to is in its section's name
 * @nr_args: parameters that the kernel's function must have to be the one that the program was
 *	written for, by BTF; 0 if any will do
 */
struct tracer_program {
	const char *name;
	unsigned int nr_args;
};

/**
 * struct tracer_hook - a moment in the kernel that some counters need
 * @programs: alternatives; the first that this kernel can run is used, the others are not loaded
 * @counters: bit per counter that is not available without this hook
 */
struct tracer_hook {
	struct tracer_program programs[TRACER_MAX_WAYS];
	__u64 counters;
};

/**
 * struct tracer_object - an open eBPF object
 * @skeleton: owned by the skeleton that it is part of
 * @object: the same
 * @config: to be filled in before loading
 * @lost: where its programs count what they lose, once loaded
 * @free: destroys @handle
 * @handle: the skeleton
 */
struct tracer_object {
	struct bpf_object_skeleton *skeleton;
	struct bpf_object *object;
	struct mms_config *config;
	const struct mms_lost *lost;
	void (*free)(void *handle);
	void *handle;
};

/* The row of a question; programs that are in no hook must always load and attach. */
struct tracer_question {
	int (*open)(struct tracer_object *object);
	void (*loaded)(struct tracer_object *object);
	struct tracer_hook hooks[TRACER_MAX_HOOKS];
};

extern const struct tracer_question tracer_questions[MMS_NR_QUESTIONS];
extern const struct tracer_question tracer_who;

/* Its map "slots" and so on are everybody's; these are the programs that select. */
struct bpf_program *tracer_who_select(const struct tracer_object *who);
__u32 tracer_who_selected(const struct tracer_object *who);

#endif /* MMS_TRACER_QUESTIONS_H */
