// SPDX-License-Identifier: GPL-2.0
/*
 * The text of pages against records, run by run: what is decoded in the module against what is
 * decoded here, flag names by a table of their own.
 */

#include "views_judge.h"

struct bit {
	u64 mask;
	const char *name;
};

static void add(char *text, size_t size, const char *name)
{
	size_t len = strlen(text);

	snprintf(text + len, size - len, "%s%s", len ? "," : "", name);
}

static void add_bits(char *text, size_t size, u64 entry, const struct bit *bit)
{
	for (; bit->name; bit++)
		if (entry & bit->mask)
			add(text, size, bit->name);
}

/* Names of the bits of a leaf, from the manuals' tables and the kernel's header files. */
static void leaf_flags(char *text, size_t size, const struct mms_layout *layout, u64 entry,
		       bool huge)
{
	const struct bit bits[] = {
		{ 1 << 0, "P" },
		{ 1 << 1, "RW" },
		{ 1 << 2, "US" },
		{ 1 << 3, "PWT" },
		{ 1 << 4, "PCD" },
		{ 1 << 5, "A" },
		{ 1 << 6, "D" },
		{ 1 << 7, huge ? "PS" : "PAT" },
		{ 1 << 8, entry & 1 ? "G" : "PROTNONE" },
		{ huge ? 1 << 12 : 0, "PAT" },
		{ layout->special, "special" },
		{ layout->uffd_wp, "uffd-wp" },
		{ layout->soft_dirty, "soft-dirty" },
		{ layout->devmap, "devmap" },
		{ layout->saved_dirty, "saved-dirty" },
		{}
	};
	unsigned int pkey = entry >> 59 & 15;
	char key[16];

	add_bits(text, size, entry, bits);
	if (pkey) {
		snprintf(key, sizeof(key), "pkey=%u", pkey);
		add(text, size, key);
	}
	if (entry >> 63)
		add(text, size, "NX");
}

static void expect_flags(char *text, size_t size, const struct subject *s,
			 const struct mms_record *rec)
{
	static const struct bit swap_bits[] = {
		{ 1 << 1, "soft-dirty" }, { 1 << 2, "uffd-wp" }, { 1 << 3, "exclusive" }, {}
	};

	*text = '\0';
	if (mms_entry_present(rec->entry, rec->level))
		leaf_flags(text, size, &s->records.header.layout, rec->entry, rec->level > MMS_PTE);
	else
		add_bits(text, size, rec->entry, swap_bits);
	if (!*text)
		add(text, size, "-");
}

static void expect_frame(char *text, size_t size, const struct subject *s,
			 const struct mms_record *rec)
{
	const struct mms_layout *layout = &s->records.header.layout;

	if (mms_entry_present(rec->entry, rec->level))
		snprintf(text, size, "%llx", mms_entry_pfn(layout, rec->entry, rec->level,
							   s->records.header.paging_levels));
	else if (rec->class == MMS_CLASS_SWAP)
		snprintf(text, size, "swap%u:%llx", mms_swp_type(rec->entry),
			 mms_swp_offset(rec->entry));
	else if (mms_class_has_pfn(rec->class))
		snprintf(text, size, "%llx", mms_swp_pfn(layout, rec->entry));
	else
		snprintf(text, size, "-");
}

static void compare(const struct subject *s, size_t row, const char *column, const char *expected,
		    struct tap_diffs *diffs)
{
	const char *got = views_field(&s->pages, row, column);

	diffs->nr_compared++;
	if (strcmp(got, expected))
		tap_differs(diffs, "%d: %s at %s: records say %s, pages %s", s->pid, column,
			    views_field(&s->pages, row, "start"), expected, got);
}

static void compare_number(const struct subject *s, size_t row, const char *column, const char *fmt,
			   u64 value, struct tap_diffs *diffs)
{
	char text[32];

	snprintf(text, sizeof(text), fmt, value);
	compare(s, row, column, text, diffs);
}

static void compare_row(const struct subject *s, size_t row, struct tap_diffs *diffs)
{
	const struct mms_record *rec = &s->records.rec[row];
	u64 bytes = views_entry_bytes(&s->records, rec);
	char text[128];

	compare_number(s, row, "start", "%llx", rec->addr, diffs);
	compare_number(s, row, "end", "%llx", rec->addr + rec->nr * bytes, diffs);
	compare_number(s, row, "nr", "%llu", rec->nr, diffs);
	compare_number(s, row, "raw", "%016llx", rec->entry, diffs);
	compare(s, row, "level", mms_level_name(rec->level), diffs);
	compare(s, row, "class", mms_class_name(rec->class), diffs);
	expect_frame(text, sizeof(text), s, rec);
	compare(s, row, "frame", text, diffs);
	expect_flags(text, sizeof(text), s, rec);
	compare(s, row, "flags", text, diffs);
}

void judge_pages(const struct subject *s, struct tap_diffs *diffs)
{
	size_t row, vma = 0;

	diffs->nr_compared++;
	if (s->pages.nr != s->records.nr) {
		tap_differs(diffs, "%d: records has %zu runs, pages %zu rows", s->pid,
			    s->records.nr, s->pages.nr);
		return;
	}
	for (row = 0; row < s->pages.nr; row++) {
		compare_row(s, row, diffs);
		while (vma < s->vmas.nr && views_hex(&s->vmas, vma, "end") <=
					   s->records.rec[row].addr)
			vma++;
		if (vma < s->vmas.nr)
			compare(s, row, "kind", views_field(&s->vmas, vma, "kind"), diffs);
	}
}
