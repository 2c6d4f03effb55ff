/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which processes count, and their slots: the maps that all questions share. Those of who.bpf.c are
 * the ones in use; the tracer makes the other objects use them too. Knows nothing of records.
 */
#ifndef MMS_SLOTS_BPF_H
#define MMS_SLOTS_BPF_H

#include "types.bpf.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "shared.h"
#include "uapi/mmscope_events.h"

const volatile struct mms_config config = { .nr_slots = 2 };
struct mms_lost lost;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MMS_MAX_PROCESSES);
	__type(key, struct mms_process);
	__type(value, struct mms_slot);
} slots SEC(".maps");

/*
 * tgid << 32 | slot, at the tgid's lower bits: spares the hash. A hint: a slot found here is right
 * only if its record names the same process. SLOT_NONE needs no such proof, for nobody becomes
 * selected without writing here (add_process()).
 */
#define SLOT_CACHE_SIZE (1 << 16)
#define SLOT_NONE 0xffffffffU

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SLOT_CACHE_SIZE);
	__type(key, u32);
	__type(value, u64);
} slot_cache SEC(".maps");

/* Slots given out so far, from MMS_SLOT_FIRST on. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} nr_slots_used SEC(".maps");

static __always_inline struct mms_process process_of(struct task_struct *task)
{
	struct mms_process process = {
		.tgid = task->tgid,
		.start_time = task->group_leader->start_time,
	};

	return process;
}

static __always_inline u64 *slot_cached(u32 tgid)
{
	u32 index = tgid & (SLOT_CACHE_SIZE - 1);

	return bpf_map_lookup_elem(&slot_cache, &index);
}

static __always_inline void cache_slot(u32 tgid, u32 slot)
{
	u64 *cached = slot_cached(tgid);

	if (cached)
		*cached = (u64)tgid << 32 | slot;
}

/* A free slot, or MMS_SLOT_OTHERS when there is none. */
static __always_inline u32 new_slot(void)
{
	u32 zero = 0, slot;
	u32 *used = bpf_map_lookup_elem(&nr_slots_used, &zero);

	/* Tested first: it must not come round when processes come and go for years. */
	if (!used || *used >= config.nr_slots - MMS_SLOT_FIRST)
		return MMS_SLOT_OTHERS;
	slot = MMS_SLOT_FIRST + __sync_fetch_and_add(used, 1);
	return slot < config.nr_slots ? slot : MMS_SLOT_OTHERS;
}

/*
 * From now on this process counts. When two CPUs meet here, one of them wins, and the slot of the
 * other is not used by anybody. Return: what it has, or NULL if the map is full.
 */
static __always_inline struct mms_slot *add_process(const struct mms_process *process, u32 parent)
{
	struct mms_slot slot = { .slot = new_slot(), .parent = parent }, *found;

	bpf_map_update_elem(&slots, process, &slot, BPF_NOEXIST);
	found = bpf_map_lookup_elem(&slots, process);
	if (found)
		cache_slot(process->tgid, found->slot);
	return found;
}

#endif /* MMS_SLOTS_BPF_H */
