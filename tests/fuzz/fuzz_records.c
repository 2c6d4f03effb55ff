// SPDX-License-Identifier: GPL-2.0
/*
 * The record stream. What is accepted is in range and ends with an END record.
 */
#include "fuzz.h"
#include "leaf.h"
#include "records.h"

static void check_run(const struct mms_records *records, const struct mms_record *record)
{
	unsigned int shift = mms_level_shift(record->level, records->header.paging_levels);

	FUZZ_ASSERT(record->level <= MMS_PGD && record->class < MMS_NR_CLASSES && record->nr);
	FUZZ_ASSERT(record->addr < 1ULL << 63);
	FUZZ_ASSERT(record->nr <= ((1ULL << 63) - record->addr) >> shift);
}

/* Whether the bytes have an END record without an error where records begin and end. */
static bool has_end(const uint8_t *data, size_t size)
{
	struct mms_record record;
	size_t at = sizeof(struct mms_records_header);

	for (; at + sizeof(record) <= size; at += sizeof(record)) {
		memcpy(&record, data + at, sizeof(record));
		if (record.class == MMS_CLASS_END)
			return !record.entry;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mms_record *record, *end;
	struct mms_records records;
	int more = -1;

	fuzz_begin();
	if (!mms_records_open(&records, fuzz_file(data, size)))
		while ((more = mms_records_next(&records, &record, &end)) > 0)
			for (; record < end; record++)
				check_run(&records, record);
	if (more < 0)
		fuzz_failed();
	else
		FUZZ_ASSERT(has_end(data, size));
	mms_records_close(&records);
	return 0;
}
