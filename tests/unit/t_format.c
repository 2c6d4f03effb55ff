// SPDX-License-Identifier: GPL-2.0
/*
 * format.c: numbers and names as people read them.
 */
#include "unit.h"
#include "format.h"

static void size(uint64_t bytes, const char *expected)
{
	char buf[MMS_NUMBER_MAX];

	assert_string_equal(mms_format_size(buf, bytes), expected);
	assert_true(strlen(buf) <= 5);
}

static void test_size(void **state)
{
	(void)state;
	size(0, "0");
	size(1, "1");
	size(1023, "1023");
	size(1024, "1K");
	size(4096, "4K");
	size(1536, "1.5K");
	size(10 * 1024, "10K");
	size(10 * 1024 + 512, "11K");
	size(10 * 1024 + 511, "10K");
	size(9 * 1024 + 1023, "10K");
	size(1023 * 1024, "1023K");
	size(1024 * 1024 - 1, "1024K");
	size(1 << 20, "1M");
	size(2048ULL << 20, "2G");
	size(64ULL << 40, "64T");
	size(128ULL << 40, "128T");
	size(UINT64_MAX, "16E");
	size(1ULL << 63, "8E");
}

static void shorten(const char *text, unsigned int width, const char *expected)
{
	char buf[256];

	mms_shorten(buf, sizeof(buf), text, width);
	assert_string_equal(buf, expected);
	assert_true(mms_text_width(buf) <= width);
}

static void test_shorten(void **state)
{
	(void)state;
	shorten("/usr/bin/sleep", 14, "/usr/bin/sleep");
	shorten("/usr/bin/sleep", 12, "/us..n/sleep");
	shorten("abcdef", 4, "..ef");
	shorten("a\nb\tc\033[31m", 20, "a?b?c?[31m");
	shorten("", 5, "");
	/* Whole characters are cut, not bytes. */
	shorten("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 6,
		"\xc3\xa4..\xc3\xb6\xc3\xbc\xc3\x9f");
}

static void test_shorten_respects_the_buffer(void **state)
{
	char buf[8];

	(void)state;
	mms_shorten(buf, sizeof(buf), "0123456789", 10);
	assert_string_equal(buf, "0123456");
}

static void utf8(const char *text, const char *expected)
{
	char buf[64];

	snprintf(buf, sizeof(buf), "%s", text);
	mms_utf8(buf);
	assert_string_equal(buf, expected);
}

static void test_utf8(void **state)
{
	(void)state;
	utf8("plain", "plain");
	utf8("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
	utf8("\xff\xfe", "??");
	utf8("a\xc3", "a?");			/* cut off */
	utf8("\xc0\xaf", "??");			/* overlong */
	utf8("\xed\xa0\x80", "???");		/* surrogate */
	utf8("\xf4\x90\x80\x80", "????");	/* beyond Unicode */
	utf8("\x80", "?");
}

static void test_tenths(void **state)
{
	char buf[MMS_NUMBER_MAX];

	(void)state;
	assert_string_equal(mms_format_tenths(buf, 0), "0.0");
	assert_string_equal(mms_format_tenths(buf, 1000), "100.0");
	assert_string_equal(mms_format_tenths(buf, 123), "12.3");
}

/* As printf() has them, wherever the number of digits changes. */
static void put(uint64_t value)
{
	char got[MMS_NUMBER_MAX + 1], expected[64];

	*mms_put_decimal(got, value) = '\0';
	sprintf(expected, "%lu", value);
	assert_string_equal(got, expected);
	*mms_put_hex(got, value, 1) = '\0';
	sprintf(expected, "%lx", value);
	assert_string_equal(got, expected);
	*mms_put_hex(got, value, 16) = '\0';
	sprintf(expected, "%016lx", value);
	assert_string_equal(got, expected);
}

static void test_numbers(void **state)
{
	uint64_t power;
	int i;

	(void)state;
	put(0);
	put(UINT64_MAX);
	for (i = 0, power = 1; i < 20; i++, power *= 10) {
		put(power - 1);
		put(power);
	}
	for (i = 0; i < 64; i++) {
		put((1ULL << i) - 1);
		put(1ULL << i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_shorten),
		cmocka_unit_test(test_shorten_respects_the_buffer),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_tenths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
