/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The frames of a stack by name, and a stack as one line for flame graphs.
 */
#ifndef MMS_FOLD_H
#define MMS_FOLD_H

#include "symbols.h"
#include "tracer.h"

/**
 * mms_fold() - a stack as flame graphs want it
 * @symbols: names for it
 * @pid: the process
 * @comm: its command name
 * @stack: the addresses
 *
 * Return: "comm;main;function;kernel_function_[k]", the outermost first, to be freed; NULL without
 * memory. What has no name is called by its file, or "[unknown]".
 */
char *mms_fold(struct mms_symbols *symbols, pid_t pid, const char *comm,
	       const struct tracer_stack *stack);

/* Frames of the eBPF program itself, innermost, which are no part of what it has seen. */
size_t mms_own_frames(struct mms_symbols *symbols, const uint64_t *kernel, size_t nr);

/**
 * mms_frame_symbol() - name a frame
 * @symbols: names
 * @pid: the process
 * @addrs: the stack; but for the innermost of the user's, addresses of return
 * @i: which
 * @kernel: it is the kernel's stack
 * @symbol: filled in
 */
void mms_frame_symbol(struct mms_symbols *symbols, pid_t pid, const uint64_t *addrs, size_t i,
		      bool kernel, struct mms_symbol *symbol);

#endif /* MMS_FOLD_H */
