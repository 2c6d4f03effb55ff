/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks that see what a fault does: see fault.bpf.h. None of them is on the way of a first touch
 * or of a page of a file.
 */
#ifndef MMS_FAULT_SEEN_BPF_H
#define MMS_FAULT_SEEN_BPF_H

#include "fault.bpf.h"

/*
 * A fault without exception begins somewhere below one of these; what was seen before then is
 * forgotten.
 */
static __always_inline void begin_lookup(void)
{
	struct fault *fault = take_fault(bpf_get_current_task_btf());

	if (fault)
		end_fault(fault, true);
}

SEC("fentry/__get_user_pages")
int BPF_PROG(get_user_pages)
{
	begin_lookup();
	return 0;
}

/* Where the former has more parameters than can be had. */
SEC("fentry/follow_page_mask")
int BPF_PROG(follow_page_mask)
{
	begin_lookup();
	return 0;
}

SEC("fentry/fixup_user_fault")
int BPF_PROG(fixup_user_fault)
{
	begin_lookup();
	return 0;
}

/*
 * handle_pte_fault() for a present entry that permits the access, and wp_page_reuse(), which always
 * changes the entry.
 */
SEC("fentry/ptep_set_access_flags")
int BPF_PROG(ptep_set_access_flags, struct vm_area_struct *vma, unsigned long address, pte_t *ptep,
	     unsigned long entry)
{
	see_page(ptep->pte == entry ? SEEN_SPURIOUS : SEEN_UPGRADED, address & PAGE_MASK, PAGE_MASK);
	return 0;
}

/* huge_pmd_set_accessed() and do_huge_pmd_wp_page(). */
SEC("fentry/pmdp_set_access_flags")
int BPF_PROG(pmdp_set_access_flags, struct vm_area_struct *vma, unsigned long address, pmd_t *pmdp,
	     unsigned long entry)
{
	see_page(pmdp->pmd == entry ? SEEN_SPURIOUS : SEEN_UPGRADED, address & PMD_MASK, PMD_MASK);
	return 0;
}

/*
 * wp_page_copy() flushes the old page's translation once it is sure to copy: ptep_clear_flush().
 * Reclaim and compaction on behalf of this thread may flush the same page; they run with PF_MEMALLOC.
 */
SEC("fentry/flush_tlb_mm_range")
int BPF_PROG(flush_tlb_mm_range, struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (end - start != 1UL << PAGE_SHIFT)
		return 0;
	if (((struct task_struct___fault *)task)->flags & PF_MEMALLOC)
		return 0;
	see_page(SEEN_COPIED, start, PAGE_MASK);
	return 0;
}

/* Leaves in vmf->orig_pte what it put into the entry, or else what was there. */
SEC("fexit/do_swap_page")
int BPF_PROG(do_swap_page, struct vm_fault *vmf)
{
	see(vmf->orig_pte.pte & _PAGE_PRESENT ? SEEN_SWAP | SEEN_SWAPPED_IN : SEEN_SWAP);
	return 0;
}

/* do_numa_page() and do_huge_pmd_numa_page(), after whatever they did. */
SEC("fentry/task_numa_fault")
int BPF_PROG(task_numa_fault)
{
	see(SEEN_NUMA);
	return 0;
}

SEC("fentry/pmd_migration_entry_wait")
int BPF_PROG(pmd_migration_entry_wait)
{
	see(SEEN_WAITED);
	return 0;
}

/* Only they put a page table aside in a fault: __do_huge_pmd_anonymous_page(), huge zero pages. */
SEC("fentry/pgtable_trans_huge_deposit")
int BPF_PROG(pgtable_trans_huge_deposit)
{
	see(SEEN_HUGE);
	return 0;
}

/* Flags of /sys/kernel/mm/transparent_hugepage. */
enum transparent_hugepage_flag {
	TRANSPARENT_HUGEPAGE_USE_ZERO_PAGE_FLAG,
};

extern const void transparent_hugepage_flags __ksym __weak;

/* Whether a read gets a huge zero page; else it gets a huge page of its own. */
static __always_inline bool huge_zero_page_in_use(void)
{
	unsigned long flags = -1;
	u32 bit = bpf_core_enum_value(enum transparent_hugepage_flag,
				      TRANSPARENT_HUGEPAGE_USE_ZERO_PAGE_FLAG);

	if (&transparent_hugepage_flags)
		bpf_probe_read_kernel(&flags, sizeof(flags), &transparent_hugepage_flags);
	return flags >> (bit & 63) & 1;
}

static __always_inline bool in_interrupt(void)
{
	const unsigned long *base = bpf_this_cpu_ptr(&this_cpu_off);
	u64 offset = config.preempt_count;
	u32 count = 0;

	if (!offset)
		return false;
	bpf_probe_read_kernel(&count, sizeof(count), (const void *)(*base + offset));
	/* linux/preempt.h: bits 8 to 23 are soft, hard and non-maskable interrupts. */
	return count & 0xffff00;
}

/*
 * do_anonymous_page() found that another thread had been faster, and so has no use for its page.
 * Not told from it: a huge page that the memory cgroup refused, and that gives way to a small one;
 * and there is nothing to see when the loser wanted a zero page, or a page of a file.
 */
SEC("fentry/__folio_put")
int BPF_PROG(__folio_put, struct folio *folio)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (((struct task_struct___fault *)task)->flags & (PF_MEMALLOC | PF_KTHREAD))
		return 0;
	if (!in_interrupt())
		see(SEEN_LOST);
	return 0;
}

#endif /* MMS_FAULT_SEEN_BPF_H */
