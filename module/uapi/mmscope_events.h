/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ABI of what is counted: TLB flushes as the module counts them, and the records in which the
 * eBPF programs count copy-on-write breaks, page faults and TLB requests. Append only; the names
 * of the counters are in event_names.c.
 */
#ifndef _UAPI_MMSCOPE_EVENTS_H
#define _UAPI_MMSCOPE_EVENTS_H

#include <linux/types.h>

/* Reasons of the tracepoint tlb:tlb_flush: enum tlb_flush_reason of linux/mm_types.h (6.1, 6.12). */
enum mms_tlb_reason {
	MMS_TLB_TASK_SWITCH = 0,
	MMS_TLB_REMOTE_SHOOTDOWN = 1,	/* on the CPU that an IPI asked to flush */
	MMS_TLB_LOCAL_SHOOTDOWN = 2,
	MMS_TLB_LOCAL_MM_SHOOTDOWN = 3,
	MMS_TLB_REMOTE_SEND_IPI = 4,	/* once for all CPUs asked; the flushes are counted there */
	MMS_TLB_OTHER = 5,		/* reasons that kernels after 6.12 have */
	MMS_NR_TLB_REASONS = 6,
};

/* Counted in the module, per CPU. */
struct mms_tlb_count {
	__u64 events;
	__u64 pages;	/* sum over ranged flushes, in the event's unit: 4 KiB for SEND_IPI, else strides */
	__u64 full;	/* of the events: flushed everything (TLB_FLUSH_ALL) */
	__u64 none;	/* of the events: flushed nothing, for it was flushed already */
};

/*
 * Why a page was copied. With a cause there is always a way (below), and the pair is a counter:
 * MMS_COW(cause, way).
 */
enum mms_cow_cause {
	MMS_COW_ANON = 0,	/* anonymous page, shared since a fork */
	MMS_COW_FILE = 1,	/* page of a private file mapping, read before */
	MMS_COW_FILE_FIRST = 2,	/* page of a private file mapping, the write being the first touch */
	MMS_COW_ZERO = 3,	/* the zero page, read before */
	MMS_COW_KSM = 4,	/* page merged by KSM */
	MMS_COW_HUGETLB = 5,	/* hugetlb page, whatever its size */
	MMS_COW_PFN = 6,	/* frame without struct page, privately mapped */
	MMS_NR_COW_CAUSES = 7,
};

/* How the write arrived; from vmf->flags, in the order in which they are asked. */
enum mms_cow_way {
	MMS_COW_BY_UNSHARE = 0,	/* FAULT_FLAG_UNSHARE: no write, but a pin that wants its own copy */
	MMS_COW_BY_USER = 1,	/* a store in user mode */
	MMS_COW_BY_REMOTE = 2,	/* /proc/PID/mem, process_vm_writev, ptrace */
	MMS_COW_BY_KERNEL = 3,	/* the kernel wrote to the address, as read(2) does */
	MMS_COW_BY_GUP = 4,	/* the process's own mlock, MADV_POPULATE_WRITE, direct I/O, ... */
	MMS_COW_BY_FORK = 5,	/* a pinned page: the child got its copy at once */
	MMS_NR_COW_WAYS = 6,
};

#define MMS_COW(cause, way) ((cause) * MMS_NR_COW_WAYS + (way))

/* Counters of a record of the question "cow". */
enum mms_cow_counter {
	/* Beside the breaks; these are none. */
	MMS_COW_REUSE = MMS_NR_COW_CAUSES * MMS_NR_COW_WAYS, /* made writable in place: PTE */
	MMS_COW_REUSE_PMD,		/* the same, a huge page */
	MMS_COW_REUSE_HUGETLB,		/* the same, a hugetlb page */
	MMS_COW_SPLIT_PMD,		/* THP split; the copies of its pages follow one by one */
	/* Of the breaks. */
	MMS_COW_PAGES,			/* 4 KiB pages copied: more than breaks with hugetlb only */
	MMS_COW_SWAPPED,		/* the page was read back from swap by the same fault */
	MMS_NR_COW_COUNTERS,
};

#define MMS_HISTOGRAM 32		/* bucket 0: 0 and 1 ns, bucket k: 2^k <= ns < 2^(k+1), last: more */

/* Counters of a record of the question "faults". Each handled fault is in one row of each group. */
enum mms_fault_counter {
	/* Where it came from */
	MMS_FAULT_FROM_USER = 0,	/* exception in user mode */
	MMS_FAULT_FROM_KERNEL,		/* exception in kernel mode on a user address */
	MMS_FAULT_FROM_GUP,		/* no exception: the kernel looked a page up */
	/* What it took; major as the kernel accounts it (mm_account_fault()) */
	MMS_FAULT_MINOR,
	MMS_FAULT_MAJOR,
	MMS_FAULT_FAILED,		/* no page: SIGBUS, SIGSEGV, poisoned memory, out of memory */
	/* What it was for */
	MMS_FAULT_FIRST_TOUCH,		/* anonymous memory given */
	MMS_FAULT_FIRST_TOUCH_HUGE,	/* the same, a whole huge page at once */
	MMS_FAULT_ZERO_PAGE,		/* read of what was never written: a zero page mapped */
	MMS_FAULT_FILE_MAP,		/* page of a file or of shared memory mapped */
	MMS_FAULT_SWAP_IN,
	MMS_FAULT_COW,			/* present and shared: copied */
	MMS_FAULT_FILE_COW,		/* private file page, written first: copied */
	MMS_FAULT_PROTECTION,		/* present: only made writable, accessed or dirty */
	MMS_FAULT_HUGETLB,
	MMS_FAULT_OTHER,		/* somebody else was faster, NUMA hint, userfaultfd, ... */
	/* Beside those handled */
	MMS_FAULT_RETRIED,		/* had to be tried again (VM_FAULT_RETRY); its retry is counted above */
	MMS_FAULT_INVALID_UNMAPPED,	/* SIGSEGV, SEGV_MAPERR: no VMA there */
	MMS_FAULT_INVALID_ACCESS,	/* SIGSEGV, SEGV_ACCERR: not permitted */
	MMS_FAULT_INVALID_OTHER,	/* SIGSEGV or SIGBUS of the kernel for another reason */
	/* From the exception to the end, waiting and trying again included; none of FROM_GUP */
	MMS_FAULT_NS,
	MMS_FAULT_HISTOGRAM,
	MMS_NR_FAULT_COUNTERS = MMS_FAULT_HISTOGRAM + MMS_HISTOGRAM,
};

