// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the binary record stream. Whatever it holds, nothing outside it is touched: a damaged
 * stream is an error with a message.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "leaf.h"
#include "records.h"

/* A multiple of the record's size. */
#define BUFFER_SIZE (4096 * sizeof(struct mms_record))

/* Reads until @want bytes are there or the stream ends. Return: bytes there, or -1. */
static ssize_t fill(struct mms_records *records, size_t want)
{
	memmove(records->buf, records->buf + records->pos, records->len - records->pos);
	records->len -= records->pos;
	records->pos = 0;
	while (records->len < want) {
		ssize_t got = read(records->fd, records->buf + records->len,
				   records->size - records->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == ESRCH ? mms_fail("the process has exited") :
						mms_fail("records: %s", strerror(errno));
		if (!got)
			break;
		records->len += got;
	}
	return records->len;
}

int mms_records_open(struct mms_records *records, int fd)
{
	struct mms_records_header *header = &records->header;
	ssize_t got;

	*records = (struct mms_records){ .fd = fd, .size = BUFFER_SIZE };
	records->buf = malloc(records->size);
	if (!records->buf)
		return mms_fail("out of memory");
	got = fill(records, sizeof(*header));
	if (got < 0)
		return -1;
	if ((size_t)got < sizeof(*header))
		return mms_fail("records: cut off in the header");
	memcpy(header, records->buf, sizeof(*header));
	if (header->magic != MMS_RECORDS_MAGIC)
		return mms_fail("records: not a record stream");
	if (header->abi != MMS_ABI_VERSION || header->header_size != sizeof(*header) ||
	    header->record_size != sizeof(struct mms_record))
		return mms_fail("records: ABI version %u, this reader knows %u", header->abi,
				MMS_ABI_VERSION);
	if ((header->paging_levels != 4 && header->paging_levels != 5) ||
	    header->page_shift != MMS_PAGE_SHIFT)
		return mms_fail("records: %u levels of pages of %llu bytes: not x86-64",
				header->paging_levels, 1ULL << (header->page_shift & 63));
	records->pos = sizeof(*header);
	return 0;
}

static int check_run(const struct mms_records *records, const struct mms_record *record)
{
	unsigned int nr_levels = records->header.paging_levels;
	uint64_t bytes, end;

	if (record->level < MMS_PTE || record->level > MMS_PGD ||
	    (nr_levels == 4 && record->level == MMS_P4D) || record->class >= MMS_NR_CLASSES ||
	    record->class == MMS_CLASS_NONE || !record->nr)
		return mms_fail("records: damaged: no such run");
	bytes = (uint64_t)record->nr << mms_level_shift(record->level, nr_levels);
	if (bytes >> mms_level_shift(record->level, nr_levels) != record->nr ||
	    __builtin_add_overflow(record->addr, bytes, &end) || end >> 63)
		return mms_fail("records: damaged: a run beyond the address space");
	return 1;
}

/* Its length, and above that what it means: all but its place. */
static uint64_t rest_of(const struct mms_record *run)
{
	uint64_t rest;

	memcpy(&rest, (const char *)run + offsetof(struct mms_record, nr), sizeof(rest));
	return rest;
}

/*
 * Whether @nr records from @run on mean the same as @like, the rest of a record with one entry, and are in
 * the user half.
 */
static inline bool alike(const struct mms_record *run, unsigned int nr, uint64_t like)
{
	uint64_t addresses = 0, more = 0;

#pragma GCC unroll 8
	for (unsigned int i = 0; i < nr; i++) {
		addresses |= run[i].addr;
		/* Its entries but one; with another meaning, or without an entry, 2^31 or more. */
		more |= rest_of(&run[i]) - like;
	}
	/* Far below what addr and all of nr could exceed. */
	return !(addresses >> 62 | more >> 31);
}

/*
 * How many records from @run on are as good as that, which has been checked: nearly all are runs of
 * small pages in the user half, which differ in their place and length only. Eight for one decision.
 */
static size_t count_alike(const struct mms_record *run, const struct mms_record *end)
{
	const struct mms_record *first = run;
	const uint64_t like = (rest_of(first) & ~(uint64_t)UINT32_MAX) + 1;

	if (first->level != MMS_PTE)
		return 1;
	for (run++; end - run >= 8 && alike(run, 8, like); run += 8)
		;
	for (; run < end && alike(run, 1, like); run++)
		;
	return run - first;
}

static int take_end(struct mms_records *records, const struct mms_record *record)
{
	records->end_error = record->entry;
	if (record->entry == ESRCH)
		return mms_fail("the process exited or executed another program while it was read");
	if (record->entry)
		return mms_fail("records: cut short: %s", strerror(record->entry & 4095));
	return 0;
}

int mms_records_next(struct mms_records *records, const struct mms_record **run,
		     const struct mms_record **end)
{
	const struct mms_record *record;

	for (;;) {
		if (records->len - records->pos < sizeof(*record)) {
			ssize_t got = fill(records, sizeof(*record));

			if (got < 0)
				return -1;
			if ((size_t)got < sizeof(*record))
				return mms_fail("records: cut off before the end");
		}
		record = (const struct mms_record *)(const void *)(records->buf + records->pos);
		if (record->class == MMS_CLASS_END)
			return take_end(records, record);
		if (record->class != MMS_CLASS_COST)
			break;
		records->pos += sizeof(*record);
		if (record->flags < MMS_NR_COSTS)
			records->cost[record->flags] = record->entry;
	}
	if (check_run(records, record) < 0)
		return -1;
	*run = record;
	*end = record + count_alike(record, record + (records->len - records->pos) / sizeof(*record));
	records->pos += (*end - record) * sizeof(*record);
	return 1;
}

void mms_records_close(struct mms_records *records)
{
	close(records->fd);
	free(records->buf);
}
