// SPDX-License-Identifier: GPL-2.0
/*
 * Whom to count, for how long, and with what detail: taking the options.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"
#include "selectors.h"

enum { KEY_NO_FOLLOW = 512, KEY_STACKS, KEY_FOLDED, KEY_OUTPUT, KEY_TOP };

#define USUAL_TOP 10
#define YEAR	  (366.0 * 86400)

static const struct argp_option option_list[] = {
	{ "pid", 'p', "PID", 0, "count this process (repeatable, or a list: 1,2)", 1 },
	{ "all", 'a', NULL, 0, "count all processes", 1 },
	{ "duration", 'd', "SECONDS", 0, "count for so long, then end CMD", 1 },
	{ "interval", 'i', "SECONDS", 0, "also show a line every so often", 1 },
	{ "no-follow", KEY_NO_FOLLOW, NULL, 0, "without the children forked meanwhile", 1 },
	{ "output", KEY_OUTPUT, "FILE", 0, "write to FILE, not to standard output", 1 },
	/* From here on, of commands that show detail. */
	{ "stacks", KEY_STACKS, NULL, 0, "where it came from: kernel and user stacks", 2 },
	{ "folded", KEY_FOLDED, NULL, 0, "the stacks alone, a line each, as flame graphs want them", 2 },
	{ "top", KEY_TOP, "N", 0, "show the N largest of a list (10), 0 for all", 2 },
	{ 0 },
};

#define NR_PLAIN_OPTIONS 6

static int add_pid(struct mms_selectors *selectors, pid_t pid)
{
	pid_t *pids;
	unsigned int i;

	for (i = 0; i < selectors->nr_pids; i++)
		if (selectors->pids[i] == pid)
			return 0;
	pids = realloc(selectors->pids, (selectors->nr_pids + 1) * sizeof(*pids));
	if (!pids)
		return mms_fail("out of memory");
	pids[selectors->nr_pids++] = pid;
	selectors->pids = pids;
	return 0;
}

int mms_selectors_add(struct mms_selectors *selectors, const char *text)
{
	for (;;) {
		size_t len = strcspn(text, ",");
		char *end;
		long pid;

		if (len == 4 && !strncmp(text, "self", 4)) {
			pid = getpid();
		} else {
			errno = 0;
			pid = strtol(text, &end, 10);
			if (*text < '0' || *text > '9' || end != text + len || errno || pid < 1 ||
			    pid > 1 << 30)
				return mms_fail("not a PID: '%.*s'", (int)len, text);
		}
		if (add_pid(selectors, (pid_t)pid))
			return -1;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

bool mms_parse_seconds(const char *text, uint64_t *ns)
{
	double seconds;
	char *end;

	if ((*text < '0' || *text > '9') && *text != '.')
		return false;
	/* No hexadecimal, no "infinity". */
	if (strspn(text, "0123456789.") != strlen(text))
		return false;
	seconds = strtod(text, &end);
	if (*end || end == text || seconds <= 0 || seconds > YEAR)
		return false;
	*ns = (uint64_t)(seconds * 1e9 + 0.5);
	if (*ns < 1000000)
		*ns = 1000000;
	return true;
}

static void take_seconds(const char *option, const char *text, uint64_t *ns,
			 struct argp_state *state)
{
	if (!mms_parse_seconds(text, ns))
		argp_error(state, "%s wants seconds, such as 5 or 0.5: '%s'", option, text);
}

static void take_top(const char *text, unsigned int *top, struct argp_state *state)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value > UINT_MAX)
		argp_error(state, "--top wants a number: '%s'", text);
	*top = value ? (unsigned int)value : UINT_MAX;
}

static error_t take_option(int key, char *arg, struct argp_state *state, void *input)
{
	struct mms_selectors *selectors = input;

	switch (key) {
	case 'p':
		if (mms_selectors_add(selectors, arg))
			argp_error(state, "%s", mms_failure());
		return 0;
	case 'a':
		selectors->everyone = true;
		return 0;
	case 'd':
		take_seconds("--duration", arg, &selectors->duration_ns, state);
		return 0;
	case 'i':
		take_seconds("--interval", arg, &selectors->interval_ns, state);
		return 0;
	case KEY_NO_FOLLOW:
		selectors->no_follow = true;
		return 0;
	case KEY_FOLDED:
		selectors->folded = true;
		selectors->stacks = true;
		return 0;
	case KEY_STACKS:
		selectors->stacks = true;
		return 0;
	case KEY_TOP:
		take_top(arg, &selectors->top, state);
		return 0;
	case KEY_OUTPUT:
		selectors->output = arg;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* What only makes sense together, or apart. Ends the program if it does not. */
static void check(const struct mms_command *command, const struct mms_options *options,
		  const struct mms_selectors *selectors)
{
	const char *wrong = NULL;

	if (selectors->nr_pids && selectors->everyone)
		wrong = "either --pid or --all";
	else if (!selectors->nr_pids && !selectors->everyone && !selectors->command)
		wrong = "whom to count? --pid PID, --all, or a command to start";
	else if (selectors->folded && options->style.json)
		wrong = "either --folded or --json";
	else if (selectors->folded && selectors->interval_ns)
		wrong = "either --folded or --interval";
	if (!wrong)
		return;
	fprintf(stderr, "mmscope %s: %s\nTry `mmscope %s --help' for more information.\n",
		command->name, wrong, command->name);
	exit(2);
}

void mms_selectors_parse(const struct mms_command *command, struct mms_options *options,
			 struct mms_selectors *selectors, bool detail, int argc, char **argv)
{
	struct argp_option plain[NR_PLAIN_OPTIONS + 1] = { 0 };
	struct mms_args args = {
		.max = INT_MAX,
		.in_order = true,
		.extra = detail ? option_list : plain,
		.take = take_option,
		.input = selectors,
	};

	memcpy(plain, option_list, NR_PLAIN_OPTIONS * sizeof(plain[0]));
	*selectors = (struct mms_selectors){ .top = USUAL_TOP };
	mms_parse(command, options, &args, argc, argv);
	/* argv ends with NULL, and so do the words of the command. */
	if (args.nr)
		selectors->command = args.argv;
	check(command, options, selectors);
}

bool mms_selectors_only_command(const struct mms_selectors *selectors)
{
	return selectors->command && !selectors->nr_pids && !selectors->everyone;
}

void mms_selectors_free(struct mms_selectors *selectors)
{
	free(selectors->pids);
	selectors->pids = NULL;
	selectors->nr_pids = 0;
}
