// SPDX-License-Identifier: GPL-2.0
/*
 * selectors.c: the options of the commands that count, right and wrong, and where they end and the
 * command to start begins.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/wait.h>

#include "unit.h"
#include "command.h"
#include "error.h"
#include "macros.h"
#include "selectors.h"

static const struct mms_command command = { .name = "cow", .args = "[CMD]", .summary = "test" };

static int words(char **argv)
{
	int n = 0;

	while (argv[n])
		n++;
	return n;
}

static void parse(struct mms_selectors *selectors, struct mms_options *options, char **argv)
{
	*options = (struct mms_options){ .style.width = 80 };
	mms_selectors_parse(&command, options, selectors, true, words(argv), argv);
}

#define PARSE(...) parse(&selectors, &options, (char *[]){ "mmscope cow", __VA_ARGS__, NULL })

static void test_pids(void **state)
{
	struct mms_selectors selectors;
	struct mms_options options;

	(void)state;
	PARSE("-p", "5", "--pid=7,9", "-p7", "-p", "self");
	assert_int_equal(selectors.nr_pids, 4);
	assert_int_equal(selectors.pids[0], 5);
	assert_int_equal(selectors.pids[1], 7);
	assert_int_equal(selectors.pids[2], 9);
	assert_int_equal(selectors.pids[3], getpid());
	assert_false(selectors.everyone || selectors.no_follow || selectors.stacks);
	assert_null(selectors.command);
	assert_false(mms_selectors_only_command(&selectors));
	mms_selectors_free(&selectors);
}

static void test_all_options(void **state)
{
	struct mms_selectors selectors;
	struct mms_options options;

	(void)state;
	PARSE("-a", "-d", "5", "-i", "0.25", "--no-follow", "--stacks", "--top", "3", "--output", "x",
	      "--json");
	assert_true(selectors.everyone && selectors.no_follow && selectors.stacks);
	assert_false(selectors.folded);
	assert_int_equal(selectors.duration_ns, 5000000000);
	assert_int_equal(selectors.interval_ns, 250000000);
	assert_int_equal(selectors.top, 3);
	assert_string_equal(selectors.output, "x");
	assert_true(options.style.json);
	PARSE("-a", "--folded", "--top=0");
	assert_true(selectors.stacks && selectors.folded);
	assert_int_equal(selectors.top, UINT_MAX);
}

/* The options of the command to start are its own, with and without "--". */
static void test_command(void **state)
{
	struct mms_selectors selectors;
	struct mms_options options;

	(void)state;
	PARSE("-d", "1", "--", "ls", "-a", "--json");
	assert_string_equal(selectors.command[0], "ls");
	assert_string_equal(selectors.command[1], "-a");
	assert_string_equal(selectors.command[2], "--json");
	assert_null(selectors.command[3]);
	assert_false(selectors.everyone || options.style.json);
	assert_true(mms_selectors_only_command(&selectors));
	PARSE("ls", "-p", "--", "-a");
	assert_int_equal(words(selectors.command), 4);
	assert_string_equal(selectors.command[2], "--");
	assert_int_equal(selectors.nr_pids, 0);
	/* It says how long to count the others. */
	PARSE("-a", "sleep", "5");
	assert_true(selectors.everyone);
	assert_string_equal(selectors.command[0], "sleep");
	assert_false(mms_selectors_only_command(&selectors));
}

/* Ends the program: status 2 and a message that holds @message. */
static void wrong(const char *message, char **argv)
{
	char text[4096] = "";
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		struct mms_selectors selectors;
		struct mms_options options;

		argp_err_exit_status = 2;
		dup2(ends[1], STDERR_FILENO);
		parse(&selectors, &options, argv);
		_exit(0);
	}
	close(ends[1]);
	waitpid(pid, &status, 0);
	assert_true(read(ends[0], text, sizeof(text) - 1) >= 0);
	close(ends[0]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 2 || !strstr(text, message))
		fail_msg("status %x: %s", status, text);
}

#define WRONG(message, ...) wrong(message, (char *[]){ "mmscope cow", __VA_ARGS__ })

static void test_wrong(void **state)
{
	(void)state;
	WRONG("whom to count?", NULL);
	WRONG("whom to count?", "-d", "1", NULL);
	WRONG("whom to count?", "--", NULL);
	WRONG("either --pid or --all", "-a", "-p", "1", NULL);
	WRONG("either --folded or --json", "-a", "--json", "--folded", NULL);
	WRONG("either --folded or --interval", "-a", "--folded", "-i", "1", NULL);
	WRONG("not a PID: ''", "-p", "", NULL);
	WRONG("not a PID: 'x'", "-p", "1,x", NULL);
	WRONG("not a PID: ''", "-p", "1,", NULL);
	WRONG("not a PID: '-1'", "-p", "-1", NULL);
	WRONG("not a PID: '0'", "-p", "0", NULL);
	WRONG("not a PID: '7 '", "-p", "7 ", NULL);
	WRONG("not a PID: 'selfish'", "-p", "selfish", NULL);
	WRONG("not a PID: '99999999999999999999'", "-p", "99999999999999999999", NULL);
	WRONG("--duration wants seconds", "-a", "-d", "0", NULL);
	WRONG("--interval wants seconds", "-a", "-i", "fast", NULL);
	WRONG("--top wants a number", "-a", "--top", "-1", NULL);
	WRONG("unrecognized option", "-a", "--nonsense", NULL);
}

static void test_seconds(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = { { "1", 1000000000 },  { "0.5", 500000000 }, { ".25", 250000000 },
		     { "10.", 10000000000 }, { "0.0001", 1000000 }, { "86400", 86400000000000 } };
	static const char *const bad[] = { "", "0", "-1", "1s", "0x10", "inf", "nan", "1e3", ".", "1.2.3",
					   " 1", "0.0", "99999999999" };
	uint64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < NR(good); i++) {
		assert_true(mms_parse_seconds(good[i].text, &ns));
		assert_int_equal(ns, good[i].ns);
	}
	for (i = 0; i < NR(bad); i++)
		if (mms_parse_seconds(bad[i], &ns))
			fail_msg("'%s' is %lu ns", bad[i], ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pids),	cmocka_unit_test(test_all_options),
		cmocka_unit_test(test_command), cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
