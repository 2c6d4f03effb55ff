// SPDX-License-Identifier: GPL-2.0
/*
 * What an entry means: see leaf.h. Pure C, also compiled on the host: no locks, no allocation.
 */
#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/string.h>
#else
#include <string.h>
#endif
#include "leaf.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

const char *mms_class_name(unsigned int class)
{
	static const char *const names[MMS_NR_CLASSES] = {
		[MMS_CLASS_NONE] = "none",
		[MMS_CLASS_ANON] = "anon",
		[MMS_CLASS_FILE] = "file",
		[MMS_CLASS_SHMEM] = "shmem",
		[MMS_CLASS_KSM] = "ksm",
		[MMS_CLASS_ZERO] = "zero",
		[MMS_CLASS_HUGE_ZERO] = "huge-zero",
		[MMS_CLASS_HUGETLB] = "hugetlb",
		[MMS_CLASS_PFNMAP] = "pfnmap",
		[MMS_CLASS_DEVMAP] = "devmap",
		[MMS_CLASS_SWAP] = "swap",
		[MMS_CLASS_MIGRATION] = "migration",
		[MMS_CLASS_HWPOISON] = "hwpoison",
		[MMS_CLASS_DEVICE_PRIVATE] = "device-private",
		[MMS_CLASS_DEVICE_EXCLUSIVE] = "device-exclusive",
		[MMS_CLASS_UFFD_WP_MARKER] = "uffd-wp-marker",
		[MMS_CLASS_POISON_MARKER] = "poison-marker",
		[MMS_CLASS_GUARD_MARKER] = "guard-marker",
		[MMS_CLASS_BAD] = "bad",
	};

	return class < MMS_NR_CLASSES ? names[class] : "?";
}

const char *mms_kind_name(unsigned int kind)
{
	static const char *const names[MMS_NR_KINDS] = {
		[MMS_KIND_HUGETLB] = "hugetlb", [MMS_KIND_VDSO] = "vdso",
		[MMS_KIND_DEVICE] = "device",	[MMS_KIND_SHM] = "shm",
		[MMS_KIND_STACK] = "stack",	[MMS_KIND_HEAP] = "heap",
		[MMS_KIND_TEXT] = "text",	[MMS_KIND_DATA] = "data",
		[MMS_KIND_FILE] = "file",	[MMS_KIND_BSS] = "bss",
		[MMS_KIND_TSTACK] = "tstack",	[MMS_KIND_MMAP] = "mmap",
	};

	return kind < MMS_NR_KINDS ? names[kind] : "?";
}

const char *mms_cost_name(unsigned int key)
{
	static const char *const names[MMS_NR_COSTS] = {
		[MMS_COST_TIME_NS] = "time_ns",	    [MMS_COST_HOLDS] = "holds",
		[MMS_COST_HOLD_MAX_NS] = "hold_max_ns", [MMS_COST_TABLES] = "tables",
		[MMS_COST_ENTRIES] = "entries",	    [MMS_COST_RETRIES] = "retries",
		[MMS_COST_CHANGED] = "changed",
	};

	return key < MMS_NR_COSTS ? names[key] : "?";
}

static enum mms_class marker_class(const struct mms_layout *layout, __u64 bits)
{
	if (bits & layout->marker_poison)
		return MMS_CLASS_POISON_MARKER;
	if (bits & layout->marker_guard)
		return MMS_CLASS_GUARD_MARKER;
	if (bits & layout->marker_uffd_wp)
		return MMS_CLASS_UFFD_WP_MARKER;
	return MMS_CLASS_BAD;
}

enum mms_class mms_swp_class(const struct mms_layout *layout, __u64 entry)
{
	unsigned int type = mms_swp_type(entry);

	if (type == layout->swp_migration_read || type == layout->swp_migration_read_exclusive ||
	    type == layout->swp_migration_write)
		return MMS_CLASS_MIGRATION;
	if (type == layout->swp_hwpoison)
		return MMS_CLASS_HWPOISON;
	if (type == layout->swp_device_read || type == layout->swp_device_write)
		return MMS_CLASS_DEVICE_PRIVATE;
	if (type == layout->swp_device_exclusive_read || type == layout->swp_device_exclusive_write)
		return MMS_CLASS_DEVICE_EXCLUSIVE;
	if (layout->swp_poison && type == layout->swp_poison)
		return MMS_CLASS_POISON_MARKER;
	if (type == layout->swp_marker)
		return marker_class(layout, mms_swp_offset(entry));
	if (type < layout->nr_swapfiles)
		return MMS_CLASS_SWAP;
	return MMS_CLASS_BAD;
}

struct flag {
	__u64 mask;
	const char *name;
};

/* Appends ",name"; returns the new length. What does not fit is cut. */
static unsigned int append(char *buf, unsigned int size, unsigned int len, const char *name)
{
	unsigned int i;

	if (len && len + 1 < size)
		buf[len++] = ',';
	for (i = 0; name[i] && len + 1 < size; i++)
		buf[len++] = name[i];
	buf[len] = '\0';
	return len;
}

