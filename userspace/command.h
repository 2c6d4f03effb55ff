/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Subcommands and the options they share.
 */
#ifndef MMS_COMMAND_H
#define MMS_COMMAND_H

#include <argp.h>

#include "out.h"

/**
 * struct mms_options - options before and after the command's name
 * @style: how to write
 * @debugfs: where debugfs is mounted, NULL for the usual place
 */
struct mms_options {
	struct mms_style style;
	const char *debugfs;
};

/**
 * struct mms_command - a subcommand
 * @name: what is typed
 * @args: its arguments, for --help
 * @summary: one line on what it answers
 * @doc: more for its own --help, or NULL
 * @columns: of its table, for --columns
 * @nr_columns: how many; 0: it has no table
 * @run: does it. argv[0] is "mmscope NAME". Return: 0, or -1 with mms_failure() set; above 0: the exit
 *	status of a command it has run, nothing being left to say
 */
struct mms_command {
	const char *name;
	const char *args;
	const char *summary;
	const char *doc;
	const struct mms_column *columns;
	unsigned int nr_columns;
	int (*run)(const struct mms_command *command, struct mms_options *options, int argc,
		   char **argv);
};

extern const struct mms_command mms_cmd_map, mms_cmd_translate, mms_cmd_tables, mms_cmd_pages,
	mms_cmd_ps, mms_cmd_stat, mms_cmd_cow, mms_cmd_tlb, mms_cmd_faults, mms_cmd_lab,
	mms_cmd_doctor, mms_cmd_load, mms_cmd_unload;

/**
 * struct mms_args - what is left of a command line when options are taken
 * @argv: the arguments
 * @nr: how many
 * @min: how many there must be
 * @max: how many there may be
 * @in_order: options end at the first argument: what follows is another command's line
 * @extra: options of the command's own, or NULL
 * @take: takes one of them; as an argp parser, with its return value. NULL without @extra.
 * @input: for @take
 */
struct mms_args {
	char **argv;
	int nr;
	int min, max;
	bool in_order;
	const struct argp_option *extra;
	error_t (*take)(int key, char *arg, struct argp_state *state, void *input);
	void *input;
};

/**
 * mms_parse() - take a command's options
 * @command: the command
 * @options: receives the shared ones
 * @args: @min, @max, @extra, @take, @input given; receives the rest
 * @argc: words of the command line
 * @argv: the command line
 *
 * Wrong usage ends the program with status 2, --help with 0.
 */
void mms_parse(const struct mms_command *command, struct mms_options *options,
	       struct mms_args *args, int argc, char **argv);

struct mms_session;
struct mms_viewfile;

/**
 * mms_run_view() - open a view, show it, close it
 * @options: of the command line
 * @who: the process, or NULL for a view of the whole system
 * @view: name of the view
 * @command: name of the command, for the schema
 * @show: shows it. Return: 0, or -1 with mms_failure() set
 *
 * Return: 0, or -1 with mms_failure() set.
 */
int mms_run_view(const struct mms_options *options, const char *who, const char *view,
		 const char *command,
		 int (*show)(struct mms_out *out, const struct mms_session *session,
			     struct mms_viewfile *file));

/* How to write if no option says otherwise: for the terminal, or 100 columns wide. */
void mms_usual_style(struct mms_style *style);

/* The shared options alone, for main's own parser. */
extern const struct argp mms_shared_argp;

#endif /* MMS_COMMAND_H */
