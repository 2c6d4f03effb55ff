// SPDX-License-Identifier: GPL-2.0
/*
 * filter.c: which runs to show.
 */
#include "unit.h"
#include "error.h"
#include "filter.h"

static const struct mms_record anon = { 0x1000, 0x8000000000005867, 4, MMS_PTE, MMS_CLASS_ANON, 1 };
static const struct mms_record huge = { 0x200000, 0x2000e7, 2, MMS_PMD, MMS_CLASS_FILE, 0 };

static bool match(const char *text, const struct mms_record *record)
{
	char flags[MMS_FLAG_NAMES_MAX];
	struct mms_filter filter;

	assert_int_equal(mms_filter_parse(&filter, text), 0);
	mms_flag_names(flags, sizeof(flags), &layout_6_12, record->entry, record->level);
	return mms_filter_match(&filter, record, flags);
}

static void test_match(void **state)
{
	(void)state;
	assert_true(match("anon", &anon));
	assert_false(match("anon", &huge));
	assert_true(match("anon,file", &huge));		/* classes are alternatives */
	assert_false(match("!anon", &anon));
	assert_true(match("!anon", &huge));
	assert_true(match("PMD", &huge));
	assert_false(match("PMD", &anon));
	assert_true(match("RW,A,NX", &anon));
	assert_false(match("RW,!NX", &anon));
	assert_true(match("RW,!NX", &huge));
	assert_true(match("soft-dirty", &anon));
	assert_false(match("anon,!A", &anon));
	assert_true(match("P", &anon));
	assert_false(match("PS", &anon));		/* P is not PS */
	assert_false(match("swap", &anon));
}

static void test_bad_filter(void **state)
{
	const char *const bad[] = { "", ",", "anon,", "nothing", "!", "!!A", "anon,,A", "none",
				    "averyveryverylongnameindeedverylong",
				    "A,A,A,A,A,A,A,A,A,A,A,A,A,A,A,A,A" };
	struct mms_filter filter;
	size_t i;

	(void)state;
	for (i = 0; i < NR(bad); i++)
		assert_int_equal(mms_filter_parse(&filter, bad[i]), -1);
	assert_int_equal(mms_filter_parse(&filter, "anon,wrong"), -1);
	assert_string_equal(mms_failure(), "no class, level or flag 'wrong'");
}

static void test_range(void **state)
{
	const char *const bad[] = { "", "-", "1000", "1000-", "-2000", "2000-1000", "1000-1000",
				    "x-y", "1000-2000x", "1000--2000", "1000-+2000", " 1-2",
				    "1000-10000000000000000" };
	__u64 start, end;
	size_t i;

	(void)state;
	assert_int_equal(mms_range_parse("1000-0x3000", &start, &end), 0);
	assert_int_equal(start, 0x1000);
	assert_int_equal(end, 0x3000);
	assert_int_equal(mms_range_parse("0-ffffffffffffffff", &start, &end), 0);
	for (i = 0; i < NR(bad); i++)
		assert_int_equal(mms_range_parse(bad[i], &start, &end), -1);
}

static void clip(struct mms_record record, __u64 start, __u64 end, __u64 addr, unsigned int nr,
		 __u64 entry)
{
	assert_true(mms_run_clip(&record, start, end, 5));
	assert_int_equal(record.addr, addr);
	assert_int_equal(record.nr, nr);
	assert_int_equal(record.entry, entry);
}

static void test_clip(void **state)
{
	const struct mms_record swap = { 0x1000, swp_entry(1, 8), 4, MMS_PTE, MMS_CLASS_SWAP, 0 };
	struct mms_record record = anon;

	(void)state;
	clip(anon, 0, ~0ULL, 0x1000, 4, anon.entry);
	clip(anon, 0x2000, 0x4000, 0x2000, 2, anon.entry + 0x1000);
	clip(anon, 0x2fff, 0x3001, 0x2000, 2, anon.entry + 0x1000);
	clip(anon, 0x4fff, 0x9000, 0x4000, 1, anon.entry + 0x3000);
	clip(huge, 0x3ff000, 0x400000, 0x200000, 1, huge.entry);
	clip(huge, 0x400000, 0x401000, 0x400000, 1, huge.entry + 0x200000);
	clip(swap, 0x2000, 0x3000, 0x2000, 1, swp_entry(1, 9));
	assert_false(mms_run_clip(&record, 0, 0x1000, 5));
	assert_false(mms_run_clip(&record, 0x5000, 0x6000, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_bad_filter),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_clip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
