// SPDX-License-Identifier: GPL-2.0
/*
 * Sums: vmas, tables, summary and processes against what the records, kpagecount and status add
 * up to.
 */

#include "views_judge.h"

/* Properties of present entries, named as the columns are. */
enum attr { ACCESSED, DIRTY, SOFT_DIRTY, UFFD_WP, WRITABLE, EXEC, WX, PROTNONE, NR_ATTRS };

static const char *const attr_names[NR_ATTRS] = {
	"accessed", "dirty", "soft_dirty", "uffd_wp", "writable", "exec", "wx", "protnone",
};

/* What the records of one VMA add up to, in pages. */
struct sum {
	u64 class[MMS_NR_CLASSES];
	u64 attr[NR_ATTRS];
	u64 pmd, pud;
	u64 shared;
	u64 end;	/* of the run before */
	u64 pfn, len;	/* of the contiguous run under way: the next frame, frames so far */
	u64 runs, run_max, run[64];
};

static void compare(const struct subject *s, const char *where, const char *what, u64 got,
		    u64 expected, struct tap_diffs *diffs)
{
	diffs->nr_compared++;
	if (got != expected)
		tap_differs(diffs, "%d: %s: %s expected %llu, got %llu", s->pid, where,
			    what, expected, got);
}

/* Pages of a run that are mapped more than once. */
static u64 count_shared(const struct subject *s, const struct mms_record *rec, u64 nr)
{
	u64 pfn = mms_entry_pfn(&s->records.header.layout, rec->entry, rec->level,
				s->records.header.paging_levels);
	u64 counts[512], shared = 0, i;

	if (!mms_class_rss(rec->class))
		return 0;
	for (i = 0; i < nr; i++) {
		if (!(i % 512))
			judge_frame_counts(pfn + i, nr - i < 512 ? nr - i : 512, counts);
		shared += counts[i % 512] > 1;
	}
	return shared;
}

static void end_run(struct sum *sum)
{
	if (!sum->len)
		return;
	sum->run[63 - __builtin_clzll(sum->len)]++;
	sum->runs++;
	sum->run_max = sum->len > sum->run_max ? sum->len : sum->run_max;
	sum->len = 0;
}

/* Contiguous runs go on across entries of all levels, never across a hole or a zero page. */
static void add_contig(const struct subject *s, struct sum *sum, const struct mms_record *rec,
		       u64 nr)
{
	u64 pfn = mms_entry_pfn(&s->records.header.layout, rec->entry, rec->level,
				s->records.header.paging_levels);
	bool counts = mms_entry_present(rec->entry, rec->level) && rec->class != MMS_CLASS_ZERO &&
		      rec->class != MMS_CLASS_HUGE_ZERO;

	if (!counts || rec->addr != sum->end || pfn != sum->pfn)
		end_run(sum);
	if (counts) {
		sum->len += nr;
		sum->pfn = pfn + nr;
	}
	sum->end = rec->addr + nr * PAGE;
}

/* Adds @nr for each property that a present entry has. */
static void add_attrs(const struct subject *s, u64 *attr, u64 entry, u64 nr)
{
	const struct mms_layout *layout = &s->records.header.layout;
	bool present = entry & 1, writable = present && (entry & 2), exec = present && !(entry >> 63);

	attr[ACCESSED] += entry & 1 << 5 ? nr : 0;
	attr[DIRTY] += entry & (1 << 6 | layout->saved_dirty) ? nr : 0;
	attr[SOFT_DIRTY] += entry & layout->soft_dirty ? nr : 0;
	attr[UFFD_WP] += entry & layout->uffd_wp ? nr : 0;
	attr[WRITABLE] += writable ? nr : 0;
	attr[EXEC] += exec ? nr : 0;
	attr[WX] += writable && exec ? nr : 0;
	attr[PROTNONE] += present ? 0 : nr;
}

static struct sum add_up(const struct subject *s, u64 start, u64 end)
{
	struct sum sum = {};
	size_t i;

	for (i = 0; i < s->records.nr; i++) {
		const struct mms_record *rec = &s->records.rec[i];
		u64 nr = rec->nr * views_entry_bytes(&s->records, rec) / PAGE;

		if (rec->addr < start || rec->addr >= end)
			continue;
		sum.class[rec->class] += nr;
		add_contig(s, &sum, rec, nr);
		if (!mms_entry_present(rec->entry, rec->level))
			continue;
		add_attrs(s, sum.attr, rec->entry, nr);
		sum.pmd += rec->level == MMS_PMD ? nr : 0;
		sum.pud += rec->level == MMS_PUD ? nr : 0;
		sum.shared += count_shared(s, rec, nr);
	}
	end_run(&sum);
	return sum;
}

