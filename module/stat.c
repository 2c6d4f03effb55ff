// SPDX-License-Identifier: GPL-2.0
/*
 * Counts over leaf entries and their frames. Knows neither the walk's locks nor any view's layout.
 */
#include <linux/kernel.h>
#include <linux/seq_file.h>
#include <linux/shmem_fs.h>
#include <linux/xarray.h>

#include "frame.h"
#include "stat.h"
#include "text.h"

static void add_node(struct mms_nodes *nodes, unsigned int id, u64 nr)
{
	unsigned int i;

	for (i = 0; i < nodes->nr; i++) {
		if (nodes->id[i] == id) {
			nodes->pages[i] += nr;
			return;
		}
	}
	if (nodes->nr == MMS_MAX_NODES) {
		nodes->other += nr;
		return;
	}
	nodes->id[nodes->nr] = id;
	nodes->pages[nodes->nr++] = nr;
}

/*
 * Upper estimates of instructions: of entries that mean the same, of a small page among them, of
 * pages that are counted alike, of an entry by itself, of a look at one page of a huge one.
 */
#define STRETCH_COST 150
#define SMALL_COST 60
#define ALIKE_COST 60
#define ENTRY_COST 350
#define PART_COST 8

/* Pages of a folio, from the frame's on, that are mapped more than once. */
static u64 count_shared(struct mms_walk *walk, const struct mms_frame *frame, u64 nr)
{
	bool anon = mms_frame_anon(frame);
	int whole = mms_whole_mapcount(frame->head, frame->flags, anon);
	u64 i, shared = 0;

	if (whole > 1)
		return nr;
	/* One reference, one mapping; see smaps_account(). */
	if (nr > 1 && (page_ref_count(frame->head) == 1 ||
		       mms_only_whole_mapped(frame->head, anon)))
		return 0;
	for (i = 0; i < nr; i++)
		shared += mms_own_mapcount(frame->page + i) + whole > 1;
	walk->spent += nr * PART_COST;
	return shared;
}

/* A page or huge page the kernel counts in its RSS counters. */
static void count_rss(struct mms_stat *stat, struct mms_walk *walk, enum mms_class class,
		      enum mms_level level, u64 entry, u64 nr, const struct mms_frame *frame)
{
	stat->v[MMS_STAT_SHARED] += count_shared(walk, frame, nr);
	if ((entry & MMS_X86_A) || mms_frame_referenced(frame))
		stat->v[MMS_STAT_REFERENCED] += nr;
	if (level == MMS_PTE)
		return;
	if (class == MMS_CLASS_SHMEM)
		stat->v[MMS_STAT_HUGE_SHMEM] += nr;
	else if (class == MMS_CLASS_FILE)
		stat->v[MMS_STAT_HUGE_FILE] += nr;
	else
		stat->v[MMS_STAT_HUGE_ANON] += nr;
}

/* Instructions per entry of a shmem object looked at. */
#define SHMEM_ENTRY_COST 60

/*
 * Pages of a shmem VMA without an entry may be swapped out: the object remembers where, the page
 * tables do not. Counts those in [@addr, @end); as shmem_partial_swap_usage().
 */
static void count_shmem_swap(struct mms_stat *stat, struct mms_walk *walk, unsigned long addr,
			     unsigned long end)
{
	unsigned long first = walk->vma.pgoff + ((addr - walk->vma.start) >> PAGE_SHIFT);
	unsigned long last = first + ((end - addr) >> PAGE_SHIFT) - 1;
	XA_STATE(xas, &walk->vma.file->f_mapping->i_pages, first);
	unsigned long next = first;
	void *entry;

	walk->spent += SHMEM_ENTRY_COST;
	rcu_read_lock();
	xas_for_each(&xas, entry, last) {
		unsigned long from, to;

		walk->spent += SHMEM_ENTRY_COST;
		if (xas_retry(&xas, entry) || !xa_is_value(entry))
			continue;
		from = xas.xa_index & ~((1UL << mms_xas_order(&xas)) - 1);
		to = min(from + (1UL << mms_xas_order(&xas)) - 1, last);
		/* An entry may be split or merged meanwhile: no page is counted twice. */
		if (to < next)
			continue;
		stat->v[MMS_STAT_SHMEM_SWAP] += to - max(from, next) + 1;
		next = to + 1;
	}
	rcu_read_unlock();
}

