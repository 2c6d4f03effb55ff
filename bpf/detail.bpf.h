/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The detail that is off by default: events by VMA and by stack. Included by questions that have it;
 * what is off is removed by the verifier.
 */
#ifndef MMS_DETAIL_BPF_H
#define MMS_DETAIL_BPF_H

#include "process.bpf.h"

/* The tracer makes these as small as can be when they are off. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MMS_MAX_VMAS);
	__type(key, struct mms_vma_key);
	__type(value, struct mms_vma_count);
} by_vma SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MMS_MAX_STACKS);
	__type(key, struct mms_stack_key);
	__type(value, u64);
} by_stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, MMS_MAX_STACKS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, MMS_STACK_DEPTH * sizeof(u64));
} stacks SEC(".maps");

/* The name is read once, when the VMA is first met. */
static __noinline struct mms_vma_count *new_vma(const struct mms_vma_key *where,
						struct vm_area_struct *vma)
{
	struct mms_vma_count count = { .end = vma->vm_end, .flags = vma->vm_flags };

	if (vma->vm_file)
		bpf_probe_read_kernel_str(count.name, sizeof(count.name),
					  vma->vm_file->f_path.dentry->d_name.name);
	bpf_map_update_elem(&by_vma, where, &count, BPF_NOEXIST);
	return bpf_map_lookup_elem(&by_vma, where);
}

static __always_inline void count_vma(u32 slot, u32 counter, struct vm_area_struct *vma, u64 nr)
{
	struct mms_vma_key where = { .slot = slot, .counter = counter, .start = vma->vm_start };
	struct mms_vma_count *count = bpf_map_lookup_elem(&by_vma, &where);

	if (!count)
		count = new_vma(&where, vma);
	if (!count) {
		__sync_fetch_and_add(&lost.vmas, nr);
		return;
	}
	count->end = vma->vm_end;
	__sync_fetch_and_add(&count->count, nr);
}

/* The user's stack says something of its own address space only. */
static __always_inline void count_stack(void *ctx, u32 slot, u32 counter, struct mm_struct *mm,
					u64 nr)
{
	struct mms_stack_key where = { .slot = slot, .counter = counter, .user = -1, .kernel = -1 };
	u64 zero = 0, *count;

	if (config.user_stacks && bpf_get_current_task_btf()->mm == mm)
		where.user = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	if (config.kernel_stacks)
		where.kernel = bpf_get_stackid(ctx, &stacks, 0);
	/* -EEXIST: another stack has the same hash; -ENOMEM: the map is full. */
	if (where.user == -17 || where.kernel == -17 || where.user == -12 || where.kernel == -12) {
		__sync_fetch_and_add(&lost.stacks, nr);
		return;
	}
	count = bpf_map_lookup_elem(&by_stack, &where);
	if (!count) {
		bpf_map_update_elem(&by_stack, &where, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&by_stack, &where);
	}
	if (count)
		__sync_fetch_and_add(count, nr);
	else
		__sync_fetch_and_add(&lost.stacks, nr);
}

/* What is only needed for the detail need not be looked up without. */
static __always_inline bool has_detail(void)
{
	return config.by_vma || config.user_stacks || config.kernel_stacks;
}

/* Counts an event in all the detail asked for. @vma may be NULL where events have none. */
static __always_inline void count_detail(void *ctx, u32 slot, u32 counter, struct mm_struct *mm,
					 struct vm_area_struct *vma, u64 nr)
{
	if (config.by_vma && vma)
		count_vma(slot, counter, vma, nr);
	if (config.user_stacks || config.kernel_stacks)
		count_stack(ctx, slot, counter, mm, nr);
}

#endif /* MMS_DETAIL_BPF_H */