static void compare_pages(const struct subject *s, size_t row, const char *column, u64 pages,
			  struct tap_diffs *diffs)
{
	compare(s, views_field(&s->vmas, row, "start"), column, views_u64(&s->vmas, row, column),
		pages * 4, diffs);
}

static void judge_attrs(const struct subject *s, size_t row, const struct sum *sum,
			struct tap_diffs *diffs)
{
	int i;

	for (i = 0; i < NR_ATTRS; i++)
		compare_pages(s, row, attr_names[i], sum->attr[i], diffs);
	compare_pages(s, row, "pmd_mapped", sum->pmd, diffs);
	compare_pages(s, row, "pud_mapped", sum->pud, diffs);
}

static void judge_classes(const struct subject *s, size_t row, const struct sum *sum,
			  struct tap_diffs *diffs)
{
	const u64 *class = sum->class;
	u64 used = 0;
	int i;

	for (i = MMS_CLASS_ANON; i < MMS_NR_CLASSES; i++)
		used += class[i];
	compare_pages(s, row, "anon", class[MMS_CLASS_ANON] + class[MMS_CLASS_KSM], diffs);
	compare_pages(s, row, "file", class[MMS_CLASS_FILE], diffs);
	compare_pages(s, row, "shmem", class[MMS_CLASS_SHMEM], diffs);
	compare_pages(s, row, "ksm", class[MMS_CLASS_KSM], diffs);
	compare_pages(s, row, "zero", class[MMS_CLASS_ZERO], diffs);
	compare_pages(s, row, "huge_zero", class[MMS_CLASS_HUGE_ZERO], diffs);
	compare_pages(s, row, "hugetlb", class[MMS_CLASS_HUGETLB], diffs);
	compare_pages(s, row, "pfnmap", class[MMS_CLASS_PFNMAP], diffs);
	compare_pages(s, row, "devmap", class[MMS_CLASS_DEVMAP], diffs);
	compare_pages(s, row, "swap", class[MMS_CLASS_SWAP], diffs);
	compare_pages(s, row, "migration", class[MMS_CLASS_MIGRATION], diffs);
	compare_pages(s, row, "hwpoison", class[MMS_CLASS_HWPOISON], diffs);
	compare_pages(s, row, "marker", class[MMS_CLASS_UFFD_WP_MARKER] +
		      class[MMS_CLASS_POISON_MARKER] + class[MMS_CLASS_GUARD_MARKER], diffs);
	compare_pages(s, row, "bad", 0, diffs);
	compare_pages(s, row, "bad", class[MMS_CLASS_BAD], diffs);
	compare_pages(s, row, "shared", sum->shared, diffs);
	/* Every page is in one class or untouched, but for those in a shmem object's swap. */
	compare_pages(s, row, "untouched",
		      (views_u64(&s->vmas, row, "size") - views_u64(&s->vmas, row, "shmem_swap")) /
		      4 - used, diffs);
}

static void judge_contig(const struct subject *s, size_t row, const struct sum *sum,
			 struct tap_diffs *diffs)
{
	char text[1024] = "-";
	size_t len = 0;
	int i;

	for (i = 0; i < 64; i++)
		if (sum->run[i])
			len += snprintf(text + len, sizeof(text) - len, "%s%llu:%llu",
					len ? "," : "", 1ULL << i, sum->run[i]);
	diffs->nr_compared++;
	if (strcmp(text, views_field(&s->vmas, row, "contig")))
		tap_differs(diffs, "%d: %s: contig expected %s, got %s", s->pid,
			    views_field(&s->vmas, row, "start"), text,
			    views_field(&s->vmas, row, "contig"));
	compare_pages(s, row, "run_max", sum->run_max, diffs);
	compare(s, views_field(&s->vmas, row, "start"), "runs", views_u64(&s->vmas, row, "runs"),
		sum->runs, diffs);
}

void judge_vmas(const struct subject *s, struct tap_diffs *diffs)
{
	size_t row;

	for (row = 0; row < s->vmas.nr; row++) {
		struct sum sum = add_up(s, views_hex(&s->vmas, row, "start"),
					views_hex(&s->vmas, row, "end"));

		judge_attrs(s, row, &sum, diffs);
		judge_classes(s, row, &sum, diffs);
		judge_contig(s, row, &sum, diffs);
	}
}

/* The row of a level, or -1. */
static long level_row(const struct subject *s, const char *level)
{
	size_t row;

	for (row = 0; row < s->tables.nr; row++)
		if (!strcmp(views_field(&s->tables, row, "level"), level))
			return row;
	return -1;
}

