// SPDX-License-Identifier: GPL-2.0
/*
 * The frame of what is shown: who was counted, and what was lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "error.h"
#include "event_names.h"
#include "mmaplog.h"
#include "show.h"
#include "symbols.h"

struct person {
	const struct mms_trace_owner *owner;
};

/* The processes of a run, each once, whatever question has seen it. */
struct people {
	struct person *list;
	size_t nr;
	size_t children;	/* of them not asked for by name */
};

static int compare_owners(const void *a, const void *b)
{
	const struct mms_trace_owner *x = ((const struct person *)a)->owner;
	const struct mms_trace_owner *y = ((const struct person *)b)->owner;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	return x->start_time < y->start_time ? -1 : x->start_time > y->start_time;
}

static bool named(const struct mms_counting *counting, pid_t pid)
{
	unsigned int i;

	if (mms_selectors_only_command(counting->selectors) && pid == counting->command_pid)
		return true;
	for (i = 0; i < counting->selectors->nr_pids; i++)
		if (counting->selectors->pids[i] == pid)
			return true;
	return false;
}

static bool find_people(struct people *people, const struct mms_counting *counting,
			const struct mms_counts *counts)
{
	size_t room = 1, i, kept = 0;
	unsigned int question;

	*people = (struct people){ 0 };
	for (question = 0; question < MMS_NR_QUESTIONS; question++)
		room += counts->nr[question];
	people->list = calloc(room, sizeof(*people->list));
	if (!people->list)
		return false;
	for (question = 0; question < MMS_NR_QUESTIONS; question++)
		for (i = MMS_SLOT_FIRST; i < counts->nr[question]; i++)
			people->list[people->nr++].owner =
				&counts->records[question][i].owner;
	qsort(people->list, people->nr, sizeof(*people->list), compare_owners);
	for (i = 0; i < people->nr; i++)
		if (!kept || compare_owners(&people->list[i], &people->list[kept - 1]))
			people->list[kept++] = people->list[i];
	people->nr = kept;
	for (i = 0; i < kept; i++)
		people->children += !named(counting, (pid_t)people->list[i].owner->tgid);
	return true;
}

