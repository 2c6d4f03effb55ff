/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Copies of hugetlb pages, part of cow.bpf.c: hugetlb_wp() leaves a context, the copy is counted in
 * the rmap hook, under the page-table lock both. Whose it is, is found there: not all the kernels'
 * hugetlb_wp() can be hooked in a way that types its arguments.
 */
#ifndef MMS_COW_HUGETLB_BPF_H
#define MMS_COW_HUGETLB_BPF_H

/* hstate_vma() and pages_per_huge_page(). */
static __always_inline u64 hugetlb_pages(struct vm_area_struct *vma)
{
	struct hugetlbfs_sb_info *info = vma->vm_file->f_inode->i_sb->s_fs_info;
	struct hstate *hstate = NULL;
	unsigned int order = 0;

	bpf_core_read(&hstate, sizeof(hstate), &info->hstate);
	bpf_core_read(&order, sizeof(order), &hstate->order);
	return 1ULL << (order & 31);
}

/* Until 6.4 get_user_pages() did not pass FAULT_FLAG_REMOTE on to hugetlb_fault(). */
static __always_inline u32 hugetlb_flags(u32 flags, struct task_struct *task,
					 struct vm_area_struct *vma)
{
	return task->mm != vma->vm_mm ? flags | FAULT_FLAG_REMOTE : flags;
}

static __always_inline void hugetlb_note(struct context *context, struct task_struct *task, u64 vma,
					 u64 addr, u32 flags)
{
	context->vma = vma;
	context->addr = addr;
	context->flags = flags;
	context->faults = faults_of(task);
}

/* Without a present entry in vmf, hugetlb_no_page() mapped the page a moment ago. */
static __always_inline int hugetlb_begin(struct vm_fault *vmf)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct context *context = take_context(task, DOING_HUGETLB);

	if (!context)
		return 0;
	hugetlb_note(context, task, (u64)vmf->vma, vmf->address, vmf->flags);
	context->orig_pte = vmf->orig_pte.pte;
	return 0;
}

SEC("fentry/hugetlb_wp")
int BPF_PROG(hugetlb_wp, struct vm_fault *vmf)
{
	return hugetlb_begin(vmf);
}

SEC("fentry/hugetlb_wp")
int BPF_PROG(hugetlb_wp_folio, struct folio *pagecache_folio, struct vm_fault *vmf)
{
	return hugetlb_begin(vmf);
}

/*
 * Until 6.9: hugetlb_wp(mm, vma, address, ptep, flags, ...), too many arguments for fentry at first.
 * There is no vmf to tell that the page was mapped a moment ago: the rmap hook has left word.
 */
SEC("kprobe/hugetlb_wp")
int hugetlb_wp_arguments(struct pt_regs *regs)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct context *context = context_of(task);
	u64 vma = regs->si, addr = regs->dx;
	bool new;

	new = context && is_doing(context, DOING_NEW) && context->vma == vma &&
	      addr >= context->addr && addr < context->orig_pte &&
	      context->faults == faults_of(task);
	context = take_context(task, DOING_HUGETLB);
	if (!context)
		return 0;
	hugetlb_note(context, task, vma, addr, regs->r8);
	context->orig_pte = new ? 0 : PAGE_PRESENT;
	return 0;
}

SEC("fexit/hugetlb_fault")
int BPF_PROG(hugetlb_fault_exit)
{
	struct context *context = context_of(bpf_get_current_task_btf());

	if (context && is_doing(context, DOING_HUGETLB | DOING_NEW))
		done(context, DOING_HUGETLB | DOING_NEW);
	return 0;
}

/* Is the thread still in the fault for which hugetlb_wp() was called, and for this page? */
static __always_inline bool same_hugetlb_fault(const struct context *context,
					       struct task_struct *task, u64 vma, u64 addr,
					       u64 pages)
{
	return context->vma == vma && context->addr - addr < pages << PAGE_SHIFT &&
	       context->faults == faults_of(task);
}

/* A page that was given a moment ago and becomes writable now is not one that is used again. */
static __always_inline void reuse_hugetlb(void *ctx, struct context *context,
					  struct task_struct *task, struct vm_area_struct *vma,
					  u64 addr)
{
	u32 slot;

	if (!same_hugetlb_fault(context, task, (u64)vma, addr, hugetlb_pages(vma)))
		return;
	slot = context->orig_pte & PAGE_PRESENT ? mm_slot(vma->vm_mm) : 0;
	if (slot)
		count(ctx, slot, MMS_COW_REUSE_HUGETLB, vma);
	done(context, DOING_HUGETLB);
}

static __always_inline int new_hugetlb_page(void *ctx, struct vm_area_struct *vma, u64 addr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct context *context = context_of(task);
	u64 pages = hugetlb_pages(vma);
	u32 slot, way;

	if (context && is_doing(context, DOING_HUGETLB) &&
	    same_hugetlb_fault(context, task, (u64)vma, addr, pages)) {
		slot = mm_slot(vma->vm_mm);
		way = way_of(hugetlb_flags(context->flags, task, vma));
		if (slot)
			count_copy(ctx, slot, MMS_COW(MMS_COW_HUGETLB, way), vma, pages);
		done(context, DOING_HUGETLB);
		return 0;
	}
	if (is_forking(task, vma->vm_mm)) {
		slot = process_slot(task);
		if (slot)
			count_copy(ctx, slot, MMS_COW(MMS_COW_HUGETLB, MMS_COW_BY_FORK), vma, pages);
		return 0;
	}
	/* hugetlb_no_page(), or UFFDIO_COPY, which hugetlb_wp() need not follow. */
	if (vma->vm_userfaultfd_ctx.ctx)
		return 0;
	context = take_context(task, DOING_NEW);
	if (!context)
		return 0;
	hugetlb_note(context, task, (u64)vma, addr, 0);
	context->orig_pte = addr + (pages << PAGE_SHIFT);
	return 0;
}

SEC("fentry/hugepage_add_new_anon_rmap")
int BPF_PROG(hugepage_add_new_anon_rmap, struct page *page, struct vm_area_struct *vma,
	     unsigned long addr)
{
	return new_hugetlb_page(ctx, vma, addr);
}

SEC("fentry/hugetlb_add_new_anon_rmap")
int BPF_PROG(hugetlb_add_new_anon_rmap, struct folio *folio, struct vm_area_struct *vma,
	     unsigned long addr)
{
	return new_hugetlb_page(ctx, vma, addr);
}

#endif /* MMS_COW_HUGETLB_BPF_H */
