/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the binary record stream of a process: header, runs, costs, end.
 */
#ifndef MMS_RECORDS_H
#define MMS_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "uapi/mmscope.h"

/**
 * struct mms_records - an open record stream
 * @fd: closed by mms_records_close()
 * @header: what it says of itself
 * @cost: filled in as the stream ends
 * @end_error: the errno with which the module ended the stream, 0 for none
 * @buf: bytes read; private, as are those below
 * @size: bytes in @buf
 * @len: bytes read into it
 * @pos: bytes of them that were checked
 */
struct mms_records {
	int fd;
	struct mms_records_header header;
	uint64_t cost[MMS_NR_COSTS];
	int end_error;
	unsigned char *buf;
	size_t size, len, pos;
};

/**
 * mms_records_open() - read and check the header of a stream
 * @records: to be closed with mms_records_close(), also if this fails
 * @fd: the stream; taken over
 *
 * Return: 0, or -1 with mms_failure() set: cannot be read, not a record stream, another ABI.
 */
int mms_records_open(struct mms_records *records, int fd);

/**
 * mms_records_next() - next runs
 * @records: an open stream
 * @run: receives the first of them, valid until the next call; every field has been checked to be in range
 * @end: receives what is behind the last
 *
 * Return: 1, 0 at the end, or -1 with mms_failure() set: damaged or cut off.
 */
int mms_records_next(struct mms_records *records, const struct mms_record **run,
		     const struct mms_record **end);

void mms_records_close(struct mms_records *records);

#endif /* MMS_RECORDS_H */