static void json_people(struct mms_out *out, const struct people *people)
{
	size_t i;

	mms_out_list(out, "counted");
	for (i = 0; i < people->nr; i++) {
		mms_out_object(out, NULL);
		mms_out_number(out, "pid", people->list[i].owner->tgid);
		if (people->list[i].owner->parent)
			mms_out_number(out, "parent", people->list[i].owner->parent);
		else
			mms_out_null(out, "parent");
		mms_out_number(out, "execs", people->list[i].owner->execs);
		mms_out_string(out, "comm", people->list[i].owner->comm);
		mms_out_object_end(out);
	}
	mms_out_list_end(out);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "redis-server (PID 214), which executed another program", or "3 processes". */
static void describe(const struct mms_counting *counting, const struct people *people, char *text,
		     size_t size)
{
	const struct mms_selectors *selectors = counting->selectors;
	bool command = mms_selectors_only_command(selectors);
	pid_t pid = command ? counting->command_pid : selectors->nr_pids ? selectors->pids[0] : 0;
	const struct mms_trace_owner *owner = NULL;
	uint64_t execs;
	size_t i;
	int len;

	if (!command && selectors->nr_pids > 1) {
		snprintf(text, size, "%u processes", selectors->nr_pids);
		return;
	}
	for (i = 0; i < people->nr; i++)
		if ((pid_t)people->list[i].owner->tgid == pid)
			owner = people->list[i].owner;
	if (command)
		len = snprintf(text, size, "%s (PID %d)", base_name(selectors->command[0]), pid);
	else if (owner)
		len = snprintf(text, size, "%s (PID %d)", owner->comm, pid);
	else
		len = snprintf(text, size, "PID %d", pid);
	/* A command's own start is no change of it. */
	execs = owner && owner->execs ? owner->execs - command : 0;
	if (execs && (size_t)len < size)
		snprintf(text + len, size - len, ", which executed another program%s",
			 execs == 1 ? "" : " several times");
}

static void show_run(struct mms_out *out, const struct mms_counting *counting,
		     const struct mms_counts *counts)
{
	const struct mms_selectors *selectors = counting->selectors;
	uint64_t ms = (counts->ns + 500000) / 1000000;
	struct people people;
	char who[128];

	if (!find_people(&people, counting, counts))
		return;
	mms_out_string(out, "scope", selectors->everyone ? "all" :
				     selectors->nr_pids	 ? "processes" : "command");
	if (counting->command_pid)
		mms_out_number(out, "command_pid", counting->command_pid);
	mms_out_seconds(out, "seconds", ms);
	json_people(out, &people);
	if (selectors->everyone) {
		mms_out_say(out, "Counted all processes for %lu.%03lu s; %zu had something to count.\n\n",
			    ms / 1000, ms % 1000, people.nr);
	} else {
		describe(counting, &people, who, sizeof(who));
		if (people.children)
			mms_out_say(out, "Counted %s and %zu of its children for %lu.%03lu s.\n\n", who,
				    people.children, ms / 1000, ms % 1000);
		else
			mms_out_say(out, "Counted %s for %lu.%03lu s.\n\n", who, ms / 1000, ms % 1000);
	}
	free(people.list);
}

/* Events that are in the sums, but in no process's row: of the rows that have each of them once. */
static uint64_t without_process(const __u64 *others, enum mms_question question)
{
	static const struct {
		unsigned int first, nr;
	} once[MMS_NR_QUESTIONS] = {
		[MMS_QUESTION_COW] = { 0, MMS_COW_REUSE },
		[MMS_QUESTION_FAULTS] = { MMS_FAULT_MINOR, 3 },
		[MMS_QUESTION_TLB] = { MMS_REQUEST_FULL, 2 },
	};
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < once[question].nr; i++)
		sum += others[once[question].first + i];
	return sum;
}

/* Of a question that was counted. */
static void show_question(struct mms_out *out, const struct mms_counting *counting,
			  const struct mms_counts *counts, enum mms_question question)
{
	const struct tracer_losses *losses = &counts->losses[question];
	const char *name = mms_question_name(question);
	const __u64 *others = counts->records[question][MMS_SLOT_OTHERS].count;
	bool slotless = false;
	unsigned int i;

	for (i = 0; i < MMS_MAX_COUNTERS; i++)
		slotless |= others[i] != 0;
	mms_out_object(out, name);
	mms_out_number(out, "missed", losses->missed);
	mms_out_number(out, "without_vma", losses->vmas);
	mms_out_number(out, "without_stack", losses->stacks);
	mms_out_number(out, "without_process", without_process(others, question));
	mms_out_number(out, "children_not_followed", losses->processes);
	mms_out_object_end(out);
	if (losses->missed)
		mms_out_say(out, "LOST: %s: %lu times an event could not be counted; the counts are too low\n",
			    name, losses->missed);
	if (losses->processes)
		mms_out_say(out, "LOST: %lu children could not be followed, for there were too many\n",
			    losses->processes);
	if (losses->vmas)
		mms_out_say(out, "LOST: %s: %lu events are counted, but missing in the list of VMAs\n",
			    name, losses->vmas);
	if (losses->stacks)
		mms_out_say(out, "LOST: %s: %lu events are counted, but missing in the stacks\n", name,
			    losses->stacks);
	if (slotless && counting->selectors->everyone)
		mms_out_say(out, "%s: the sums include events of kernel threads, or of processes that are not told apart: just exited, or too many\n",
			    name);
	else if (slotless)
		mms_out_say(out, "%s: the sums include events of children that are not told apart, for there were too many\n",
			    name);
}

