// SPDX-License-Identifier: GPL-2.0
/*
 * records.c: the binary stream, whole and damaged in every way.
 */
#include <errno.h>

#include "unit.h"
#include "error.h"
#include "records.h"

struct stream {
	struct mms_records_header header;
	struct mms_record record[40];
	size_t nr;
};

static struct stream good_stream(void)
{
	return (struct stream){
		.header = { MMS_RECORDS_MAGIC, MMS_ABI_VERSION, sizeof(struct mms_records_header),
			    sizeof(struct mms_record), 7, 5, 12, { 0 }, layout_6_12 },
		.record = {
			{ 0x1000, 0x8000000000005067, 3, MMS_PTE, MMS_CLASS_ANON, 1 },
			{ 0x200000, 0x2000e7, 1, MMS_PMD, MMS_CLASS_ANON, 1 },
			{ 0, 42, 0, 0, MMS_CLASS_COST, MMS_COST_ENTRIES },
			{ 0x400000, 0, 0, 0, MMS_CLASS_END, 0 },
		},
		.nr = 4,
	};
}

static size_t stream_len(const struct stream *stream)
{
	return sizeof(stream->header) + stream->nr * sizeof(stream->record[0]);
}

/* Reads to the end or the first error. Return: runs read, or -1. */
static int read_stream(const void *data, size_t len, struct mms_records *records)
{
	const struct mms_record *record, *end;
	int more, nr = 0;

	if (mms_records_open(records, file_of(data, len))) {
		mms_records_close(records);
		return -1;
	}
	while ((more = mms_records_next(records, &record, &end)) > 0)
		nr += end - record;
	mms_records_close(records);
	return more < 0 ? -1 : nr;
}

static void test_whole(void **state)
{
	struct stream stream = good_stream();
	struct mms_records records;

	(void)state;
	assert_int_equal(read_stream(&stream, stream_len(&stream), &records), 2);
	assert_int_equal(records.cost[MMS_COST_ENTRIES], 42);
	assert_int_equal(records.header.pid, 7);
}

static void test_cut_off_anywhere(void **state)
{
	struct stream stream = good_stream();
	struct mms_records records;
	size_t len;

	(void)state;
	for (len = 0; len < stream_len(&stream); len++) {
		assert_int_equal(read_stream(&stream, len, &records), -1);
		assert_non_null(strstr(mms_failure(), "cut off"));
	}
}

static void fails_with(const struct stream *stream, const char *message)
{
	struct mms_records records;

	assert_int_equal(read_stream(stream, stream_len(stream), &records), -1);
	if (!strstr(mms_failure(), message))
		fail_msg("expected '%s', got '%s'", message, mms_failure());
}

static void test_wrong_header(void **state)
{
	struct stream stream;

	(void)state;
	stream = good_stream(), stream.header.magic ^= 1, fails_with(&stream, "not a record stream");
	stream = good_stream(), stream.header.abi++, fails_with(&stream, "ABI version 2");
	stream = good_stream(), stream.header.header_size--, fails_with(&stream, "ABI version");
	stream = good_stream(), stream.header.record_size = 0, fails_with(&stream, "ABI version");
	stream = good_stream(), stream.header.paging_levels = 3, fails_with(&stream, "3 levels");
	stream = good_stream(), stream.header.page_shift = 255, fails_with(&stream, "not x86-64");
}

static void test_damaged_record(void **state)
{
	struct stream stream;

	(void)state;
	stream = good_stream(), stream.record[0].level = 0, fails_with(&stream, "no such run");
	stream = good_stream(), stream.record[0].level = 6, fails_with(&stream, "no such run");
	stream = good_stream(), stream.record[0].class = 0, fails_with(&stream, "no such run");
	stream = good_stream(), stream.record[0].class = 19, fails_with(&stream, "no such run");
	stream = good_stream(), stream.record[0].nr = 0, fails_with(&stream, "no such run");
	stream = good_stream(), stream.record[0].addr = ~0ULL << 12, fails_with(&stream, "beyond");
	stream = good_stream(), stream.record[1].level = MMS_PGD, stream.record[1].nr = ~0U,
	fails_with(&stream, "beyond");
	stream = good_stream(), stream.header.paging_levels = 4, stream.record[0].level = MMS_P4D,
	fails_with(&stream, "no such run");
}

