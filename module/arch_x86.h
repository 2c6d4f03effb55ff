/* SPDX-License-Identifier: GPL-2.0 */
/*
 * x86-64 page tables: bits the hardware defines, levels, how an entry is decoded, page-table
 * isolation. Pure arithmetic above, for kernel and host; what needs the kernel is at the end.
 * Source of the bits: Intel SDM volume 3, 4.5; AMD APM volume 2, 5.3; the software's share:
 * arch/x86/include/asm/pgtable_types.h and pgtable_64.h (checked against them in compat.h).
 */
#ifndef MMS_ARCH_X86_H
#define MMS_ARCH_X86_H

#include "uapi/mmscope.h"
#ifndef __KERNEL__
#include <stdbool.h>
#endif

#define MMS_BIT(n) (1ULL << (n))

#define MMS_X86_P	MMS_BIT(0)
#define MMS_X86_RW	MMS_BIT(1)
#define MMS_X86_US	MMS_BIT(2)
#define MMS_X86_PWT	MMS_BIT(3)
#define MMS_X86_PCD	MMS_BIT(4)
#define MMS_X86_A	MMS_BIT(5)
#define MMS_X86_D	MMS_BIT(6)
#define MMS_X86_PS	MMS_BIT(7)	/* PMD, PUD: a leaf */
#define MMS_X86_PAT	MMS_BIT(7)	/* PTE */
#define MMS_X86_G	MMS_BIT(8)
#define MMS_X86_PAT_LARGE MMS_BIT(12)	/* PMD and PUD leaf */
#define MMS_X86_NX	MMS_BIT(63)
#define MMS_X86_PKEY_SHIFT 59
#define MMS_X86_PKEY_MASK (0xfULL << MMS_X86_PKEY_SHIFT)

/* With P clear the hardware ignores the rest; the kernel's meaning of it: */
#define MMS_X86_PROTNONE	MMS_BIT(8)	/* resident, no access allowed */
#define MMS_X86_SWP_SOFT_DIRTY	MMS_BIT(1)
#define MMS_X86_SWP_UFFD_WP	MMS_BIT(2)
#define MMS_X86_SWP_EXCLUSIVE	MMS_BIT(3)
#define MMS_X86_SWP_TYPE_BITS	5
#define MMS_X86_SWP_OFFSET_FIRST 9

#define MMS_PAGE_SHIFT	   12
#define MMS_LEVEL_BITS	   9
#define MMS_TABLE_ENTRIES  (1U << MMS_LEVEL_BITS)
#define MMS_TABLE_BYTES	   (1UL << MMS_PAGE_SHIFT)

/* Address bits below the index of @level: an entry there covers 1 << shift bytes. */
static inline unsigned int mms_level_shift(enum mms_level level, unsigned int nr_levels)
{
	/* With four levels the P4D is folded into the PGD, which then covers what a P4D would. */
	if (level == MMS_PGD && nr_levels == 4)
		level = MMS_P4D;
	return MMS_PAGE_SHIFT + MMS_LEVEL_BITS * ((unsigned int)level - MMS_PTE);
}

static inline unsigned int mms_level_index(__u64 addr, enum mms_level level, unsigned int nr_levels)
{
	return (addr >> mms_level_shift(level, nr_levels)) & (MMS_TABLE_ENTRIES - 1);
}

/* The level below @level; call for levels above MMS_PTE only. */
static inline enum mms_level mms_level_below(enum mms_level level, unsigned int nr_levels)
{
	if (level == MMS_PGD && nr_levels == 4)
		return MMS_PUD;
	return (enum mms_level)(level - 1);
}

/* The level above @level; call for levels below MMS_PGD only. */
static inline enum mms_level mms_level_above(enum mms_level level, unsigned int nr_levels)
{
	if (level == MMS_PUD && nr_levels == 4)
		return MMS_PGD;
	return (enum mms_level)(level + 1);
}

static inline const char *mms_level_name(enum mms_level level)
{
	static const char *const names[MMS_NR_LEVELS] = { "?", "PTE", "PMD", "PUD", "P4D", "PGD" };

	return level > 0 && level < MMS_NR_LEVELS ? names[level] : "?";
}

