/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In which record an event counts: the question's records, one for each process that counts, filled
 * in when it is first needed, and what an exec leaves in them. Included once by every question.
 */
#ifndef MMS_PROCESS_BPF_H
#define MMS_PROCESS_BPF_H

#include "slots.bpf.h"

/* max_entries is set by the tracer, to config.nr_slots. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MMS_SLOT_FIRST);
	__type(key, u32);
	__type(value, struct mms_trace_record);
} records SEC(".maps");

static __always_inline struct mms_trace_record *record_of(u32 slot)
{
	return bpf_map_lookup_elem(&records, &slot);
}

/*
 * CPUs that meet here write the same. tgid comes last: with it the record is in use. The barrier
 * keeps the compiler from moving it; x86 keeps stores in order.
 */
static __always_inline void fill_record(struct mms_trace_record *record, struct task_struct *task,
					const struct mms_process *process, u32 parent)
{
	bpf_probe_read_kernel(record->owner.comm, sizeof(record->owner.comm),
			      task->group_leader->comm);
	record->owner.start_time = process->start_time;
	record->owner.parent = parent;
	barrier();
	record->owner.tgid = process->tgid;
}

/* What process_slot() does the first time, and when the cache was wrong. */
static __noinline u32 process_slot_slow(struct task_struct *task)
{
	struct mms_process process = process_of(task);
	struct mms_trace_record *record;
	struct mms_slot *slot;

	slot = bpf_map_lookup_elem(&slots, &process);
	if (!slot && config.everyone) {
		slot = add_process(&process, 0);
		if (!slot)
			return MMS_SLOT_OTHERS;
	}
	if (!slot) {
		/*
		 * In this order: who adds the process does so in the map, then in the cache, so
		 * that either its entry comes after ours, or we see it now.
		 */
		cache_slot(process.tgid, SLOT_NONE);
		slot = bpf_map_lookup_elem(&slots, &process);
		if (!slot)
			return 0;
	}
	cache_slot(process.tgid, slot->slot);
	if (slot->slot == MMS_SLOT_OTHERS)
		return MMS_SLOT_OTHERS;
	record = record_of(slot->slot);
	if (!record)
		return MMS_SLOT_OTHERS;
	if (!record->owner.tgid)
		fill_record(record, task, &process, slot->parent);
	return slot->slot;
}

/*
 * The slot in which this task's process counts, its record being in use, or 0 if it does not count.
 * @task may be NULL, as the owner of an mm whose processes are gone.
 */
static __always_inline u32 process_slot(struct task_struct *task)
{
	struct mms_trace_record *record;
	u32 tgid = task->tgid;
	u64 *cached = slot_cached(tgid);

	if (!tgid)
		return config.everyone ? MMS_SLOT_OTHERS : 0;
	if (cached && *cached >> 32 == tgid) {
		u32 slot = *cached;

		if (slot == SLOT_NONE)
			return 0;
		/* Else it may be that of a process that had this PID before. */
		if (slot == MMS_SLOT_OTHERS && config.everyone)
			return slot;
		record = record_of(slot);
		if (record && record->owner.tgid == tgid &&
		    record->owner.start_time == task->group_leader->start_time)
			return slot;
	}
	return process_slot_slow(task);
}

/* The process that an address space belongs to; mm->owner is there with CONFIG_MEMCG only. */
static __always_inline u32 mm_slot(struct mm_struct *mm)
{
	return process_slot(mm->owner);
}

static __always_inline void count_in(struct mms_trace_record *record, u32 counter, u64 nr)
{
	__sync_fetch_and_add(&record->count[counter & (MMS_MAX_COUNTERS - 1)], nr);
}

/* exec_binprm(): the thread that called exec is the leader by now, and has its new name. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task)
{
	u32 slot = process_slot(task);
	struct mms_trace_record *record;

	if (slot < MMS_SLOT_FIRST)
		return 0;
	record = record_of(slot);
	if (!record)
		return 0;
	record->owner.execs++;
	bpf_probe_read_kernel(record->owner.comm, sizeof(record->owner.comm), task->comm);
	return 0;
}

char _license[] SEC("license") = "GPL";

#endif /* MMS_PROCESS_BPF_H */
