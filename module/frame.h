/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Racy looks at struct page: what a frame is used for, how often it is mapped. No reference is
 * held: the entry that led here may be gone and the frame in other hands, so every field is read
 * once, with accessors that never check, and what is derived is a reading, not a promise.
 * Memory being taken offline during the same hold of mmap_lock is not guarded against, nor is it in
 * the kernel's own readers of frames (get_online_mems() is not exported).
 */
#ifndef MMS_FRAME_H
#define MMS_FRAME_H

#include <linux/memory_hotplug.h>
#include <linux/mm.h>

#include "compat.h"
#include "walk.h"

/**
 * struct mms_frame - one look at the struct page of a frame
 * @page: of the frame itself, or NULL: none, or not managed by the page allocator
 * @head: of the folio
 * @flags: of the folio
 * @mapping: of the folio, with its low bits (MMS_MAPPING_ANON and so on)
 */
struct mms_frame {
	struct page *page;
	struct page *head;
	unsigned long flags;
	unsigned long mapping;
};

/* pfn_to_online_page(), remembering that it was found. */
struct page *mms_section_lookup(struct mms_sections *sections, unsigned long pfn);

/* Whether mms_section_lookup() need not be asked: @pfn has a struct page. */
static inline bool mms_section_known(const struct mms_sections *sections, unsigned long pfn)
{
	unsigned long nr = pfn_to_section_nr(pfn);

	return sections->known[nr % MMS_KNOWN_SECTIONS] == nr;
}

static inline void mms_frame_read(struct mms_frame *frame, unsigned long pfn)
{
	frame->page = pfn_to_online_page(pfn);
	if (!frame->page)
		return;
	frame->head = compound_head(frame->page);
	frame->flags = mms_page_flags(frame->head);
	frame->mapping = (unsigned long)READ_ONCE(frame->head->mapping);
}

static inline bool mms_frame_anon(const struct mms_frame *frame)
{
	return frame->mapping & MMS_MAPPING_ANON;
}

static inline bool mms_frame_ksm(const struct mms_frame *frame)
{
	return (frame->mapping & MMS_MAPPING_FLAGS) == MMS_MAPPING_KSM;
}

/* The flags by which a page counts as Referenced in smaps, the entry's accessed bit aside. */
static inline unsigned long mms_flags_referenced(void)
{
	return BIT(PG_referenced) | mms_flags_young();
}

static inline bool mms_frame_referenced(const struct mms_frame *frame)
{
	return frame->flags & mms_flags_referenced();
}

/* Class of a frame that is mapped with reference counting. */
static inline enum mms_class mms_frame_class(const struct mms_frame *frame)
{
	if (mms_frame_anon(frame))
		return mms_frame_ksm(frame) ? MMS_CLASS_KSM : MMS_CLASS_ANON;
	return test_bit(PG_swapbacked, &frame->flags) ? MMS_CLASS_SHMEM : MMS_CLASS_FILE;
}

/* The same, of a frame that an entry of this VMA led to. */
static inline enum mms_class mms_frame_class_in(const struct mms_vma *vma,
						const struct mms_frame *frame)
{
	/* Whatever has become of the frame since: here its page was anonymous. */
	if (vma->anonymous && !(vma->flags & VM_MIXEDMAP))
		return mms_frame_ksm(frame) ? MMS_CLASS_KSM : MMS_CLASS_ANON;
	return mms_frame_class(frame);
}

/**
 * mms_leaf_class() - class of any leaf entry, from its frame
 * @walk: the walk that is in the entry's VMA
 * @entry: the raw entry, not a table
 * @level: the level of its table
 * @addr: an address it maps
 * @frame: receives the look at its frame; @frame->page is NULL for classes without one
 *
 * Follows vm_normal_page() and vm_normal_page_pmd(). Needs mmap_lock.
 */
enum mms_class mms_leaf_class(struct mms_walk *walk, u64 entry, enum mms_level level,
			      unsigned long addr, struct mms_frame *frame);

/* Whether an entry is present, small, and leads to a frame with reference counting. */
static inline bool mms_entry_counted(const struct mms_vma *vma, u64 entry, enum mms_level level)
{
	return level == MMS_PTE && mms_entry_present(entry, level) && !vma->hugetlb &&
	       !(entry & (mms_layout.special | mms_layout.devmap));
}

/**
 * mms_sure_class() - class of an entry that can be told without a look at its frame
 * @vma: the VMA
 * @entry: an entry for which mms_entry_counted() holds
 *
 * An anonymous VMA holds anonymous pages and a shared one its object's; only a read-only entry of
 * a private file mapping can be either, and only where KSM may merge is it needed to see whether
 * it did.
 *
 * Return: the class, or MMS_CLASS_NONE: it cannot be told.
 */
enum mms_class mms_sure_class(const struct mms_vma *vma, u64 entry);

#endif /* MMS_FRAME_H */
