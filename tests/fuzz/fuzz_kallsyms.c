// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/kallsyms. Every address has no symbol, or one at or below it.
 */
#include "fuzz.h"
#include "kallsyms.h"

static void look(const struct mms_kallsyms *symbols, uint64_t addr)
{
	const struct mms_kallsym *found = mms_kallsyms_find(symbols, addr);

	FUZZ_ASSERT(!found || (found->addr <= addr && strlen(found->name) + strlen(found->module)
			       < SIZE_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_file(data, size);
	struct mms_kallsyms *symbols;
	char path[32];

	fuzz_begin();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	symbols = mms_kallsyms_open(path);
	if (symbols) {
		look(symbols, 0);
		look(symbols, 0xffffffff81000123);
		look(symbols, UINT64_MAX);
	} else {
		fuzz_failed();
	}
	mms_kallsyms_close(symbols);
	close(fd);
	return 0;
}