/* Canonical: the bits above the ones translated repeat the highest of these. */
static inline bool mms_addr_canonical(__u64 addr, unsigned int nr_levels)
{
	unsigned int bits = MMS_PAGE_SHIFT + MMS_LEVEL_BITS * nr_levels;
	__s64 high = (__s64)addr >> (bits - 1);

	return high == 0 || high == -1;
}

/* A and D may be set on an unused entry by a processor erratum (_PAGE_KNL_ERRATUM_MASK). */
static inline bool mms_entry_none(__u64 entry)
{
	return !(entry & ~(MMS_X86_A | MMS_X86_D));
}

static inline bool mms_entry_table(__u64 entry, enum mms_level level)
{
	return level > MMS_PTE && (entry & (MMS_X86_P | MMS_X86_PS)) == MMS_X86_P;
}

/* The only kind of table entry Linux makes for user addresses (_PAGE_TABLE; compare pmd_bad()). */
static inline bool mms_entry_user_table(__u64 entry, enum mms_level level)
{
	const __u64 need = MMS_X86_P | MMS_X86_RW | MMS_X86_US;

	return level > MMS_PTE && (entry & (need | MMS_X86_PS)) == need;
}

/*
 * Holds a page the processor or the kernel can reach: pte_present(), pmd_present(). A huge page
 * being split has P clear and PS set for a moment (pmd_mkinvalid()): still its page.
 */
static inline bool mms_entry_present(__u64 entry, enum mms_level level)
{
	__u64 mask = MMS_X86_P | MMS_X86_PROTNONE;

	if (level > MMS_PTE)
		mask |= MMS_X86_PS;
	return entry & mask;
}

static inline bool mms_entry_protnone(__u64 entry)
{
	return (entry & (MMS_X86_P | MMS_X86_PROTNONE)) == MMS_X86_PROTNONE;
}

/* Frame of a present entry. With P clear the address is stored inverted (L1TF, pgtable-invert.h). */
static inline __u64 mms_entry_pfn(const struct mms_layout *layout, __u64 entry, enum mms_level level,
				  unsigned int nr_levels)
{
	__u64 low = (1ULL << mms_level_shift(level, nr_levels)) - 1;

	if (mms_entry_table(entry, level))
		low = MMS_TABLE_BYTES - 1;
	if (!(entry & MMS_X86_P))
		entry = ~entry;
	return (entry & layout->pfn_mask & ~low) >> MMS_PAGE_SHIFT;
}

static inline bool mms_entry_dirty(const struct mms_layout *layout, __u64 entry)
{
	return entry & (MMS_X86_D | layout->saved_dirty);
}

static inline unsigned int mms_swp_type(__u64 entry)
{
	return entry >> (64 - MMS_X86_SWP_TYPE_BITS);
}

static inline __u64 mms_swp_offset(__u64 entry)
{
	return ~entry << MMS_X86_SWP_TYPE_BITS >>
	       (MMS_X86_SWP_TYPE_BITS + MMS_X86_SWP_OFFSET_FIRST);
}

#ifdef __KERNEL__
#include <linux/mm.h>
#include <asm/pgtable.h>

static inline unsigned int mms_paging_levels(void)
{
	return pgtable_l5_enabled() ? 5 : 4;
}

static inline u64 *mms_mm_root(struct mm_struct *mm)
{
	return (u64 *)mm->pgd;
}

/* The table a table entry points to, through the direct map. */
static inline u64 *mms_entry_to_table(u64 entry)
{
	return __va(entry & PTE_PFN_MASK);
}

/* The user copy of a top-level table, or NULL without page-table isolation. */
static inline u64 *mms_user_root(u64 *root)
{
	if (!boot_cpu_has(X86_FEATURE_PTI))
		return NULL;
	return (u64 *)kernel_to_user_pgdp((pgd_t *)root);
}
#endif /* __KERNEL__ */

#endif /* MMS_ARCH_X86_H */