void mms_stat_vma(struct mms_walk *walk, struct vm_area_struct *vma)
{
	/* Spans short enough for count_shmem_swap() to stay within the budget. */
	if (walk->vma.shmem && READ_ONCE(SHMEM_I(file_inode(vma->vm_file))->swapped))
		walk->span_limit = PMD_SIZE;
}

static void count_present(struct mms_stat *stat, struct mms_walk *walk, enum mms_class class,
			  const struct mms_span *span, u64 entry, u64 nr,
			  const struct mms_frame *frame)
{
	mms_attrs_add(&stat->v[MMS_STAT_ATTR], &mms_layout, entry, nr);
	if (span->level == MMS_PMD)
		stat->v[MMS_STAT_PMD] += nr;
	else if (span->level == MMS_PUD)
		stat->v[MMS_STAT_PUD] += nr;

	/* The zero pages are nobody's: one frame behind many pages. */
	if (class == MMS_CLASS_ZERO || class == MMS_CLASS_HUGE_ZERO || class == MMS_CLASS_BAD) {
		mms_contig_break(&stat->contig);
		return;
	}
	mms_contig_add(&stat->contig,
		       mms_entry_pfn(&mms_layout, entry, span->level, walk->nr_levels), nr);
	if (!frame->page)
		return;
	add_node(&stat->nodes, page_to_nid(frame->page), nr);
	if (mms_class_rss(class))
		count_rss(stat, walk, class, span->level, entry, nr, frame);
	else if (span->shared_table || mms_whole_mapcount(frame->head, frame->flags, true) > 1)
		stat->v[MMS_STAT_HUGETLB_SHARED] += nr;
}

/* One entry by itself: @addr up to @end. */
static void count_entry(struct mms_stat *stat, struct mms_walk *walk, const struct mms_span *span,
			unsigned int i)
{
	unsigned long addr = mms_span_addr(span, i);
	u64 nr = (mms_span_addr(span, i + 1) - addr) >> MMS_PAGE_SHIFT;
	u64 entry = span->entries[i];
	struct mms_frame frame;
	enum mms_class class = mms_leaf_class(walk, entry, span->level, addr, &frame);

	walk->spent += ENTRY_COST;
	stat->v[MMS_STAT_CLASS + class] += nr;
	/* A page table is set aside for the day this huge page is split. */
	if (span->level == MMS_PMD && walk->vma.anonymous)
		stat->v[MMS_STAT_TABLES]++;
	if (mms_entry_present(entry, span->level))
		count_present(stat, walk, class, span, entry, nr, &frame);
	else
		mms_contig_break(&stat->contig);
}

/* Empty entries from @addr up to @end. */
static void count_none(struct mms_stat *stat, struct mms_walk *walk, unsigned long addr,
		       unsigned long end)
{
	stat->v[MMS_STAT_CLASS + MMS_CLASS_NONE] += (end - addr) >> MMS_PAGE_SHIFT;
	mms_contig_break(&stat->contig);
	if (walk->span_limit == PMD_SIZE)
		count_shmem_swap(stat, walk, addr, end);
}

/*
 * Neighbouring small pages that are counted alike, because certain bits of their folios are equal:
 * what these mean is found out once for all of them. Of a large folio only its own pages are alike.
 */
struct alike {
	unsigned long mask;	/* page flags that matter */
	unsigned long expected;	/* those of a folio of one page that is alike; ~0: none is */
	unsigned long tail;	/* compound_head of a tail page that is alike; 0: none is */
	unsigned long flags;	/* of the folio */
	unsigned long mapping;	/* MMS_MAPPING_FLAGS of the folio's mapping */
	int enough;		/* with this _mapcount or more a page is mapped more than once */
	enum mms_class class;	/* if it is known by the entries, else MMS_CLASS_NONE */
	bool accessed;		/* by their entries */
	const u64 *first;	/* the first one's entry */
};

static void alike_init(struct alike *alike, enum mms_class class, const u64 *first)
{
	*alike = (struct alike){
		.mask = NODES_MASK << NODES_PGSHIFT | BIT(PG_head),
		.expected = ~0UL,
		.class = class,
		.accessed = *first & MMS_X86_A,
		.first = first,
	};
	if (!alike->accessed)
		alike->mask |= mms_flags_referenced();
	if (class == MMS_CLASS_NONE)
		alike->mask |= BIT(PG_swapbacked);
}

