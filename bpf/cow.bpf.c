// SPDX-License-Identifier: GPL-2.0
/*
 * The question "cow": pages copied because they were shared, by cause and by how the write arrived;
 * beside them, pages made writable in place and huge pages split. Counted where the copy is
 * installed, under the page-table lock. The table of hooks is in userspace/tracer_questions.c.
 */
#include "detail.bpf.h"
#include "context.bpf.h"

/* Without a record there is nobody to count for. */
static __always_inline void count(void *ctx, u32 slot, u32 counter, struct vm_area_struct *vma)
{
	struct mms_trace_record *record = record_of(slot);

	if (!record)
		return;
	count_in(record, counter, 1);
	if (has_detail())
		count_detail(ctx, slot, counter, vma->vm_mm, vma, 1);
}

static __always_inline void count_copy(void *ctx, u32 slot, u32 counter, struct vm_area_struct *vma,
				       u64 pages)
{
	struct mms_trace_record *record = record_of(slot);

	if (!record)
		return;
	count_in(record, counter, 1);
	count_in(record, MMS_COW_PAGES, pages);
	if (has_detail())
		count_detail(ctx, slot, counter, vma->vm_mm, vma, 1);
}

/*
 * From the fault's flags. INTERRUPTIBLE is set for exceptions (FAULT_FLAG_DEFAULT), USER for those
 * in user mode only; get_user_pages() sets neither.
 */
static __always_inline u32 way_of(u32 flags)
{
	if (flags & FAULT_FLAG_UNSHARE)
		return MMS_COW_BY_UNSHARE;
	if (flags & FAULT_FLAG_USER)
		return MMS_COW_BY_USER;
	if (flags & FAULT_FLAG_REMOTE)
		return MMS_COW_BY_REMOTE;
	if (flags & FAULT_FLAG_INTERRUPTIBLE)
		return MMS_COW_BY_KERNEL;
	return MMS_COW_BY_GUP;
}

/* folio_test_anon() and folio_test_ksm(): the lower bits of the mapping of the head page. */
static __noinline u32 cause_of_page(u64 vmf)
{
	struct address_space *mapping = NULL;
	struct page *page = NULL;
	unsigned long head = 0;

	bpf_core_read(&page, sizeof(page), &((struct vm_fault *)vmf)->page);
	bpf_core_read(&head, sizeof(head), &page->compound_head);
	if (head & 1)
		page = (struct page *)(head - 1);
	bpf_core_read(&mapping, sizeof(mapping), &page->mapping);
	switch ((unsigned long)mapping & 3) {
	case 3:
		return MMS_COW_KSM;
	case 1:
		return MMS_COW_ANON;
	default:
		return MMS_COW_FILE;
	}
}

/*
 * What vm_normal_page() makes of the entry decides: without a page it is the zero page, or a frame
 * that has none. Of a page, an anonymous VMA that KSM does not look at has anonymous ones only.
 */
static __always_inline u32 cause_of(struct vm_area_struct *vma, u64 orig_pte, u64 vmf)
{
	unsigned long flags = vma->vm_flags;

	if (orig_pte & PAGE_SPECIAL)
		return flags & (VM_PFNMAP | VM_MIXEDMAP) ? MMS_COW_PFN : MMS_COW_ZERO;
	if (!vma->vm_ops && !(flags & VM_MERGEABLE))
		return MMS_COW_ANON;
	return cause_of_page(vmf);
}

/* Write-protected by userfaultfd: do_wp_page() only tells its reader, but in the asynchronous mode. */
static __always_inline bool left_to_userfaultfd(struct vm_area_struct *vma, u32 flags, u64 pte)
{
	if (!(pte & PAGE_UFFD_WP) || flags & FAULT_FLAG_UNSHARE || !(vma->vm_flags & VM_UFFD_WP))
		return false;
	return !(vma->vm_userfaultfd_ctx.ctx->features & UFFD_FEATURE_WP_ASYNC);
}

/* In context->flags: do_wp_page() may have to be called again. No flag of a fault. */
#define LOOK_AGAIN (1U << 31)

/* vmf_anon_prepare(), from 6.7 on: the first copy in a VMA may want more than the VMA's own lock. */
static __always_inline bool may_be_retried(struct vm_area_struct *vma, u32 flags)
{
	return flags & FAULT_FLAG_VMA_LOCK && !vma->anon_vma;
}