static void test_ended_early(void **state)
{
	struct stream stream = good_stream();

	(void)state;
	stream.record[3].entry = ESRCH;
	fails_with(&stream, "exited or executed another program");
	stream.record[3].entry = EINTR;
	fails_with(&stream, "cut short: Interrupted");
	stream.record[3].entry = ~0ULL;
	fails_with(&stream, "cut short");
}

/* An unknown cost of a later module does no harm. */
static void test_unknown_cost(void **state)
{
	struct stream stream = good_stream();
	struct mms_records records;

	(void)state;
	stream.record[2].flags = 0xffff;
	assert_int_equal(read_stream(&stream, stream_len(&stream), &records), 2);
}

/* More than a buffer full. */
/* Many at once are looked at; one of them must not escape among its like. */
static void test_damaged_among_its_like(void **state)
{
	static const struct {
		struct mms_record record;
		const char *message;
	} damaged[] = {
		{ { 0x9000, 0x1067, 0, MMS_PTE, MMS_CLASS_ANON, 1 }, "no such run" },
		{ { 0x9000, 0x1067, 0, MMS_PMD, MMS_CLASS_ANON, 1 }, "no such run" },
		{ { 0x9000, 0x1067, 0, MMS_PTE, MMS_CLASS_ANON + 1, 1 }, "no such run" },
		{ { 0x9000, 0x1067, ~0U, MMS_PGD, MMS_CLASS_ANON, 1 }, "beyond" },
		{ { ~0ULL << 12, 0x1067, 1, MMS_PTE, MMS_CLASS_ANON, 1 }, "beyond" },
		{ { 0x9000, 0x1067, 1, MMS_PTE, 99, 1 }, "no such run" },
	};
	struct stream stream = good_stream();
	struct mms_records records;
	size_t i, at;

	(void)state;
	stream.record[39] = stream.record[3];
	stream.nr = 40;
	for (at = 0; at < 39; at++)
		stream.record[at] = (struct mms_record){ (at + 1) << 20, 0x1067, at == 17 ? ~0U : 1,
							 MMS_PTE, MMS_CLASS_ANON, 1 };
	assert_int_equal(read_stream(&stream, stream_len(&stream), &records), 39);
	for (i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++)
		for (at = 0; at < 39; at++) {
			struct stream spoilt = stream;

			spoilt.record[at] = damaged[i].record;
			fails_with(&spoilt, damaged[i].message);
		}
}

static void test_long_stream(void **state)
{
	const size_t nr = 100000;
	struct stream stream = good_stream();
	struct mms_record *record;
	struct mms_records records;
	char *data = malloc(sizeof(stream.header) + (nr + 1) * sizeof(*record));
	size_t i;

	(void)state;
	memcpy(data, &stream.header, sizeof(stream.header));
	record = (struct mms_record *)(data + sizeof(stream.header));
	for (i = 0; i < nr; i++)
		record[i] = (struct mms_record){ (i + 1) << 20, 0x1067, 1, MMS_PTE,
						 MMS_CLASS_ANON, 1 };
	record[nr] = stream.record[3];
	assert_int_equal(read_stream(data, sizeof(stream.header) + (nr + 1) * sizeof(*record),
				     &records), nr);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_off_anywhere),
		cmocka_unit_test(test_wrong_header),
		cmocka_unit_test(test_damaged_record),
		cmocka_unit_test(test_ended_early),
		cmocka_unit_test(test_unknown_cost),
		cmocka_unit_test(test_damaged_among_its_like),
		cmocka_unit_test(test_long_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
