/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the fault that a thread is in the middle of was seen doing. Most faults do what their VMA
 * and their flags say, and need no hook of their own: first touch, zero page, file. The others pass
 * a function that only they pass, under the page-table lock and after the entry was found unchanged.
 */
#ifndef MMS_FAULT_BPF_H
#define MMS_FAULT_BPF_H

#include "bucket.bpf.h"
#include "process.bpf.h"

#define VM_HUGETLB 0x00400000UL
#define PF_MEMALLOC 0x00000800
#define PF_KTHREAD 0x00200000
#define _PAGE_PRESENT 1
#define PMD_MASK (~((1UL << 21) - 1))

enum {
	SIGBUS = 7,
	SIGSEGV = 11,
	SEGV_MAPERR = 1,
	SEGV_ACCERR = 2,
	SI_KERNEL = 0x80,
};

enum {
	SEEN_EXCEPTION = 1 << 0,	/* fault->page is the page */
	SEEN_PRESENT = 1 << 1,		/* the entry was present, said the CPU */
	SEEN_UPGRADED = 1 << 2,		/* made writable, accessed or dirty */
	SEEN_SPURIOUS = 1 << 3,		/* was that already */
	SEEN_COPIED = 1 << 4,		/* a shared page replaced by its copy */
	SEEN_SWAP = 1 << 5,		/* the entry was not none, not present */
	SEEN_SWAPPED_IN = 1 << 6,	/* and is present now */
	SEEN_NUMA = 1 << 7,		/* NUMA hint */
	SEEN_WAITED = 1 << 8,		/* for the migration of a huge page */
	SEEN_HUGE = 1 << 9,		/* huge page mapped, or the huge zero page */
	SEEN_LOST = 1 << 10,		/* the page meant for this fault was freed again */
	SEEN_DECIDED = SEEN_PRESENT | SEEN_UPGRADED | SEEN_SPURIOUS | SEEN_COPIED | SEEN_SWAP |
		       SEEN_NUMA | SEEN_WAITED,
};

struct fault {
	u32 pid;	/* whose it is, 0: nobody's */
	u16 spilled;	/* some thread with these lower bits had to keep its own elsewhere */
	u16 seen;
	u64 page;	/* its address, of the exception or of what was seen */
	u64 start;	/* CLOCK_MONOTONIC at the exception */
	u64 thread;	/* start_time of the thread that had this last: its process is known */
	u64 mm;		/* the address space, and in which slot it counts; not 0 */
	u32 slot;
	u32 pad[5];
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct task_struct___fault {
	unsigned int flags;
	int pagefault_disabled;
};

struct kernel_siginfo {
	int si_code;
};

#pragma clang attribute pop

/*
 * Where this CPU's memory begins, for config.preempt_count. A symbol that may not be there would be
 * looked for in all modules, which takes CAP_SYS_ADMIN.
 */
extern const unsigned long this_cpu_off __ksym;

/* By the lower bits of the PID: one load instead of a look-up. */
#define NR_FAULTS (1 << 15)
static struct fault faults[NR_FAULTS];

/* For a thread whose place another thread has, for its life. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct fault);
} spill SEC(".maps");

static __always_inline struct fault *place_of(u32 pid)
{
	return &faults[pid & (NR_FAULTS - 1)];
}

static __noinline struct fault *spilled_fault(struct task_struct *task, u64 flags)
{
	return bpf_task_storage_get(&spill, task, NULL, flags);
}

static __always_inline struct fault *fault_of(struct task_struct *task)
{
	u32 pid = task->pid;
	struct fault *fault = place_of(pid);

	if (fault->pid == pid)
		return fault;
	return fault->spilled ? spilled_fault(task, 0) : NULL;
}

/*
 * The same, made if need be. NULL: its latency is lost, and what it was for may be, and that is
 * counted. A place is taken from the exception to the end of the fault; exceptions that end
 * otherwise leave it to the next of the thread.
 */
static __always_inline struct fault *take_fault(struct task_struct *task)
{
	u32 pid = task->pid;
	struct fault *fault = place_of(pid);

	if (fault->pid == pid)
		return fault;
	if (!fault->pid && !__sync_val_compare_and_swap(&fault->pid, 0, pid))
		return fault;
	fault->spilled = 1;
	fault = spilled_fault(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!fault)
		__sync_fetch_and_add(&lost.events, 1);
	return fault;
}

/* Whether it is known in which slot this thread's process counts. */
static __always_inline bool is_known(const struct fault *fault, struct task_struct *task)
{
	return fault->thread == task->start_time;
}

/*
 * mm_slot(), but for the thread's own address space if it had a fault there last. It gets another one
 * by exec only, and stays in its process. What it looks at of others, may be gone by the next time,
 * and be another's that lies in the same place.
 */
static __always_inline u32 fault_slot(struct fault *fault, struct task_struct *task,
				      struct mm_struct *mm)
{
	u32 slot;

	if (fault && is_known(fault, task) && fault->mm == (u64)mm)
		return fault->slot;
	slot = mm_slot(mm);
	if (fault && slot && mm == task->mm) {
		fault->slot = slot;
		fault->mm = (u64)mm;
		fault->thread = task->start_time;
	}
	return slot;
}

/* get_user_pages() has one for all the faults it makes. */
static __always_inline void end_fault(struct fault *fault, bool keep)
{
	fault->seen = 0;
	fault->start = 0;
	if (!keep)
		fault->pid = 0;
}

/*
 * What was seen of a fault at @address. Without an exception, a page may have been noted before the
 * fault began; a huge page is noted by its own address.
 */
static __always_inline u32 seen_of(const struct fault *fault, unsigned long address)
{
	u32 seen = fault->seen;

	if (seen & SEEN_EXCEPTION)
		return seen;
	if (fault->page != (address & PAGE_MASK) && fault->page != (address & PMD_MASK))
		seen &= ~(SEEN_COPIED | SEEN_UPGRADED | SEEN_SPURIOUS);
	return seen;
}

static __always_inline void see(u32 what)
{
	struct fault *fault = fault_of(bpf_get_current_task_btf());

	if (fault)
		fault->seen |= what;
}

/* The same, of a page; that of the fault, if it is known which it is. */
static __always_inline void see_page(u32 what, unsigned long page, unsigned long mask)
{
	struct fault *fault = fault_of(bpf_get_current_task_btf());

	if (!fault)
		return;
	if (!(fault->seen & SEEN_EXCEPTION))
		fault->page = page;
	else if ((fault->page & mask) != page)
		return;
	fault->seen |= what;
}

#endif /* MMS_FAULT_BPF_H */
