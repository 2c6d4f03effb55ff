// SPDX-License-Identifier: GPL-2.0
/*
 * Pages: records and pages against pagemap and kpageflags.
 */
#include <errno.h>
#include <sys/utsname.h>

#include "views_judge.h"

/* Entries of pagemap or kpageflags read at a time. */
#define BATCH 4096

static int kpageflags = -1, kpagecount = -1;
static unsigned int kernel;

void judge_init(void)
{
	struct utsname name;
	unsigned int major, minor;

	kpageflags = proc_open_kpage("kpageflags");
	kpagecount = proc_open_kpage("kpagecount");
	if (kpageflags < 0 || kpagecount < 0)
		tap_bail("no kpageflags: %s", strerror(errno));
	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		tap_bail("no kernel version");
	kernel = major * 100 + minor;
}

unsigned int judge_kernel(void)
{
	return kernel;
}

u64 judge_frame_flags(u64 pfn)
{
	u64 flags;

	proc_entries(kpageflags, pfn, 1, &flags, KPF_NOPAGE);
	return flags;
}

void judge_frame_counts(u64 pfn, size_t nr, u64 *counts)
{
	proc_entries(kpagecount, pfn, nr, counts, 0);
}

/* Frames are asked about in ascending order, so the head is mostly that of the one before. */
u64 judge_head_flags(u64 pfn, u64 flags)
{
	static u64 last_pfn, last_head;
	u64 at = pfn;

	if ((flags & KPF_COMPOUND_TAIL) && pfn == last_pfn + 1)
		flags = last_head;
	while (flags & KPF_COMPOUND_TAIL)
		flags = judge_frame_flags(--at);
	last_pfn = pfn;
	last_head = flags;
	return flags;
}

static bool read_views(struct subject *s)
{
	if (views_records(s->pid, &s->records) || views_table(s->pid, "pages", &s->pages) ||
	    views_table(s->pid, "vmas", &s->vmas) || views_table(s->pid, "tables", &s->tables))
		return false;
	s->summary = views_read(s->pid, "summary", NULL);
	return s->summary;
}

const char *subject_read(pid_t pid, struct subject *subject)
{
	const char *failed = NULL;

	*subject = (struct subject){ .pid = pid, .pagemap = proc_open_pagemap(pid) };
	if (views_attach(pid))
		failed = "it cannot be attached";
	else if (!read_views(subject))
		failed = "a view cannot be read";
	else if (subject->pagemap < 0 || proc_smaps(pid, &subject->smaps) ||
		 proc_maps(pid, &subject->maps))
		failed = "its /proc files cannot be read";
	if (failed)
		subject_free(subject);
	return failed;
}

void subject_free(struct subject *subject)
{
	views_detach(subject->pid);
	if (subject->pagemap >= 0)
		close(subject->pagemap);
	proc_vmas_free(&subject->smaps);
	proc_vmas_free(&subject->maps);
	views_records_free(&subject->records);
	views_table_free(&subject->pages);
	views_table_free(&subject->vmas);
	views_table_free(&subject->tables);
	free(subject->summary);
	free(subject->swap_extra);
	subject->pagemap = -1;
}

/* First address after a run, cut at the end of its VMA. */
static u64 run_end(const struct subject *s, const struct mms_record *rec)
{
	u64 bytes = views_entry_bytes(&s->records, rec);

	return (rec->addr & ~(bytes - 1)) + rec->nr * bytes;
}

static u64 entry_pfn(const struct subject *s, const struct mms_record *rec)
{
	return mms_entry_pfn(&s->records.header.layout, rec->entry, rec->level,
			     s->records.header.paging_levels);
}

static bool one_frame_for_all(const struct mms_record *rec)
{
	return rec->class == MMS_CLASS_ZERO || rec->class == MMS_CLASS_HUGE_ZERO;
}

/* The frame behind an address of a present run. */
static u64 frame_at(const struct subject *s, const struct mms_record *rec, u64 addr)
{
	u64 bytes = views_entry_bytes(&s->records, rec);
	u64 offset = addr - (rec->addr & ~(bytes - 1));

	if (one_frame_for_all(rec))
		offset %= bytes;
	return entry_pfn(s, rec) + offset / PAGE;
}

void judge_stream(const struct subject *s, struct tap_diffs *diffs)
{
	const struct proc_vma *vma = NULL;
	u64 end = 0;
	size_t i;

	diffs->nr_compared++;
	if (!s->records.complete || s->records.end.entry)
		tap_differs(diffs, "%d: the stream is not whole, end errno %llu", s->pid,
			    s->records.end.entry);
	for (i = 0; i < s->records.nr; i++) {
		const struct mms_record *rec = &s->records.rec[i], *before = rec - 1;
		const struct proc_vma *here = proc_vma_at(&s->maps, rec->addr);

		diffs->nr_compared++;
		if (!here || rec->addr < end || run_end(s, rec) > here->end || !rec->nr)
			tap_differs(diffs, "%d: run at %llx nr %u is outside of a VMA or overlaps",
				    s->pid, rec->addr, rec->nr);
		if (!!(rec->flags & MMS_REC_VMA_START) != (here != vma))
			tap_differs(diffs, "%d: run at %llx: VMA_START is %d", s->pid, rec->addr,
				    !!(rec->flags & MMS_REC_VMA_START));
		if (i && here == vma && rec->addr == end && rec->level == MMS_PTE &&
		    before->level == MMS_PTE && rec->class == MMS_CLASS_ANON &&
		    before->class == MMS_CLASS_ANON && (rec->entry & MMS_X86_P) &&
		    rec->entry == before->entry + before->nr * PAGE)
			tap_differs(diffs, "%d: run at %llx continues the one before", s->pid,
				    rec->addr);
		vma = here;
		end = run_end(s, rec);
	}
}

