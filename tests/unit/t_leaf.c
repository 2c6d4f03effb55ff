// SPDX-License-Identifier: GPL-2.0
/*
 * leaf.c: what entries mean. Expected values are worked out by hand from the SDM's tables and
 * the kernel's headers, not taken from a run.
 */
#include "unit.h"

#define ANON_RW 0x8000000012345867ULL	/* P RW US A D soft-dirty NX, frame 0x12345 */

static void names(const struct mms_layout *layout, uint64_t entry, enum mms_level level,
		  const char *expected)
{
	char buf[MMS_FLAG_NAMES_MAX];

	mms_flag_names(buf, sizeof(buf), layout, entry, level);
	assert_string_equal(buf, expected);
}

static void test_flag_names(void **state)
{
	(void)state;
	names(&layout_6_12, ANON_RW, MMS_PTE, "P,RW,US,A,D,soft-dirty,NX");
	names(&layout_6_12, 0x12345067, MMS_PMD, "P,RW,US,A,D");
	names(&layout_6_12, 0x122000e7, MMS_PMD, "P,RW,US,A,D,PS");
	names(&layout_6_12, 0x122010e7, MMS_PMD, "P,RW,US,A,D,PS,PAT");
	names(&layout_6_12, 0x1239d, MMS_PTE, "P,US,PWT,PCD,PAT,G,special");
	names(&layout_6_12, 0, MMS_PTE, "-");
	names(&layout_6_12, 1ULL << 58 | 0x25, MMS_PTE, "P,US,A,saved-dirty");
	names(&layout_6_12, 1ULL << 57 | 0x225, MMS_PTE, "P,US,A,special,devmap");
	names(&layout_6_12, 0x425, MMS_PTE, "P,US,A,uffd-wp");
	names(&layout_6_12, 7ULL << 59 | 0x25, MMS_PTE, "P,US,A,pkey=7");
	names(&layout_6_12, 15ULL << 59 | 0x25, MMS_PTE, "P,US,A,pkey=15");
	names(&layout_6_12, 0x8000000000000000ULL | (0x120 ^ 0), MMS_PTE, "A,PROTNONE,NX");
	names(&layout_6_12, swp_entry(3, 0x1000) | 0xe, MMS_PTE, "soft-dirty,uffd-wp,exclusive");
	names(&layout_6_12, swp_entry(3, 0x1000), MMS_PTE, "-");
}

/* 6.1 keeps devmap where 6.12 keeps saved-dirty: the layout decides, not the bit. */
static void test_flag_names_follow_the_layout(void **state)
{
	struct mms_layout layout_6_1 = layout_6_12;

	(void)state;
	layout_6_1.devmap = 1ULL << 58;
	layout_6_1.saved_dirty = 0;
	names(&layout_6_1, 1ULL << 58 | 0x25, MMS_PTE, "P,US,A,devmap");
}

/* All bits at once must fit, and too small a buffer must be respected. */
static void test_flag_names_never_overflow(void **state)
{
	char buf[MMS_FLAG_NAMES_MAX];
	unsigned int size;

	(void)state;
	mms_flag_names(buf, sizeof(buf), &layout_6_12, ~0ULL, MMS_PTE);
	assert_string_equal(buf, "P,RW,US,PWT,PCD,A,D,PAT,G,special,uffd-wp,soft-dirty,devmap,"
				 "saved-dirty,pkey=15,NX");
	for (size = 1; size < 90; size++) {
		memset(buf, '#', sizeof(buf));
		mms_flag_names(buf, size, &layout_6_12, ~0ULL, MMS_PTE);
		assert_true(strlen(buf) < size);
		assert_int_equal(buf[size], '#');
	}
	buf[0] = '#';
	mms_flag_names(buf, 0, &layout_6_12, ~0ULL, MMS_PTE);
	assert_int_equal(buf[0], '#');
}