/* Counters that this kernel does not let be counted, by the hook that is missing. */
static void show_missing(struct mms_out *out, const struct mms_counting *counting,
			 enum mms_question question)
{
	unsigned int i, j, nr = mms_question_counters(question);
	char name[MMS_COUNTER_NAME_MAX], list[1024];
	const char *hooks[MMS_MAX_COUNTERS];

	for (i = 0; i < nr; i++)
		hooks[i] = tracer_missing_hook(counting->tracer, question, i);
	for (i = 0; i < nr; i++) {
		const char *hook = hooks[i];
		size_t len = 0;

		if (!hook)
			continue;
		for (j = i; j < nr; j++) {
			if (!hooks[j] || strcmp(hooks[j], hook))
				continue;
			mms_counter_name(name, question, j);
			mms_out_object(out, NULL);
			mms_out_string(out, "question", mms_question_name(question));
			mms_out_string(out, "counter", name);
			mms_out_string(out, "hook", hook);
			mms_out_object_end(out);
			if (len < sizeof(list))
				len += snprintf(list + len, sizeof(list) - len, "%s%s",
						len ? ", " : "", name);
			hooks[j] = NULL;
		}
		mms_out_say(out, "NOT AVAILABLE on this kernel, for want of %s: %s: %s\n", hook,
			    mms_question_name(question), list);
	}
}

static void show_why(struct mms_out *out, const char *key, const char *why)
{
	if (*why)
		mms_out_string(out, key, why);
	else
		mms_out_null(out, key);
}

static void show_flush_losses(struct mms_out *out, const struct mms_flush_counts *flushes)
{
	mms_out_object(out, "tlb_flushes");
	mms_out_number(out, "children_not_followed", flushes->unfollowed);
	mms_out_object_end(out);
	if (flushes->unfollowed)
		mms_out_say(out, "LOST: TLB flushes by reason are without those of %lu children, for there were too many at a time\n",
			    flushes->unfollowed);
}

static void show_stack_losses(struct mms_out *out, const struct mms_counting *counting)
{
	const char *kernel = mms_symbols_kernel_failure(counting->symbols);
	uint64_t lost = mms_mmaplog_lost(counting->mmaplog);

	mms_out_number(out, "mappings", lost);
	if (lost)
		mms_out_say(out, "LOST: %lu mappings of code: some addresses in stacks have no names\n",
			    lost);
	if (kernel)
		mms_out_say(out, "Addresses of the kernel have no names: %s\n", kernel);
}

static void show_losses(struct mms_out *out, const struct mms_counting *counting,
			const struct mms_counts *counts)
{
	unsigned int question;

	mms_out_object(out, "losses");
	for (question = 0; question < MMS_NR_QUESTIONS; question++)
		if (counts->records[question])
			show_question(out, counting, counts, question);
	if (counting->symbols)
		show_stack_losses(out, counting);
	if (counting->has_flushes)
		show_flush_losses(out, &counts->flushes);
	mms_out_object_end(out);
	mms_out_list(out, "unavailable");
	for (question = 0; question < MMS_NR_QUESTIONS; question++)
		if (counts->records[question])
			show_missing(out, counting, question);
	mms_out_list_end(out);
	show_why(out, "no_ebpf", counting->no_tracer);
	if (*counting->no_tracer)
		mms_out_say(out, "NOT AVAILABLE: what eBPF counts: %s\n", counting->no_tracer);
	if (!counting->what->flushes)
		return;
	show_why(out, "no_tlb_flushes", counting->no_flushes);
	if (*counting->no_flushes)
		mms_out_say(out, "NOT AVAILABLE: TLB flushes by reason: %s\n", counting->no_flushes);
}

int mms_show(struct mms_out *out, const struct mms_counting *counting,
	     const struct mms_counts *counts)
{
	int err;

	if (counting->selectors->folded)
		return mms_show_stacks(out, counting, counts);
	show_run(out, counting, counts);
	err = counting->what->show(out, counting, counts);
	if (!err)
		err = mms_show_stacks(out, counting, counts);
	if (!err)
		show_losses(out, counting, counts);
	return err;
}
