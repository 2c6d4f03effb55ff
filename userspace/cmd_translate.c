// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope translate: how the hardware gets from an address to a frame, step by step.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "macros.h"
#include "session.h"
#include "viewtable.h"

enum { LEVEL, INDEX, ENTRY_AT, RAW, POINTS_TO, FLAGS, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	[LEVEL] = { "level", "LEVEL", MMS_TEXT, 5, 0, 0, "level of the table" },
	[INDEX] = { "index", "INDEX", MMS_COUNT, 5, 0, 0, "which entry of the table" },
	[ENTRY_AT] = { "entry_address", "ENTRY AT", MMS_ADDR, 13, 0, 0,
		       "physical address of that entry" },
	[RAW] = { "raw", "RAW", MMS_RAW, 16, 0, 0, "the entry" },
	[POINTS_TO] = { "points_to", "POINTS TO", MMS_ADDR, 13, 0, 0,
			"physical address of the next table, or of the page" },
	[FLAGS] = { "flags", "FLAGS", MMS_TEXT, 20, 0, true, "its bits by name" },
};

#define MAX_STEPS 6

struct step {
	char level[8];
	unsigned int index;
	unsigned long entry_address;
	unsigned long raw;
	char flags[128];
};

/* One address, as the view tells of it. */
struct walked {
	unsigned long addr;
	struct step step[MAX_STEPS];
	unsigned int nr_steps;
	struct step user_copy;
	bool has_user_copy;
	bool has_frame;
	unsigned long frame, offset, physical, size;
	char stop[96];
	unsigned long vma_start, vma_end;
	char perm[8], kind[16];
	char no_vma[16];
	char class[24];
	char touch[3][24];
	bool unstable;
};

/* In the words of the man page; a token this reader does not know is shown as it is. */
static const struct {
	const char *token;
	const char *text;
} touches[] = {
	{ "hit", "succeeds without a fault" },
	{ "zero-page", "minor fault: maps the shared zero page" },
	{ "new-page", "minor fault: gets a zeroed page of its own" },
	{ "file-cached", "minor fault: maps the page from the page cache" },
	{ "file-read", "major fault: the page is read from the file" },
	{ "file-copy", "fault: gets a private copy of the file's page" },
	{ "cow-copy", "minor fault: copy on write" },
	{ "cow-reuse", "minor fault: made writable, nobody shares it any more" },
	{ "cow-split-copy", "minor fault: the huge page is split, one 4 KiB page copied" },
	{ "make-writable", "minor fault: the shared page is made writable" },
	{ "swap-in", "fault: read back from swap" },
	{ "numa-hint", "minor fault: NUMA balancing takes note, access is granted" },
	{ "wait-for-migration", "waits until the page has been moved" },
	{ "from-device", "fault: fetched back from the device" },
	{ "mapping-owner", "fault: up to the mapping's own fault handler" },
	{ "userfaultfd", "fault: handed to a userfaultfd" },
	{ "grow-stack", "fault: the stack grows down to it, limits permitting" },
	{ "SIGSEGV:MAPERR", "SIGSEGV: nothing is mapped there" },
	{ "SIGSEGV:ACCERR", "SIGSEGV: not permitted" },
	{ "SIGSEGV:GP", "SIGSEGV: not a canonical address" },
	{ "SIGBUS:EOF", "SIGBUS: beyond the end of the file" },
	{ "SIGBUS:HWPOISON", "SIGBUS: the memory is broken" },
	{ "vsyscall", "emulated or SIGSEGV, as the kernel was booted (vsyscall=)" },
};

static const char *touch_text(const char *token)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(touches); i++)
		if (!strcmp(touches[i].token, token))
			return touches[i].text;
	return token;
}

static bool take_step(const char *line, const char *what, struct step *step)
{
	char word[16];

	return sscanf(line, "%15s %7s %u %lx %lx %127s", word, step->level, &step->index,
		      &step->entry_address, &step->raw, step->flags) == 6 && !strcmp(word, what);
}

/* One line of an address's answer. Return: whether it was its last. */
static bool take_line(struct walked *w, const char *line)
{
	if (w->nr_steps < MAX_STEPS && take_step(line, "step", &w->step[w->nr_steps]))
		w->nr_steps++;
	else if (take_step(line, "user_copy", &w->user_copy))
		w->has_user_copy = true;
	else if (sscanf(line, "frame %lx offset %lx physical %lx size %lu", &w->frame, &w->offset,
			&w->physical, &w->size) == 4)
		w->has_frame = true;
	else if (!strncmp(line, "stop ", 5))
		snprintf(w->stop, sizeof(w->stop), "%s", line + 5);
	else if (sscanf(line, "vma none %15s", w->no_vma) == 1)
		;
	else if (sscanf(line, "vma %lx %lx %7s %15s", &w->vma_start, &w->vma_end, w->perm,
			w->kind) == 4)
		;
	else if (sscanf(line, "class %23s", w->class) == 1)
		;
	else if (!strcmp(line, "unstable"))
		w->unstable = true;
	return sscanf(line, "touch read %23s write %23s exec %23s", w->touch[0], w->touch[1],
		      w->touch[2]) == 3;
}

