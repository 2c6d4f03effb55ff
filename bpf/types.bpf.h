/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's types as far as the programs look into them. Their real layout is put in when a
 * program is loaded (CO-RE), so that no kernel's own description is needed to build.
 */
#ifndef MMS_TYPES_BPF_H
#define MMS_TYPES_BPF_H

#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_MMAPABLE = 1 << 10,
	BPF_F_NO_PREALLOC = 1 << 0,
	BPF_F_USER_STACK = 1 << 8,
	BPF_F_FAST_STACK_CMP = 1 << 9,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1 << 0,
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

/* Of linux/mm.h; the same values from 6.1 to 6.12. */
#define VM_SHARED 0x00000008UL
#define VM_MAYSHARE 0x00000080UL
#define VM_PFNMAP 0x00000400UL
#define VM_UFFD_WP 0x00001000UL
#define VM_MIXEDMAP 0x10000000UL
#define VM_MERGEABLE 0x80000000UL

/* Of linux/mm_types.h, 6.1 to 6.12; an enum there, and CO-RE takes no other type for it. */
enum fault_flag {
	FAULT_FLAG_WRITE = 0x01,
	FAULT_FLAG_TRIED = 0x20,
	FAULT_FLAG_USER = 0x40,
	FAULT_FLAG_REMOTE = 0x80,
	FAULT_FLAG_INTERRUPTIBLE = 0x200,
	FAULT_FLAG_UNSHARE = 0x400,
	FAULT_FLAG_VMA_LOCK = 0x1000,	/* from 6.4 on; no flag before */
};

/* UFFD_FEATURE_WP_ASYNC of linux/userfaultfd.h, from 6.7 on. */
#define UFFD_FEATURE_WP_ASYNC 0x8000

/* Bits of an entry, arch/x86/include/asm/pgtable_types.h. */
#define PAGE_PRESENT 0x001UL
#define PAGE_RW 0x002UL
#define PAGE_PSE 0x080UL
#define PAGE_SPECIAL 0x200UL
#define PAGE_UFFD_WP 0x400UL

#define PAGE_SHIFT 12
#define PAGE_MASK (~((1UL << PAGE_SHIFT) - 1))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mm_struct;

struct task_struct {
	int pid;
	int tgid;
	u64 start_time;
	unsigned long min_flt;
	unsigned long maj_flt;
	struct mm_struct *mm;
	struct task_struct *group_leader;
	char comm[16];
};

struct mm_struct {
	struct task_struct *owner;
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct super_block {
	void *s_fs_info;
};

struct inode {
	struct super_block *i_sb;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct hstate {
	unsigned int order;
};

struct hugetlbfs_sb_info {
	struct hstate *hstate;
};

struct vm_operations_struct;
struct anon_vma;

struct userfaultfd_ctx {
	unsigned int features;
};

struct vm_userfaultfd_ctx {
	struct userfaultfd_ctx *ctx;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags;
	struct anon_vma *anon_vma;
	const struct vm_operations_struct *vm_ops;
	struct file *vm_file;
	struct vm_userfaultfd_ctx vm_userfaultfd_ctx;
};

typedef struct {
	unsigned long pte;
} pte_t;

typedef struct {
	unsigned long pmd;
} pmd_t;

struct address_space;

struct page {
	unsigned long compound_head;
	struct address_space *mapping;
};

struct folio;

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long address;
	enum fault_flag flags;
	pte_t orig_pte;
	struct page *page;
};

struct pt_regs {
	unsigned long r9;
	unsigned long r8;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
};

struct bpf_iter_meta;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif /* MMS_TYPES_BPF_H */
