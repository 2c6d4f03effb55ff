// SPDX-License-Identifier: GPL-2.0
/*
 * Options shared by all commands, and the parsing of a command's line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "session.h"
#include "viewfile.h"

enum { KEY_NO_COLOR = 256, KEY_WIDTH, KEY_DEBUGFS, KEY_NO_PFN };

static const struct argp_option shared_options[] = {
	{ "json", 'j', NULL, 0, "write one JSON object instead of tables", 10 },
	{ "wide", 'w', NULL, 0, "show all columns, shorten nothing", 10 },
	{ "columns", 'o', "LIST", 0, "show these columns ('help' lists them)", 10 },
	{ "bytes", 'b', NULL, 0, "show sizes in bytes", 10 },
	{ "width", KEY_WIDTH, "N", 0, "fit tables into N columns (terminal's width, else 100)", 10 },
	{ "no-color", KEY_NO_COLOR, NULL, 0, "no colours, also on a terminal", 10 },
	{ "no-pfn", KEY_NO_PFN, NULL, 0, "leave out frame numbers, physical addresses and raw entries", 10 },
	{ "debugfs", KEY_DEBUGFS, "DIR", 0, "where debugfs is mounted (/sys/kernel/debug)", 10 },
	{ 0 },
};

static error_t parse_shared(int key, char *arg, struct argp_state *state)
{
	struct mms_options *options = state->input;
	char *end;

	switch (key) {
	case 'j':
		options->style.json = true;
		return 0;
	case 'w':
		options->style.wide = true;
		return 0;
	case 'o':
		options->style.columns = arg;
		return 0;
	case 'b':
		options->style.bytes = true;
		return 0;
	case KEY_NO_COLOR:
		options->style.color = false;
		return 0;
	case KEY_NO_PFN:
		options->style.no_pfn = true;
		return 0;
	case KEY_DEBUGFS:
		options->debugfs = arg;
		return 0;
	case KEY_WIDTH:
		options->style.width = strtoul(arg, &end, 10);
		if (*arg < '0' || *arg > '9' || *end || options->style.width < 40 ||
		    options->style.width > 10000)
			argp_error(state, "--width wants a number from 40 to 10000: '%s'", arg);
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

const struct argp mms_shared_argp = { .options = shared_options, .parser = parse_shared };

struct parsing {
	const struct mms_command *command;
	struct mms_options *options;
	struct mms_args *args;
};

/* Ends the program if --columns asks for help, or for what is not there. */
static void check_columns(struct parsing *parsing, struct argp_state *state)
{
	const struct mms_command *command = parsing->command;
	int err = mms_out_check_columns(&parsing->options->style, command->columns,
					command->nr_columns);

	if (err < 0)
		argp_error(state, "%s", mms_failure());
	if (err > 0)
		exit(0);
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct parsing *parsing = state->input;
	struct mms_args *args = parsing->args;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = parsing->options;
		return 0;
	case ARGP_KEY_ARG: return ARGP_ERR_UNKNOWN;
	case ARGP_KEY_ARGS:
		args->argv = state->argv + state->next;
		args->nr = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		check_columns(parsing, state);
		if (args->nr < args->min)
			argp_error(state, "missing argument: %s", parsing->command->args);
		if (args->nr > args->max)
			argp_error(state, "unexpected argument: '%s'", args->argv[args->max]);
		return 0;
	default: return args->take ? args->take(key, arg, state, args->input) : ARGP_ERR_UNKNOWN;
	}
}

void mms_parse(const struct mms_command *command, struct mms_options *options,
	       struct mms_args *args, int argc, char **argv)
{
	const struct argp_child children[] = { { .argp = &mms_shared_argp }, { 0 } };
	struct parsing parsing = { command, options, args };
	char doc[2048];
	const struct argp argp = {
		.options = args->extra,
		.parser = parse_one,
		.args_doc = command->args,
		.doc = doc,
		.children = children,
	};

	snprintf(doc, sizeof(doc), "%s%s%s", command->summary, command->doc ? "\v" : "",
		 command->doc ? command->doc : "");
	args->nr = 0;
	argp_parse(&argp, argc, argv, args->in_order ? ARGP_IN_ORDER : 0, NULL, &parsing);
}

int mms_run_view(const struct mms_options *options, const char *who, const char *view,
		 const char *command,
		 int (*show)(struct mms_out *out, const struct mms_session *session,
			     struct mms_viewfile *file))
{
	struct mms_session session;
	struct mms_viewfile file;
	struct mms_out *out;
	int fd, err = -1;

	if (mms_session_open(&session, options->debugfs))
		return -1;
	if (who && mms_session_hold(&session, who))
		goto out_close;
	fd = mms_session_view(&session, view, O_RDONLY);
	if (fd < 0)
		goto out_close;
	mms_viewfile_init(&file, fd);
	out = mms_out_begin(&options->style, command);
	err = show(out, &session, &file);
	if (mms_out_end(out, err))
		err = -1;
	mms_viewfile_close(&file);
out_close:
	mms_session_close(&session);
	return err;
}

void mms_usual_style(struct mms_style *style)
{
	bool terminal = isatty(STDOUT_FILENO);
	struct winsize size;

	style->color = terminal && !getenv("NO_COLOR");
	style->width = 100;
	if (terminal && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col >= 40)
		style->width = size.ws_col;
}
