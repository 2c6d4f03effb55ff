// SPDX-License-Identifier: GPL-2.0
/*
 * TLB flushes as they are asked for: by address space, with how much, and whether other CPUs had to
 * be asked and waited for. x86; what was flushed then is counted by the module.
 */
#include "detail.bpf.h"
#include "bucket.bpf.h"

#define TLB_FLUSH_ALL (~0UL)
#define PMD_SHIFT 21

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct flush_tlb_info {
	struct mm_struct *mm;
	unsigned int initiating_cpu;
};

#pragma clang attribute pop

extern const void tlb_single_page_flush_ceiling __ksym __weak;

/* Of a CPU that waits for others; it is not preempted while it does. */
struct wait {
	u64 since;
	u32 slot;	/* of the process whose address space it is; 0: does not count */
} __attribute__((aligned(64)));

#define MAX_CPUS 8192
static struct wait waits[MAX_CPUS];

/*
 * For an address space; reclaim flushes for several at once and names none: arch_tlbbatch_flush().
 * 0: does not count.
 */
static __always_inline u32 flush_slot(struct mm_struct *mm)
{
	if (!mm)
		return config.everyone ? MMS_SLOT_OTHERS : 0;
	return mm_slot(mm);
}

/* More than this is flushed as a whole; /sys/kernel/debug/x86/tlb_single_page_flush_ceiling. */
static __always_inline unsigned long ceiling(void)
{
	unsigned long pages = 33;

	if (&tlb_single_page_flush_ceiling)
		bpf_probe_read_kernel(&pages, sizeof(pages), &tlb_single_page_flush_ceiling);
	return pages;
}

SEC("fentry/flush_tlb_mm_range")
int BPF_PROG(flush_tlb_mm_range, struct mm_struct *mm, unsigned long start, unsigned long end,
	     unsigned int stride_shift, bool freed_tables)
{
	u32 slot = flush_slot(mm), kind = MMS_REQUEST_FULL;
	struct mms_trace_record *record = slot ? record_of(slot) : NULL;
	unsigned long pages = (end - start) >> (stride_shift & 63);

	if (!record)
		return 0;
	if (end != TLB_FLUSH_ALL && pages <= ceiling()) {
		kind = MMS_REQUEST_RANGED;
		count_in(record, MMS_REQUEST_PAGES, pages);
	}
	count_in(record, kind, 1);
	if (stride_shift >= PMD_SHIFT)
		count_in(record, MMS_REQUEST_HUGE, 1);
	if (freed_tables)
		count_in(record, MMS_REQUEST_FREED_TABLES, 1);
	count_detail(ctx, slot, kind, mm, NULL, 1);
	return 0;
}

static __always_inline struct wait *wait_of(u32 cpu)
{
	return &waits[cpu & (MAX_CPUS - 1)];
}

SEC("fentry/native_flush_tlb_multi")
int BPF_PROG(native_flush_tlb_multi, const void *cpus, const struct flush_tlb_info *info)
{
	struct wait *wait = wait_of(bpf_get_smp_processor_id());
	struct mms_trace_record *record;
	u32 slot = flush_slot(info->mm);

	wait->slot = slot;
	record = slot ? record_of(slot) : NULL;
	if (!record)
		return 0;
	count_in(record, MMS_REQUEST_IPIS, 1);
	count_detail(ctx, slot, MMS_REQUEST_IPIS, info->mm, NULL, 1);
	wait->since = bpf_ktime_get_ns();
	return 0;
}

SEC("fexit/native_flush_tlb_multi")
int BPF_PROG(native_flush_tlb_multi_exit)
{
	struct wait *wait = wait_of(bpf_get_smp_processor_id());
	u32 slot = wait->slot;
	struct mms_trace_record *record = slot ? record_of(slot) : NULL;
	u64 ns;

	if (!record)
		return 0;
	wait->slot = 0;
	ns = bpf_ktime_get_ns() - wait->since;
	count_in(record, MMS_REQUEST_WAIT_NS, ns);
	count_in(record, MMS_REQUEST_HISTOGRAM + bucket_of(ns), 1);
	return 0;
}

/*
 * Where the IPI arrives, interrupts being off. Who asked waits until then, so that the CPUs it asked
 * are those that come here; lazy ones are left out by should_flush_tlb(). Idle CPUs and kernel
 * threads belong to nobody.
 */
SEC("fentry/flush_tlb_func")
int BPF_PROG(flush_tlb_func, struct flush_tlb_info *info)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mms_trace_record *record;
	u32 slot, cpu;

	if (bpf_core_read(&cpu, sizeof(cpu), &info->initiating_cpu) ||
	    cpu == bpf_get_smp_processor_id())
		return 0;
	slot = wait_of(cpu)->slot;
	record = slot ? record_of(slot) : NULL;
	if (record)
		count_in(record, MMS_REQUEST_IPI_CPUS, 1);
	slot = flush_slot(task->mm);
	record = slot ? record_of(slot) : NULL;
	if (record)
		count_in(record, MMS_REQUEST_IPI_HANDLED, 1);
	return 0;
}
