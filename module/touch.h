/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the next touch of an address would do, predicted from the VMA, the entry and the frame.
 * Pure C, also compiled on the host; knows nothing of where its facts come from.
 */
#ifndef MMS_TOUCH_H
#define MMS_TOUCH_H

#include "leaf.h"

enum mms_touch {
	MMS_TOUCH_HIT,		/* no fault */
	MMS_TOUCH_ZERO_PAGE,	/* minor fault: map the shared zero page */
	MMS_TOUCH_NEW_PAGE,	/* minor fault: a zeroed page of its own */
	MMS_TOUCH_FILE_CACHED,	/* minor fault: map the page from the page cache */
	MMS_TOUCH_FILE_READ,	/* major fault: read the page from the file, map it */
	MMS_TOUCH_FILE_COPY,	/* fault: copy the file's page at once (COW, written first) */
	MMS_TOUCH_COPY,		/* minor fault: copy-on-write break */
	MMS_TOUCH_REUSE,	/* minor fault: sole owner, made writable without a copy */
	MMS_TOUCH_SPLIT_COPY,	/* minor fault: split the huge page, copy one small page */
	MMS_TOUCH_MKWRITE,	/* minor fault: shared page made writable */
	MMS_TOUCH_SWAP_IN,	/* major fault unless still in the swap cache */
	MMS_TOUCH_NUMA_HINT,	/* minor fault: NUMA balancing looks, access granted */
	MMS_TOUCH_MIGRATION,	/* waits for the move to end */
	MMS_TOUCH_DEVICE,	/* fetched back from the device */
	MMS_TOUCH_OWNER,	/* up to the fault handler of the mapping's owner */
	MMS_TOUCH_USERFAULT,	/* handed to a userfaultfd */
	MMS_TOUCH_GROW_STACK,	/* the stack VMA grows down to it, if the limits allow */
	MMS_TOUCH_SEGV_MAPERR,	/* SIGSEGV: nothing is mapped there */
	MMS_TOUCH_SEGV_ACCERR,	/* SIGSEGV: not permitted */
	MMS_TOUCH_SEGV_GP,	/* SIGSEGV by general protection: not an address at all */
	MMS_TOUCH_BUS_EOF,	/* SIGBUS: beyond the end of the file */
	MMS_TOUCH_BUS_POISON,	/* SIGBUS: broken memory */
	MMS_TOUCH_VSYSCALL,	/* emulated or refused: depends on vsyscall=, which is not exported */
	MMS_NR_TOUCHES,
};

enum mms_access {
	MMS_READ,
	MMS_WRITE,
	MMS_EXEC,
	MMS_NR_ACCESSES,
};

/**
 * struct mms_place - what is known of an address
 * @canonical: it is an address at all
 * @kernel: it lies in the kernel half
 * @vsyscall: it lies in the vsyscall page
 * @vma: a VMA covers it; the next members are about that VMA
 * @below_stack: none does, but the one above grows down
 * @readable: VM_READ
 * @writable: VM_WRITE
 * @executable: VM_EXEC
 * @shared: stores are to be seen by others (VM_SHARED)
 * @anonymous: vma_is_anonymous()
 * @file: pages come from the page cache of a file or object
 * @shmem: that object is shmem's
 * @hugetlb: that object is hugetlb's
 * @shadow_stack: VM_SHADOW_STACK
 * @uffd_missing: a userfaultfd waits for touches of what is not there
 * @uffd_wp: for writes to what it write-protected
 * @uffd_minor: for touches of what is in the page cache but not mapped
 * @level: level of the entry the walk ended at
 * @entry: that entry
 * @class: its class
 * @wp_entry: the entry is write-protected for a userfaultfd
 * @exclusive: the frame is an anonymous page known to be this process's alone, or nobody else
 *	holds a reference to it
 * @cached: the page cache holds the file's page
 * @swapped: the shmem object has the page in swap
 * @beyond_eof: the address lies beyond the end of the file
 */
struct mms_place {
	bool canonical, kernel, vsyscall;
	bool vma, below_stack;
	bool readable, writable, executable;
	bool shared;
	bool anonymous, file, shmem, hugetlb, shadow_stack;
	bool uffd_missing, uffd_wp, uffd_minor;
	enum mms_level level;
	__u64 entry;
	enum mms_class class;
	bool wp_entry;
	bool exclusive;
	bool cached;
	bool swapped;
	bool beyond_eof;
};

/* What an access by the process itself would do; protection keys (PKRU) and SMAP not considered. */
enum mms_touch mms_touch(const struct mms_place *place, enum mms_access access);

/* "hit", "new-page", "SIGSEGV:MAPERR" ...; "?" outside the enum. */
const char *mms_touch_name(unsigned int touch);

#endif /* MMS_TOUCH_H */