/* Counts those before @end. */
static void alike_end(struct alike *alike, struct mms_stat *stat, struct mms_walk *walk,
		      const u64 *end)
{
	const struct mms_frame frame = { .flags = alike->flags, .mapping = alike->mapping };
	enum mms_class class = alike->class;
	u64 nr = end - alike->first;

	alike->first = end;
	walk->spent += ALIKE_COST;
	if (!nr)
		return;
	if (class == MMS_CLASS_NONE)
		class = mms_frame_class_in(&walk->vma, &frame);
	stat->v[MMS_STAT_CLASS + class] += nr;
	if (alike->accessed || mms_frame_referenced(&frame))
		stat->v[MMS_STAT_REFERENCED] += nr;
	add_node(&stat->nodes, (alike->flags >> NODES_PGSHIFT) & NODES_MASK, nr);
}

/* From now on they are like @page. */
static void alike_begin(struct alike *alike, struct page *page)
{
	struct page *head = compound_head(page);
	int whole;

	alike->flags = mms_page_flags(head);
	alike->mapping = (unsigned long)READ_ONCE(head->mapping) & MMS_MAPPING_FLAGS;
	if (test_bit(PG_head, &alike->flags)) {
		alike->expected = ~0UL;
		alike->tail = (unsigned long)head + 1;
	} else {
		alike->expected = alike->flags & alike->mask;
		alike->tail = 0;
	}
	whole = mms_whole_mapcount(head, alike->flags, alike->mapping & MMS_MAPPING_ANON);
	/* _mapcount counts from -1. */
	alike->enough = whole > 1 ? INT_MIN : 1 - whole;
}

static __always_inline bool alike_has(const struct alike *alike, struct page *page,
				      const bool known)
{
	unsigned long tail = mms_page_tail_of(page);

	if (tail & 1)
		return tail == alike->tail;
	if ((mms_page_flags(page) & alike->mask) != alike->expected)
		return false;
	return known || ((unsigned long)READ_ONCE(page->mapping) & MMS_MAPPING_FLAGS) ==
			alike->mapping;
}

/*
 * Counts small pages from @first on, as long as their entries differ in their frames only; @class is
 * theirs if it is @known. This runs for every page of a process: it takes one look at each struct
 * page, and adds up what pages have in common when that changes.
 *
 * Return: how many.
 */
static __always_inline unsigned int count_frames(struct mms_stat *stat, struct mms_walk *walk,
						 const struct mms_span *span, unsigned int first,
						 const bool known, enum mms_class class)
{
	const u64 *entry = span->entries + first, *end = span->entries + span->nr;
	const u64 like = *entry, same = ~mms_layout.pfn_mask;
	const u64 like_pfn = mms_entry_pfn(&mms_layout, like, MMS_PTE, walk->nr_levels);
	u64 run = stat->contig.len, next_pfn = run ? stat->contig.next_pfn : ~0ULL;
	u64 shared = 0, singles = 0;
	struct alike alike;

	alike_init(&alike, class, entry);
	for (; entry < end; entry++) {
		u64 changed = *entry ^ like;
		/* Inverted or not, a bit of the frame is another where one of the entry is. */
		u64 pfn = like_pfn ^ (changed >> MMS_PAGE_SHIFT);
		struct page *page = pfn_to_page(pfn);

		if (changed & same)
			break;
		if (pfn == next_pfn) {
			run++;
		} else if (likely(run == 1)) {
			singles++;
		} else {
			stat->contig.len = run;
			mms_contig_break(&stat->contig);
			run = 1;
		}
		next_pfn = pfn + 1;

		if (unlikely(!mms_section_known(&walk->sections, pfn)) &&
		    !mms_section_lookup(&walk->sections, pfn)) {
			alike_end(&alike, stat, walk, entry);
			stat->v[MMS_STAT_CLASS + MMS_CLASS_PFNMAP]++;
			alike.first++;
			continue;
		}
		if (unlikely(!alike_has(&alike, page, known))) {
			alike_end(&alike, stat, walk, entry);
			alike_begin(&alike, page);
		}
		if (unlikely(atomic_read(&page->_mapcount) >= alike.enough))
			shared++;
	}
	alike_end(&alike, stat, walk, entry);
	stat->v[MMS_STAT_SHARED] += shared;
	stat->contig.len = run;
	stat->contig.next_pfn = next_pfn;
	mms_contig_add_singles(&stat->contig, singles);
	return entry - span->entries - first;
}

