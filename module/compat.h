/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that tests kernel versions or CONFIG_: one inline per difference, each naming the
 * upstream change. Supported: 6.1 to 6.12, x86-64. It also builds for 7.3; what is known of the kernels
 * between is here, and untested. No policy here.
 */
#ifndef MMS_COMPAT_H
#define MMS_COMPAT_H

#include <linux/bpf.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/version.h>
#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/hugetlb.h>
#include <linux/page-flags.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/xarray.h>
#include "leaf.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "mmscope needs Linux 6.1 or newer (maple tree VMAs, PG_anon_exclusive)"
#endif
#ifndef CONFIG_X86_64
#error "mmscope knows the page tables of x86-64 only"
#endif
/* The walk's rule (walk.c) holds where freed tables wait for RCU or an IPI to every processor. */
#ifndef CONFIG_MMU_GATHER_RCU_TABLE_FREE
#error "mmscope needs CONFIG_MMU_GATHER_RCU_TABLE_FREE (on x86: PARAVIRT, or Linux 6.14)"
#endif
#ifdef CONFIG_XEN_PV
/* Xen PV guests hold machine addresses in their entries; refused at load, see main.c. */
#include <xen/xen.h>
#define mms_entries_are_virtualised() xen_pv_domain()
#else
#define mms_entries_are_virtualised() false
#endif

/* The bits that userfaultfd keeps lost their _WP in 7.3, when they got other uses. */
#ifdef _PAGE_UFFD
#define MMS_PAGE_UFFD _PAGE_UFFD
#define MMS_PAGE_SWP_UFFD _PAGE_SWP_UFFD
#else
#define MMS_PAGE_UFFD _PAGE_UFFD_WP
#define MMS_PAGE_SWP_UFFD _PAGE_SWP_UFFD_WP
#endif

static_assert(MMS_X86_P == _PAGE_PRESENT && MMS_X86_RW == _PAGE_RW && MMS_X86_US == _PAGE_USER);
static_assert(MMS_X86_A == _PAGE_ACCESSED && MMS_X86_D == _PAGE_DIRTY && MMS_X86_PS == _PAGE_PSE);
static_assert(MMS_X86_G == _PAGE_GLOBAL && MMS_X86_PROTNONE == _PAGE_PROTNONE);
static_assert(MMS_X86_NX == _PAGE_NX && MMS_X86_PKEY_SHIFT == _PAGE_BIT_PKEY_BIT0);
static_assert(MMS_X86_PAT == _PAGE_PAT && MMS_X86_PAT_LARGE == _PAGE_PAT_LARGE);
static_assert(MMS_X86_SWP_TYPE_BITS == SWP_TYPE_BITS);
static_assert(MMS_X86_SWP_OFFSET_FIRST == SWP_OFFSET_FIRST_BIT);
static_assert(MMS_PAGE_SHIFT == PAGE_SHIFT && MMS_TABLE_ENTRIES == PTRS_PER_PTE);
/* Without the option the kernel never sets these two, and they read as not set. */
static_assert(_PAGE_SWP_SOFT_DIRTY == 0 || MMS_X86_SWP_SOFT_DIRTY == _PAGE_SWP_SOFT_DIRTY);
static_assert(MMS_PAGE_SWP_UFFD == 0 || MMS_X86_SWP_UFFD_WP == MMS_PAGE_SWP_UFFD);
static_assert(MMS_X86_SWP_EXCLUSIVE == _PAGE_SWP_EXCLUSIVE);

/* _PAGE_SAVED_DIRTY came with shadow stacks in 6.6. */
#ifdef _PAGE_SAVED_DIRTY
#define MMS_PAGE_SAVED_DIRTY _PAGE_SAVED_DIRTY
#else
#define MMS_PAGE_SAVED_DIRTY 0
#endif