/*
 * PM_FILE is "a page, and not anonymous". There is no page to it where vm_normal_page() knows
 * none: the zero page, PFN maps, DAX. But a huge entry is looked up with pmd_page(), which finds
 * one behind the huge zero page and behind huge DAX as well: they count as file.
 */
static u64 file_bit(const struct mms_record *rec)
{
	switch (rec->class) {
	case MMS_CLASS_FILE:
	case MMS_CLASS_SHMEM:
	case MMS_CLASS_HUGE_ZERO: return PM_FILE;
	case MMS_CLASS_HUGETLB: return rec->flags & MMS_REC_ANON ? 0 : PM_FILE;
	case MMS_CLASS_DEVMAP: return rec->level > MMS_PTE ? PM_FILE : 0;
	default: return 0;
	}
}

static u64 expect_present(const struct subject *s, const struct mms_record *rec, u64 addr)
{
	const struct mms_layout *layout = &s->records.header.layout;
	u64 expected = PM_PRESENT | frame_at(s, rec, addr) | file_bit(rec);

	if (rec->entry & layout->uffd_wp)
		expected |= PM_UFFD_WP;
	/* pagemap_hugetlb_range() does not look at the entry's soft-dirty bit. */
	if ((rec->entry & layout->soft_dirty) && rec->class != MMS_CLASS_HUGETLB)
		expected |= PM_SOFT_DIRTY;
	return expected;
}

/*
 * Non-present entries: pagemap calls all of them swapped, markers too, with the type and offset
 * they have as swap entries. Not those of hugetlb: of these it tells uffd-wp only.
 */
static u64 expect_nonpresent(const struct subject *s, const struct mms_record *rec, u64 addr,
			     bool hugetlb)
{
	const struct mms_layout *layout = &s->records.header.layout;
	u64 expected = 0, offset = mms_swp_offset(rec->entry), pfn;

	if ((rec->entry & MMS_X86_SWP_UFFD_WP) || rec->class == MMS_CLASS_UFFD_WP_MARKER)
		expected |= PM_UFFD_WP;
	if (hugetlb)
		return expected;
	if (rec->entry & MMS_X86_SWP_SOFT_DIRTY)
		expected |= PM_SOFT_DIRTY;
	if (mms_class_has_pfn(rec->class)) {
		pfn = mms_swp_pfn(layout, rec->entry);
		if (!(judge_head_flags(pfn, judge_frame_flags(pfn)) & KPF_ANON))
			expected |= PM_FILE;
		offset = pfn;
	}
	if (rec->class < MMS_CLASS_UFFD_WP_MARKER)
		offset += (addr - rec->addr) / PAGE;
	return expected | PM_SWAP | mms_swp_type(rec->entry) | offset << PM_SWAP_TYPE_BITS;
}

/* What pagemap should say of an address; @rec is NULL where records has nothing. */
static u64 expect_pagemap(const struct subject *s, const struct proc_vma *vma,
			  const struct mms_record *rec, u64 addr)
{
	/* A VMA made after soft-dirty was last cleared makes all of its pages soft-dirty. */
	u64 expected = proc_vma_flag(vma, "sd") ? PM_SOFT_DIRTY : 0;

	/* pagemap does not look into PFN maps (walk_page_test()): what they hold is in records only. */
	if (!rec || proc_vma_flag(vma, "pf"))
		return expected;
	if (mms_entry_present(rec->entry, rec->level))
		return expected | expect_present(s, rec, addr);
	return expected | expect_nonpresent(s, rec, addr, proc_vma_flag(vma, "ht"));
}

/* One VMA; @rec is the first run not below it. Return: the first not below its end. */
static const struct mms_record *judge_vma(const struct subject *s, const struct proc_vma *vma,
					  const struct mms_record *rec, struct tap_diffs *diffs)
{
	const struct mms_record *last = s->records.rec + s->records.nr;
	static u64 entries[BATCH];
	u64 addr, nr = 0, i = 0;

	for (addr = vma->start; addr < vma->end; addr += PAGE, i++) {
		u64 expected, got;

		if (i == nr) {
			nr = (vma->end - addr) / PAGE;
			nr = nr < BATCH ? nr : BATCH;
			proc_entries(s->pagemap, addr / PAGE, nr, entries, 0);
			i = 0;
		}
		while (rec < last && run_end(s, rec) <= addr)
			rec++;
		expected = expect_pagemap(s, vma, rec < last && rec->addr <= addr ? rec : NULL,
					  addr);
		/* PM_EXCLUSIVE is about mappings, which are in vmas, not in records. */
		got = entries[i] & ~PM_EXCLUSIVE;
		diffs->nr_compared++;
		if (got != expected)
			tap_differs(diffs, "%d: %llx (%s): records %016llx, pagemap %016llx", s->pid, addr, vma->name, expected, got);
	}
	return rec;
}

