// SPDX-License-Identifier: GPL-2.0
/*
 * session.c: finding the module and a process, against a directory that looks like debugfs.
 */
#include "debugfs.h"
#include "error.h"
#include "session.h"

static int setup(void **state)
{
	if (make_debugfs(state))
		return -1;
	put("attach", "");
	put("targets", "pid dir state attached holds comm\n7 1007 running no 1 x\n");
	return 0;
}

static void test_open(void **state)
{
	struct mms_session session;

	(void)state;
	assert_int_equal(mms_session_open(&session, root), 0);
	mms_session_close(&session);
}

static void open_fails(const char *debugfs, const char *message)
{
	struct mms_session session;

	assert_int_equal(mms_session_open(&session, debugfs), -1);
	if (!strstr(mms_failure(), message))
		fail_msg("expected '%s', got '%s'", message, mms_failure());
}

static void test_no_module(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s/mmscope", root);
	assert_int_equal(system(command), 0);
	open_fails(root, "the mmscope module is not loaded (mmscope load)");
	open_fails("/nowhere", "/nowhere: No such file or directory");
	/* Without debugfs mounted the usual place is an ordinary directory, or not there. */
	if (access("/sys/kernel/debug/tracing", F_OK))
		open_fails(NULL, "/sys/kernel/debug");
}

static void test_other_abi(void **state)
{
	(void)state;
	put("version", "version 9.0\nabi 2\n");
	open_fails(root, "has ABI version 2, this reader knows 1");
	put("version", "");
	open_fails(root, "has ABI version 0");
}

static void hold_fails(const char *who, const char *message)
{
	struct mms_session session;

	assert_int_equal(mms_session_open(&session, root), 0);
	assert_int_equal(mms_session_hold(&session, who), -1);
	if (!strstr(mms_failure(), message))
		fail_msg("expected '%s', got '%s'", message, mms_failure());
	mms_session_close(&session);
}

static void test_bad_pid(void **state)
{
	const char *const bad[] = { "", "x", "-1", "0", "7x", " 7", "+7", "99999999999999999999",
				    "2147483648" };
	size_t i;

	(void)state;
	for (i = 0; i < NR(bad); i++)
		hold_fails(bad[i], "not a PID: '");
}

/* Directories carry the PIDs of the initial namespace, which the reader may not be in. */
static void test_directory_of_another_namespace(void **state)
{
	struct mms_session session;
	char path[256];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/mmscope/1007", root);
	mkdir(path, 0700);
	put("1007/vmas", "hello");
	assert_int_equal(mms_session_open(&session, root), 0);
	assert_int_equal(mms_session_hold(&session, "7"), 0);
	assert_string_equal(session.target, "1007");
	fd = mms_session_view(&session, "vmas", 0);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(mms_session_view(&session, "nothing", 0), -1);
	mms_session_close(&session);
}

static void test_gone_meanwhile(void **state)
{
	(void)state;
	put("targets", "pid dir state attached holds comm\n7 1007 exited no 1 x\n");
	hold_fails("7", "process 7 has exited");
	put("targets", "");
	hold_fails("7", "process 7 has exited");
}

static void test_attach_refused(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/mmscope/attach", root);
	unlink(path);
	assert_int_equal(symlink("/dev/full", path), 0);
	hold_fails("7", "too many processes are attached (module parameter");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, remove_debugfs)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),	 TEST(test_no_module),
		TEST(test_other_abi),	 TEST(test_bad_pid),
		TEST(test_directory_of_another_namespace),
		TEST(test_gone_meanwhile), TEST(test_attach_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