/* Entries of device memory are marked no more since 6.17: their pages are counted as all others are. */
#ifdef _PAGE_DEVMAP
#define MMS_PAGE_DEVMAP _PAGE_DEVMAP
#else
#define MMS_PAGE_DEVMAP 0
#endif

/* PTE_MARKER_POISONED came in 6.6, PTE_MARKER_GUARD in 6.13. */
#ifdef PTE_MARKER_POISONED
#define MMS_MARKER_POISON PTE_MARKER_POISONED
#else
#define MMS_MARKER_POISON 0
#endif
#ifdef PTE_MARKER_GUARD
#define MMS_MARKER_GUARD PTE_MARKER_GUARD
#else
#define MMS_MARKER_GUARD 0
#endif

/* With 6.1 markers depend on CONFIG_PTE_MARKER; by 6.12 they are always there. */
#ifdef SWP_PTE_MARKER
#define MMS_SWP_MARKER SWP_PTE_MARKER
#else
#define MMS_SWP_MARKER 0xff
#endif

/*
 * A page that could not be read back from swap: a swap type of its own from 5.19 to 6.1, a marker
 * since 6.2.
 */
#ifdef SWP_SWAPIN_ERROR
#define MMS_SWP_POISON SWP_SWAPIN_ERROR
#else
#define MMS_SWP_POISON 0
#endif

/* Device entries with CONFIG_DEVICE_PRIVATE, migration with CONFIG_MIGRATION, poison likewise. */
#ifdef CONFIG_DEVICE_PRIVATE
#define MMS_SWP_DEVICE(name) SWP_DEVICE_##name
#else
#define MMS_SWP_DEVICE(name) 0xff
#endif
/* Two, by whether they were writable, until one came in 6.15. */
#ifdef SWP_DEVICE_EXCLUSIVE
#define MMS_SWP_EXCLUSIVE(name) SWP_DEVICE_EXCLUSIVE
#else
#define MMS_SWP_EXCLUSIVE(name) MMS_SWP_DEVICE(EXCLUSIVE_##name)
#endif
#ifdef CONFIG_MIGRATION
#define MMS_SWP_MIGRATION(name) SWP_MIGRATION_##name
#else
#define MMS_SWP_MIGRATION(name) 0xff
#endif
#ifdef CONFIG_MEMORY_FAILURE
#define MMS_SWP_HWPOISON SWP_HWPOISON
#else
#define MMS_SWP_HWPOISON 0xff
#endif

/* This kernel's layout; swp_pfn_mask and pfn_mask depend on the machine. */
static inline struct mms_layout mms_kernel_layout(void)
{
	return (struct mms_layout){
		.pfn_mask = PTE_PFN_MASK,
		.special = _PAGE_SPECIAL,
		.soft_dirty = _PAGE_SOFT_DIRTY,
		.uffd_wp = MMS_PAGE_UFFD,
		.devmap = MMS_PAGE_DEVMAP,
		.saved_dirty = MMS_PAGE_SAVED_DIRTY,
		.swp_pfn_mask = SWP_PFN_MASK,
		.swp_hwpoison = MMS_SWP_HWPOISON,
		.swp_migration_read = MMS_SWP_MIGRATION(READ),
		.swp_migration_read_exclusive = MMS_SWP_MIGRATION(READ_EXCLUSIVE),
		.swp_migration_write = MMS_SWP_MIGRATION(WRITE),
		.swp_device_read = MMS_SWP_DEVICE(READ),
		.swp_device_write = MMS_SWP_DEVICE(WRITE),
		.swp_device_exclusive_read = MMS_SWP_EXCLUSIVE(READ),
		.swp_device_exclusive_write = MMS_SWP_EXCLUSIVE(WRITE),
		.swp_marker = MMS_SWP_MARKER,
		.marker_uffd_wp = PTE_MARKER_UFFD_WP,
		.marker_poison = MMS_MARKER_POISON,
		.marker_guard = MMS_MARKER_GUARD,
		.nr_swapfiles = MAX_SWAPFILES,
		.swp_poison = MMS_SWP_POISON,
	};
}

