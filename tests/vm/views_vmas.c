// SPDX-License-Identifier: GPL-2.0
/*
 * VMAs: vmas against maps, smaps and numa_maps.
 */

#include "views_judge.h"

static void compare_u64(const struct subject *s, const struct proc_vma *vma, const char *what,
			u64 got, u64 expected, struct tap_diffs *diffs)
{
	diffs->nr_compared++;
	if (got != expected)
		tap_differs(diffs, "%d: %llx-%llx %s (%s): %s expected %llu, got %llu", s->pid, vma->start, vma->end, vma->perm, vma->name,
			    what, expected, got);
}

static void compare_str(const struct subject *s, const struct proc_vma *vma, const char *what,
			const char *got, const char *expected, struct tap_diffs *diffs)
{
	diffs->nr_compared++;
	if (strcmp(got, expected))
		tap_differs(diffs, "%d: %llx-%llx: %s expected \"%s\", got \"%s\"",
			    s->pid, vma->start, vma->end, what, expected, got);
}

static void judge_map(const struct subject *s, size_t row, const struct proc_vma *vma,
		      struct tap_diffs *diffs)
{
	char dev[32];

	snprintf(dev, sizeof(dev), "%02x:%02x", vma->major, vma->minor);
	compare_u64(s, vma, "start", views_hex(&s->vmas, row, "start"), vma->start, diffs);
	compare_u64(s, vma, "end", views_hex(&s->vmas, row, "end"), vma->end, diffs);
	compare_u64(s, vma, "offset", views_hex(&s->vmas, row, "offset"), vma->offset, diffs);
	compare_u64(s, vma, "inode", views_u64(&s->vmas, row, "inode"), vma->inode, diffs);
	compare_str(s, vma, "perm", views_field(&s->vmas, row, "perm"), vma->perm, diffs);
	compare_str(s, vma, "dev", views_field(&s->vmas, row, "dev"), dev, diffs);
	compare_str(s, vma, "state", views_field(&s->vmas, row, "state"), "ok", diffs);
	/* maps leaves a nameless VMA's name out, vmas has a field for it all the same. */
	compare_str(s, vma, "name", views_field(&s->vmas, row, "name"),
		    *vma->name ? vma->name : "-", diffs);
}

void judge_maps(const struct subject *s, struct tap_diffs *diffs)
{
	size_t nr = s->maps.nr, row;

	diffs->nr_compared++;
	if (s->vmas.nr != nr || views_cost(&s->vmas, "changed") || !s->records.complete)
		tap_differs(diffs, "%d: maps has %zu VMAs, vmas %zu, changed %llu", s->pid, nr,
			    s->vmas.nr, views_cost(&s->vmas, "changed"));
	for (row = 0; row < s->vmas.nr && row < nr; row++)
		judge_map(s, row, &s->maps.vma[row], diffs);
}

/**
 * struct apart - what smaps counts of a VMA and vmas does not, in kB; negative the other way round
 * @giant: the VMA has hugetlb pages that PUD entries map,
 * @giant_shared: of which so much is mapped more than once
 */
struct apart {
	long long rss, anon, referenced, private, shared, thp_anon, huge_private, huge_shared;
	bool giant;
	u64 giant_shared;
};

/*
 * Entries that say hwpoison: their frames are broken and mapped no more, the kernel's own RSS
 * counters exclude them and so does vmas. smaps counts them as resident (pfn_swap_entry_to_page()),
 * and by what is left in their struct page; as private before 6.2, since then everything that is
 * not present counts as shared (smaps_account(), smaps_hugetlb_range()).
 */
static void add_poison(const struct subject *s, const struct mms_record *rec, bool hugetlb,
		       struct apart *apart)
{
	long long kb = rec->nr * views_entry_bytes(&s->records, rec) / 1024;
	bool as_shared = judge_kernel() >= 602;
	u64 pfn, flags;

	if (hugetlb) {
		apart->huge_private += as_shared ? 0 : kb;
		apart->huge_shared += as_shared ? kb : 0;
		return;
	}
	pfn = mms_swp_pfn(&s->records.header.layout, rec->entry);
	flags = judge_head_flags(pfn, judge_frame_flags(pfn));
	apart->rss += kb;
	apart->anon += flags & KPF_ANON ? kb : 0;
	apart->referenced += flags & KPF_REFERENCED ? kb : 0;
	apart->private += as_shared ? 0 : kb;
	apart->shared += as_shared ? kb : 0;
}

