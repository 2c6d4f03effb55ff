// SPDX-License-Identifier: GPL-2.0
/*
 * Events by stack: a list, the most first, or folded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "error.h"
#include "event_names.h"
#include "fold.h"
#include "format.h"
#include "show.h"

struct stack {
	pid_t pid;
	char comm[16];
	unsigned int counter;
	uint64_t count;
	uint64_t *addrs;	/* the user's, then the kernel's */
	size_t nr_user, nr_kernel;
};

struct folded {
	char *text;
	uint64_t count;
};

struct stacks {
	const struct mms_counting *counting;
	const struct mms_counts *counts;
	const struct mms_detail *detail;
	struct stack *list;
	size_t nr, room;
	uint64_t total;
};

static int take(void *data, const struct tracer_stack *from)
{
	struct stacks *stacks = data;
	struct stack *stack;
	size_t nr = from->nr_user + from->nr_kernel;

	if (from->counter - stacks->detail->first >= stacks->detail->nr)
		return 0;
	if (stacks->nr == stacks->room) {
		size_t room = stacks->room ? stacks->room * 2 : 256;

		stack = realloc(stacks->list, room * sizeof(*stack));
		if (!stack)
			return mms_fail("out of memory");
		stacks->list = stack;
		stacks->room = room;
	}
	stack = &stacks->list[stacks->nr];
	*stack = (struct stack){
		.pid = tracer_slot_tgid(stacks->counting->tracer, stacks->detail->question, from->slot),
		.counter = from->counter, .count = from->count, .nr_user = from->nr_user,
		.nr_kernel = from->nr_kernel, .addrs = malloc((nr + 1) * sizeof(*stack->addrs)) };
	if (!stack->addrs)
		return mms_fail("out of memory");
	if (from->nr_user)
		memcpy(stack->addrs, from->user, from->nr_user * sizeof(*from->user));
	if (from->nr_kernel)
		memcpy(stack->addrs + from->nr_user, from->kernel,
		       from->nr_kernel * sizeof(*from->kernel));
	stacks->nr++;
	stacks->total += from->count;
	return 0;
}

/* The name the process had when it was last seen. */
static const char *comm_of(const struct stacks *stacks, pid_t pid)
{
	const struct mms_trace_record *records = stacks->counts->records[stacks->detail->question];
	size_t i, nr = stacks->counts->nr[stacks->detail->question];

	for (i = MMS_SLOT_FIRST; i < nr; i++)
		if ((pid_t)records[i].owner.tgid == pid)
			return records[i].owner.comm;
	return "";
}

static int by_text(const void *a, const void *b)
{
	const struct folded *x = a, *y = b;

	return strcmp(x->text, y->text);
}

/* Standard output is for the flame graph alone. */
static void warn_of_losses(const struct stacks *stacks)
{
	const struct tracer_losses *losses = &stacks->counts->losses[stacks->detail->question];

	if (losses->stacks || losses->missed)
		fprintf(stderr, "mmscope: LOST: %lu events are missing in the stacks\n",
			losses->stacks + losses->missed);
}

/* Every distinct line once: stacks that differ in counter or in offsets only are one. */
static int print_folded(const struct stacks *stacks)
{
	struct folded *list = calloc(stacks->nr + 1, sizeof(*list));
	size_t i, nr = 0;
	uint64_t sum = 0;
	int err = 0;

	if (!list)
		return mms_fail("out of memory");
	for (i = 0; !err && i < stacks->nr; i++) {
		const struct stack *stack = &stacks->list[i];
		const struct tracer_stack addrs = {
			.user = stack->addrs, .nr_user = stack->nr_user,
			.kernel = stack->addrs + stack->nr_user, .nr_kernel = stack->nr_kernel };

		list[nr].count = stack->count;
		list[nr].text = mms_fold(stacks->counting->symbols, stack->pid,
					 comm_of(stacks, stack->pid), &addrs);
		err = list[nr].text ? 0 : mms_fail("out of memory");
		nr += !err;
	}
	if (nr)
		qsort(list, nr, sizeof(*list), by_text);
	for (i = 0; i < nr; i++) {
		sum += list[i].count;
		if (!err && (i + 1 == nr || by_text(&list[i], &list[i + 1]))) {
			printf("%s %lu\n", list[i].text, sum);
			sum = 0;
		}
	}
	for (i = 0; i < nr; i++)
		free(list[i].text);
	free(list);
	warn_of_losses(stacks);
	return err;
}

