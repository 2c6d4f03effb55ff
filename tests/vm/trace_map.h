/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Maps as a tracer has them, made by the system call: no eBPF program runs. Owns their layout, and
 * knows nothing of the module's files.
 */
#ifndef MMS_TRACE_MAP_H
#define MMS_TRACE_MAP_H

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "event_names.h"
#include "tap.h"
#include "uapi/mmscope.h"

#define TRACE_RECORD sizeof(struct mms_trace_record)

static inline int trace_bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* A map of any type. Return: its file. */
static inline int trace_map_of(unsigned int type, unsigned int value_size, unsigned int slots)
{
	union bpf_attr attr = { .map_type = type, .key_size = 4, .value_size = value_size,
				.max_entries = slots };
	int fd = trace_bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0)
		tap_bail("a map of type %u, %u slots: %s", type, slots, strerror(errno));
	return fd;
}

static inline void trace_map_put(int fd, unsigned int slot, const struct mms_trace_record *record)
{
	union bpf_attr attr = { .map_fd = fd, .key = (uintptr_t)&slot,
				.value = (uintptr_t)record };

	if (trace_bpf(BPF_MAP_UPDATE_ELEM, &attr))
		tap_bail("slot %u: %s", slot, strerror(errno));
}

/* The first record of a map that everyone is counted in. */
static inline struct mms_trace_record trace_map_header(unsigned int question)
{
	return (struct mms_trace_record){ .header = {
		.magic = MMS_TRACE_MAGIC,
		.abi = MMS_ABI_VERSION,
		.question = question,
		.everyone = 1,
		.nr_counters = mms_question_counters(question),
		.since_ns = 12345,
		.missing = 1ULL << 3,
		.missed = 7,
	} };
}

/* As a tracer hands it over that has counted nothing yet. Return: its file. */
static inline int trace_map(const struct mms_trace_record *header, unsigned int slots)
{
	int fd = trace_map_of(BPF_MAP_TYPE_ARRAY, TRACE_RECORD, slots);

	trace_map_put(fd, MMS_SLOT_HEADER, header);
	return fd;
}

#endif /* MMS_TRACE_MAP_H */