/* Counters of a record of the question "tlb": what was asked for, per address space. */
enum mms_request_counter {
	MMS_REQUEST_FULL = 0,		/* flush_tlb_mm_range() of everything: asked so, or too many pages */
	MMS_REQUEST_RANGED,
	MMS_REQUEST_PAGES,		/* of the ranged: sum of strides */
	MMS_REQUEST_HUGE,		/* of all: stride of 2 MiB or more */
	MMS_REQUEST_FREED_TABLES,	/* of all: page tables are freed, lazy CPUs are asked too */
	MMS_REQUEST_IPIS,		/* requests that asked other CPUs (native_flush_tlb_multi()) */
	MMS_REQUEST_IPI_CPUS,		/* CPUs asked */
	MMS_REQUEST_IPI_HANDLED,	/* flushes for other CPUs, charged to who runs where they arrive */
	MMS_REQUEST_WAIT_NS,		/* time the initiator waited for the CPUs asked */
	MMS_REQUEST_HISTOGRAM,		/* of that time */
	MMS_NR_REQUEST_COUNTERS = MMS_REQUEST_HISTOGRAM + MMS_HISTOGRAM,
};

/* Questions: each an eBPF object, a map handed over by this name, and a view. */
enum mms_question {
	MMS_QUESTION_COW = 0,
	MMS_QUESTION_FAULTS = 1,
	MMS_QUESTION_TLB = 2,
	MMS_NR_QUESTIONS = 3,
};

#define MMS_MAX_COUNTERS 64
#define MMS_TRACE_MAGIC 0x4543415254534d4dULL /* "MMSTRACE", little endian */

/*
 * A question's map: BPF_MAP_TYPE_ARRAY of struct mms_trace_record with u32 keys. Slot 0 is the
 * header, slot 1 collects what belongs to processes that have no slot; the others are processes.
 */
enum {
	MMS_SLOT_HEADER = 0,
	MMS_SLOT_OTHERS = 1,
	MMS_SLOT_FIRST = 2,
	MMS_MAX_SLOTS = 1 << 16,
};

/*
 * Who a record counts for. tgid is written last: 0 means that the slot is not in use. start_time is
 * task_struct.start_time of the thread group's leader, which tells a PID used again; a process keeps
 * it across exec.
 */
struct mms_trace_owner {
	__u32 tgid;		/* in the initial PID namespace */
	__u32 parent;		/* tgid of the parent when it was forked under the tracer, else 0 */
	__u64 start_time;
	__u64 execs;		/* since counting began */
	char comm[16];		/* when counting began, or after the last exec */
};

struct mms_trace_header {
	__u64 magic;
	__u32 abi;		/* MMS_ABI_VERSION */
	__u32 question;		/* enum mms_question */
	__u32 everyone;		/* 1: every process counts; 0: those selected */
	__u32 nr_counters;
	__u64 since_ns;		/* CLOCK_BOOTTIME when counting began */
	__u64 missing;		/* bit per counter: a hook is absent, the counter is unavailable */
	__u64 missed;		/* events lost to recursion so far, as far as is known */
};

struct mms_trace_record {
	union {
		struct mms_trace_owner owner;
		struct mms_trace_header header;
	};
	__u64 count[MMS_MAX_COUNTERS];
};

_Static_assert(sizeof(struct mms_tlb_count) == 32, "mms_tlb_count is ABI");
_Static_assert(sizeof(struct mms_trace_owner) == 40, "mms_trace_owner is ABI");
_Static_assert(sizeof(struct mms_trace_header) == 48, "mms_trace_header is ABI");
_Static_assert(sizeof(struct mms_trace_record) == 48 + 8 * MMS_MAX_COUNTERS, "record is ABI");
_Static_assert(__builtin_offsetof(struct mms_trace_owner, start_time) == 8, "owner is ABI");
_Static_assert(__builtin_offsetof(struct mms_trace_owner, comm) == 24, "owner is ABI");
_Static_assert(__builtin_offsetof(struct mms_trace_header, since_ns) == 24, "header is ABI");
_Static_assert(__builtin_offsetof(struct mms_trace_header, missed) == 40, "header is ABI");
_Static_assert(MMS_NR_COW_COUNTERS <= MMS_MAX_COUNTERS, "counters of cow");
_Static_assert(MMS_NR_FAULT_COUNTERS <= MMS_MAX_COUNTERS, "counters of faults");
_Static_assert(MMS_NR_REQUEST_COUNTERS <= MMS_MAX_COUNTERS, "counters of tlb");

#endif /* _UAPI_MMSCOPE_EVENTS_H */
