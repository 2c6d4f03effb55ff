// SPDX-License-Identifier: GPL-2.0
/*
 * flushes.c: the views "tlb" of the module, right, cut off, of another kind; several processes summed up,
 * and what was there before taken off.
 */
#include <sys/stat.h>

#include "unit.h"
#include "error.h"
#include "flushes.h"
#include "viewfile.h"

#define TITLE	"# mmscope tlb abi=1 pid=7 comm=x\n"
#define HEADER	"cpu reason events pages full none\n"
#define TRACERS "tracer counter count\n9 requests_full 5\n9 ipis -\n"

static char root[64];

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/mmscope/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/mmscope-unit-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	make_dir("mmscope");
	make_dir("mmscope/7");
	make_dir("mmscope/8");
	put("version", "version 0.1.0\nabi 1\n");
	put("attach", "");
	put("targets", "pid dir state attached holds comm\n7 7 running no 1 x\n8 8 running no 1 y\n");
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static int add(struct mms_flush_counts *counts, const char *text)
{
	struct mms_viewfile file;
	int err;

	mms_viewfile_init(&file, file_of(text, strlen(text)));
	err = mms_flush_counts_add(counts, &file);
	mms_viewfile_close(&file);
	return err;
}

static void test_table(void **state)
{
	struct mms_flush_counts counts = { 0 };

	(void)state;
	assert_int_equal(add(&counts, TITLE "# since_ns=1 execs=0\n" HEADER
			     "all task_switch 12 3 4 5\nall remote_send_ipi 6 7 8 9\n"
			     "all of_a_new_kernel 2 0 1 0\n1 task_switch 12 3 4 5\n"
			     "# tracer 9 since_ns=1\n" TRACERS), 0);
	assert_int_equal(counts.nr, 2);
	assert_int_equal(counts.cpus[0].cpu, -1);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].events, 12);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].pages, 3);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].full, 4);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].none, 5);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_REMOTE_SEND_IPI].pages, 7);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_OTHER].events, 2);
	assert_int_equal(counts.cpus[1].cpu, 1);
	/* Another process: the sums. */
	assert_int_equal(add(&counts, TITLE HEADER "all task_switch 1 1 1 1\n2 task_switch 1 1 1 1\n"), 0);
	assert_int_equal(counts.nr, 3);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].events, 13);
	assert_int_equal(counts.cpus[2].reason[MMS_TLB_TASK_SWITCH].none, 1);
	mms_flush_counts_free(&counts);
}

/* By their names, whatever the order, and whatever is added. */
static void test_other_columns(void **state)
{
	struct mms_flush_counts counts = { 0 };

	(void)state;
	assert_int_equal(add(&counts, TITLE "reason cpu new none full pages events\n"
					    "task_switch all 99 1 2 3 4\n"), 0);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].events, 4);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].none, 1);
	mms_flush_counts_free(&counts);
}

static void refused(const char *text, const char *message)
{
	struct mms_flush_counts counts = { 0 };

	assert_int_equal(add(&counts, text), -1);
	if (!strstr(mms_failure(), message))
		fail_msg("expected '%s', got '%s'", message, mms_failure());
	mms_flush_counts_free(&counts);
}

static void test_refused(void **state)
{
	(void)state;
	refused("", "tlb: empty");
	refused(TITLE "# not counting\n", "tlb: empty");
	refused(TITLE "# not counting\n" TRACERS, "the module does not count");
	refused(TITLE HEADER "all task_switch 1 1 1 1\n# truncated: out of memory\n",
		"cut short: out of memory");
}

static void test_processes_and_before(void **state)
{
	struct mms_flushes flushes = { .debugfs = root };
	struct mms_flush_counts counts;

	(void)state;
	assert_int_equal(mms_flushes_add(&flushes, 7, false), 0);
	assert_int_equal(mms_flushes_add(&flushes, 8, false), 0);
	put("7/tlb", TITLE HEADER "all task_switch 10 0 10 0\n0 task_switch 10 0 10 0\n");
	put("8/tlb", TITLE HEADER "all task_switch 100 0 100 0\n");
	assert_int_equal(mms_flushes_begin(&flushes), 0);
	put("7/tlb", TITLE HEADER "all task_switch 13 0 13 0\n0 task_switch 13 0 13 0\n");
	put("8/tlb", TITLE HEADER "all task_switch 104 0 104 0\n");
	assert_int_equal(mms_flushes_read(&flushes, &counts), 0);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].events, 7);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_TASK_SWITCH].full, 7);
	assert_int_equal(counts.cpus[1].reason[MMS_TLB_TASK_SWITCH].events, 3);
	mms_flush_counts_free(&counts);
	put("8/tlb", TITLE "# not counting\n");
	assert_int_equal(mms_flushes_read(&flushes, &counts), -1);
	mms_flushes_close(&flushes);
}

/* Of the whole system, which the module counts while it counts for this process. */
static void test_everyone(void **state)
{
	struct mms_flushes flushes = { .debugfs = root };
	struct mms_flush_counts counts;

	(void)state;
	put("tlb", TITLE HEADER "all local_shootdown 10 0 0 0\n");
	put("7/tlb", TITLE HEADER "all local_shootdown 1 0 0 0\n");
	assert_int_equal(mms_flushes_add(&flushes, 7, true), 0);
	assert_int_equal(mms_flushes_begin(&flushes), 0);
	put("tlb", TITLE HEADER "all local_shootdown 15 0 0 0\n");
	assert_int_equal(mms_flushes_read(&flushes, &counts), 0);
	assert_int_equal(counts.cpus[0].reason[MMS_TLB_LOCAL_SHOOTDOWN].events, 5);
	mms_flush_counts_free(&counts);
	mms_flushes_close(&flushes);
}

static void test_no_module(void **state)
{
	struct mms_flushes flushes = { .debugfs = "/nowhere" };

	(void)state;
	assert_int_equal(mms_flushes_add(&flushes, 7, false), -1);
	assert_string_equal(mms_failure(), "/nowhere: No such file or directory");
	mms_flushes_close(&flushes);
	flushes = (struct mms_flushes){ .debugfs = root };
	assert_int_equal(mms_flushes_add(&flushes, 6, false), -1);
	assert_string_equal(mms_failure(), "process 6 has exited");
	mms_flushes_close(&flushes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_table),	  TEST(test_other_columns), TEST(test_refused),
		TEST(test_processes_and_before), TEST(test_everyone), TEST(test_no_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
