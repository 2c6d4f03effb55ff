/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an entry means: classes, names, runs, contiguity, counts. Pure C over raw entries, compiled
 * into the module, the reader and the host's unit tests; knows nothing of locks or allocation.
 */
#ifndef MMS_LEAF_H
#define MMS_LEAF_H

#include "uapi/mmscope.h"
#ifdef CONFIG_ARM64
#error "arch_arm64.h is not written yet"
#else
#include "arch_x86.h"
#endif

/* Names as they appear in every view; "?" outside the enum. */
const char *mms_class_name(unsigned int class);
const char *mms_kind_name(unsigned int kind);
const char *mms_cost_name(unsigned int key);

/**
 * mms_swp_class() - what a non-present, non-empty entry stands for
 * @layout: the layout of the kernel the entry comes from
 * @entry: the raw entry; neither empty nor present
 *
 * Return: a class from MMS_CLASS_SWAP on.
 */
enum mms_class mms_swp_class(const struct mms_layout *layout, __u64 entry);

/* Classes whose swap offset is a PFN (is_pfn_swap_entry()). */
static inline bool mms_class_has_pfn(enum mms_class class)
{
	return class >= MMS_CLASS_MIGRATION && class <= MMS_CLASS_DEVICE_EXCLUSIVE;
}

/* PFN of an entry of a class for which mms_class_has_pfn() holds. */
static inline __u64 mms_swp_pfn(const struct mms_layout *layout, __u64 entry)
{
	return mms_swp_offset(entry) & layout->swp_pfn_mask;
}

/* Resident: a frame that is counted in the kernel's RSS counters. */
static inline bool mms_class_rss(enum mms_class class)
{
	return class >= MMS_CLASS_ANON && class <= MMS_CLASS_KSM;
}

/* Longest text mms_flag_names() writes, with the NUL. */
#define MMS_FLAG_NAMES_MAX 128

/**
 * mms_flag_names() - name the bits set in an entry, comma separated, low bits first
 * @buf: receives the text; "-" when no bit is set
 * @size: bytes in @buf; MMS_FLAG_NAMES_MAX always suffices, less truncates
 * @layout: the layout of the kernel the entry comes from
 * @entry: the raw entry, of any kind
 * @level: the level of the table that holds it
 */
void mms_flag_names(char *buf, unsigned int size, const struct mms_layout *layout, __u64 entry,
		    enum mms_level level);

/* A longer run is not continued: the rest of a table might not fit in a record's nr. */
#define MMS_RUN_MAX (~0U - MMS_TABLE_ENTRIES)

/**
 * mms_run_extend() - append an entry to a run if it continues it
 * @run: the run so far, of at least one entry
 * @next: a run of one entry
 * @nr_levels: paging levels
 *
 * It does if address and frame (or swap offset) follow on and all else is equal.
 *
 * Return: true if @run now includes @next.
 */
bool mms_run_extend(struct mms_record *run, const struct mms_record *next,
		    unsigned int nr_levels);

/**
 * mms_run_step() - how far apart the raw entries of a run's pages are
 * @run: a run
 * @nr_levels: paging levels
 *
 * Return: what to add to an entry to get the next one's, modulo 2^64.
 */
__u64 mms_run_step(const struct mms_record *run, unsigned int nr_levels);

/**
 * mms_stretch() - how many entries mean the same as the first
 * @layout: the layout of the kernel the entries come from
 * @entries: neighbouring entries of one table
 * @nr: how many; at least one
 * @level: level of the table
 *
 * Empty entries do, and so do present ones that differ in their frames only. Any other entry stands
 * for itself.
 *
 * Return: 1 to @nr.
 */
static inline unsigned int mms_stretch(const struct mms_layout *layout, const __u64 *entries,
				       unsigned int nr, enum mms_level level)
{
	const __u64 first = entries[0];
	unsigned int i = 1;
	__u64 same;

	if (mms_entry_none(first))
		same = ~(MMS_X86_A | MMS_X86_D);
	else if (mms_entry_present(first, level))
		same = ~layout->pfn_mask;
	else
		return 1;
	/* Most often all do: eight for one decision. */
	for (; i + 8 <= nr; i += 8) {
		const __u64 *e = entries + i;

		if (((e[0] ^ first) | (e[1] ^ first) | (e[2] ^ first) | (e[3] ^ first) |
		     (e[4] ^ first) | (e[5] ^ first) | (e[6] ^ first) | (e[7] ^ first)) & same)
			break;
	}
	while (i < nr && !((entries[i] ^ first) & same))
		i++;
	return i;
}

/* Power-of-two buckets: bucket n counts runs of [2^n, 2^(n+1)) pages. */
#define MMS_CONTIG_BUCKETS 36

/* Runs of pages that are contiguous in virtual and in physical memory. */
struct mms_contig {
	__u64 nr_runs;
	__u64 max;		/* longest, in pages */
	__u64 hist[MMS_CONTIG_BUCKETS];
	__u64 len;		/* the run under way, in pages; 0: none */
	__u64 next_pfn;		/* the frame that would continue it */
};

/* Ends the run under way, if any. */
void mms_contig_break(struct mms_contig *contig);

/* Adds @nr pages from @pfn on, at the virtual address that follows the last one added. */
static inline void mms_contig_add(struct mms_contig *contig, __u64 pfn, __u64 nr)
{
	if (contig->len && pfn != contig->next_pfn)
		mms_contig_break(contig);
	contig->len += nr;
	contig->next_pfn = pfn + nr;
}

/* Adds @nr runs of one page each. */
static inline void mms_contig_add_singles(struct mms_contig *contig, __u64 nr)
{
	contig->hist[0] += nr;
	contig->nr_runs += nr;
	if (nr && !contig->max)
		contig->max = 1;
}

/* Properties of present entries, each counted in pages of 4 KiB. */
enum mms_attr {
	MMS_ATTR_ACCESSED,
	MMS_ATTR_DIRTY,
	MMS_ATTR_SOFT_DIRTY,
	MMS_ATTR_UFFD_WP,
	MMS_ATTR_WRITABLE,
	MMS_ATTR_EXEC,
	MMS_ATTR_WX,
	MMS_ATTR_PROTNONE,
	MMS_NR_ATTRS,
};

/* Adds the properties of a present entry that maps @nr pages. */
static inline void mms_attrs_add(__u64 attrs[MMS_NR_ATTRS], const struct mms_layout *layout,
				 __u64 entry, __u64 nr)
{
	bool protnone = !(entry & MMS_X86_P);
	bool writable = (entry & MMS_X86_RW) && !protnone;
	bool exec = !(entry & MMS_X86_NX) && !protnone;

	attrs[MMS_ATTR_ACCESSED] += entry & MMS_X86_A ? nr : 0;
	attrs[MMS_ATTR_DIRTY] += mms_entry_dirty(layout, entry) ? nr : 0;
	attrs[MMS_ATTR_SOFT_DIRTY] += entry & layout->soft_dirty ? nr : 0;
	attrs[MMS_ATTR_UFFD_WP] += entry & layout->uffd_wp ? nr : 0;
	attrs[MMS_ATTR_WRITABLE] += writable ? nr : 0;
	attrs[MMS_ATTR_EXEC] += exec ? nr : 0;
	attrs[MMS_ATTR_WX] += writable && exec ? nr : 0;
	attrs[MMS_ATTR_PROTNONE] += protnone ? nr : 0;
}

#endif /* MMS_LEAF_H */