/* Under the page-table lock: the entry is present, and still the one in vmf->orig_pte. */
SEC("fentry/do_wp_page")
int BPF_PROG(do_wp_page, struct vm_fault *vmf)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct vm_area_struct *vma = vmf->vma;
	struct mm_struct *mm = vma->vm_mm;
	u32 pid = task->pid, slot = 0, flags;
	struct context *context;
	u64 pte;

	/* Who does not count, takes no place. */
	if (!is_of(place_of(pid), pid)) {
		slot = mm_slot(mm);
		if (!slot)
			return 0;
	}
	pte = vmf->orig_pte.pte;
	flags = vmf->flags;
	if (left_to_userfaultfd(vma, flags, pte))
		return 0;
	context = take_context(task, DOING_WP);
	if (!context)
		return 0;
	if (!slot)
		slot = context_slot(context, task, mm);
	if (!slot) {
		done(context, DOING_WP);
		return 0;
	}
	context->vma = (u64)vma;
	context->addr = vmf->address;
	context->faults = faults_of(task);
	context->orig_pte = pte;
	context->vmf = (u64)vmf;
	context->flags = may_be_retried(vma, flags) ? flags | LOOK_AGAIN : flags;
	context->slot = slot;
	return 0;
}

/*
 * Is the thread still in the fault for which do_wp_page() was called? If that function has ended
 * without a copy or reuse, its context is stale.
 * - Another thread was faster, or there was nothing to be done: the fault is accounted for since.
 * - It is to be tried again, with the same calls as the first time: vmf is where it was, and without
 *   a present entry in it, else do_wp_page() would have been called again.
 * - There was no memory, or the page was poisoned: no copy, and no frame to go on with. The thread
 *   dies, or its instruction is tried again, or its system call fails.
 */
static __always_inline bool same_fault(const struct context *context, struct task_struct *task,
				       u64 vma, u64 addr)
{
	struct vm_fault *vmf = (struct vm_fault *)context->vmf;
	u64 pte = 0;

	if (context->vma != vma || context->addr != addr || context->faults != faults_of(task))
		return false;
	if (!(context->flags & LOOK_AGAIN))
		return true;
	bpf_core_read(&pte, sizeof(pte), &vmf->orig_pte);
	return !((pte ^ context->orig_pte) & ~PAGE_UFFD_WP);
}

/* Has do_swap_page() of this very attempt read the page? */
static __always_inline bool was_swapped(const struct context *context)
{
	return is_doing(context, DOING_SWAP) && context->swap_addr == context->addr &&
	       context->swap_flags == (context->flags & ~LOOK_AGAIN) &&
	       context->swap_faults == context->faults;
}

/*
 * Is this thread forking, and does the copy belong to its child? copy_process() has not given the
 * child its own tgid yet when it copies the mm, and the mm's owner is the child already. While a
 * thread executes a program, its new mm is its own.
 */
static __always_inline bool is_forking(struct task_struct *task, struct mm_struct *mm)
{
	struct task_struct *owner;

	if (mm == task->mm)
		return false;
	owner = mm->owner;
	return owner && owner != task && owner->tgid == task->tgid;
}

#include "cow_hugetlb.bpf.h"

static __always_inline int new_anon_page(void *ctx, struct vm_area_struct *vma, u64 addr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct context *context = context_of(task);
	u32 cause, slot;

	if (context && is_doing(context, DOING_WP) && same_fault(context, task, (u64)vma, addr)) {
		cause = cause_of(vma, context->orig_pte, context->vmf);
		count_copy(ctx, context->slot, MMS_COW(cause, way_of(context->flags)), vma, 1);
		if (was_swapped(context))
			count(ctx, context->slot, MMS_COW_SWAPPED, vma);
		done(context, DOING_WP);
		return 0;
	}
	if (is_forking(task, vma->vm_mm)) {
		slot = process_slot(task);
		if (slot)
			count_copy(ctx, slot, MMS_COW(MMS_COW_ANON, MMS_COW_BY_FORK), vma, 1);
	}
	return 0;
}

SEC("fentry/page_add_new_anon_rmap")
int BPF_PROG(page_add_new_anon_rmap, struct page *page, struct vm_area_struct *vma,
	     unsigned long addr)
{
	return new_anon_page(ctx, vma, addr);
}

SEC("fentry/folio_add_new_anon_rmap")
int BPF_PROG(folio_add_new_anon_rmap, struct folio *folio, struct vm_area_struct *vma,
	     unsigned long addr)
{
	return new_anon_page(ctx, vma, addr);
}

/* Of a fault on nothing yet; with the write, the page given is a private copy at once. */
static __always_inline int new_file_page(void *ctx, struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	u32 slot;

	if (!(vmf->flags & FAULT_FLAG_WRITE) || vma->vm_flags & VM_SHARED)
		return 0;
	slot = mm_slot(vma->vm_mm);
	if (slot)
		count_copy(ctx, slot, MMS_COW(MMS_COW_FILE_FIRST, way_of(vmf->flags)), vma, 1);
	return 0;
}