/*
 * Anonymous huge pages that may not be accessed: smaps of 6.1 to 6.4 does not count them, because
 * follow_trans_huge_pmd() does not follow their entries (gup_can_follow_protnone()). Small pages
 * it counts, and so do status and vmas.
 */
static void leave_out_protnone(const struct subject *s, const struct mms_record *rec,
			       struct apart *apart)
{
	u64 pfn = mms_entry_pfn(&s->records.header.layout, rec->entry, rec->level,
				s->records.header.paging_levels);
	u64 counts[512], i, page;

	for (i = 0; i < rec->nr; i++, pfn += 512) {
		judge_frame_counts(pfn, 512, counts);
		for (page = 0; page < 512; page++) {
			apart->shared -= counts[page] > 1 ? 4 : 0;
			apart->private -= counts[page] > 1 ? 0 : 4;
		}
		apart->rss -= 2048;
		apart->anon -= 2048;
		apart->thp_anon -= 2048;
		if ((rec->entry & MMS_X86_A) || (judge_frame_flags(pfn) & KPF_REFERENCED))
			apart->referenced -= 2048;
	}
}

/*
 * Hugetlb pages of 1 GiB: smaps takes some as shared that are not (smaps_hugetlb_range() asks
 * hugetlb_pmd_shared(), whose count a PUD table leaves as it was in the page before).
 */
static void add_giant(const struct subject *s, const struct mms_record *rec, struct apart *apart)
{
	u64 pfn = mms_entry_pfn(&s->records.header.layout, rec->entry, rec->level,
				s->records.header.paging_levels);
	u64 count, i;

	apart->giant = true;
	for (i = 0; i < rec->nr; i++, pfn += GIB / PAGE) {
		judge_frame_counts(pfn, 1, &count);
		apart->giant_shared += count > 1 ? GIB / 1024 : 0;
	}
}

static struct apart find_apart(const struct subject *s, const struct proc_vma *vma)
{
	bool hugetlb = proc_vma_flag(vma, "ht"), misses_protnone;
	struct apart apart = {};
	size_t i;

	misses_protnone = judge_kernel() >= 601 && judge_kernel() <= 604 && !hugetlb;
	for (i = 0; i < s->records.nr; i++) {
		const struct mms_record *rec = &s->records.rec[i];

		if (rec->addr < vma->start || rec->addr >= vma->end)
			continue;
		if (rec->class == MMS_CLASS_HWPOISON)
			add_poison(s, rec, hugetlb, &apart);
		else if (misses_protnone && rec->level == MMS_PMD &&
			 rec->class == MMS_CLASS_ANON && mms_entry_protnone(rec->entry))
			leave_out_protnone(s, rec, &apart);
		else if (hugetlb && rec->level == MMS_PUD && rec->class == MMS_CLASS_HUGETLB)
			add_giant(s, rec, &apart);
	}
	return apart;
}

/* A column of vmas, and what smaps counts apart, against smaps. */
static void compare_smaps(const struct subject *s, size_t row, const char *column, long long apart,
			  u64 expected, struct tap_diffs *diffs)
{
	compare_u64(s, &s->smaps.vma[row], column, views_u64(&s->vmas, row, column) + apart,
		    expected, diffs);
}

static void judge_resident(const struct subject *s, size_t row, const struct apart *apart,
			   struct tap_diffs *diffs)
{
	const u64 *kb = s->smaps.vma[row].kb;
	u64 huge_shared = kb[SMAPS_SHARED_HUGETLB];

	if (apart->giant && apart->giant_shared < huge_shared)
		huge_shared = apart->giant_shared;
	compare_smaps(s, row, "rss", apart->rss, kb[SMAPS_RSS], diffs);
	compare_smaps(s, row, "anon", apart->anon, kb[SMAPS_ANONYMOUS], diffs);
	compare_smaps(s, row, "referenced", apart->referenced, kb[SMAPS_REFERENCED], diffs);
	compare_smaps(s, row, "thp_anon", apart->thp_anon, kb[SMAPS_ANON_HUGE], diffs);
	compare_smaps(s, row, "thp_shmem", 0, kb[SMAPS_SHMEM_PMD], diffs);
	compare_smaps(s, row, "thp_file", 0, kb[SMAPS_FILE_PMD], diffs);
	compare_smaps(s, row, "private", apart->private,
		      kb[SMAPS_PRIVATE_CLEAN] + kb[SMAPS_PRIVATE_DIRTY], diffs);
	compare_smaps(s, row, "shared", apart->shared,
		      kb[SMAPS_SHARED_CLEAN] + kb[SMAPS_SHARED_DIRTY], diffs);
	compare_smaps(s, row, "hugetlb_shared", apart->huge_shared, huge_shared, diffs);
	compare_smaps(s, row, "hugetlb", apart->huge_private + apart->huge_shared,
		      kb[SMAPS_SHARED_HUGETLB] + kb[SMAPS_PRIVATE_HUGETLB], diffs);
	if (kb[SMAPS_KSM] != SMAPS_ABSENT)
		compare_smaps(s, row, "ksm", 0, kb[SMAPS_KSM], diffs);
}

