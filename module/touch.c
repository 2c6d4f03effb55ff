// SPDX-License-Identifier: GPL-2.0
/*
 * What the next touch would do: see touch.h. Follows do_user_addr_fault(), access_error(),
 * handle_pte_fault(), do_wp_page() and do_huge_pmd_wp_page() of 6.1 and 6.12. Pure C.
 */
#include "touch.h"

const char *mms_touch_name(unsigned int touch)
{
	static const char *const names[MMS_NR_TOUCHES] = {
		[MMS_TOUCH_HIT] = "hit",
		[MMS_TOUCH_ZERO_PAGE] = "zero-page",
		[MMS_TOUCH_NEW_PAGE] = "new-page",
		[MMS_TOUCH_FILE_CACHED] = "file-cached",
		[MMS_TOUCH_FILE_READ] = "file-read",
		[MMS_TOUCH_FILE_COPY] = "file-copy",
		[MMS_TOUCH_COPY] = "cow-copy",
		[MMS_TOUCH_REUSE] = "cow-reuse",
		[MMS_TOUCH_SPLIT_COPY] = "cow-split-copy",
		[MMS_TOUCH_MKWRITE] = "make-writable",
		[MMS_TOUCH_SWAP_IN] = "swap-in",
		[MMS_TOUCH_NUMA_HINT] = "numa-hint",
		[MMS_TOUCH_MIGRATION] = "wait-for-migration",
		[MMS_TOUCH_DEVICE] = "from-device",
		[MMS_TOUCH_OWNER] = "mapping-owner",
		[MMS_TOUCH_USERFAULT] = "userfaultfd",
		[MMS_TOUCH_GROW_STACK] = "grow-stack",
		[MMS_TOUCH_SEGV_MAPERR] = "SIGSEGV:MAPERR",
		[MMS_TOUCH_SEGV_ACCERR] = "SIGSEGV:ACCERR",
		[MMS_TOUCH_SEGV_GP] = "SIGSEGV:GP",
		[MMS_TOUCH_BUS_EOF] = "SIGBUS:EOF",
		[MMS_TOUCH_BUS_POISON] = "SIGBUS:HWPOISON",
		[MMS_TOUCH_VSYSCALL] = "vsyscall",
	};

	return touch < MMS_NR_TOUCHES ? names[touch] : "?";
}

/* access_error() */
static bool permitted(const struct mms_place *place, enum mms_access access)
{
	switch (access) {
	case MMS_WRITE:
		/* Ordinary stores to a shadow stack are errors (6.6). */
		return place->writable && !place->shadow_stack;
	case MMS_EXEC:
		return place->executable;
	default:
		return place->readable || place->writable || place->executable;
	}
}

/* do_fault(), do_anonymous_page(), hugetlb_no_page(): nothing is mapped yet. */
static enum mms_touch touch_none(const struct mms_place *place, enum mms_access access)
{
	bool copy = access == MMS_WRITE && !place->shared;

	if (!place->anonymous && !place->file)
		return MMS_TOUCH_OWNER;
	if (place->beyond_eof)
		return MMS_TOUCH_BUS_EOF;
	if (place->cached ? place->uffd_minor : place->uffd_missing)
		return MMS_TOUCH_USERFAULT;
	if (place->anonymous)
		return access == MMS_WRITE ? MMS_TOUCH_NEW_PAGE : MMS_TOUCH_ZERO_PAGE;
	if (place->swapped)
		return MMS_TOUCH_SWAP_IN;
	if (place->cached)
		return copy ? MMS_TOUCH_FILE_COPY : MMS_TOUCH_FILE_CACHED;
	if (place->hugetlb)
		return MMS_TOUCH_NEW_PAGE;
	if (place->shmem)
		return copy ? MMS_TOUCH_FILE_COPY : MMS_TOUCH_NEW_PAGE;
	return MMS_TOUCH_FILE_READ;
}

static enum mms_touch touch_nonpresent(const struct mms_place *place, enum mms_access access)
{
	switch (place->class) {
	case MMS_CLASS_SWAP: return MMS_TOUCH_SWAP_IN;
	case MMS_CLASS_MIGRATION: return MMS_TOUCH_MIGRATION;
	case MMS_CLASS_DEVICE_PRIVATE:
	case MMS_CLASS_DEVICE_EXCLUSIVE: return MMS_TOUCH_DEVICE;
	case MMS_CLASS_GUARD_MARKER: return MMS_TOUCH_SEGV_MAPERR;
	case MMS_CLASS_UFFD_WP_MARKER:
		return access == MMS_WRITE ? MMS_TOUCH_USERFAULT : touch_none(place, access);
	default: return MMS_TOUCH_BUS_POISON;
	}
}

/* do_wp_page(), do_huge_pmd_wp_page(), hugetlb_wp(): a write to a read-only entry. */
static enum mms_touch touch_protected(const struct mms_place *place)
{
	if (place->wp_entry)
		return MMS_TOUCH_USERFAULT;
	if (place->shared)
		return MMS_TOUCH_MKWRITE;
	if ((place->class == MMS_CLASS_ANON || place->class == MMS_CLASS_HUGETLB) &&
	    place->exclusive)
		return MMS_TOUCH_REUSE;
	if (place->level == MMS_PMD && !place->hugetlb)
		return MMS_TOUCH_SPLIT_COPY;
	return MMS_TOUCH_COPY;
}

enum mms_touch mms_touch(const struct mms_place *place, enum mms_access access)
{
	if (!place->canonical)
		return MMS_TOUCH_SEGV_GP;
	if (place->kernel)
		return place->vsyscall ? MMS_TOUCH_VSYSCALL : MMS_TOUCH_SEGV_MAPERR;
	if (!place->vma)
		return place->below_stack ? MMS_TOUCH_GROW_STACK : MMS_TOUCH_SEGV_MAPERR;
	if (!permitted(place, access))
		return MMS_TOUCH_SEGV_ACCERR;
	if (place->class == MMS_CLASS_NONE)
		return touch_none(place, access);
	if (!mms_entry_present(place->entry, place->level))
		return touch_nonpresent(place, access);
	if (mms_entry_protnone(place->entry))
		return MMS_TOUCH_NUMA_HINT;
	if (access == MMS_WRITE && !(place->entry & MMS_X86_RW))
		return touch_protected(place);
	return MMS_TOUCH_HIT;
}
