// SPDX-License-Identifier: GPL-2.0
/*
 * launch.c: a command waits for its word, runs, fails to run, is killed, is forgotten.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit.h"
#include "error.h"
#include "launch.h"

static sigset_t none;

static int run_it(char **argv, int *status)
{
	struct mms_launch launch;
	int err;

	assert_int_equal(mms_launch_prepare(&launch, argv, &none, false), 0);
	err = mms_launch_go(&launch);
	*status = err ? -1 : mms_launch_status(&launch);
	mms_launch_close(&launch);
	return err;
}

static bool readable(int fd, int ms)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };

	return poll(&pollfd, 1, ms) == 1;
}

static void test_waits(void **state)
{
	char *argv[] = { "true", NULL };
	struct mms_launch launch;
	char path[64], comm[32] = "";
	FILE *file;

	(void)state;
	assert_int_equal(mms_launch_prepare(&launch, argv, &none, false), 0);
	assert_false(readable(launch.pidfd, 200));
	/* Still this program. */
	snprintf(path, sizeof(path), "/proc/%d/comm", launch.pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(comm, sizeof(comm), file));
	fclose(file);
	assert_string_equal(comm, "t_launch\n");
	assert_int_equal(mms_launch_go(&launch), 0);
	assert_true(readable(launch.pidfd, 5000));
	assert_int_equal(mms_launch_status(&launch), 0);
	mms_launch_close(&launch);
}

static void test_status(void **state)
{
	char *seven[] = { "sh", "-c", "exit 7", NULL };
	char *killed[] = { "sh", "-c", "kill -9 $$", NULL };
	int status;

	(void)state;
	assert_int_equal(run_it(seven, &status), 0);
	assert_int_equal(status, 7);
	assert_int_equal(run_it(killed, &status), 0);
	assert_int_equal(status, 128 + 9);
}

static void test_cannot_run(void **state)
{
	char *missing[] = { "mmscope-no-such-command", NULL };
	char *directory[] = { "/tmp", NULL };
	char *empty[] = { "", NULL };
	int status;

	(void)state;
	assert_int_equal(run_it(missing, &status), ENOENT);
	assert_int_equal(run_it(directory, &status), EACCES);
	assert_int_equal(run_it(empty, &status), ENOENT);
	/* None of them is left as a zombie. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* A script without "#!" is run by the shell, as execvp(3) has it. */
static void test_script(void **state)
{
	char path[] = "/tmp/mmscope-unit-XXXXXX";
	char *argv[] = { path, "9", NULL };
	int fd = mkstemp(path), status, err;

	(void)state;
	assert_int_equal(write(fd, "exit $1\n", 8), 8);
	fchmod(fd, 0700);
	close(fd);
	err = run_it(argv, &status);
	unlink(path);
	assert_int_equal(err, 0);
	assert_int_equal(status, 9);
}

static void test_many_words(void **state)
{
	static char *argv[20005] = { "sh", "-c", "exit $(($# == 20000 ? 5 : 6))", "sh" };
	int status, i;

	(void)state;
	for (i = 4; i < 20004; i++)
		argv[i] = "word";
	assert_int_equal(run_it(argv, &status), 0);
	assert_int_equal(status, 5);
}

/* Nobody gives the word: the process ends without having run anything. */
static void test_forgotten(void **state)
{
	char path[] = "/tmp/mmscope-unit-XXXXXX";
	char *argv[] = { "rm", path, NULL };
	int fd = mkstemp(path);
	struct mms_launch launch;

	(void)state;
	close(fd);
	assert_int_equal(mms_launch_prepare(&launch, argv, &none, false), 0);
	mms_launch_close(&launch);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(unlink(path), 0);
}

static void test_killed_before(void **state)
{
	char *argv[] = { "true", NULL };
	struct mms_launch launch;

	(void)state;
	assert_int_equal(mms_launch_prepare(&launch, argv, &none, false), 0);
	kill(launch.pid, SIGKILL);
	assert_true(readable(launch.pidfd, 5000));
	assert_int_equal(mms_launch_go(&launch), 0);
	assert_int_equal(mms_launch_status(&launch), 128 + SIGKILL);
	mms_launch_close(&launch);
}

/* What is blocked here is not blocked there. */
static void test_mask(void **state)
{
	char *argv[] = { "sh", "-c", "kill -INT $$; exit 3", NULL };
	sigset_t mask, old;
	int status;

	(void)state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigprocmask(SIG_BLOCK, &mask, &old);
	assert_int_equal(run_it(argv, &status), 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_int_equal(status, 128 + SIGINT);
}

static void test_output_to_stderr(void **state)
{
	char *argv[] = { "echo", "hello", NULL };
	struct mms_launch launch;
	char text[16] = "";
	int saved, ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	capture();
	assert_int_equal(mms_launch_prepare(&launch, argv, &none, true), 0);
	assert_int_equal(mms_launch_go(&launch), 0);
	mms_launch_status(&launch);
	mms_launch_close(&launch);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_string_equal(captured(), "");
	assert_int_equal(read(ends[0], text, sizeof(text) - 1), 6);
	assert_string_equal(text, "hello\n");
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),	     cmocka_unit_test(test_status),
		cmocka_unit_test(test_cannot_run),   cmocka_unit_test(test_script),
		cmocka_unit_test(test_many_words),   cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_killed_before), cmocka_unit_test(test_mask),
		cmocka_unit_test(test_output_to_stderr),
	};

	sigemptyset(&none);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
