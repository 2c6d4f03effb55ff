/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ABI between the module, the eBPF programs, the reader and the tests: record layouts, enums,
 * flag bits, versions. Append only; every size and offset is asserted below in every build.
 */
#ifndef _UAPI_MMSCOPE_H
#define _UAPI_MMSCOPE_H

#include <linux/types.h>

#define MMS_VERSION	"0.1.0"
/* Bumped when a record, a column or a file changes its meaning; additions do not bump it. */
#define MMS_ABI_VERSION 1

/* Page-table levels, by what an entry of the table covers; the kernel's own names. */
enum mms_level {
	MMS_PTE = 1,
	MMS_PMD = 2,
	MMS_PUD = 3,
	MMS_P4D = 4,
	MMS_PGD = 5,
	MMS_NR_LEVELS = 6,
};

/* What a leaf entry maps or stands for. Every page of a VMA is in exactly one class. */
enum mms_class {
	MMS_CLASS_NONE = 0,		/* no entry: never touched, or given back */
	MMS_CLASS_ANON = 1,		/* anonymous page (PageAnon), including private file copies */
	MMS_CLASS_FILE = 2,		/* page cache of a file */
	MMS_CLASS_SHMEM = 3,		/* page of a shmem object: not anonymous, swap-backed */
	MMS_CLASS_KSM = 4,		/* anonymous page merged by KSM */
	MMS_CLASS_ZERO = 5,		/* the shared zero page */
	MMS_CLASS_HUGE_ZERO = 6,	/* the shared huge zero page */
	MMS_CLASS_HUGETLB = 7,		/* hugetlbfs page, file or private */
	MMS_CLASS_PFNMAP = 8,		/* a frame without reference counting (VM_PFNMAP, vvar) */
	MMS_CLASS_DEVMAP = 9,		/* ZONE_DEVICE frame (DAX) */
	MMS_CLASS_SWAP = 10,		/* non-present: swap type and offset */
	MMS_CLASS_MIGRATION = 11,	/* non-present: the page is being moved */
	MMS_CLASS_HWPOISON = 12,	/* non-present: the frame is broken; a touch is SIGBUS */
	MMS_CLASS_DEVICE_PRIVATE = 13,	/* non-present: the page is in device memory */
	MMS_CLASS_DEVICE_EXCLUSIVE = 14, /* non-present: lent to a device for exclusive access */
	MMS_CLASS_UFFD_WP_MARKER = 15,	/* non-present: no page, userfaultfd write protection kept */
	MMS_CLASS_POISON_MARKER = 16,	/* non-present: no page (lost in swap), a touch is SIGBUS */
	MMS_CLASS_GUARD_MARKER = 17,	/* non-present: no page, a touch is SIGSEGV */
	MMS_CLASS_BAD = 18,		/* an entry this kernel should not hold */
	MMS_NR_CLASSES = 19,

	/* Not pages: what the last records of a stream carry. */
	MMS_CLASS_COST = 30,		/* flags: enum mms_cost_key, entry: the value */
	MMS_CLASS_END = 31,		/* addr: where the walk ended, entry: 0 or an errno */
};

/* Kinds of VMAs, in the order of precedence in which they are recognised. */
enum mms_kind {
	MMS_KIND_HUGETLB = 0,
	MMS_KIND_VDSO = 1,	/* vdso, vvar and other special mappings */
	MMS_KIND_DEVICE = 2,	/* PFN maps and mappings of device files */
	MMS_KIND_SHM = 3,	/* shared mapping of a shmem object */
	MMS_KIND_STACK = 4,	/* the initial stack */
	MMS_KIND_HEAP = 5,	/* the brk area */
	MMS_KIND_TEXT = 6,	/* private executable mapping of a file */
	MMS_KIND_DATA = 7,	/* private writable mapping of a file */
	MMS_KIND_FILE = 8,	/* any other mapping of a file */
	MMS_KIND_BSS = 9,	/* anonymous, directly after the data mapping it completes */
	MMS_KIND_TSTACK = 10,	/* anonymous, holds the stack pointer of a thread */
	MMS_KIND_MMAP = 11,	/* any other anonymous mapping */
	MMS_NR_KINDS = 12,
};

