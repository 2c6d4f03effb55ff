// SPDX-License-Identifier: GPL-2.0
/*
 * A text view, as a table with columns of every type. What is accepted ends with its cost.
 */
#include "fuzz.h"
#include "viewtable.h"

static const struct mms_column columns[] = {
	{ .key = "start", .type = MMS_ADDR },
	{ .key = "rss", .type = MMS_SIZE },
	{ .key = "runs", .type = MMS_COUNT },
	{ .key = "entry", .type = MMS_RAW },
	{ .key = "name", .type = MMS_TEXT },
	{ .key = "absent", .type = MMS_SIZE },
};
#define NR_COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Text columns are there, in storage that is still valid. */
static size_t touch(const struct mms_viewtable *table)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (!table->values[i].absent && columns[i].type == MMS_TEXT)
			len += strlen(table->values[i].text);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mms_viewtable table;
	struct mms_viewfile file;
	uint64_t note;

	fuzz_begin();
	mms_viewfile_init(&file, fuzz_file(data, size));
	if (mms_viewtable_init(&table, &file, columns, NR_COLUMNS)) {
		fuzz_failed();
	} else {
		while (mms_viewtable_next(&table))
			FUZZ_ASSERT(touch(&table) <= size);
		mms_viewfile_note(&file, "since_ns", &note);
		if (mms_viewfile_finish(&file, "view"))
			fuzz_failed();
		else
			FUZZ_ASSERT(memmem(data, size, "# cost", 6));
	}
	mms_viewfile_close(&file);
	return 0;
}