static void judge_smap(const struct subject *s, size_t row, const struct proc_vma *vma,
		       struct tap_diffs *diffs)
{
	const struct apart apart = find_apart(s, vma);
	u64 swap_extra = s->swap_extra ? s->swap_extra[row] * 4 : 0;

	compare_smaps(s, row, "size", 0, vma->kb[SMAPS_SIZE], diffs);
	/*
	 * Swap of a shmem object counts the object's pages that are in swap: vmas has those that
	 * the page tables do not show under shmem_swap.
	 */
	compare_smaps(s, row, "swap", views_u64(&s->vmas, row, "shmem_swap") + swap_extra,
		      vma->kb[SMAPS_SWAP], diffs);
	/*
	 * Before 6.2 smaps does not look into PFN maps (walk_page_vma() asked walk_page_test()).
	 * vmas does: a private one may hold copies, anonymous pages like any other.
	 */
	if (proc_vma_flag(vma, "pf") && judge_kernel() < 602)
		compare_u64(s, vma, "rss of a PFN map in smaps", 0, vma->kb[SMAPS_RSS], diffs);
	else
		judge_resident(s, row, &apart, diffs);
}

void judge_smaps(const struct subject *s, struct tap_diffs *diffs)
{
	size_t row;

	for (row = 0; row < s->vmas.nr && row < s->smaps.nr; row++)
		judge_smap(s, row, &s->smaps.vma[row], diffs);
}

/* Pages by node as numa_maps has them: " N0=12 N1=3", in pages of @unit. */
static u64 numa_pages(const char *line, unsigned int node, u64 unit)
{
	char key[16];
	const char *at;

	snprintf(key, sizeof(key), " N%u=", node);
	at = strstr(line, key);
	return at ? strtoull(at + strlen(key), NULL, 10) * unit : 0;
}

static u64 numa_unit(const char *line)
{
	const char *at = strstr(line, "kernelpagesize_kB=");

	return at ? strtoull(at + strlen("kernelpagesize_kB="), NULL, 10) / 4 : 1;
}

/* "0:128,1:4" in kB: pages of one node. */
static u64 our_pages(const char *nodes, unsigned int node)
{
	const char *at = nodes;

	while (at && *at != '-') {
		if (strtoul(at, NULL, 10) == node)
			return strtoull(strchr(at, ':') + 1, NULL, 10) / 4;
		at = strchr(at, ',');
		at = at ? at + 1 : NULL;
	}
	return 0;
}

/*
 * numa_maps leaves out reserved frames, such as those of the vdso in the kernel's image, and counts
 * THPs in small pages but hugetlb in its own. On any one node nothing else may differ.
 */
static void judge_numa_line(const struct subject *s, size_t row, const struct proc_vma *vma,
			    const char *line, struct tap_diffs *diffs)
{
	u64 unit = proc_vma_flag(vma, "ht") ? numa_unit(line) : 1;
	const char *nodes = views_field(&s->vmas, row, "nodes");
	bool reserved = !strcmp(views_field(&s->vmas, row, "kind"), "vdso");
	unsigned int node;

	if (proc_vma_flag(vma, "pf"))
		return;
	for (node = 0; node < 4; node++) {
		u64 got = our_pages(nodes, node), expected = numa_pages(line, node, unit);

		if (reserved && got > expected)
			expected = got;
		compare_u64(s, vma, "pages of a node", got, expected, diffs);
	}
}

void judge_numa(const struct subject *s, struct tap_diffs *diffs)
{
	char path[64], *text, *line, *next;
	size_t row = 0;

	snprintf(path, sizeof(path), "/proc/%d/numa_maps", s->pid);
	text = proc_read_file(path, NULL);
	for (line = text; line && *line && row < s->smaps.nr; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		/* numa_maps has one line for each VMA but for those without memory policy. */
		while (row < s->smaps.nr && s->smaps.vma[row].start != strtoull(line, NULL, 16))
			row++;
		if (row < s->smaps.nr && row < s->vmas.nr)
			judge_numa_line(s, row, &s->smaps.vma[row], line, diffs);
	}
	free(text);
}