void judge_pagemap(const struct subject *s, struct tap_diffs *diffs)
{
	const struct mms_record *rec = s->records.rec;
	size_t i;

	for (i = 0; i < s->smaps.nr; i++)
		rec = judge_vma(s, &s->smaps.vma[i], rec, diffs);
}

/*
 * 6.12's stable_page_flags() tests for any bit of PAGE_MAPPING_KSM, which includes that of
 * anonymous pages, so that all of these count as KSM. Where a page that is surely not merged does,
 * anonymous and KSM cannot be told apart by kpageflags; smaps tells how many there are.
 */
static bool ksm_is_anon(void)
{
	static int known = -1;
	static char page[2 * PAGE];
	u64 entry;

	if (known >= 0)
		return known;
	page[PAGE] = 1;
	entry = proc_pagemap(getpid(), page + PAGE);
	known = !!(judge_frame_flags(entry & PM_FRAME) & KPF_KSM);
	return known;
}

/* What kpageflags says of a frame, as a class; @class: what the record says. */
static enum mms_class class_by_flags(u64 flags, u64 head, enum mms_class class)
{
	if (flags & KPF_ZERO_PAGE)
		return flags & KPF_THP ? MMS_CLASS_HUGE_ZERO : MMS_CLASS_ZERO;
	if (flags & KPF_HUGE)
		return MMS_CLASS_HUGETLB;
	if ((head & (KPF_KSM | KPF_ANON)) == (KPF_KSM | KPF_ANON) && ksm_is_anon())
		return class == MMS_CLASS_KSM ? MMS_CLASS_KSM : MMS_CLASS_ANON;
	if (head & KPF_KSM)
		return MMS_CLASS_KSM;
	if (head & KPF_ANON)
		return MMS_CLASS_ANON;
	return head & KPF_SWAPBACKED ? MMS_CLASS_SHMEM : MMS_CLASS_FILE;
}

static void judge_frame(const struct subject *s, const struct mms_record *rec, u64 pfn, u64 flags,
			struct tap_diffs *diffs)
{
	u64 head = judge_head_flags(pfn, flags);
	enum mms_class class = class_by_flags(flags, head, rec->class);
	bool huge = rec->level > MMS_PTE;

	diffs->nr_compared++;
	/* A frame without reference counting may be of any kind: its class is the VMA's doing. */
	if (rec->class == MMS_CLASS_PFNMAP || rec->class == MMS_CLASS_DEVMAP)
		return;
	if (class != rec->class)
		tap_differs(diffs, "%d: %llx pfn %llx is %s, kpageflags %llx says %s",
			    s->pid, rec->addr, pfn, mms_class_name(rec->class), flags,
			    mms_class_name(class));
	if (huge && !(flags & (KPF_THP | KPF_HUGE)))
		tap_differs(diffs, "%d: %llx pfn %llx is mapped huge, kpageflags %llx",
			    s->pid, rec->addr, pfn, flags);
	if (!!(rec->flags & MMS_REC_ANON) != !!(head & KPF_ANON))
		tap_differs(diffs, "%d: %llx pfn %llx ANON is %d, kpageflags %llx",
			    s->pid, rec->addr, pfn, !!(rec->flags & MMS_REC_ANON), head);
}

/* A run of present entries: each frame, in batches. */
static void judge_frames(const struct subject *s, const struct mms_record *rec,
			 struct tap_diffs *diffs)
{
	u64 nr = (run_end(s, rec) - rec->addr) / PAGE, pfn = frame_at(s, rec, rec->addr), i, at;
	static u64 flags[BATCH];

	if (one_frame_for_all(rec))
		nr = views_entry_bytes(&s->records, rec) / PAGE;
	for (i = 0; i < nr; i++) {
		at = i % BATCH;
		if (!at)
			proc_entries(kpageflags, pfn + i, nr - i < BATCH ? nr - i : BATCH, flags,
				     KPF_NOPAGE);
		judge_frame(s, rec, pfn + i, flags[at], diffs);
	}
}

void judge_kpageflags(const struct subject *s, struct tap_diffs *diffs)
{
	const struct mms_layout *layout = &s->records.header.layout;
	size_t i;

	for (i = 0; i < s->records.nr; i++) {
		const struct mms_record *rec = &s->records.rec[i];

		if (mms_entry_present(rec->entry, rec->level)) {
			judge_frames(s, rec, diffs);
		} else if (rec->class == MMS_CLASS_HWPOISON) {
			u64 pfn = mms_swp_pfn(layout, rec->entry);

			diffs->nr_compared++;
			if (!(judge_frame_flags(pfn) & KPF_HWPOISON))
				tap_differs(diffs, "%d: pfn %llx is not poisoned", s->pid,
					    pfn);
		}
	}
}