/* Where step @i leads: the next step's table, or the page. */
static struct mms_value points_to(const struct walked *w, unsigned int i)
{
	if (i + 1 < w->nr_steps)
		return (struct mms_value){
			.number = w->step[i + 1].entry_address -
				  w->step[i + 1].index * sizeof(uint64_t),
		};
	return (struct mms_value){ .number = w->physical - w->offset, .absent = !w->has_frame };
}

static void step_values(struct mms_value *values, const struct walked *w, unsigned int i,
			bool no_pfn)
{
	const struct step *step = &w->step[i];

	values[POINTS_TO] = points_to(w, i);
	values[POINTS_TO].absent |= no_pfn;
	values[LEVEL] = (struct mms_value){ .text = step->level };
	values[INDEX] = (struct mms_value){ .number = step->index };
	values[ENTRY_AT] = (struct mms_value){ .number = step->entry_address, .absent = no_pfn };
	values[RAW] = (struct mms_value){ .number = step->raw, .absent = no_pfn };
	values[FLAGS] = (struct mms_value){ .text = step->flags };
}

static void show_user_copy(struct mms_out *out, const struct walked *w, bool no_pfn)
{
	if (!w->has_user_copy)
		return;
	mms_out_object(out, "user_copy");
	if (!no_pfn) {
		mms_out_address(out, "entry_address", w->user_copy.entry_address);
		mms_out_address(out, "raw", w->user_copy.raw);
	}
	mms_out_string(out, "flags", w->user_copy.flags);
	mms_out_object_end(out);
	mms_out_say(out, "in the user's copy of the PGD (page-table isolation): %s\n",
		    w->user_copy.flags);
}

static void show_vma(struct mms_out *out, const struct walked *w)
{
	if (*w->no_vma) {
		mms_out_string(out, "vma", w->no_vma);
		mms_out_say(out, strcmp(w->no_vma, "kernel") ? "no VMA covers it\n" :
							       "in the kernel half\n");
		return;
	}
	mms_out_object(out, "vma");
	mms_out_address(out, "start", w->vma_start);
	mms_out_address(out, "end", w->vma_end);
	mms_out_string(out, "perm", w->perm);
	mms_out_string(out, "kind", w->kind);
	mms_out_object_end(out);
	mms_out_string(out, "class", w->class);
	mms_out_say(out, "VMA %lx-%lx %s, %s\n", w->vma_start, w->vma_end, w->perm, w->kind);
}

static void show_stop(struct mms_out *out, const struct walked *w, bool no_pfn)
{
	unsigned int type;
	unsigned long value;
	char class[24] = "";

	if (sscanf(w->stop, "swap type %u offset %lx", &type, &value) == 2) {
		mms_out_string(out, "stop", "swap");
		mms_out_number(out, "swap_type", type);
		mms_out_address(out, "swap_offset", value);
		mms_out_say(out, "the walk stops: swapped out, to page 0x%lx of swap area %u\n",
			    value, type);
	} else if (sscanf(w->stop, "%23s frame %lx", class, &value) == 2) {
		mms_out_string(out, "stop", class);
		if (!no_pfn)
			mms_out_address(out, "pfn", value);
		mms_out_say(out, "the walk stops: %s\n", class);
	} else {
		mms_out_string(out, "stop", w->stop);
		mms_out_say(out, "the walk stops: %s\n", strcmp(w->stop, "none") ? w->stop :
			    "the entry is empty");
	}
}

static void show_result(struct mms_out *out, const struct walked *w, bool no_pfn)
{
	if (!w->has_frame) {
		show_stop(out, w, no_pfn);
		return;
	}
	mms_out_number(out, "page_size", w->size);
	mms_out_address(out, "offset", w->offset);
	if (no_pfn) {
		mms_out_say(out, "present: a %s page, offset 0x%lx\n", mms_out_size(out, w->size),
			    w->offset);
		return;
	}
	mms_out_address(out, "pfn", w->frame);
	mms_out_address(out, "physical", w->physical);
	mms_out_say(out, "frame 0x%lx, offset 0x%lx: physical address 0x%lx, in a %s page%s%s\n",
		    w->frame, w->offset, w->physical, mms_out_size(out, w->size),
		    *w->class ? ", class " : "", w->class);
}

