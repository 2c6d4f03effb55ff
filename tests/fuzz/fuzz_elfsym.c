// SPDX-License-Identifier: GPL-2.0
/*
 * An ELF file. libdw reads it; what we make of that is what is tried.
 */
#include "elfsym.h"
#include "fuzz.h"

static void look(const struct mms_elfsym *file, uint64_t offset)
{
	uint64_t in_function = 0;
	const char *name = mms_elfsym_find(file, offset, &in_function);

	FUZZ_ASSERT(!name || strlen(name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mms_build_id other = { .len = 4, .id = { 1, 2, 3, 4 } };
	int fd = fuzz_file(data, size);
	struct mms_elfsym *file;
	char path[32];

	fuzz_begin();
	/* No debug information besides. */
	mms_elfsym_debug_path = "/nonexistent";
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	file = mms_elfsym_open(path, NULL);
	if (file) {
		look(file, 0);
		look(file, 0x1000);
		look(file, size);
		look(file, UINT64_MAX);
	} else {
		fuzz_failed();
	}
	mms_elfsym_close(file);
	mms_elfsym_close(mms_elfsym_open(path, &other));
	close(fd);
	return 0;
}