/* Flags of a page; a type of their own since 6.18 (memdesc_flags_t). */
static inline unsigned long mms_page_flags(const struct page *page)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return READ_ONCE(page->flags.f);
#else
	return READ_ONCE(page->flags);
#endif
}

/*
 * The head page of a tail page, plus one; even for other pages. Since 7.1, tail pages hold what their
 * address is to be masked with where struct page is a power of two in size, the head's address elsewhere.
 */
static inline unsigned long mms_page_tail_of(const struct page *page)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 1, 0)
	unsigned long info = READ_ONCE(page->compound_info);

	if ((info & 1) && compound_info_has_mask())
		return ((unsigned long)page & info) | 1;
	return info;
#else
	return READ_ONCE(page->compound_head);
#endif
}

/* Low bits of a page's mapping; renamed in 6.17. */
#ifdef FOLIO_MAPPING_ANON
#define MMS_MAPPING_ANON FOLIO_MAPPING_ANON
#define MMS_MAPPING_KSM FOLIO_MAPPING_KSM
#define MMS_MAPPING_FLAGS FOLIO_MAPPING_FLAGS
#else
#define MMS_MAPPING_ANON PAGE_MAPPING_ANON
#define MMS_MAPPING_KSM PAGE_MAPPING_KSM
#define MMS_MAPPING_FLAGS PAGE_MAPPING_FLAGS
#endif

/*
 * How often a page is mapped, racy: no reference is held and the folio may be split, freed or reused
 * meanwhile, so none of the kernel's checking accessors may be used. It is the sum of the mappings of
 * the page itself and of those of its folio as a whole that are not in there: page_mapcount() of 6.1,
 * folio_precise_page_mapcount() of 6.12, which is private to fs/proc.
 *
 * Of the page itself. A negative count is a page type: freed or never mapped (page_type_has_type()).
 */
static inline int mms_own_mapcount(const struct page *page)
{
	return max(atomic_read(&page->_mapcount) + 1, 0);
}

/*
 * Of the folio as a whole. Until 6.2 each page of a file's huge page counts them itself, but for one of
 * hugetlb, which is like an anonymous one.
 */
static inline int mms_whole_mapcount(struct page *head, unsigned long flags, bool anon)
{
	if (!test_bit(PG_head, &flags))
		return 0;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	if (!anon)
		return 0;
	return atomic_read(compound_mapcount_ptr(head)) + 1 -
	       test_bit(PG_double_map, &head[1].flags);
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	return atomic_read(compound_mapcount_ptr(head)) + 1;
#else
	return atomic_read(&((struct folio *)head)->_entire_mapcount) + 1;
#endif
}

/* Whether no page of a huge page has mappings of its own; false also if that would take a look. */
static inline bool mms_only_whole_mapped(struct page *head, bool anon)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	return anon && !test_bit(PG_double_map, &head[1].flags);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	const struct folio *folio = (const struct folio *)head;

	return atomic_read(&folio->_large_mapcount) == atomic_read(&folio->_entire_mapcount);
#else
	return false;
#endif
}

/* PG_young is a page flag where there is room for it (CONFIG_PAGE_IDLE_FLAG on 64 bits). */
static inline unsigned long mms_flags_young(void)
{
#ifdef CONFIG_PAGE_IDLE_FLAG
	return BIT(PG_young);
#else
	return 0;
#endif
}

/*
 * What /proc/PID/maps names. On overlayfs 6.1 maps a file with the overlay's path and the real
 * inode; by 6.8 a backing file has the real path, and the user's path aside (file_user_path()).
 */
static inline const struct path *mms_file_path(struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return file_user_path(file);
#else
	return &file->f_path;
#endif
}