/* What a read cost, in the order in which it is reported. */
enum mms_cost_key {
	MMS_COST_TIME_NS = 0,		/* walking, formatting and copying excluded */
	MMS_COST_HOLDS = 1,		/* times mmap_lock was taken */
	MMS_COST_HOLD_MAX_NS = 2,	/* longest of them */
	MMS_COST_TABLES = 3,		/* page-table pages read, each counted once per visit */
	MMS_COST_ENTRIES = 4,		/* entries read */
	MMS_COST_RETRIES = 5,		/* entries read again because they changed under the reader */
	MMS_COST_CHANGED = 6,		/* VMAs that changed while they were walked */
	MMS_NR_COSTS = 7,
};

/*
 * Where this kernel keeps its software bits, and how it numbers non-present entries: with this, a
 * raw entry can be decoded outside the kernel it came from. A mask of 0, or a type of 0xff, means
 * that the kernel does not have it. The hardware's bits are in arch_x86.h.
 */
struct mms_layout {
	__u64 pfn_mask;		/* bits of an entry that hold the physical address */
	__u64 special;
	__u64 soft_dirty;
	__u64 uffd_wp;
	__u64 devmap;
	__u64 saved_dirty;	/* dirty, moved aside so that the entry is no shadow stack */
	__u64 swp_pfn_mask;	/* bits of a swap offset that hold a PFN */
	__u8 swp_hwpoison;
	__u8 swp_migration_read;
	__u8 swp_migration_read_exclusive;
	__u8 swp_migration_write;
	__u8 swp_device_read;
	__u8 swp_device_write;
	__u8 swp_device_exclusive_read;
	__u8 swp_device_exclusive_write;
	__u8 swp_marker;
	__u8 marker_uffd_wp;	/* bits of a marker's offset */
	__u8 marker_poison;
	__u8 marker_guard;
	__u8 nr_swapfiles;	/* swap types below this are swap areas */
	__u8 swp_poison;	/* the type of what elsewhere is a marker; 0: none */
	__u8 pad[2];
};

#define MMS_RECORDS_MAGIC 0x3153434552534d4dULL /* "MMSRECS1", little endian */

/* Start of PID/records; the records follow at header_size. */
struct mms_records_header {
	__u64 magic;
	__u32 abi;
	__u16 header_size;
	__u16 record_size;
	__u32 pid;		/* in the initial PID namespace */
	__u8 paging_levels;
	__u8 page_shift;
	__u8 pad[2];
	struct mms_layout layout;
};

/* Bits of mms_record.flags */
#define MMS_REC_ANON	  (1 << 0) /* PageAnon: what pagemap shows as not file */
#define MMS_REC_VMA_START (1 << 1) /* first run of its VMA */

/*
 * A run of leaf entries: nr entries of one level, addresses and frames both consecutive, all other
 * bits equal. Holes (class NONE) are not recorded. 24 bytes, little endian like the entries.
 */
struct mms_record {
	__u64 addr;		/* first virtual address */
	__u64 entry;		/* the first entry, raw */
	__u32 nr;		/* entries of this level */
	__u8 level;		/* enum mms_level */
	__u8 class;		/* enum mms_class */
	__u16 flags;
};

_Static_assert(sizeof(struct mms_layout) == 72, "mms_layout is ABI");
_Static_assert(__builtin_offsetof(struct mms_layout, swp_hwpoison) == 56, "mms_layout is ABI");
_Static_assert(__builtin_offsetof(struct mms_layout, marker_guard) == 67, "mms_layout is ABI");
_Static_assert(__builtin_offsetof(struct mms_layout, swp_poison) == 69, "mms_layout is ABI");
_Static_assert(sizeof(struct mms_records_header) == 96, "mms_records_header is ABI");
_Static_assert(__builtin_offsetof(struct mms_records_header, pid) == 16, "header is ABI");
_Static_assert(__builtin_offsetof(struct mms_records_header, layout) == 24, "header is ABI");
_Static_assert(sizeof(struct mms_record) == 24, "mms_record is ABI");
_Static_assert(__builtin_offsetof(struct mms_record, nr) == 16, "mms_record is ABI");
_Static_assert(__builtin_offsetof(struct mms_record, flags) == 22, "mms_record is ABI");

#endif /* _UAPI_MMSCOPE_H */
