// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope lab: hands over to mmscope-lab, a program of its own.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "error.h"

#define PROGRAM "mmscope-lab"

/* Where it may be, from this program's directory: the build tree, an installation. */
static const char *const places[] = { "lab/" PROGRAM, "../libexec/mmscope/" PROGRAM };

static bool find_program(char path[PATH_MAX])
{
	char self[PATH_MAX / 2];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	unsigned int i;

	if (len < 0)
		return false;
	self[len] = '\0';
	dirname(self);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, PATH_MAX, "%s/%s", self, places[i]);
		if (!access(path, X_OK))
			return true;
	}
	return false;
}

/* The shared options that stood before the command's name. */
static char **with_options(const struct mms_options *options, int argc, char **argv)
{
	char **words = calloc(argc + 16, sizeof(*words)), **next = words;

	if (!words)
		return NULL;
	*next++ = argv[0];
	if (options->style.json)
		*next++ = "--json";
	if (options->style.bytes)
		*next++ = "--bytes";
	if (options->style.wide)
		*next++ = "--wide";
	if (options->style.no_pfn)
		*next++ = "--no-pfn";
	if (options->style.columns && asprintf(next++, "--columns=%s", options->style.columns) < 0)
		return NULL;
	if (!options->style.color)
		*next++ = "--no-color";
	if (asprintf(next++, "--width=%u", options->style.width) < 0)
		return NULL;
	if (options->debugfs && asprintf(next++, "--debugfs=%s", options->debugfs) < 0)
		return NULL;
	memcpy(next, argv + 1, (argc - 1) * sizeof(*argv));
	return words;
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	char path[PATH_MAX];
	char **words;

	(void)command;
	if (!find_program(path))
		return mms_fail("the program %s is not installed beside this one", PROGRAM);
	words = with_options(options, argc, argv);
	if (!words)
		return mms_fail("out of memory");
	execv(path, words);
	return mms_fail("%s: %s", path, strerror(errno));
}

const struct mms_command mms_cmd_lab = {
	.name = "lab",
	.args = "[NAME...]",
	.summary = "what textbooks say of virtual memory, shown on this machine",
	.run = run,
};
