/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a thread is in the middle of, from one hook to the next. Stale contexts are harmless (see
 * same_fault()), so no hook is needed where a function returns.
 */
#ifndef MMS_CONTEXT_BPF_H
#define MMS_CONTEXT_BPF_H

#include "slots.bpf.h"

enum {
	DOING_WP = 1 << 0,	/* do_wp_page() */
	DOING_HUGETLB = 1 << 1,	/* hugetlb_wp() */
	DOING_NEW = 1 << 2,	/* hugetlb_no_page() gave a page; hugetlb_wp() follows and copies nothing */
	DOING_SPLIT = 1 << 3,	/* __split_huge_pmd() */
	DOING_SWAP = 1 << 4,	/* do_swap_page() */
};

struct context {
	u32 pid;		/* whose it is, 0: nobody's */
	u16 doing;
	u16 spilled;		/* some thread with these lower bits had to keep its own elsewhere */
	u32 slot;		/* of the mm's process */
	u32 flags;		/* vmf->flags */
	u64 vmf;
	u64 vma;
	u64 addr;		/* of the page */
	u64 orig_pte;		/* DOING_NEW: end of the page */
	u64 faults;		/* of the thread until then, see faults_of() */
	u64 pmd;		/* DOING_SPLIT */
	u64 swap_addr;		/* DOING_SWAP, and its faults and flags */
	u64 swap_faults;
	u32 swap_flags;
};

/* By the lower bits of the PID: one load instead of a look-up. */
#define NR_CONTEXTS (1 << 15)
static struct context contexts[NR_CONTEXTS];

/*
 * For a thread whose place another thread has. Kept for its life: to make one needs a lock that is
 * only tried, and so may fail.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct context);
} spill SEC(".maps");

static __always_inline struct context *place_of(u32 pid)
{
	return &contexts[pid & (NR_CONTEXTS - 1)];
}

static __noinline struct context *spilled_context(struct task_struct *task, u64 flags)
{
	return bpf_task_storage_get(&spill, task, NULL, flags);
}

/* This thread's context, or NULL if it has none. */
static __always_inline struct context *context_of(struct task_struct *task)
{
	u32 pid = task->pid;
	struct context *context = place_of(pid);

	if (context->pid == pid)
		return context;
	return context->spilled ? spilled_context(task, 0) : NULL;
}

/*
 * The same, made if need be. A place is taken while its thread is doing something, or has stopped
 * doing so in a way that no hook saw. NULL: the event is lost, and counted as such.
 */
static __always_inline struct context *take_context(struct task_struct *task)
{
	u32 pid = task->pid;
	struct context *context = place_of(pid);

	if (context->pid == pid)
		return context;
	if (context->spilled) {
		struct context *own = spilled_context(task, 0);

		if (own && own->doing)
			return own;
	}
	if (!context->pid && !__sync_val_compare_and_swap(&context->pid, 0, pid)) {
		context->doing = 0;
		return context;
	}
	context->spilled = 1;
	context = spilled_context(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!context)
		__sync_fetch_and_add(&lost.events, 1);
	return context;
}

/*
 * mm_account_fault() adds one to either at the end of each fault, whether by an exception or by
 * get_user_pages(), but for those that failed or are to be tried again.
 */
static __always_inline u64 faults_of(struct task_struct *task)
{
	return task->min_flt + task->maj_flt;
}

/* The fields that DOING_WP, DOING_HUGETLB and DOING_NEW have in common: one of them at a time. */
static __always_inline void begin(struct context *context, struct task_struct *task, u32 what,
				  u64 vma, u64 addr, u32 flags)
{
	context->doing = (context->doing & (DOING_SPLIT | DOING_SWAP)) | what;
	context->flags = flags;
	context->vma = vma;
	context->addr = addr;
	context->faults = faults_of(task);
}

/* Done with this; the place is free when nothing is left to do. A spilled one stays. */
static __always_inline void done(struct context *context, u32 what)
{
	context->doing &= ~what;
	if (!context->doing)
		context->pid = 0;
}

#endif /* MMS_CONTEXT_BPF_H */