static u64 table_pages(const struct subject *s, const char *level)
{
	long row = level_row(s, level);

	return row < 0 ? 0 : views_u64(&s->tables, row, "tables");
}

/* Entries of one level: those of the records, and the tables below. */
static void judge_level(const struct subject *s, size_t row, struct tap_diffs *diffs)
{
	const char *name = views_field(&s->tables, row, "level");
	u64 leaves = 0, nonpresent = 0, swap = 0, attr[NR_ATTRS] = {}, children = 0;
	size_t i;

	for (i = 0; i < s->records.nr; i++) {
		const struct mms_record *rec = &s->records.rec[i];

		if (strcmp(mms_level_name(rec->level), name))
			continue;
		if (!mms_entry_present(rec->entry, rec->level)) {
			nonpresent += rec->nr;
			swap += rec->class == MMS_CLASS_SWAP ? rec->nr : 0;
			continue;
		}
		leaves += rec->nr;
		add_attrs(s, attr, rec->entry, rec->nr);
	}
	if (row + 1 < s->tables.nr)
		children = views_u64(&s->tables, row + 1, "tables");
	compare(s, name, "leaves", views_u64(&s->tables, row, "leaves"), leaves, diffs);
	compare(s, name, "nonpresent", views_u64(&s->tables, row, "nonpresent"), nonpresent, diffs);
	compare(s, name, "swap", views_u64(&s->tables, row, "swap"), swap, diffs);
	compare(s, name, "children", views_u64(&s->tables, row, "children"), children, diffs);
	compare(s, name, "used", views_u64(&s->tables, row, "used"), leaves + nonpresent + children,
		diffs);
	compare(s, name, "capacity", views_u64(&s->tables, row, "capacity"),
		views_u64(&s->tables, row, "tables") * (row ? 512 : 256), diffs);
	for (i = 0; i < NR_ATTRS; i++)
		compare(s, name, attr_names[i], views_u64(&s->tables, row, attr_names[i]), attr[i],
			diffs);
}

/* From the top: five levels, or four, of which the topmost is the PGD. */
static void judge_levels(const struct subject *s, struct tap_diffs *diffs)
{
	static const char *const five[] = { "PGD", "P4D", "PUD", "PMD", "PTE" };
	static const char *const four[] = { "PGD", "PUD", "PMD", "PTE" };
	unsigned int nr = s->records.header.paging_levels, row;
	const char *const *name = nr == 5 ? five : four;

	compare(s, "tables", "rows", s->tables.nr, nr, diffs);
	for (row = 0; row < s->tables.nr && row < nr; row++) {
		if (strcmp(views_field(&s->tables, row, "level"), name[row]))
			tap_differs(diffs, "%d: tables: row %u is %s", s->pid, row,
				    views_field(&s->tables, row, "level"));
		judge_level(s, row, diffs);
	}
	compare(s, "PGD", "tables", table_pages(s, "PGD"), 1, diffs);
}

/*
 * VmPTE is mm_pgtables_bytes(): PTE, PMD and PUD tables and those set aside for splitting huge
 * pages. It leaves P4D tables and the PGD out, whose second page, with page-table isolation, is
 * the user's copy.
 */
void judge_tables(const struct subject *s, struct tap_diffs *diffs)
{
	u64 vm_pte = proc_status(s->pid, "VmPTE") * 1024, tables = 0;
	u64 counted = table_pages(s, "PTE") + table_pages(s, "PMD") + table_pages(s, "PUD") +
		      views_remark(&s->tables, "deposited");
	unsigned int user_bits = 12 + 9 * s->records.header.paging_levels - 1;
	u64 pgd_bytes = views_u64(&s->tables, 0, "bytes");
	size_t row;

	compare(s, "tables", "bytes of PTE, PMD and PUD tables", counted * PAGE, vm_pte, diffs);
	compare(s, "tables", "kernel_bytes", views_remark(&s->tables, "kernel_bytes"), vm_pte, diffs);
	compare(s, "tables", "total_bytes", views_remark(&s->tables, "total_bytes"),
		counted * PAGE + table_pages(s, "P4D") * PAGE + pgd_bytes, diffs);
	compare(s, "tables", "flat_bytes", views_remark(&s->tables, "flat_bytes"),
		8ULL << (user_bits - 12), diffs);
	/* Each table is attributed to the VMA in which it was first reached. */
	for (row = 0; row < s->vmas.nr; row++)
		tables += views_u64(&s->vmas, row, "tables");
	compare(s, "vmas", "sum of tables", tables * 1024,
		(counted + table_pages(s, "P4D") + table_pages(s, "PGD")) * PAGE, diffs);
	judge_levels(s, diffs);
}