static void show_touch(struct mms_out *out, const struct walked *w)
{
	static const char *const access[] = { "read", "write", "exec" };
	unsigned int i;

	mms_out_object(out, "touch");
	for (i = 0; i < 3; i++) {
		mms_out_string(out, access[i], w->touch[i]);
		mms_out_say(out, "  %-5s  %s\n", access[i], touch_text(w->touch[i]));
	}
	mms_out_object_end(out);
}

static void show_walked(struct mms_out *out, const struct walked *w, bool no_pfn)
{
	struct mms_value values[NR_COLUMNS];
	unsigned int i;

	mms_out_object(out, NULL);
	mms_out_address(out, "address", w->addr);
	mms_out_say(out, "0x%lx\n", w->addr);
	mms_out_table(out, "steps", columns, NR_COLUMNS);
	for (i = 0; i < w->nr_steps; i++) {
		step_values(values, w, i, no_pfn);
		mms_out_row(out, values);
	}
	mms_out_table_end(out);
	show_user_copy(out, w, no_pfn);
	show_result(out, w, no_pfn);
	show_vma(out, w);
	if (w->unstable) {
		mms_out_string(out, "unstable", "changed at every reading");
		mms_out_say(out, "the tables changed at every reading: the steps may not belong together\n");
	}
	mms_out_say(out, "what an access would do:\n");
	show_touch(out, w);
	mms_out_object_end(out);
}

static int show_all(struct mms_out *out, struct mms_viewfile *file, const struct mms_style *style)
{
	struct walked w = { 0 };
	unsigned int nr = 0;
	char *line;

	while ((line = mms_viewfile_line(file))) {
		if (mms_viewfile_remark(file, line))
			continue;
		if (sscanf(line, "address %lx", &w.addr) == 1)
			continue;
		if (!take_line(&w, line))
			continue;
		if (nr++)
			mms_out_say(out, "\n");
		show_walked(out, &w, style->no_pfn);
		w = (struct walked){ 0 };
	}
	return mms_viewfile_finish(file, "translate");
}

/* Addresses are hexadecimal, with or without 0x. */
static int add_address(char *text, size_t size, const char *arg)
{
	size_t len = strlen(text);
	char *end;

	errno = 0;
	strtoull(arg, &end, 16);
	if (!isxdigit((unsigned char)*arg) || *end || errno)
		return mms_fail("not an address: '%s' (hexadecimal, at most 64 bits)", arg);
	if (len + strlen(arg) + 2 > size)
		return mms_fail("too many addresses at once");
	snprintf(text + len, size - len, "%s ", arg);
	return 0;
}

static int translate_all(const struct mms_options *options, const struct mms_session *session,
		     const char *text)
{
	struct mms_viewfile file;
	struct mms_out *out;
	int fd, err;

	fd = mms_session_view(session, "translate", O_RDWR);
	if (fd < 0)
		return -1;
	mms_viewfile_init(&file, fd);
	if (write(fd, text, strlen(text)) < 0) {
		mms_viewfile_close(&file);
		return mms_fail("translate: %s", errno == E2BIG ? "too many addresses at once" :
								   strerror(errno));
	}
	out = mms_out_begin(&options->style, "translate");
	mms_out_number(out, "pid", session->pid);
	mms_out_list(out, "addresses");
	err = show_all(out, &file, &options->style);
	mms_out_list_end(out);
	if (mms_out_end(out, err))
		err = -1;
	mms_viewfile_close(&file);
	return err;
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	struct mms_args args = { .min = 2, .max = 129 };
	struct mms_session session;
	char text[4096] = "";
	int i, err = -1;

	mms_parse(command, options, &args, argc, argv);
	for (i = 1; i < args.nr; i++)
		if (add_address(text, sizeof(text), args.argv[i]))
			return -1;
	if (mms_session_open(&session, options->debugfs))
		return -1;
	if (!mms_session_hold(&session, args.argv[0]))
		err = translate_all(options, &session, text);
	mms_session_close(&session);
	return err;
}

const struct mms_command mms_cmd_translate = {
	.name = "translate",
	.args = "PID ADDRESS...",
	.summary = "how addresses are translated, step by step",
	.doc = "Also tells what a read, a write and an execution would do. Addresses are hexadecimal; any will do: mapped or not, user or kernel half.",
	.columns = columns,
	.nr_columns = NR_COLUMNS,
	.run = run,
};