SEC("fentry/do_set_pte")
int BPF_PROG(do_set_pte, struct vm_fault *vmf)
{
	return new_file_page(ctx, vmf);
}

SEC("fentry/set_pte_range")
int BPF_PROG(set_pte_range, struct vm_fault *vmf)
{
	return new_file_page(ctx, vmf);
}

SEC("fentry/do_swap_page")
int BPF_PROG(do_swap_page, struct vm_fault *vmf)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct context *context;

	if (!mm_slot(vmf->vma->vm_mm))
		return 0;
	context = take_context(task, DOING_SWAP);
	if (!context)
		return 0;
	context->swap_addr = vmf->address;
	context->swap_flags = vmf->flags;
	context->swap_faults = faults_of(task);
	return 0;
}

SEC("fexit/do_swap_page")
int BPF_PROG(do_swap_page_exit, struct vm_fault *vmf)
{
	struct context *context = context_of(bpf_get_current_task_btf());

	if (context && is_doing(context, DOING_SWAP))
		done(context, DOING_SWAP);
	return 0;
}

/*
 * Called by wp_page_reuse(), and for hugetlb pages by set_huge_ptep_writable(). Others call it too,
 * but not between do_wp_page() and its end; with @dirty 0 it is cow_user_page(), which goes on.
 */
SEC("fentry/ptep_set_access_flags")
int ptep_set_access_flags(u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct context *context = context_of(task);
	struct vm_area_struct *vma;
	u32 dirty = ctx[4];

	if (!context || !dirty)
		return 0;
	vma = (struct vm_area_struct *)ctx[0];
	if (is_doing(context, DOING_WP) && same_fault(context, task, ctx[0], ctx[1])) {
		count(ctx, context->slot, MMS_COW_REUSE, vma);
		done(context, DOING_WP);
	} else if (is_doing(context, DOING_HUGETLB)) {
		reuse_hugetlb(ctx, context, task, vma, ctx[1]);
	}
	return 0;
}

/* As do_huge_pmd_wp_page() does; those who only mark an entry accessed or dirty add no right. */
SEC("fentry/pmdp_set_access_flags")
int pmdp_set_access_flags(u64 *ctx)
{
	struct vm_area_struct *vma = (struct vm_area_struct *)ctx[0];
	pmd_t *pmdp = (pmd_t *)ctx[2];
	u32 slot, dirty = ctx[4];

	if (!dirty || !(ctx[3] & PAGE_RW) || pmdp->pmd & PAGE_RW)
		return 0;
	slot = mm_slot(vma->vm_mm);
	if (slot)
		count(ctx, slot, MMS_COW_REUSE_PMD, vma);
	return 0;
}

/*
 * Splits of anonymous huge pages: each withdraws the page table that was set aside for it, under
 * the lock, with the entry invalidated but not cleared. All others who withdraw one have cleared the
 * entry; so has the split of the huge zero page, which therefore leaves a context before. With
 * @folio, only the entry of that page is split, which is not the zero page.
 */
SEC("fentry/__split_huge_pmd")
int BPF_PROG(__split_huge_pmd, struct vm_area_struct *vma, pmd_t *pmd, unsigned long address,
	     bool freeze, struct folio *folio)
{
	struct context *context;

	if (folio || !(pmd->pmd & PAGE_PSE))
		return 0;
	context = take_context(bpf_get_current_task_btf(), DOING_SPLIT);
	if (!context)
		return 0;
	context->pmd = (u64)pmd;
	return 0;
}

SEC("fexit/__split_huge_pmd")
int BPF_PROG(__split_huge_pmd_exit, struct vm_area_struct *vma, pmd_t *pmd, unsigned long address,
	     bool freeze, struct folio *folio)
{
	struct context *context = context_of(bpf_get_current_task_btf());

	if (context && is_doing(context, DOING_SPLIT))
		done(context, DOING_SPLIT);
	return 0;
}

SEC("fentry/pgtable_trans_huge_withdraw")
int BPF_PROG(pgtable_trans_huge_withdraw, struct mm_struct *mm, pmd_t *pmdp)
{
	struct context *context = context_of(bpf_get_current_task_btf());
	bool splitting = context && is_doing(context, DOING_SPLIT) && context->pmd == (u64)pmdp;
	struct mms_trace_record *record;
	u32 slot;

	if (splitting)
		done(context, DOING_SPLIT);
	else if (!pmdp->pmd)
		return 0;
	slot = mm_slot(mm);
	record = slot ? record_of(slot) : NULL;
	if (!record)
		return 0;
	count_in(record, MMS_COW_SPLIT_PMD, 1);
	count_detail(ctx, slot, MMS_COW_SPLIT_PMD, mm, NULL, 1);
	return 0;
}
