// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope lab: which labs, and how they ended. A program of its own, that the reader stays small.
 */
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "command.h"
#include "error.h"
#include "guard.h"
#include "session.h"

enum { KEY_ALL = 'a', KEY_EXPLAIN = 'e', KEY_STEP = 256, KEY_SPOIL };

static const struct argp_option lab_argp_options[] = {
	{ "all", KEY_ALL, NULL, 0, "run every lab", 0 },
	{ "explain", KEY_EXPLAIN, NULL, 0, "show what stands behind the verdict", 0 },
	{ "step", KEY_STEP, NULL, 0, "wait for Enter before each step", 0 },
	{ "spoil", KEY_SPOIL, NULL, 0, "break the premise of each lab, which then must fail", 0 },
	{ 0 },
};

struct labs {
	struct lab_options options;
	bool all;
	unsigned int nr[3];		/* passed, failed, skipped */
	struct json_object *json;
	int interrupted;
};

static error_t take(int key, char *arg, struct argp_state *state, void *input)
{
	struct labs *labs = input;

	(void)arg;
	(void)state;
	switch (key) {
	case KEY_ALL:
		labs->all = true;
		return 0;
	case KEY_EXPLAIN:
		labs->options.explain = true;
		return 0;
	case KEY_STEP:
		labs->options.step = true;
		return 0;
	case KEY_SPOIL:
		labs->options.spoil = true;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct lab_def *find_lab(const char *name)
{
	const struct lab_def *const *def;

	for (def = lab_defs; *def; def++)
		if (!strcmp((*def)->name, name))
			return *def;
	return NULL;
}

static void run_one(struct labs *labs, const struct lab_def *def)
{
	struct json_object *json;
	enum lab_verdict verdict;

	verdict = lab_guard_run(def, &labs->options, &json, &labs->interrupted);
	labs->nr[verdict == LAB_PASS ? 0 : verdict == LAB_SKIP ? 2 : 1]++;
	if (json)
		json_object_array_add(labs->json, json);
}

static void list_json(struct labs *labs)
{
	const struct lab_def *const *def;

	for (def = lab_defs; *def; def++) {
		struct lab lab = { .def = *def, .options = &labs->options };

		lab_report_begin(&lab);
		json_object_object_add(lab.json, "verdict", NULL);
		json_object_object_add(lab.json, "reason", NULL);
		json_object_array_add(labs->json, lab.json);
	}
}

static void print_json(struct labs *labs)
{
	static const char *const names[] = { "passed", "failed", "skipped" };
	struct json_object *object = json_object_new_object();
	unsigned int i;

	json_object_object_add(object, "schema", json_object_new_string("mmscope/lab/1"));
	json_object_object_add(object, "labs", labs->json);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		json_object_object_add(object, names[i], json_object_new_uint64(labs->nr[i]));
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_SPACED |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static void list(struct labs *labs)
{
	if (labs->options.style.json)
		list_json(labs);
	else
		lab_report_list(&labs->options);
}

static void run_all(struct labs *labs, char **names, int nr)
{
	const struct lab_def *const *def;
	int i;

	for (def = lab_defs; labs->all && *def && !labs->interrupted; def++)
		run_one(labs, *def);
	for (i = 0; i < nr && !labs->interrupted; i++)
		run_one(labs, find_lab(names[i]));
	if (!labs->options.style.json && labs->nr[0] + labs->nr[1] + labs->nr[2] > 1)
		printf("%u passed, %u failed, %u skipped\n", labs->nr[0], labs->nr[1], labs->nr[2]);
}

/*
 * Whether there is a module to measure with, before anything is begun. It is locked for as long as this
 * and its labs live: of two at once one would take the other's settings for the machine's own.
 */
static int take_module(const struct lab_options *options)
{
	struct mms_session session;
	int fd;

	if (mms_session_open(&session, options->debugfs))
		return -1;
	fd = open(session.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mms_session_close(&session);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return mms_fail(errno == EWOULDBLOCK ? "another 'mmscope lab' is running" : "%s: %s",
				session.dir, strerror(errno));
	return 0;
}

static int check_names(char **names, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (!find_lab(names[i]))
			return mms_fail("no lab '%s' ('mmscope lab' lists them)", names[i]);
	return 0;
}

static int fail(int status)
{
	fprintf(stderr, "mmscope: %s\n", mms_failure());
	return status;
}

static const struct mms_command command = {
	.name = "lab",
	.args = "[NAME...]",
	.summary = "what textbooks say of virtual memory, shown on this machine",
	.doc = "Without NAME, lists the labs. Each states a claim, predicts numbers, lets real processes run, measures, asks another source, and gives its verdict: PASS, FAIL, or SKIP with what this machine lacks. What a lab changes is undone when it ends, also when it is interrupted. The exit status is 0 if none failed.",
};

int main(int argc, char **argv)
{
	struct mms_options options = { 0 };
	struct labs labs = { 0 };
	struct mms_args args = { .max = 1000, .extra = lab_argp_options, .take = take,
				 .input = &labs };

	argp_err_exit_status = 2;
	mms_usual_style(&options.style);
	mms_parse(&command, &options, &args, argc, argv);
	labs.options.style = options.style;
	labs.options.debugfs = options.debugfs;
	labs.json = options.style.json ? json_object_new_array() : NULL;
	if (labs.options.step && options.style.json)
		return mms_fail("--step and --json exclude each other"), fail(2);
	if (check_names(args.argv, args.nr))
		return fail(2);
	if (!labs.all && !args.nr) {
		list(&labs);
	} else {
		if (take_module(&labs.options))
			return fail(1);
		run_all(&labs, args.argv, args.nr);
	}
	if (options.style.json)
		print_json(&labs);
	if (labs.interrupted) {
		fflush(stdout);
		signal(labs.interrupted, SIG_DFL);
		raise(labs.interrupted);
	}
	return labs.nr[1] ? 1 : 0;
}
