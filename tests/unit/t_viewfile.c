// SPDX-License-Identifier: GPL-2.0
/*
 * viewfile.c and viewtable.c: reading text views, whole, in pieces, cut off and damaged.
 */
#include <errno.h>
#include <pthread.h>

#include "unit.h"
#include "error.h"
#include "viewfile.h"
#include "viewtable.h"

#define COST "# cost time_ns=12 holds=2 hold_max_ns=7 tables=4 entries=99 retries=0 changed=1\n"
#define VIEW                                                   \
	"# mmscope vmas abi=1 pid=7 comm=a b\n"                \
	"start end size rss name\n"                            \
	"1000 3000 8 4 /a file\n"                              \
	"5000 6000 4 0 -\n"                                    \
	"# deposited 3\n" COST

static void open_text(struct mms_viewfile *file, const char *text)
{
	mms_viewfile_init(file, file_of(text, strlen(text)));
}

static void check_view(struct mms_viewfile *file)
{
	uint64_t value;

	assert_true(mms_viewfile_header(file));
	assert_int_equal(file->nr_columns, 5);
	assert_int_equal(mms_viewfile_column(file, "rss"), 3);
	assert_int_equal(mms_viewfile_column(file, "none"), -1);
	assert_string_equal(file->comm, "a b");
	assert_true(mms_viewfile_row(file));
	assert_string_equal(file->field[0], "1000");
	assert_string_equal(file->field[4], "/a file");
	assert_true(mms_viewfile_row(file));
	assert_string_equal(file->field[4], "-");
	assert_false(mms_viewfile_row(file));
	assert_int_equal(mms_viewfile_finish(file, "vmas"), 0);
	assert_int_equal(file->cost[MMS_COST_TIME_NS], 12);
	assert_int_equal(file->cost[MMS_COST_HOLD_MAX_NS], 7);
	assert_int_equal(file->cost[MMS_COST_ENTRIES], 99);
	assert_int_equal(file->cost[MMS_COST_CHANGED], 1);
	assert_true(mms_viewfile_note(file, "deposited", &value));
	assert_int_equal(value, 3);
	assert_false(mms_viewfile_note(file, "other", &value));
}

static void test_whole(void **state)
{
	struct mms_viewfile file;

	(void)state;
	open_text(&file, VIEW);
	check_view(&file);
	mms_viewfile_close(&file);
}

static void *write_slowly(void *arg)
{
	const char *text = VIEW;
	int fd = *(int *)arg;

	for (; *text; text++)
		assert_int_equal(write(fd, text, 1), 1);
	close(fd);
	return NULL;
}

/* A view may come in pieces of any size. */
static void test_byte_by_byte(void **state)
{
	struct mms_viewfile file;
	pthread_t writer;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
	mms_viewfile_init(&file, ends[0]);
	check_view(&file);
	pthread_join(writer, NULL);
	mms_viewfile_close(&file);
}

/* Cut anywhere, it is an error; never a crash, never taken for whole. */
static void test_cut_off_anywhere(void **state)
{
	size_t len;

	(void)state;
	for (len = 0; len < strlen(VIEW); len++) {
		struct mms_viewfile file;

		mms_viewfile_init(&file, file_of(VIEW, len));
		if (mms_viewfile_header(&file))
			while (mms_viewfile_row(&file))
				;
		assert_int_equal(mms_viewfile_finish(&file, "vmas"), -1);
		assert_non_null(strstr(mms_failure(), "vmas: "));
		mms_viewfile_close(&file);
	}
}

static void test_truncated(void **state)
{
	struct mms_viewfile file;

	(void)state;
	open_text(&file, "# mmscope vmas abi=1 pid=7 comm=x\na b\n1 2\n# truncated: interrupted\n"
		  COST);
	assert_true(mms_viewfile_header(&file));
	assert_true(mms_viewfile_row(&file));
	assert_false(mms_viewfile_row(&file));
	assert_int_equal(mms_viewfile_finish(&file, "vmas"), -1);
	assert_string_equal(mms_failure(), "vmas: cut short: interrupted");
	mms_viewfile_close(&file);
}

static void test_row_without_all_columns(void **state)
{
	struct mms_viewfile file;

	(void)state;
	open_text(&file, "a b c\n1 2\n" COST);
	assert_true(mms_viewfile_header(&file));
	assert_false(mms_viewfile_row(&file));
	assert_int_equal(mms_viewfile_finish(&file, "vmas"), -1);
	assert_string_equal(mms_failure(), "vmas: a row does not match its header");
	mms_viewfile_close(&file);
}

/* Longer than the first buffer: names may be. */
static void test_long_line(void **state)
{
	const size_t len = 300000;
	char *text = malloc(len + 100);
	struct mms_viewfile file;

	(void)state;
	memcpy(text, "a name\n1 ", 9);
	memset(text + 9, 'x', len);
	strcpy(text + 9 + len, "\n" COST);
	open_text(&file, text);
	assert_true(mms_viewfile_header(&file));
	assert_true(mms_viewfile_row(&file));
	assert_int_equal(strlen(file.field[1]), len);
	assert_false(mms_viewfile_row(&file));
	assert_int_equal(mms_viewfile_finish(&file, "vmas"), 0);
	mms_viewfile_close(&file);
	free(text);
}

