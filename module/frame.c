// SPDX-License-Identifier: GPL-2.0
/*
 * What a leaf entry maps: from the VMA, the entry, and struct page where those do not tell.
 */
#include "frame.h"

/* Present entries that do not lead to a struct page of their own; NONE if this one does. */
static enum mms_class special_class(const struct mms_walk *walk, u64 entry, enum mms_level level,
				    unsigned long pfn)
{
	if (level > MMS_PTE && mms_entry_table(entry, level))
		return MMS_CLASS_BAD;
	if (walk->vma.hugetlb)
		return MMS_CLASS_HUGETLB;
	if (entry & mms_layout.devmap)
		return MMS_CLASS_DEVMAP;
	if (entry & mms_layout.special)
		return is_zero_pfn(pfn) ? MMS_CLASS_ZERO : MMS_CLASS_PFNMAP;
	/* Before 6.12 a huge PFN map is told by its VMA only (vm_normal_page_pmd()). */
	if (level > MMS_PTE && (walk->vma.flags & VM_PFNMAP))
		return MMS_CLASS_PFNMAP;
	return MMS_CLASS_NONE;
}

/*
 * The huge zero page has no mapping, nor does a huge page that was freed after its entry was
 * copied; only the former's entry is still there. Neither huge_zero_page nor huge_zero_pfn is
 * exported.
 */
static bool is_huge_zero(struct mms_walk *walk, u64 entry, unsigned long addr,
			 const struct mms_frame *frame)
{
	if (frame->mapping || (entry & MMS_X86_RW) || frame->page != frame->head)
		return false;
	if (mms_walk_peek(walk, addr, MMS_PMD) == entry)
		return true;
	walk->cost[MMS_COST_RETRIES]++;
	return false;
}

enum mms_class mms_leaf_class(struct mms_walk *walk, u64 entry, enum mms_level level,
			      unsigned long addr, struct mms_frame *frame)
{
	enum mms_class class;
	unsigned long pfn;

	frame->page = NULL;
	if (mms_entry_none(entry))
		return MMS_CLASS_NONE;
	if (!mms_entry_present(entry, level))
		return mms_swp_class(&mms_layout, entry);
	pfn = mms_entry_pfn(&mms_layout, entry, level, walk->nr_levels);
	class = special_class(walk, entry, level, pfn);
	if (class != MMS_CLASS_NONE && class != MMS_CLASS_HUGETLB)
		return class;
	mms_frame_read(frame, pfn);
	if (!frame->page)
		return MMS_CLASS_PFNMAP;
	if (class == MMS_CLASS_HUGETLB)
		return class;
	if (level == MMS_PMD && is_huge_zero(walk, entry, addr, frame)) {
		frame->page = NULL;
		return MMS_CLASS_HUGE_ZERO;
	}
	return mms_frame_class_in(&walk->vma, frame);
}

enum mms_class mms_sure_class(const struct mms_vma *vma, u64 entry)
{
	if (vma->flags & (VM_MERGEABLE | VM_PFNMAP | VM_MIXEDMAP))
		return MMS_CLASS_NONE;
	if (vma->anonymous)
		return MMS_CLASS_ANON;
	if (vma->flags & VM_SHARED)
		return vma->shmem ? MMS_CLASS_SHMEM : MMS_CLASS_NONE;
	/* A page of a private file mapping is made writable only by copying it. */
	return (entry & MMS_X86_P) && (entry & MMS_X86_RW) ? MMS_CLASS_ANON : MMS_CLASS_NONE;
}

struct page *mms_section_lookup(struct mms_sections *sections, unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);

	/*
	 * A section that holds no device memory is online as a whole. Memory may be missing in it;
	 * that has struct pages too, and no entry that is counted leads there.
	 */
	if (page && !online_device_section(__pfn_to_section(pfn))) {
		unsigned long nr = pfn_to_section_nr(pfn);

		sections->known[nr % MMS_KNOWN_SECTIONS] = nr;
	}
	return page;
}