static void test_swp_class(void **state)
{
	const struct mms_layout device = layout_with_device();
	const struct {
		const struct mms_layout *layout;
		unsigned int type;
		uint64_t offset;
		enum mms_class class;
	} cases[] = {
		{ &layout_6_12, 0, 0, MMS_CLASS_SWAP },
		{ &layout_6_12, 26, 77, MMS_CLASS_SWAP },
		{ &layout_6_12, 27, 0x1234, MMS_CLASS_HWPOISON },
		{ &layout_6_12, 28, 0x1234, MMS_CLASS_MIGRATION },
		{ &layout_6_12, 29, 0x1234, MMS_CLASS_MIGRATION },
		{ &layout_6_12, 30, 0x1234, MMS_CLASS_MIGRATION },
		{ &layout_6_12, 31, 1, MMS_CLASS_UFFD_WP_MARKER },
		{ &layout_6_12, 31, 2, MMS_CLASS_POISON_MARKER },
		{ &layout_6_12, 31, 4, MMS_CLASS_BAD },
		{ &device, 22, 5, MMS_CLASS_SWAP },
		{ &device, 23, 5, MMS_CLASS_HWPOISON },
		{ &device, 26, 5, MMS_CLASS_MIGRATION },
		{ &device, 27, 5, MMS_CLASS_DEVICE_PRIVATE },
		{ &device, 28, 5, MMS_CLASS_DEVICE_PRIVATE },
		{ &device, 29, 5, MMS_CLASS_DEVICE_EXCLUSIVE },
		{ &device, 30, 5, MMS_CLASS_DEVICE_EXCLUSIVE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < NR(cases); i++)
		assert_int_equal(mms_swp_class(cases[i].layout,
					       swp_entry(cases[i].type, cases[i].offset)),
				 cases[i].class);
}

static void test_swp_fields(void **state)
{
	uint64_t entry = swp_entry(5, 0x3ffffffffffff) | 0xe;

	(void)state;
	assert_int_equal(mms_swp_type(entry), 5);
	assert_int_equal(mms_swp_offset(entry), 0x3ffffffffffff);
	assert_int_equal(mms_swp_offset(swp_entry(1, 0x1234)), 0x1234);
	/* A and D of a migrated page are kept above the PFN. */
	assert_int_equal(mms_swp_pfn(&layout_6_12, swp_entry(28, 3ULL << 40 | 0x5678)), 0x5678);
	assert_false(mms_entry_present(entry, MMS_PTE));
	assert_false(mms_entry_present(entry, MMS_PMD));
	assert_false(mms_entry_none(entry));
}

static void test_entry_kinds(void **state)
{
	(void)state;
	assert_true(mms_entry_none(0));
	assert_true(mms_entry_none(0x60));		/* A and D alone: the erratum */
	assert_false(mms_entry_none(0x100));
	assert_true(mms_entry_table(0x12345067, MMS_PMD));
	assert_false(mms_entry_table(0x12345067, MMS_PTE));
	assert_false(mms_entry_table(0x122000e7, MMS_PMD));
	assert_true(mms_entry_user_table(0x12345067, MMS_PGD));
	assert_true(mms_entry_user_table(0x8000000012345067, MMS_PGD)); /* isolation sets NX */
	assert_false(mms_entry_user_table(0x12345063, MMS_PGD));	/* no US: the kernel's */
	assert_true(mms_entry_present(0x122000e6, MMS_PMD)); /* being split: P clear, PS set */
	assert_false(mms_entry_present(0x122000e6 & ~0x80ULL, MMS_PMD));
	assert_true(mms_entry_protnone(0x120));
	assert_false(mms_entry_protnone(0x121));
}

static void test_pfn(void **state)
{
	(void)state;
	assert_int_equal(mms_entry_pfn(&layout_6_12, ANON_RW, MMS_PTE, 5), 0x12345);
	/* A huge leaf's PAT bit is not part of the frame. */
	assert_int_equal(mms_entry_pfn(&layout_6_12, 0x122010e7, MMS_PMD, 5), 0x12200);
	assert_int_equal(mms_entry_pfn(&layout_6_12, 0x4000010e7, MMS_PUD, 4), 0x400000);
	assert_int_equal(mms_entry_pfn(&layout_6_12, 0x12345067, MMS_PMD, 5), 0x12345);
	/* PROT_NONE stores the frame inverted. */
	assert_int_equal(mms_entry_pfn(&layout_6_12, (~0x12345000ULL & 0x000ffffffffff000) | 0x120,
				       MMS_PTE, 5), 0x12345);
	/* A frame beyond 46 bits, and one whose encryption bit the mask leaves out. */
	assert_int_equal(mms_entry_pfn(&layout_6_12, 0x000f000000000067, MMS_PTE, 5), 0xf000000000);
}

static void test_levels(void **state)
{
	const uint64_t addr = 0x7f12deadb123;

	(void)state;
	assert_int_equal(mms_level_index(addr, MMS_PTE, 5), 0xdb);
	assert_int_equal(mms_level_index(addr, MMS_PMD, 5), 0xf5);
	assert_int_equal(mms_level_index(addr, MMS_PUD, 5), 0x4b);
	assert_int_equal(mms_level_index(addr, MMS_P4D, 5), 0xfe);
	assert_int_equal(mms_level_index(addr, MMS_PGD, 5), 0);
	assert_int_equal(mms_level_index(addr, MMS_PGD, 4), 0xfe);
	assert_int_equal(mms_level_shift(MMS_PGD, 4), 39);
	assert_int_equal(mms_level_shift(MMS_PGD, 5), 48);
	assert_int_equal(mms_level_below(MMS_PGD, 4), MMS_PUD);
	assert_int_equal(mms_level_below(MMS_PGD, 5), MMS_P4D);
	assert_int_equal(mms_level_below(MMS_PMD, 4), MMS_PTE);
	assert_string_equal(mms_level_name(MMS_P4D), "P4D");
	assert_string_equal(mms_level_name(0), "?");
}

static void test_canonical(void **state)
{
	(void)state;
	assert_true(mms_addr_canonical(0, 4));
	assert_true(mms_addr_canonical(0x7fffffffffff, 4));
	assert_false(mms_addr_canonical(0x800000000000, 4));
	assert_true(mms_addr_canonical(0xffff800000000000, 4));
	assert_false(mms_addr_canonical(0xffff7fffffffffff, 4));
	assert_true(mms_addr_canonical(0x00ffffffffffffff, 5));
	assert_false(mms_addr_canonical(0x0100000000000000, 5));
	assert_true(mms_addr_canonical(0xff00000000000000, 5));
	assert_false(mms_addr_canonical(0xfeffffffffffffff, 5));
}

/* Extends a run with one entry like it; returns whether it was taken. */
static bool extend(struct mms_record *run, uint64_t addr, uint64_t entry)
{
	struct mms_record next = *run;

	next.addr = addr;
	next.entry = entry;
	next.nr = 1;
	return mms_run_extend(run, &next, 5);
}

static void test_runs(void **state)
{
	struct mms_record run = { 0x1000, ANON_RW, 1, MMS_PTE, MMS_CLASS_ANON, 0 };

	(void)state;
	assert_true(extend(&run, 0x2000, ANON_RW + 0x1000));
	assert_true(extend(&run, 0x3000, ANON_RW + 0x2000));
	assert_int_equal(run.nr, 3);
	assert_false(extend(&run, 0x5000, ANON_RW + 0x3000));	     /* a hole between */
	assert_false(extend(&run, 0x4000, ANON_RW + 0x4000));	     /* another frame */
	assert_false(extend(&run, 0x4000, (ANON_RW + 0x3000) & ~0x40)); /* not dirty */
	assert_int_equal(run.nr, 3);

	run = (struct mms_record){ 0x200000, 0x122000e7, 1, MMS_PMD, MMS_CLASS_ANON, 0 };
	assert_true(extend(&run, 0x400000, 0x124000e7));
	assert_false(extend(&run, 0x600000, 0x124010e7));

	/* Swap offsets go up as the raw value goes down. */
	run = (struct mms_record){ 0x1000, swp_entry(2, 7), 1, MMS_PTE, MMS_CLASS_SWAP, 0 };
	assert_true(extend(&run, 0x2000, swp_entry(2, 8)));
	assert_false(extend(&run, 0x3000, swp_entry(3, 9)));
	assert_false(extend(&run, 0x3000, swp_entry(2, 8)));

	/* So do the frames of PROT_NONE pages. */
	run = (struct mms_record){ 0x1000, (~0x5000ULL & 0xffffffffff000) | 0x100, 1, MMS_PTE,
				   MMS_CLASS_ANON, 0 };
	assert_true(extend(&run, 0x2000, (~0x6000ULL & 0xffffffffff000) | 0x100));

	/* The zero page is the same frame everywhere. */
	run = (struct mms_record){ 0x1000, 0x8000000000777225, 1, MMS_PTE, MMS_CLASS_ZERO, 0 };
	assert_true(extend(&run, 0x2000, 0x8000000000777225));
	assert_int_equal(run.nr, 2);

	/* A marker stands for no page at all. */
	run = (struct mms_record){ 0x1000, swp_entry(31, 1), 1, MMS_PTE, MMS_CLASS_UFFD_WP_MARKER,
				   0 };
	assert_true(extend(&run, 0x2000, swp_entry(31, 1)));
}

static void test_run_compares_what_is_not_in_the_entry(void **state)
{
	struct mms_record run = { 0x1000, ANON_RW, 1, MMS_PTE, MMS_CLASS_ANON,
				  MMS_REC_ANON | MMS_REC_VMA_START };
	struct mms_record next = { 0x2000, ANON_RW + 0x1000, 1, MMS_PTE, MMS_CLASS_ANON,
				   MMS_REC_ANON };

	(void)state;
	assert_true(mms_run_extend(&run, &next, 5));
	next.addr += 0x1000;
	next.entry += 0x1000;
	next.class = MMS_CLASS_KSM;
	assert_false(mms_run_extend(&run, &next, 5));
	next.class = MMS_CLASS_ANON;
	next.flags = 0;
	assert_false(mms_run_extend(&run, &next, 5));
	next.flags = MMS_REC_ANON;
	run.nr = ~0U;
	next.addr = run.addr + ((uint64_t)~0U << 12);
	assert_false(mms_run_extend(&run, &next, 5));
}

static void test_contig(void **state)
{
	struct mms_contig contig = { 0 };

	(void)state;
	mms_contig_break(&contig);
	assert_int_equal(contig.nr_runs, 0);
	mms_contig_add(&contig, 10, 1);
	mms_contig_add(&contig, 11, 1);
	mms_contig_add(&contig, 12, 1);
	mms_contig_add(&contig, 20, 1);		/* elsewhere: the run of 3 ends */
	mms_contig_add(&contig, 512, 512);
	mms_contig_add(&contig, 1024, 512);	/* two huge pages in a row: one run */
	mms_contig_break(&contig);
	mms_contig_break(&contig);
	assert_int_equal(contig.nr_runs, 3);
	assert_int_equal(contig.max, 1024);
	assert_int_equal(contig.hist[0], 1);
	assert_int_equal(contig.hist[1], 1);
	assert_int_equal(contig.hist[10], 1);
	mms_contig_add(&contig, 0, 1ULL << 40);
	mms_contig_break(&contig);
	assert_int_equal(contig.hist[MMS_CONTIG_BUCKETS - 1], 1);
}

static void test_attrs(void **state)
{
	__u64 attrs[MMS_NR_ATTRS] = { 0 };

	(void)state;
	mms_attrs_add(attrs, &layout_6_12, ANON_RW, 1);
	mms_attrs_add(attrs, &layout_6_12, 0x27, 512);			/* P RW US A, executable */
	mms_attrs_add(attrs, &layout_6_12, 1ULL << 58 | 0x405, 4);	/* saved dirty, uffd-wp */
	mms_attrs_add(attrs, &layout_6_12, 0x102, 8);			/* PROT_NONE, RW bit left */
	assert_int_equal(attrs[MMS_ATTR_ACCESSED], 513);
	assert_int_equal(attrs[MMS_ATTR_DIRTY], 5);
	assert_int_equal(attrs[MMS_ATTR_SOFT_DIRTY], 1);
	assert_int_equal(attrs[MMS_ATTR_UFFD_WP], 4);
	assert_int_equal(attrs[MMS_ATTR_WRITABLE], 513);
	assert_int_equal(attrs[MMS_ATTR_EXEC], 516);
	assert_int_equal(attrs[MMS_ATTR_WX], 512);
	assert_int_equal(attrs[MMS_ATTR_PROTNONE], 8);
}

static void test_names(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < MMS_NR_CLASSES; i++)
		assert_non_null(mms_class_name(i));
	for (i = 0; i < MMS_NR_KINDS; i++)
		assert_non_null(mms_kind_name(i));
	for (i = 0; i < MMS_NR_COSTS; i++)
		assert_non_null(mms_cost_name(i));
	assert_string_equal(mms_class_name(MMS_NR_CLASSES), "?");
	assert_string_equal(mms_kind_name(MMS_NR_KINDS), "?");
	assert_string_equal(mms_cost_name(MMS_NR_COSTS), "?");
}

