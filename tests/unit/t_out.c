// SPDX-License-Identifier: GPL-2.0
/*
 * out.c: tables that fit the page, JSON that parses.
 */
#include <json.h>

#include "unit.h"
#include "error.h"
#include "format.h"
#include "out.h"

static const struct mms_column columns[] = {
	{ "addr", "ADDR", MMS_ADDR, 12, 0, 0, "where" },
	{ "size", "SIZE", MMS_SIZE, 5, 0, 0, "how much" },
	{ "nr", "NR", MMS_COUNT, 10, 1, 0, "how many" },
	{ "share", "SHARE", MMS_PERCENT, 10, 3, 0, "what part" },
	{ "more", "MORE", MMS_SIZE, 10, 2, 0, "how much more" },
	{ "raw", "RAW", MMS_RAW, 16, MMS_ON_REQUEST, 0, "as it is" },
	{ "pairs", "PAIRS", MMS_PAIRS, 8, MMS_ON_REQUEST, 0, "runs" },
	{ "kb", "KB", MMS_PAIRS_KB, 8, MMS_ON_REQUEST, 0, "nodes" },
	{ "name", "NAME", MMS_TEXT, 10, 0, true, "who" },
};

static const struct mms_value row[] = {
	{ .number = 0x7f0000001000 }, { .number = 4096 },	{ .number = 7 },
	{ .number = 125 },	      { .number = 1536 },	{ .number = 0x67 },
	{ .text = "1:2,8:1" },	      { .text = "0:4,?:8" },
	{ .text = "/a/very/long/path/to/some/file \xff \n end" },
};

static const struct mms_value absent_row[] = {
	{ .absent = true }, { .absent = true }, { .absent = true }, { .absent = true },
	{ .absent = true }, { .absent = true }, { .absent = true }, { .absent = true },
	{ .absent = true },
};

static char *table(struct mms_style style)
{
	struct mms_value total[NR(columns)];
	struct mms_out *out;

	memcpy(total, row, sizeof(total));
	total[3].absent = true;
	total[5].blank = true;
	capture();
	out = mms_out_begin(&style, "test");
	mms_out_table(out, "rows", columns, NR(columns));
	mms_out_row(out, row);
	mms_out_row(out, absent_row);
	mms_out_total(out, "total", total);
	mms_out_table_end(out);
	mms_out_say(out, "that was %s\n", mms_out_size(out, 1 << 20));
	assert_int_equal(mms_out_end(out, false), 0);
	return captured();
}

/* No line is wider than the page, whatever the page, down to what must be shown. */
static void test_fits(void **state)
{
	unsigned int width;

	(void)state;
	for (width = 40; width <= 150; width++) {
		char *line = strtok(table((struct mms_style){ .width = width }), "\n");

		for (; line; line = strtok(NULL, "\n"))
			assert_true(mms_text_width(line) <= width);
	}
}

static void test_columns_go_by_rank(void **state)
{
	char *text;

	(void)state;
	text = table((struct mms_style){ .width = 61 });
	assert_non_null(strstr(text, "        ADDR  SIZE         NR       MORE NAME"));
	assert_non_null(strstr(text, "(no room for share; --wide shows all"));
	text = table((struct mms_style){ .width = 50 });
	assert_null(strstr(text, "MORE NAME"));
	/* What was left out is told with its total. */
	assert_non_null(strstr(text, "(no room for share, more 1.5K; "));
	text = table((struct mms_style){ .width = 100 });
	assert_non_null(strstr(text, "SHARE       MORE NAME"));
	assert_null(strstr(text, "no room"));
}

static void test_cells(void **state)
{
	char *text;

	(void)state;
	text = table((struct mms_style){ .width = 100 });
	assert_non_null(strstr(text, "7f0000001000    4K          7       12.5       1.5K "
				     "/a/very/long/path/to/some/file \xff ? end\n"));
	assert_non_null(strstr(text, "           -     -          -          -          - -\n"));
	assert_non_null(strstr(text, "that was 1M\n"));
	text = table((struct mms_style){ .width = 100, .bytes = true });
	assert_non_null(strstr(text, "7f0000001000         4096          7"));
	text = table((struct mms_style){ .width = 40 });
	assert_non_null(strstr(text, " /a.. ? end\n"));
}

static void test_choice_of_columns(void **state)
{
	char *text;

	(void)state;
	text = table((struct mms_style){ .width = 40, .columns = "raw,addr" });
	assert_non_null(strstr(text, "        ADDR              RAW\n"));
	assert_non_null(strstr(text, "7f0000001000 0000000000000067\n"));
	assert_null(strstr(text, "no room"));
	text = table((struct mms_style){ .width = 40, .wide = true });
	assert_non_null(strstr(text, "1:2,8:1"));
	assert_non_null(strstr(text, "to/some/file"));
}

static int check_columns(const char *list)
{
	const struct mms_style style = { .columns = list };

	return mms_out_check_columns(&style, columns, NR(columns));
}

static void test_check_columns(void **state)
{
	char *text;

	(void)state;
	capture();
	assert_int_equal(check_columns("help"), 1);
	text = captured();
	assert_non_null(strstr(text, "name             who\n"));
	assert_non_null(strstr(text, "raw "));
	assert_int_equal(check_columns(NULL), 0);
	assert_int_equal(check_columns("addr"), 0);
	assert_int_equal(check_columns("name,addr"), 0);
	assert_int_equal(check_columns("addr,nothing"), -1);
	assert_string_equal(mms_failure(), "no column 'nothing' (--columns help lists them)");
	assert_int_equal(check_columns("add"), -1);
	assert_int_equal(check_columns(""), -1);
	assert_int_equal(check_columns("addr,"), -1);
}

