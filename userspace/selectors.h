/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whom to count, for how long, and with what detail: the options that the commands which count have
 * in common. Knows nothing of how it is done.
 */
#ifndef MMS_SELECTORS_H
#define MMS_SELECTORS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct mms_selectors - what was asked for
 * @pids: of -p, in the order given, none twice
 * @nr_pids: how many
 * @everyone: -a
 * @no_follow: children do not count
 * @duration_ns: -d, 0 if not given
 * @interval_ns: -i, 0 if not given
 * @stacks: --stacks
 * @folded: --folded
 * @top: rows of each list of detail
 * @output: file to write to, NULL for standard output
 * @command: words of the command to start, NULL at the end; NULL without one
 */
struct mms_selectors {
	pid_t *pids;
	unsigned int nr_pids;
	bool everyone;
	bool no_follow;
	uint64_t duration_ns;
	uint64_t interval_ns;
	bool stacks;
	bool folded;
	unsigned int top;
	const char *output;
	char **command;
};

struct mms_command;
struct mms_options;

/**
 * mms_selectors_parse() - take the command line of a command that counts
 * @command: the command
 * @options: receives the options all commands share
 * @selectors: filled in, for mms_selectors_free()
 * @detail: the command can show stacks
 * @argc: words
 * @argv: the words; those of the command to start are the last
 *
 * Wrong usage ends the program with status 2, --help with 0.
 */
void mms_selectors_parse(const struct mms_command *command, struct mms_options *options,
			 struct mms_selectors *selectors, bool detail, int argc, char **argv);

void mms_selectors_free(struct mms_selectors *selectors);

/* Whose command the started process is, besides the length of the counting: nobody else is named. */
bool mms_selectors_only_command(const struct mms_selectors *selectors);

/**
 * mms_parse_seconds() - seconds as people write them: "5", "0.25"
 * @text: decimal, above 0 and at most a year
 * @ns: receives nanoseconds, at least 1 ms
 *
 * Return: false if it is not such a number.
 */
bool mms_parse_seconds(const char *text, uint64_t *ns);

/**
 * mms_selectors_add() - add the PIDs of one -p
 * @selectors: is added to
 * @text: PIDs or "self", separated by commas
 *
 * Return: 0, or -1 with mms_failure() set if one is no PID.
 */
int mms_selectors_add(struct mms_selectors *selectors, const char *text);

#endif /* MMS_SELECTORS_H */
