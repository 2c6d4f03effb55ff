// SPDX-License-Identifier: GPL-2.0
/*
 * Page faults: every one that handle_mm_fault() ends is in one row of each group, see enum
 * mms_fault_counter. What it was for is taken from what it did; see fault.bpf.h.
 */
#include "fault_seen.bpf.h"
#include "detail.bpf.h"

/* enum vm_fault_reason of linux/mm_types.h, the same from 6.1 to 6.12. */
#define VM_FAULT_MAJOR 0x4
#define VM_FAULT_NOPAGE 0x100
#define VM_FAULT_RETRY 0x400
#define VM_FAULT_COMPLETED 0x4000
#define VM_FAULT_ERROR 0x873

#define X86_PF_PROT 1

/* A process that does not count, for sure: not worth a look at the clock. */
static __always_inline bool not_counted(struct task_struct *task)
{
	u32 tgid = task->tgid;
	u64 *cached;

	if (config.everyone)
		return false;
	cached = slot_cached(tgid);
	return cached && *cached == ((u64)tgid << 32 | SLOT_NONE);
}

static __always_inline void begin_exception(struct task_struct *task, unsigned long address,
					    unsigned long error_code)
{
	struct fault *fault;

	if (!is_known(place_of(task->pid), task) && not_counted(task))
		return;
	fault = take_fault(task);
	if (!fault)
		return;
	fault->page = address & PAGE_MASK;
	fault->seen = error_code & X86_PF_PROT ? SEEN_EXCEPTION | SEEN_PRESENT : SEEN_EXCEPTION;
	fault->start = bpf_ktime_get_ns();
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(page_fault_user, unsigned long address, struct pt_regs *regs, unsigned long error_code)
{
	begin_exception(bpf_get_current_task_btf(), address, error_code);
	return 0;
}

/*
 * While page faults are disabled, as when a tracer looks at the user's stack, the exception is
 * fixed up and no fault; it may come in the middle of one.
 */
SEC("tp_btf/page_fault_kernel")
int BPF_PROG(page_fault_kernel, unsigned long address, struct pt_regs *regs,
	     unsigned long error_code)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if ((s64)address < 0 || ((struct task_struct___fault *)task)->pagefault_disabled)
		return 0;
	begin_exception(task, address, error_code);
	return 0;
}

/* What a fault did that no hook saw. */
static __always_inline u32 purpose_unseen(const void *file, u64 vm_flags, unsigned int flags, u32 ret)
{
	if (file) {
		if (!(flags & FAULT_FLAG_WRITE) || vm_flags & VM_SHARED)
			return MMS_FAULT_FILE_MAP;
		/* finish_fault() found a page there, or the driver mapped one itself. */
		return ret & VM_FAULT_NOPAGE ? MMS_FAULT_OTHER : MMS_FAULT_FILE_COW;
	}
	return flags & FAULT_FLAG_WRITE ? MMS_FAULT_FIRST_TOUCH : MMS_FAULT_ZERO_PAGE;
}

/* What a fault did of which more was seen than the exception. */
static __noinline u32 purpose_seen(u32 seen, bool file, bool write)
{
	if (seen & SEEN_NUMA)
		return MMS_FAULT_OTHER;
	if (seen & SEEN_SWAP)
		return seen & SEEN_SWAPPED_IN ? MMS_FAULT_SWAP_IN : MMS_FAULT_OTHER;
	if (seen & SEEN_UPGRADED)
		return MMS_FAULT_PROTECTION;
	if (seen & SEEN_COPIED)
		return MMS_FAULT_COW;
	if (seen & (SEEN_PRESENT | SEEN_SPURIOUS | SEEN_WAITED))
		return MMS_FAULT_OTHER;
	if (seen & SEEN_HUGE && !file)
		return write || !huge_zero_page_in_use() ? MMS_FAULT_FIRST_TOUCH_HUGE :
							   MMS_FAULT_ZERO_PAGE;
	if (seen & SEEN_LOST && !file)
		return MMS_FAULT_OTHER;
	return 0;
}

/*
 * handle_mm_fault() has let go of the VMA if it is VM_FAULT_COMPLETED, which is for shared mappings
 * of files only: fault_dirty_shared_page() (6.1, 6.12).
 */