static void json_frames(struct mms_out *out, const struct stacks *stacks, const struct stack *stack,
			bool kernel)
{
	const uint64_t *addrs = kernel ? stack->addrs + stack->nr_user : stack->addrs;
	size_t i, nr = kernel ? stack->nr_kernel : stack->nr_user;
	struct mms_symbols *symbols = stacks->counting->symbols;

	mms_out_list(out, kernel ? "kernel" : "user");
	for (i = kernel ? mms_own_frames(symbols, addrs, nr) : 0; i < nr; i++) {
		struct mms_symbol symbol;

		mms_frame_symbol(symbols, stack->pid, addrs, i, kernel, &symbol);
		mms_out_object(out, NULL);
		mms_out_address(out, "address", addrs[i]);
		if (symbol.name)
			mms_out_string(out, "function", symbol.name);
		else
			mms_out_null(out, "function");
		mms_out_number(out, "offset", symbol.offset);
		if (symbol.file && *symbol.file)
			mms_out_string(out, kernel ? "module" : "file", symbol.file);
		else
			mms_out_null(out, kernel ? "module" : "file");
		mms_out_object_end(out);
	}
	mms_out_list_end(out);
}

static void json_stack(struct mms_out *out, const struct stacks *stacks, const struct stack *stack)
{
	char counter[MMS_COUNTER_NAME_MAX];

	mms_out_object(out, NULL);
	mms_out_number(out, "pid", stack->pid);
	mms_out_string(out, "comm", comm_of(stacks, stack->pid));
	mms_out_string(out, "counter",
		       mms_counter_name(counter, stacks->detail->question, stack->counter));
	mms_out_number(out, "count", stack->count);
	json_frames(out, stacks, stack, true);
	json_frames(out, stacks, stack, false);
	mms_out_object_end(out);
}

static void text_frames(const struct stacks *stacks, const struct stack *stack, bool kernel)
{
	const uint64_t *addrs = kernel ? stack->addrs + stack->nr_user : stack->addrs;
	size_t i, nr = kernel ? stack->nr_kernel : stack->nr_user;
	struct mms_symbols *symbols = stacks->counting->symbols;
	const char *from = kernel ? "kernel" : "user";

	for (i = kernel ? mms_own_frames(symbols, addrs, nr) : 0; i < nr; i++) {
		struct mms_symbol symbol;

		mms_frame_symbol(symbols, stack->pid, addrs, i, kernel, &symbol);
		printf("    %-6s ", from);
		from = "";
		if (symbol.name)
			printf("%s+0x%lx", symbol.name, symbol.offset);
		else
			printf("0x%lx", addrs[i]);
		if (symbol.file && *symbol.file && !symbol.name)
			printf(" (%s+0x%lx)", symbol.file, symbol.offset);
		else if (symbol.file && *symbol.file)
			printf(" (%s)", symbol.file);
		putchar('\n');
	}
}

static void text_stack(const struct stacks *stacks, const struct stack *stack)
{
	char counter[MMS_COUNTER_NAME_MAX], share[MMS_NUMBER_MAX];

	printf("%lu (%s%%) %s in %s (PID %d)\n", stack->count,
	       mms_format_tenths(share, mms_share(stack->count, stacks->total).number),
	       mms_counter_name(counter, stacks->detail->question, stack->counter),
	       comm_of(stacks, stack->pid), stack->pid);
	text_frames(stacks, stack, true);
	text_frames(stacks, stack, false);
	putchar('\n');
}

static int by_count(const void *a, const void *b)
{
	const struct stack *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->counter < y->counter ? -1 : x->counter > y->counter;
}

static void show_list(struct mms_out *out, struct stacks *stacks)
{
	bool json = stacks->counting->style->json;
	size_t i, shown = stacks->counting->selectors->top;

	if (stacks->nr)
		qsort(stacks->list, stacks->nr, sizeof(*stacks->list), by_count);
	if (json || shown > stacks->nr)
		shown = stacks->nr;
	mms_out_list(out, "stacks");
	for (i = 0; i < shown; i++) {
		if (json)
			json_stack(out, stacks, &stacks->list[i]);
		else
			text_stack(stacks, &stacks->list[i]);
	}
	mms_out_list_end(out);
	if (shown < stacks->nr)
		mms_out_say(out, "(and %zu stacks with less; --top 0 shows all)\n\n",
			    stacks->nr - shown);
}

int mms_show_stacks(struct mms_out *out, const struct mms_counting *counting,
		    const struct mms_counts *counts)
{
	struct stacks stacks = { .counting = counting, .counts = counts,
				 .detail = &counting->what->detail };
	int err = 0;
	size_t i;

	if (!counting->symbols || !counting->tracer)
		return 0;
	if (tracer_for_each_stack(counting->tracer, stacks.detail->question, take, &stacks))
		err = -1;
	else if (counting->selectors->folded)
		err = print_folded(&stacks);
	else
		show_list(out, &stacks);
	for (i = 0; i < stacks.nr; i++)
		free(stacks.list[i].addrs);
	free(stacks.list);
	return err;
}