/* Small pages from @first on that share one meaning. Return: how many. */
static unsigned int count_small(struct mms_stat *stat, struct mms_walk *walk,
				const struct mms_span *span, unsigned int first)
{
	const u64 entry = span->entries[first];
	const enum mms_class class = mms_sure_class(&walk->vma, entry);
	unsigned int nr;

	if (class == MMS_CLASS_NONE)
		nr = count_frames(stat, walk, span, first, false, class);
	else
		nr = count_frames(stat, walk, span, first, true, class);
	mms_attrs_add(&stat->v[MMS_STAT_ATTR], &mms_layout, entry, nr);
	walk->spent += STRETCH_COST + nr * SMALL_COST;
	return nr;
}

/* Entries from @i on. Return: how many. */
static unsigned int count_entries(struct mms_stat *stat, struct mms_walk *walk,
				  const struct mms_span *span, unsigned int i)
{
	u64 entry = span->entries[i];
	unsigned int nr;

	if (mms_entry_counted(&walk->vma, entry, span->level))
		return count_small(stat, walk, span, i);
	if (!mms_entry_none(entry)) {
		count_entry(stat, walk, span, i);
		return 1;
	}
	nr = mms_stretch(&mms_layout, span->entries + i, span->nr - i, span->level);
	count_none(stat, walk, mms_span_addr(span, i), mms_span_addr(span, i + nr));
	walk->spent += STRETCH_COST + nr * MMS_STRETCH_ENTRY_COST;
	return nr;
}

void mms_stat_span(struct mms_stat *stat, struct mms_walk *walk, struct mms_span *span)
{
	unsigned int i = 0;

	while (i < span->nr) {
		i += count_entries(stat, walk, span, i);
		if (walk->spent >= mms_hold_budget)
			mms_span_cut(span, i);
	}
	stat->v[MMS_STAT_SIZE] += (span->end - span->addr) >> MMS_PAGE_SHIFT;
}

u64 mms_stat_rss(const struct mms_stat *stat)
{
	const u64 *class = &stat->v[MMS_STAT_CLASS];

	return class[MMS_CLASS_ANON] + class[MMS_CLASS_KSM] + class[MMS_CLASS_FILE] +
	       class[MMS_CLASS_SHMEM];
}

void mms_stat_derive(struct mms_stat *stat)
{
	const u64 *class = &stat->v[MMS_STAT_CLASS];
	u64 *v = stat->v;

	mms_contig_break(&stat->contig);
	v[MMS_STAT_ANON] = class[MMS_CLASS_ANON] + class[MMS_CLASS_KSM];
	v[MMS_STAT_RSS] = mms_stat_rss(stat);
	v[MMS_STAT_PRIVATE] = v[MMS_STAT_RSS] - v[MMS_STAT_SHARED];
	v[MMS_STAT_UNTOUCHED] = class[MMS_CLASS_NONE] - v[MMS_STAT_SHMEM_SWAP];
	v[MMS_STAT_DEVICE] =
		class[MMS_CLASS_DEVICE_PRIVATE] + class[MMS_CLASS_DEVICE_EXCLUSIVE];
	v[MMS_STAT_MARKER] = class[MMS_CLASS_UFFD_WP_MARKER] + class[MMS_CLASS_POISON_MARKER] +
			     class[MMS_CLASS_GUARD_MARKER];
	v[MMS_STAT_RUNS] = stat->contig.nr_runs;
	v[MMS_STAT_RUN_MAX] = stat->contig.max;
}

