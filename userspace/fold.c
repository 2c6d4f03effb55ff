// SPDX-License-Identifier: GPL-2.0
/*
 * The frames of a stack by name, and a stack as one line for flame graphs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"

/* Programs and trampolines of eBPF, innermost. */
#define OWN_FRAMES 8

size_t mms_own_frames(struct mms_symbols *symbols, const uint64_t *kernel, size_t nr)
{
	struct mms_symbol symbol;
	size_t i, own = 0;

	for (i = 0; i < nr && i < OWN_FRAMES; i++) {
		mms_symbols_kernel(symbols, kernel[i], true, &symbol);
		if (symbol.name && !strcmp(symbol.file, "bpf"))
			own = i + 1;
	}
	return own;
}

void mms_frame_symbol(struct mms_symbols *symbols, pid_t pid, const uint64_t *addrs, size_t i,
		      bool kernel, struct mms_symbol *symbol)
{
	if (kernel)
		mms_symbols_kernel(symbols, addrs[i], true, symbol);
	else
		mms_symbols_user(symbols, pid, addrs[i], i > 0, symbol);
}

static void fold_name(FILE *line, const char *name)
{
	/* The separators are not part of names. */
	for (; *name; name++)
		fputc(*name == ';' || *name == '\n' ? ':' : *name, line);
}

static void fold_frames(FILE *line, struct mms_symbols *symbols, pid_t pid, const uint64_t *addrs,
			size_t nr, bool kernel)
{
	while (nr--) {
		struct mms_symbol symbol;

		mms_frame_symbol(symbols, pid, addrs, nr, kernel, &symbol);
		fputc(';', line);
		if (symbol.name) {
			fold_name(line, symbol.name);
		} else if (symbol.file && *symbol.file) {
			fputc('[', line);
			fold_name(line, symbol.file);
			fputc(']', line);
		} else {
			fputs("[unknown]", line);
		}
		if (kernel)
			fputs("_[k]", line);
	}
}

char *mms_fold(struct mms_symbols *symbols, pid_t pid, const char *comm,
	       const struct tracer_stack *stack)
{
	size_t own = mms_own_frames(symbols, stack->kernel, stack->nr_kernel), size;
	char *text = NULL;
	FILE *line = open_memstream(&text, &size);

	if (!line)
		return NULL;
	fold_name(line, *comm ? comm : "[unknown]");
	fold_frames(line, symbols, pid, stack->user, stack->nr_user, false);
	fold_frames(line, symbols, pid, stack->kernel + own, stack->nr_kernel - own, true);
	if (!fclose(line))
		return text;
	free(text);
	return NULL;
}
