/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fuzzing harnesses share. A harness gives libFuzzer's bytes to one parser of the reader; the
 * sanitizers see what it touches, and fuzz_failed() that it says in one line what was wrong.
 */
#ifndef MMS_FUZZ_H
#define MMS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ASSERT(condition)                                                           \
	do {                                                                             \
		if (!(condition)) {                                                      \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__,     \
				#condition);                                             \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* A file descriptor to read the bytes from, or an end of the program. */
static inline int fuzz_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size && !lseek(fd, 0, SEEK_SET));
	return fd;
}

/* The bytes as a string, for free(); it ends at the first NUL. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_ASSERT(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* Before what may fail: no message is left from the last time. */
static inline void fuzz_begin(void)
{
	mms_fail("%s", "");
}

/* What failed has said so, in one line. */
static inline void fuzz_failed(void)
{
	FUZZ_ASSERT(*mms_failure() && !strchr(mms_failure(), '\n'));
}

#endif /* MMS_FUZZ_H */
