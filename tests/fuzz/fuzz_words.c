// SPDX-License-Identifier: GPL-2.0
/*
 * Words of the command line that have a grammar: PIDs, seconds, filters, ranges.
 */
#include "filter.h"
#include "fuzz.h"
#include "selectors.h"

static void try_pids(const char *text)
{
	struct mms_selectors selectors = { 0 };
	unsigned int i;

	if (mms_selectors_add(&selectors, text))
		fuzz_failed();
	for (i = 0; i < selectors.nr_pids; i++)
		FUZZ_ASSERT(selectors.pids[i] > 0);
	mms_selectors_free(&selectors);
}

static void try_filter(const char *text)
{
	static const struct mms_record record = { .level = MMS_PMD, .class = MMS_CLASS_ANON, .nr = 1 };
	struct mms_filter filter;

	if (mms_filter_parse(&filter, text))
		fuzz_failed();
	else
		mms_filter_match(&filter, &record, "P,RW,US,A,D,PS");
}

static void try_range(const char *text)
{
	struct mms_record record = { .addr = 0x200000, .nr = 1000, .level = MMS_PTE };
	__u64 start, end;

	if (mms_range_parse(text, &start, &end)) {
		fuzz_failed();
		return;
	}
	FUZZ_ASSERT(start < end);
	if (mms_run_clip(&record, start, end, 5))
		FUZZ_ASSERT(record.nr && record.nr <= 1000 && record.addr >= 0x200000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	uint64_t ns;

	/* A message that quotes the word then has more lines than one. */
	if (strchr(text, '\n')) {
		free(text);
		return 0;
	}
	fuzz_begin();
	try_pids(text);
	fuzz_begin();
	try_filter(text);
	fuzz_begin();
	try_range(text);
	if (mms_parse_seconds(text, &ns))
		FUZZ_ASSERT(ns >= 1000000 && ns <= 366ULL * 86400 * 1000000000);
	free(text);
	return 0;
}