/* Wherever the first different entry is, before, at or after a step of eight. */
static void test_stretch(void **state)
{
	const uint64_t swapped = swp_entry(3, 0x1000);
	__u64 entries[40];
	unsigned int nr, at, i;

	(void)state;
	for (nr = 1; nr <= NR(entries); nr++) {
		for (i = 0; i < nr; i++)
			entries[i] = ANON_RW + (uint64_t)(i * 37 % 64) * 4096;
		assert_int_equal(mms_stretch(&layout_6_12, entries, nr, MMS_PTE), nr);
		for (at = 1; at < nr; at++) {
			entries[at] ^= MMS_X86_D;
			assert_int_equal(mms_stretch(&layout_6_12, entries, nr, MMS_PTE), at);
			entries[at] ^= MMS_X86_D;
		}
	}
	/* Empty entries are, with A and D or without; swapped ones are each for themselves. */
	memset(entries, 0, sizeof(entries));
	entries[9] = MMS_X86_A | MMS_X86_D;
	assert_int_equal(mms_stretch(&layout_6_12, entries, 30, MMS_PTE), 30);
	entries[20] = swapped;
	entries[21] = swapped;
	assert_int_equal(mms_stretch(&layout_6_12, entries, 30, MMS_PTE), 20);
	assert_int_equal(mms_stretch(&layout_6_12, entries + 20, 10, MMS_PTE), 1);
}

static void test_contig_singles(void **state)
{
	struct mms_contig contig = { 0 };

	(void)state;
	mms_contig_add_singles(&contig, 0);
	assert_int_equal(contig.nr_runs + contig.max, 0);
	mms_contig_add_singles(&contig, 3);
	assert_int_equal(contig.hist[0], 3);
	assert_int_equal(contig.nr_runs, 3);
	assert_int_equal(contig.max, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flag_names),
		cmocka_unit_test(test_flag_names_follow_the_layout),
		cmocka_unit_test(test_flag_names_never_overflow),
		cmocka_unit_test(test_swp_class),
		cmocka_unit_test(test_swp_fields),
		cmocka_unit_test(test_entry_kinds),
		cmocka_unit_test(test_pfn),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_run_compares_what_is_not_in_the_entry),
		cmocka_unit_test(test_contig),
		cmocka_unit_test(test_attrs),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_stretch),
		cmocka_unit_test(test_contig_singles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
