// SPDX-License-Identifier: GPL-2.0
/*
 * flushes.c: the file "count" of the module, right, cut off, of another kind; what is asked of it.
 */
#include "debugfs.h"
#include "error.h"
#include "flushes.h"

#define TITLE	"# mmscope count abi=1\n# since_ns 1\n# execs 0\n"
#define HEADER	"cpu reason events pages full none\n"
#define END	"# unfollowed 3\n"

static int read_counts(struct mms_flush_counts *counts, const char *text)
{
	struct mms_flushes flushes;
	int err;

	put("count", text);
	assert_int_equal(mms_flushes_open(&flushes, root), 0);
	err = mms_flushes_read(&flushes, counts);
	mms_flushes_close(&flushes);
	return err;
}

static void test_table(void **state)
{
	struct mms_flush_counts counts;

	(void)state;
	assert_int_equal(read_counts(&counts, TITLE HEADER
				     "all task_switch 12 3 4 5\nall remote_send_ipi 6 7 8 9\n"
				     "all of_a_new_kernel 2 0 1 0\n1 task_switch 12 3 4 5\n" END), 0);
	assert_int_equal(counts.nr, 2);
	assert_int_equal(counts.cpus[0].cpu, -1);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].events, 12);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].pages, 3);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].full, 4);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].none, 5);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_REMOTE_SEND_IPI].pages, 7);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_OTHER].events, 2);
	assert_int_equal(counts.cpus[1].cpu, 1);
	assert_int_equal(counts.unfollowed, 3);
	mms_flush_counts_free(&counts);
}

/* By their names, whatever the order, and whatever is added. */
static void test_other_columns(void **state)
{
	struct mms_flush_counts counts;

	(void)state;
	assert_int_equal(read_counts(&counts, TITLE "reason cpu new none full pages events\n"
						    "task_switch all 99 1 2 3 4\n" END), 0);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].events, 4);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].none, 1);
	mms_flush_counts_free(&counts);
}

static void refused(const char *text, const char *message)
{
	struct mms_flush_counts counts;

	assert_int_equal(read_counts(&counts, text), -1);
	if (!strstr(mms_failure(), message))
		fail_msg("expected '%s', got '%s'", message, mms_failure());
}

static void test_refused(void **state)
{
	(void)state;
	refused("", "count: empty");
	refused(TITLE, "count: empty");
	refused(TITLE "cpu reason events pages full\n" END, "count: no column none");
	refused(TITLE HEADER "all task_switch 1 1 1\n" END, "count: Protocol error");
	refused(TITLE HEADER "all task_switch 1 1 1 1\n", "cut off before its end");
	refused(TITLE HEADER "all task_switch 1 1 1 1\n# unfollowed 3", "cut off before its end");
}

/* What was written to the file, of which writes are all at its beginning here. */
static void test_requests(void **state)
{
	struct mms_flushes flushes;
	char text[32] = "";

	(void)state;
	put("count", "");
	assert_int_equal(mms_flushes_open(&flushes, root), 0);
	assert_int_equal(mms_flushes_add(&flushes, 7, true), 0);
	assert_int_equal(mms_flushes_add(&flushes, 8, false), 0);
	assert_int_equal(mms_flushes_add_everyone(&flushes), 0);
	assert_int_equal(pread(flushes.fd, text, sizeof(text) - 1, 0), strlen("follow 78all"));
	assert_string_equal(text, "follow 78all");
	mms_flushes_close(&flushes);
}

static void test_no_module(void **state)
{
	struct mms_flushes flushes;

	(void)state;
	assert_int_equal(mms_flushes_open(&flushes, "/nowhere"), -1);
	assert_string_equal(mms_failure(), "/nowhere: No such file or directory");
	mms_flushes_close(&flushes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DEBUGFS_TEST(test_table),    DEBUGFS_TEST(test_other_columns),
		DEBUGFS_TEST(test_refused),  DEBUGFS_TEST(test_requests),
		DEBUGFS_TEST(test_no_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