/* Prose is broken at blanks; an unbreakable word stays whole. */
static void test_say(void **state)
{
	const struct mms_style style = { .width = 40 };
	struct mms_out *out;

	(void)state;
	capture();
	out = mms_out_begin(&style, "test");
	mms_out_say(out, "one two three four five six seven eight nine ten\n");
	mms_out_say(out, "  a\n\nb\n");
	mms_out_say(out, "averyveryveryveryveryveryveryveryveryverylongword\n");
	assert_int_equal(mms_out_end(out, false), 0);
	assert_string_equal(captured(),
			    "one two three four five six seven eight\nnine ten\n  a\n\nb\n"
			    "averyveryveryveryveryveryveryveryveryverylongword\n");
}

static struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static void test_json(void **state)
{
	struct json_object *root, *first, *total;

	(void)state;
	root = json_tokener_parse(table((struct mms_style){ .json = true }));
	assert_non_null(root);
	assert_string_equal(json_object_get_string(get(root, "schema")), "mmscope/test/1");
	assert_int_equal(json_object_array_length(get(root, "rows")), 2);
	first = json_object_array_get_idx(get(root, "rows"), 0);
	assert_string_equal(json_object_get_string(get(first, "addr")), "0x7f0000001000");
	assert_int_equal(json_object_get_int(get(first, "size")), 4096);
	assert_true(json_object_get_double(get(first, "share")) == 12.5);
	assert_string_equal(json_object_get_string(get(first, "raw")), "0x0000000000000067");
	assert_string_equal(json_object_get_string(get(first, "pairs")), "[ [ 1, 2 ], [ 8, 1 ] ]");
	assert_string_equal(json_object_get_string(get(first, "kb")),
			    "[ [ 0, 4096 ], [ null, 8192 ] ]");
	assert_string_equal(json_object_get_string(get(first, "name")),
			    "/a/very/long/path/to/some/file ? \n end");
	/* Unavailable is null, never 0, and never left out. */
	assert_null(get(json_object_array_get_idx(get(root, "rows"), 1), "size"));
	total = get(root, "total");
	assert_int_equal(json_object_get_int(get(total, "nr")), 7);
	assert_true(json_object_object_get_ex(total, "share", &first) && !first);
	/* What does not belong there is. */
	assert_false(json_object_object_get_ex(total, "raw", &first));
	json_object_put(root);
}

/* Whatever was open when it failed, what came out is still JSON, and says so. */
static void test_json_of_a_failure(void **state)
{
	const struct mms_style style = { .json = true };
	struct json_object *root;
	struct mms_out *out;

	(void)state;
	mms_fail("it \"broke\"");
	capture();
	out = mms_out_begin(&style, "test");
	mms_out_list(out, "list");
	mms_out_object(out, NULL);
	mms_out_number(out, "n", 1);
	mms_out_object_end(out);
	mms_out_object(out, NULL);
	mms_out_object(out, "deep");
	assert_int_equal(mms_out_end(out, true), 0);
	root = json_tokener_parse(captured());
	assert_non_null(root);
	assert_string_equal(json_object_get_string(get(root, "error")), "it \"broke\"");
	json_object_put(root);
}

static void test_full_disk(void **state)
{
	const struct mms_style style = { .width = 80 };
	struct mms_out *out;
	FILE *full = fopen("/dev/full", "w");
	int saved;

	(void)state;
	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(fileno(full), STDOUT_FILENO);
	out = mms_out_begin(&style, "test");
	mms_out_say(out, "something\n");
	assert_int_equal(mms_out_end(out, false), -1);
	dup2(saved, STDOUT_FILENO);
	clearerr(stdout);
	fclose(full);
	assert_string_equal(mms_failure(), "standard output: No space left on device");
}

/* Numbers with decimals, in text and as JSON numbers. */
static void test_decimals(void **state)
{
	static const struct mms_column decimals[] = {
		{ "tenths", "TENTHS", MMS_TENTHS, 8, 0, 0, "tenths" },
		{ "time", "TIME", MMS_SECONDS, 8, 0, 0, "milliseconds" },
	};
	static const struct mms_value values[] = { { .number = 1205 }, { .number = 61007 } };
	struct mms_style style = { .width = 80 };
	struct mms_out *out;
	int json;

	(void)state;
	for (json = 0; json < 2; json++) {
		style.json = json;
		capture();
		out = mms_out_begin(&style, "test");
		mms_out_seconds(out, "elapsed", 1050);
		mms_out_table(out, "rows", decimals, NR(decimals));
		mms_out_row(out, values);
		mms_out_table_end(out);
		assert_int_equal(mms_out_end(out, false), 0);
		if (json)
			assert_string_equal(captured(), "{\n  \"schema\": \"mmscope/test/1\",\n"
					    "  \"elapsed\": 1.050,\n  \"rows\": [\n"
					    "    {\"tenths\":120.5,\"time\":61.007}\n  ]\n}\n");
		else
			assert_string_equal(captured(), "  TENTHS     TIME\n"
							"   120.5   61.007\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_columns_go_by_rank),
		cmocka_unit_test(test_cells),
		cmocka_unit_test(test_choice_of_columns),
		cmocka_unit_test(test_check_columns),
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_of_a_failure),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_decimals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
