// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope load, mmscope unload.
 */
#include <limits.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "command.h"
#include "error.h"
#include "module_file.h"

static int report(const struct mms_options *options, const char *command, const char *module,
		  const char *state, int err)
{
	struct mms_out *out = mms_out_begin(&options->style, command);

	if (!err && *module)
		mms_out_string(out, "module", module);
	if (!err)
		mms_out_string(out, "state", state);
	return mms_out_end(out, err) ? -1 : err;
}

static int run_load(const struct mms_command *command, struct mms_options *options, int argc,
		    char **argv)
{
	struct mms_args args = { .min = 0, .max = 1 };
	char path[PATH_MAX] = "";
	struct utsname kernel;
	int err;

	mms_parse(command, options, &args, argc, argv);
	if (args.nr)
		snprintf(path, sizeof(path), "%s", args.argv[0]);
	if (args.nr || mms_module_find(path, sizeof(path))) {
		err = mms_module_load(path);
	} else {
		uname(&kernel);
		err = mms_fail("no module built for this kernel (%s) found: make module, or install it", kernel.release);
	}
	return report(options, "load", path, "loaded", err);
}

static int run_unload(const struct mms_command *command, struct mms_options *options, int argc,
		      char **argv)
{
	struct mms_args args = { 0 };

	mms_parse(command, options, &args, argc, argv);
	return report(options, "unload", "", "not loaded", mms_module_unload());
}

const struct mms_command mms_cmd_load = {
	.name = "load",
	.args = "[FILE]",
	.summary = "insert the module (the one built with this program)",
	.run = run_load,
};

const struct mms_command mms_cmd_unload = {
	.name = "unload",
	.args = "",
	.summary = "remove the module",
	.run = run_unload,
};
