// SPDX-License-Identifier: GPL-2.0
/*
 * The ring in which the kernel logs what is mapped: its bytes, read by the code itself, which is
 * included for that. The first two bytes say where in the ring they begin, so that records go round
 * its end.
 */
#include "fuzz.h"
#include "../../userspace/mmaplog.c"

static unsigned char *memory;

static void make_ring(const uint8_t *data, size_t size, uint64_t start)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = RING_PAGES * page, i;

	if (!memory)
		memory = calloc(1 + RING_PAGES, page);
	FUZZ_ASSERT(memory && size < room);
	for (i = 0; i < size; i++)
		memory[page + (start + i) % room] = data[i];
	((struct perf_event_mmap_page *)(void *)memory)->data_tail = start;
	((struct perf_event_mmap_page *)(void *)memory)->data_head = start + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mms_mmaplog *log = calloc(1, sizeof(*log) + sizeof(log->rings[0]));
	struct mms_symbols *symbols = mms_symbols_open();

	FUZZ_ASSERT(log && symbols);
	if (size < 2 || size > 60000)
		size = 2;
	else
		make_ring(data + 2, size - 2, (uint64_t)(data[0] | data[1] << 8) * 8);
	log->record = malloc(UINT16_MAX + 1);
	log->page = (size_t)sysconf(_SC_PAGESIZE);
	log->nr = 1;
	log->rings[0].fd = -1;
	log->rings[0].head = size > 2 ? (void *)memory : NULL;
	fuzz_begin();
	if (mms_mmaplog_read(log, symbols))
		fuzz_failed();
	free(log->record);
	free(log);
	mms_symbols_close(symbols);
	return 0;
}