static __always_inline u32 purpose_of(struct vm_area_struct *vma, unsigned int flags, u32 ret,
				      u32 seen)
{
	const void *file;
	u64 vm_flags;
	u32 purpose;

	if (ret & VM_FAULT_ERROR)
		return MMS_FAULT_OTHER;
	if (ret & VM_FAULT_COMPLETED)
		return seen & SEEN_UPGRADED ? MMS_FAULT_PROTECTION : MMS_FAULT_FILE_MAP;
	vm_flags = vma->vm_flags;
	if (vm_flags & VM_HUGETLB)
		return MMS_FAULT_HUGETLB;
	file = vma->vm_ops;
	if (seen & ~SEEN_EXCEPTION) {
		purpose = purpose_seen(seen, file, flags & FAULT_FLAG_WRITE);
		if (purpose)
			return purpose;
	}
	if (flags & FAULT_FLAG_UNSHARE || (!file && ret & VM_FAULT_NOPAGE))
		return MMS_FAULT_OTHER;
	return purpose_unseen(file, vm_flags, flags, ret);
}

static __always_inline u32 source_of(unsigned int flags, struct pt_regs *regs)
{
	if (!regs)
		return MMS_FAULT_FROM_GUP;
	return flags & FAULT_FLAG_USER ? MMS_FAULT_FROM_USER : MMS_FAULT_FROM_KERNEL;
}

/* mm_account_fault() of 6.1 and 6.12. */
static __always_inline u32 effort_of(unsigned int flags, u32 ret)
{
	if (ret & VM_FAULT_ERROR)
		return MMS_FAULT_FAILED;
	return ret & VM_FAULT_MAJOR || flags & FAULT_FLAG_TRIED ? MMS_FAULT_MAJOR : MMS_FAULT_MINOR;
}

static __always_inline void count_latency(struct mms_trace_record *record, u64 start)
{
	u64 ns = bpf_ktime_get_ns() - start;

	count_in(record, MMS_FAULT_NS, ns);
	count_in(record, MMS_FAULT_HISTOGRAM + bucket_of(ns), 1);
}

SEC("fexit/handle_mm_fault")
int BPF_PROG(handle_mm_fault, struct vm_area_struct *vma, unsigned long address, unsigned int flags,
	     struct pt_regs *regs, u32 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool gone = ret & (VM_FAULT_RETRY | VM_FAULT_COMPLETED) && !(flags & FAULT_FLAG_REMOTE);
	struct mm_struct *mm = regs || gone ? task->mm : vma->vm_mm;
	struct fault *fault = fault_of(task);
	struct mms_trace_record *record;
	u32 slot, seen = 0, purpose;
	u64 start = 0;

	if (regs && !fault && not_counted(task))
		return 0;
	slot = fault_slot(fault, task, mm);
	record = slot ? record_of(slot) : NULL;
	if (ret & VM_FAULT_RETRY) {
		if (record)
			count_in(record, MMS_FAULT_RETRIED, 1);
		return 0;
	}
	if (fault) {
		seen = seen_of(fault, address);
		start = regs ? fault->start : 0;
		end_fault(fault, !regs);
	}
	if (!record)
		return 0;
	if (start)
		count_latency(record, start);
	count_in(record, source_of(flags, regs), 1);
	count_in(record, effort_of(flags, ret), 1);
	purpose = purpose_of(vma, flags, ret, seen);
	count_in(record, purpose, 1);
	count_detail(ctx, slot, purpose, mm, gone ? NULL : vma, 1);
	return 0;
}

/*
 * What __bad_area_nosemaphore() and do_sigbus() send; a general protection fault has SI_KERNEL. The
 * codes of asm-generic/siginfo.h. @info may be no pointer, but a small number.
 */
SEC("tp_btf/signal_generate")
int BPF_PROG(signal_generate, int sig, struct kernel_siginfo *info, struct task_struct *task)
{
	int code = 0;
	struct mms_trace_record *record;
	struct fault *fault;
	u32 slot, counter = MMS_FAULT_INVALID_OTHER;

	if (sig != SIGSEGV && sig != SIGBUS)
		return 0;
	bpf_core_read(&code, sizeof(code), &info->si_code);
	if (code <= 0 || code >= SI_KERNEL)
		return 0;
	if (sig == SIGSEGV && code == SEGV_MAPERR)
		counter = MMS_FAULT_INVALID_UNMAPPED;
	if (sig == SIGSEGV && code == SEGV_ACCERR)
		counter = MMS_FAULT_INVALID_ACCESS;
	fault = fault_of(bpf_get_current_task_btf());
	if (fault)
		end_fault(fault, false);
	slot = process_slot(task);
	record = slot ? record_of(slot) : NULL;
	if (!record)
		return 0;
	count_in(record, counter, 1);
	count_detail(ctx, slot, counter, task->mm, NULL, 1);
	return 0;
}