static void test_too_many_columns_and_notes(void **state)
{
	char text[4096] = "";
	struct mms_viewfile file;
	int i;

	(void)state;
	for (i = 0; i < 20; i++)
		sprintf(text + strlen(text), "# key%d %d\n", i, i);
	for (i = 0; i < 200; i++)
		sprintf(text + strlen(text), "c%d ", i);
	strcat(text, "\n");
	open_text(&file, text);
	assert_true(mms_viewfile_header(&file));
	assert_int_equal(file.nr_columns, MMS_MAX_COLUMNS);
	mms_viewfile_close(&file);
}

static void test_read_error(void **state)
{
	struct mms_viewfile file;
	int fd = file_of("a b\n", 4);

	(void)state;
	mms_viewfile_init(&file, fd);
	assert_true(mms_viewfile_header(&file));
	close(fd);
	assert_false(mms_viewfile_row(&file));
	assert_int_equal(mms_viewfile_finish(&file, "vmas"), -1);
	assert_string_equal(mms_failure(), "vmas: Bad file descriptor");
	file.fd = -1;
	mms_viewfile_close(&file);
}

static void test_table(void **state)
{
	static const struct mms_column columns[] = {
		{ "start", "START", MMS_ADDR, 8, 0, 0, "" },
		{ "size", "SIZE", MMS_SIZE, 5, 0, 0, "" },
		{ "missing", "MISSING", MMS_COUNT, 5, 0, 0, "" },
		{ "name", "NAME", MMS_TEXT, 5, 0, 0, "" },
	};
	struct mms_viewtable table;
	struct mms_viewfile file;

	(void)state;
	open_text(&file, VIEW);
	assert_int_equal(mms_viewtable_init(&table, &file, columns, NR(columns)), 0);
	assert_true(mms_viewtable_next(&table));
	assert_int_equal(table.values[0].number, 0x1000);
	assert_int_equal(table.values[1].number, 8192);
	assert_true(table.values[2].absent);
	assert_string_equal(table.values[3].text, "/a file");
	assert_true(mms_viewtable_next(&table));
	assert_int_equal(table.total[1], 12288);
	assert_int_equal(mms_viewtable_find(&table, "name"), 3);
	assert_false(mms_viewtable_next(&table));
	mms_viewfile_close(&file);
}

#define ZEROS_COLUMNS 12

/* A text with one field for each bit of @row, 0 where it is clear; the last field is a 0 or not. */
static void zeros_row(char *text, unsigned int row)
{
	unsigned int i;

	for (i = 0; i < ZEROS_COLUMNS; i++)
		text += sprintf(text, "%s%s", row >> i & 1 ? "12" : "0",
				i + 1 < ZEROS_COLUMNS ? " " : "");
}

/* Zeros are passed over, several at a time: wherever they are, no other field is. */
static void test_zeros(void **state)
{
	struct mms_column columns[ZEROS_COLUMNS] = { 0 };
	char header[256] = "", *end = header, text[512], row_text[128], key[ZEROS_COLUMNS][8];
	unsigned int i, row;

	(void)state;
	for (i = 0; i < ZEROS_COLUMNS; i++) {
		sprintf(key[i], "c%u", i);
		end += sprintf(end, "%s%s", key[i], i + 1 < ZEROS_COLUMNS ? " " : "\n");
		/* In another order than the view's, one of them text. */
		columns[ZEROS_COLUMNS - 1 - i].key = key[i];
		columns[ZEROS_COLUMNS - 1 - i].type = i == 5 ? MMS_TEXT : MMS_COUNT;
	}
	for (row = 0; row < 1 << ZEROS_COLUMNS; row++) {
		struct mms_viewtable table;
		struct mms_viewfile file;

		zeros_row(row_text, row);
		sprintf(text, "%s%s\n" COST, header, row_text);
		open_text(&file, text);
		assert_int_equal(mms_viewtable_init(&table, &file, columns, ZEROS_COLUMNS), 0);
		assert_true(mms_viewtable_next(&table));
		for (i = 0; i < ZEROS_COLUMNS; i++) {
			const struct mms_value *value = &table.values[ZEROS_COLUMNS - 1 - i];

			if (i == 5)
				assert_string_equal(value->text, row >> i & 1 ? "12" : "0");
			else
				assert_int_equal(value->number, row >> i & 1 ? 12 : 0);
		}
		assert_false(mms_viewtable_next(&table));
		assert_int_equal(mms_viewfile_finish(&file, "view"), 0);
		mms_viewfile_close(&file);
	}
}

static void test_table_row_without_all_columns(void **state)
{
	static const char *const rows[] = { "0", "0 ", "0 0", "0 0 0 0", "0 0 0 0 ", "7 0 0 0 0" };
	static const struct mms_column columns[] = { { "f", "F", MMS_COUNT, 5, 0, 0, "" } };
	struct mms_viewtable table;
	struct mms_viewfile file;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < NR(rows); i++) {
		sprintf(text, "a b c d e f\n%s\n" COST, rows[i]);
		open_text(&file, text);
		assert_int_equal(mms_viewtable_init(&table, &file, columns, 1), 0);
		assert_false(mms_viewtable_next(&table));
		assert_int_equal(mms_viewfile_finish(&file, "view"), -1);
		assert_string_equal(mms_failure(), "view: a row does not match its header");
		mms_viewfile_close(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_table_row_without_all_columns),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_cut_off_anywhere),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_row_without_all_columns),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_too_many_columns_and_notes),
		cmocka_unit_test(test_read_error),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