static unsigned int append_flags(char *buf, unsigned int size, unsigned int len, __u64 entry,
				 const struct flag *flags, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (entry & flags[i].mask)
			len = append(buf, size, len, flags[i].name);
	return len;
}

static unsigned int append_pkey(char *buf, unsigned int size, unsigned int len, __u64 entry)
{
	unsigned int pkey = (entry & MMS_X86_PKEY_MASK) >> MMS_X86_PKEY_SHIFT;
	char text[] = "pkey=00";

	if (!pkey)
		return len;
	text[5] = pkey >= 10 ? '1' : (char)('0' + pkey);
	text[6] = pkey >= 10 ? (char)('0' + pkey - 10) : '\0';
	return append(buf, size, len, text);
}

static unsigned int name_present(char *buf, unsigned int size, const struct mms_layout *layout,
				 __u64 entry, enum mms_level level)
{
	bool huge = level > MMS_PTE && (entry & MMS_X86_PS);
	bool table = mms_entry_table(entry, level);
	const struct flag hardware[] = {
		{ MMS_X86_P, "P" },
		{ MMS_X86_RW, "RW" },
		{ MMS_X86_US, "US" },
		{ MMS_X86_PWT, "PWT" },
		{ MMS_X86_PCD, "PCD" },
		{ MMS_X86_A, "A" },
		{ MMS_X86_D, "D" },
		{ MMS_X86_PS, level > MMS_PTE ? "PS" : "PAT" },
		{ MMS_X86_G, entry & MMS_X86_P ? "G" : "PROTNONE" },
		{ huge ? MMS_X86_PAT_LARGE : 0, "PAT" },
	};
	const struct flag software[] = {
		{ layout->special, "special" },
		{ layout->uffd_wp, "uffd-wp" },
		{ layout->soft_dirty, "soft-dirty" },
		{ layout->devmap, "devmap" },
		{ layout->saved_dirty, "saved-dirty" },
	};
	unsigned int len = append_flags(buf, size, 0, entry, hardware, NR(hardware));

	/* The software bits and the protection key mean this in leaves only. */
	if (!table) {
		len = append_flags(buf, size, len, entry, software, NR(software));
		len = append_pkey(buf, size, len, entry);
	}
	if (entry & MMS_X86_NX)
		len = append(buf, size, len, "NX");
	return len;
}

void mms_flag_names(char *buf, unsigned int size, const struct mms_layout *layout, __u64 entry,
		    enum mms_level level)
{
	static const struct flag swp[] = {
		{ MMS_X86_SWP_SOFT_DIRTY, "soft-dirty" },
		{ MMS_X86_SWP_UFFD_WP, "uffd-wp" },
		{ MMS_X86_SWP_EXCLUSIVE, "exclusive" },
	};
	unsigned int len = 0;

	if (!size)
		return;
	buf[0] = '\0';
	if (mms_entry_present(entry, level))
		len = name_present(buf, size, layout, entry, level);
	else if (!mms_entry_none(entry))
		len = append_flags(buf, size, 0, entry, swp, NR(swp));
	if (!len)
		append(buf, size, 0, "-");
}

__u64 mms_run_step(const struct mms_record *run, unsigned int nr_levels)
{
	__u64 pages = 1ULL << (mms_level_shift(run->level, nr_levels) - MMS_PAGE_SHIFT);

	/* Frames without neighbours: each page repeats the same entry. */
	if (run->class == MMS_CLASS_ZERO || run->class == MMS_CLASS_HUGE_ZERO ||
	    (run->class >= MMS_CLASS_UFFD_WP_MARKER && run->class <= MMS_CLASS_GUARD_MARKER))
		return 0;
	/* Swap offsets are stored inverted, and so are frames while P is clear. */
	if (run->class >= MMS_CLASS_SWAP)
		return -(pages << MMS_X86_SWP_OFFSET_FIRST);
	return run->entry & MMS_X86_P ? pages << MMS_PAGE_SHIFT : -(pages << MMS_PAGE_SHIFT);
}

bool mms_run_extend(struct mms_record *run, const struct mms_record *next,
		    unsigned int nr_levels)
{
	unsigned int shift = mms_level_shift(run->level, nr_levels);

	if (next->level != run->level || next->class != run->class ||
	    ((next->flags ^ run->flags) & ~MMS_REC_VMA_START) ||
	    next->addr != run->addr + ((__u64)run->nr << shift) || run->nr > MMS_RUN_MAX)
		return false;

	if (next->entry != run->entry + mms_run_step(run, nr_levels) * run->nr)
		return false;
	run->nr++;
	return true;
}

void mms_contig_break(struct mms_contig *contig)
{
	unsigned int bucket;

	if (!contig->len)
		return;
	bucket = 63 - __builtin_clzll(contig->len);
	if (bucket >= MMS_CONTIG_BUCKETS)
		bucket = MMS_CONTIG_BUCKETS - 1;
	contig->hist[bucket]++;
	contig->nr_runs++;
	if (contig->len > contig->max)
		contig->max = contig->len;
	contig->len = 0;
}