/* The inode whose device and number /proc/PID/maps prints; 6.12: file_user_inode(). */
static inline const struct inode *mms_file_inode(struct file *file)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return d_inode(file_user_path(file)->dentry);
#else
	return file_inode(file);
#endif
}

/* What show_map_vma() calls [heap]; with 6.6's vma_is_initial_heap() touching does not count. */
static inline bool mms_vma_is_heap(const struct vm_area_struct *vma)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return vma_is_initial_heap(vma);
#else
	return vma->vm_start <= vma->vm_mm->brk && vma->vm_end >= vma->vm_mm->start_brk;
#endif
}

/* Name set with prctl(PR_SET_VMA), or NULL; shmem can have one since 6.2. */
static inline const char *mms_vma_anon_name(const struct vm_area_struct *vma)
{
#ifdef CONFIG_ANON_VMA_NAME
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	if (vma->vm_file)
		return NULL;
#endif
	return vma->anon_name ? vma->anon_name->name : NULL;
#else
	return NULL;
#endif
}

/* Pages behind one entry of a page cache, a power of two; shmem swaps folios out whole by 6.12. */
static inline int mms_xas_order(struct xa_state *xas)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return xas_get_order(xas);
#else
	return 0;
#endif
}

/* Index in a hugetlb file's page cache: in huge pages in 6.1, in base pages by 6.12. */
static inline unsigned long mms_hugetlb_index(struct inode *inode, unsigned long index)
{
#ifdef CONFIG_HUGETLB_PAGE
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	return index >> huge_page_order(hstate_inode(inode));
#else
	return index;
#endif
#else
	return index;
#endif
}

/*
 * The user namespace whose CAP_SYS_PTRACE gives access to a memory. Since 7.2 it is kept by tasks, not by
 * the memory, and what a task has may be that of its next image: the initial namespace is never less.
 */
static inline struct user_namespace *mms_mm_user_ns(const struct mm_struct *mm)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return &init_user_ns;
#else
	return mm->user_ns;
#endif
}

/*
 * A file in debugfs, and the operations that it was made with, of a file that is open. Since 6.17 the
 * latter is no more to be had (debugfs_real_fops()), but a pointer can be left with the file since 6.14.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
static inline struct dentry *mms_debugfs_create(const char *name, umode_t mode, struct dentry *dir,
						void *data, const struct file_operations *fops)
{
	return debugfs_create_file_aux(name, mode, dir, data, (void *)fops, fops);
}

static inline const struct file_operations *mms_debugfs_fops(const struct file *file)
{
	return debugfs_get_aux(file);
}
#else
#define mms_debugfs_create debugfs_create_file
#define mms_debugfs_fops debugfs_real_fops
#endif

/* User shadow stacks: 6.6. */
static inline unsigned long mms_vm_shadow_stack(void)
{
#ifdef VM_SHADOW_STACK
	return VM_SHADOW_STACK;
#else
	return 0;
#endif
}

/*
 * Maps by their FD, where the kernel exports that to modules: Kbuild looks it up. A security update
 * of 6.12 put it in a namespace; naming one that a kernel does not have does no harm. The name is a
 * string since 6.13.
 */
#ifdef MMS_HAVE_BPF_MAP_GET
#define MMS_TAKES_MAPS 1
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define MMS_IMPORT_BPF MODULE_IMPORT_NS(BPF_INTERNAL)
#else
#define MMS_IMPORT_BPF MODULE_IMPORT_NS("BPF_INTERNAL")
#endif
#define mms_bpf_map_get(fd) bpf_map_get(fd)
#define mms_bpf_map_put(map) bpf_map_put(map)
#else
#define MMS_TAKES_MAPS 0
#define MMS_IMPORT_BPF static_assert(true)
static inline struct bpf_map *mms_bpf_map_get(u32 fd)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void mms_bpf_map_put(struct bpf_map *map)
{
}
#endif

#endif /* MMS_COMPAT_H */
