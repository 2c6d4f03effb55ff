// SPDX-License-Identifier: GPL-2.0
/*
 * What processes map while they are counted. One event that never happens is opened on each CPU, for
 * the records of mmap() and fork() that come with it.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"
#include "mmaplog.h"
#include "symbols.h"

/* Pages of a CPU's ring besides the first, which holds its head and tail. */
#define RING_PAGES 128

struct ring {
	int fd;
	struct perf_event_mmap_page *head;	/* NULL: no such CPU */
};

struct mms_mmaplog {
	unsigned int nr;
	uint64_t lost;
	size_t page;
	char *record;		/* the one being read, in one piece */
	struct ring rings[];
};

/* Of linux/perf_event.h, where they are comments. */
struct fork_record {
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

struct lost_record {
	struct perf_event_header header;
	uint64_t id, lost;
};

struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint8_t build_id_size, reserved1;
	uint16_t reserved2;
	uint8_t build_id[20];
	uint32_t prot, flags;
	char filename[];
};

static int open_ring(struct ring *ring, int cpu, size_t page)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.build_id = 1,
		.task = 1,
	};
	void *memory;

	ring->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		/* CPUs that are possible, but not there. */
		return errno == ENODEV || errno == ENXIO ? 0 : -1;
	memory = mmap(NULL, (1 + RING_PAGES) * page, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (memory == MAP_FAILED)
		return -1;
	ring->head = memory;
	return 0;
}

struct mms_mmaplog *mms_mmaplog_open(void)
{
	unsigned int i, nr = (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
	struct mms_mmaplog *log = calloc(1, sizeof(*log) + nr * sizeof(log->rings[0]));

	if (log)
		log->record = malloc(UINT16_MAX + 1);
	if (!log || !log->record) {
		free(log);
		mms_fail("out of memory");
		return NULL;
	}
	log->page = (size_t)sysconf(_SC_PAGESIZE);
	for (i = 0; i < nr; i++) {
		log->nr++;
		if (!open_ring(&log->rings[i], (int)i, log->page))
			continue;
		mms_fail("cannot see what processes map, which stacks need: %s", strerror(errno));
		mms_mmaplog_close(log);
		return NULL;
	}
	return log;
}

void mms_mmaplog_close(struct mms_mmaplog *log)
{
	unsigned int i;

	if (!log)
		return;
	for (i = 0; i < log->nr; i++) {
		if (log->rings[i].head)
			munmap(log->rings[i].head, (1 + RING_PAGES) * log->page);
		if (log->rings[i].fd >= 0)
			close(log->rings[i].fd);
	}
	free(log->record);
	free(log);
}

static int take_mmap(const struct mms_mmaplog *log, struct mms_symbols *symbols)
{
	const struct mmap2_record *record = (const void *)log->record;
	struct mms_mapping mapping = {
		.pid = (pid_t)record->pid,
		.start = record->addr,
		.end = record->addr + record->len,
		.offset = record->pgoff,
		.path = record->filename,
	};

	if (record->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID &&
	    record->build_id_size <= sizeof(record->build_id)) {
		mapping.build_id.len = record->build_id_size;
		memcpy(mapping.build_id.id, record->build_id, record->build_id_size);
	}
	return mms_symbols_map(symbols, &mapping);
}

static int take_record(struct mms_mmaplog *log, struct mms_symbols *symbols)
{
	const struct perf_event_header *header = (const void *)log->record;
	const struct fork_record *forked = (const void *)log->record;

	switch (header->type) {
	case PERF_RECORD_MMAP2: return take_mmap(log, symbols);
	case PERF_RECORD_LOST:
		log->lost += ((const struct lost_record *)(const void *)log->record)->lost;
		return 0;
	case PERF_RECORD_FORK:
		/* Else a thread. */
		return forked->pid != forked->ppid ?
		       mms_symbols_forked(symbols, (pid_t)forked->pid, (pid_t)forked->ppid) : 0;
	default: return 0;
	}
}

/* A record may go round the end of the ring. */
static void copy_from(const struct mms_mmaplog *log, const struct ring *ring, uint64_t at,
		      void *to, size_t len)
{
	const char *data = (const char *)ring->head + log->page;
	size_t size = RING_PAGES * log->page, offset = at % size;
	size_t first = len < size - offset ? len : size - offset;

	memcpy(to, data + offset, first);
	memcpy((char *)to + first, data, len - first);
}

/* What a record has to be read as. */
static size_t least_size(uint32_t type)
{
	switch (type) {
	/* The file's name has at least its end. */
	case PERF_RECORD_MMAP2: return sizeof(struct mmap2_record) + 1;
	case PERF_RECORD_LOST: return sizeof(struct lost_record);
	case PERF_RECORD_FORK: return sizeof(struct fork_record);
	default: return sizeof(struct perf_event_header);
	}
}

static int read_ring(struct mms_mmaplog *log, const struct ring *ring, struct mms_symbols *symbols)
{
	uint64_t head = __atomic_load_n(&ring->head->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->head->data_tail;
	int err = 0;

	while (!err && tail < head) {
		struct perf_event_header header;

		copy_from(log, ring, tail, &header, sizeof(header));
		if (header.size < least_size(header.type) || header.size > head - tail)
			return mms_fail("the kernel's log of what processes map is damaged");
		copy_from(log, ring, tail, log->record, header.size);
		log->record[header.size] = '\0';
		err = take_record(log, symbols);
		tail += header.size;
	}
	__atomic_store_n(&ring->head->data_tail, tail, __ATOMIC_RELEASE);
	return err;
}

int mms_mmaplog_read(struct mms_mmaplog *log, struct mms_symbols *symbols)
{
	unsigned int i;

	for (i = 0; i < log->nr; i++)
		if (log->rings[i].head && read_ring(log, &log->rings[i], symbols))
			return -1;
	return 0;
}

uint64_t mms_mmaplog_lost(const struct mms_mmaplog *log)
{
	return log->lost;
}

int mms_mmaplog_read_everyone(struct mms_symbols *symbols)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	while (proc && !err && (entry = readdir(proc))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (pid > 0 && !*end)
			err = mms_symbols_read_maps(symbols, (pid_t)pid);
	}
	if (proc)
		closedir(proc);
	return err;
}
