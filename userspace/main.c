// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope: which command, and how it ended.
 */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "macros.h"
#include "uapi/mmscope.h"

const char *argp_program_version = "mmscope " MMS_VERSION;

static const struct mms_command *const commands[] = {
	&mms_cmd_map,  &mms_cmd_translate, &mms_cmd_tables, &mms_cmd_pages,
	&mms_cmd_ps,   &mms_cmd_stat,	   &mms_cmd_cow,    &mms_cmd_tlb,
	&mms_cmd_faults, &mms_cmd_lab,	   &mms_cmd_doctor, &mms_cmd_load,
	&mms_cmd_unload,
};

#define NR_COMMANDS (ARRAY_SIZE(commands))

/* The commands, after the text of --help. */
static char *list_commands(int key, const char *text, void *input)
{
	char *list = NULL;
	size_t size, i;
	FILE *out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	out = open_memstream(&list, &size);
	if (!out)
		return NULL;
	fputs("Commands:\n", out);
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-10s %-16s %s\n", commands[i]->name, commands[i]->args,
			commands[i]->summary);
	fputs("\n'mmscope COMMAND --help' tells more of one. PID is a process ID or 'self'.", out);
	fclose(out);
	return list;
}

struct command_line {
	struct mms_options options;
	int argc;
	char **argv;
};

static error_t parse_main(int key, char *arg, struct argp_state *state)
{
	struct command_line *line = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &line->options;
		return 0;
	case ARGP_KEY_ARG: return ARGP_ERR_UNKNOWN;
	case ARGP_KEY_ARGS:
		line->argc = state->argc - state->next;
		line->argv = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "missing command");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct mms_command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct argp_child children[] = { { .argp = &mms_shared_argp }, { 0 } };
	const struct argp argp = {
		.parser = parse_main,
		.args_doc = "COMMAND [ARG...]",
		.doc = "Shows a process's virtual memory as the hardware and the kernel hold it.\v",
		.children = children,
		.help_filter = list_commands,
	};
	struct command_line line = { 0 };
	const struct mms_command *command;
	char name[64];
	int status;

	argp_err_exit_status = 2;
	mms_usual_style(&line.options.style);
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line);
	command = find_command(line.argv[0]);
	if (!command) {
		fprintf(stderr, "mmscope: no command '%s' ('mmscope --help' lists them)\n",
			line.argv[0]);
		return 2;
	}
	snprintf(name, sizeof(name), "mmscope %s", command->name);
	line.argv[0] = name;
	status = command->run(command, &line.options, line.argc, line.argv);
	if (status >= 0)
		return status;
	fflush(stdout);
	fprintf(stderr, "mmscope: %s\n", mms_failure());
	return 1;
}