/* The order is that of the columns; part of the ABI are the names. */
const struct mms_stat_field mms_stat_fields[] = {
	{ "size", MMS_STAT_SIZE, true },
	{ "rss", MMS_STAT_RSS, true },
	{ "anon", MMS_STAT_ANON, true },
	{ "file", MMS_STAT_CLASS + MMS_CLASS_FILE, true },
	{ "shmem", MMS_STAT_CLASS + MMS_CLASS_SHMEM, true },
	{ "ksm", MMS_STAT_CLASS + MMS_CLASS_KSM, true },
	{ "private", MMS_STAT_PRIVATE, true },
	{ "shared", MMS_STAT_SHARED, true },
	{ "swap", MMS_STAT_CLASS + MMS_CLASS_SWAP, true },
	{ "shmem_swap", MMS_STAT_SHMEM_SWAP, true },
	{ "untouched", MMS_STAT_UNTOUCHED, true },
	{ "referenced", MMS_STAT_REFERENCED, true },
	{ "accessed", MMS_STAT_ATTR + MMS_ATTR_ACCESSED, true },
	{ "dirty", MMS_STAT_ATTR + MMS_ATTR_DIRTY, true },
	{ "soft_dirty", MMS_STAT_ATTR + MMS_ATTR_SOFT_DIRTY, true },
	{ "uffd_wp", MMS_STAT_ATTR + MMS_ATTR_UFFD_WP, true },
	{ "writable", MMS_STAT_ATTR + MMS_ATTR_WRITABLE, true },
	{ "exec", MMS_STAT_ATTR + MMS_ATTR_EXEC, true },
	{ "wx", MMS_STAT_ATTR + MMS_ATTR_WX, true },
	{ "protnone", MMS_STAT_ATTR + MMS_ATTR_PROTNONE, true },
	{ "zero", MMS_STAT_CLASS + MMS_CLASS_ZERO, true },
	{ "huge_zero", MMS_STAT_CLASS + MMS_CLASS_HUGE_ZERO, true },
	{ "thp_anon", MMS_STAT_HUGE_ANON, true },
	{ "thp_shmem", MMS_STAT_HUGE_SHMEM, true },
	{ "thp_file", MMS_STAT_HUGE_FILE, true },
	{ "hugetlb", MMS_STAT_CLASS + MMS_CLASS_HUGETLB, true },
	{ "hugetlb_shared", MMS_STAT_HUGETLB_SHARED, true },
	{ "pmd_mapped", MMS_STAT_PMD, true },
	{ "pud_mapped", MMS_STAT_PUD, true },
	{ "pfnmap", MMS_STAT_CLASS + MMS_CLASS_PFNMAP, true },
	{ "devmap", MMS_STAT_CLASS + MMS_CLASS_DEVMAP, true },
	{ "migration", MMS_STAT_CLASS + MMS_CLASS_MIGRATION, true },
	{ "hwpoison", MMS_STAT_CLASS + MMS_CLASS_HWPOISON, true },
	{ "device", MMS_STAT_DEVICE, true },
	{ "marker", MMS_STAT_MARKER, true },
	{ "bad", MMS_STAT_CLASS + MMS_CLASS_BAD, true },
	{ "tables", MMS_STAT_TABLES, true },
	{ "runs", MMS_STAT_RUNS, false },
	{ "run_max", MMS_STAT_RUN_MAX, true },
};
const unsigned int mms_nr_stat_fields = ARRAY_SIZE(mms_stat_fields);

void mms_stat_show_names(struct seq_file *m)
{
	unsigned int i;

	for (i = 0; i < mms_nr_stat_fields; i++) {
		seq_putc(m, ' ');
		seq_puts(m, mms_stat_fields[i].name);
	}
}

void mms_stat_show_fields(struct seq_file *m, const struct mms_stat *stat)
{
	char *begin = mms_text_begin(m, ARRAY_SIZE(mms_stat_fields) * MMS_NUMBER_MAX), *to = begin;
	unsigned int i;

	if (!begin)
		return;
	for (i = 0; i < mms_nr_stat_fields; i++) {
		const struct mms_stat_field *field = &mms_stat_fields[i];

		/* As most are. */
		to[0] = ' ';
		to[1] = '0';
		if (stat->v[field->key])
			to = mms_put_decimal(to + 1, mms_stat_published(stat, field));
		else
			to += 2;
	}
	mms_text_end(m, begin, to);
}

/* "@before@id:@nr" */
static void show_pair(struct seq_file *m, char before, u64 id, u64 nr)
{
	char *begin = mms_text_begin(m, 2 * MMS_NUMBER_MAX), *to = begin;

	if (!begin)
		return;
	*to++ = before;
	to = mms_put_decimal(to, id);
	*to++ = ':';
	to = mms_put_decimal(to, nr);
	mms_text_end(m, begin, to);
}

void mms_stat_show_contig(struct seq_file *m, const struct mms_contig *contig)
{
	const unsigned int nr = min_t(unsigned int, fls64(contig->max), MMS_CONTIG_BUCKETS);
	char before = ' ';
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!contig->hist[i])
			continue;
		show_pair(m, before, 1ULL << i, contig->hist[i]);
		before = ',';
	}
	if (before == ' ')
		seq_puts(m, " -");
}

void mms_stat_show_nodes(struct seq_file *m, const struct mms_nodes *nodes)
{
	char before = ' ';
	unsigned int i;

	for (i = 0; i < nodes->nr; i++) {
		show_pair(m, before, nodes->id[i], nodes->pages[i] << (MMS_PAGE_SHIFT - 10));
		before = ',';
	}
	if (nodes->other)
		seq_printf(m, "%c?:%llu", before, nodes->other << (MMS_PAGE_SHIFT - 10));
	else if (before == ' ')
		seq_puts(m, " -");
}
