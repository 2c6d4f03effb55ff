/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a thread is in the middle of, from one hook to the next. Stale contexts are harmless (see
 * same_fault()), so no hook is needed where a function returns.
 */
#ifndef MMS_CONTEXT_BPF_H
#define MMS_CONTEXT_BPF_H

#include "process.bpf.h"

enum {
	DOING_WP = 1 << 0,	/* do_wp_page() */
	DOING_HUGETLB = 1 << 1,	/* hugetlb_wp() */
	DOING_NEW = 1 << 2,	/* hugetlb_no_page() gave a page; hugetlb_wp() follows and copies nothing */
	DOING_SPLIT = 1 << 3,	/* __split_huge_pmd() */
	DOING_SWAP = 1 << 4,	/* do_swap_page() */
};

/* These have fields in common: one at a time. */
#define DOING_FAULT (DOING_WP | DOING_HUGETLB | DOING_NEW)

struct context {
	u64 state;		/* what its thread is doing << 32 | its PID */
	u64 vma;
	u64 addr;		/* of the page */
	u64 faults;		/* of the thread until then, see faults_of() */
	u64 orig_pte;		/* DOING_NEW: end of the page */
	u64 vmf;
	u32 flags;		/* vmf->flags */
	u32 slot;		/* in which DOING_WP counts */
	u64 task;		/* the thread that was here last, */
	u64 mm;			/* its own mm, or 0, */
	u32 own_slot;		/* and the slot of its process */
	u32 spilled;		/* a thread that belongs here had to keep its context elsewhere */
	u64 pmd;		/* DOING_SPLIT */
	u64 swap_addr;		/* DOING_SWAP, and its faults and flags */
	u64 swap_faults;
	u64 swap_flags;
};

/* By the lower bits of the PID: one load instead of a look-up. */
#define NR_CONTEXTS (1 << 14)
static struct context contexts[NR_CONTEXTS];

/* For a thread whose place is taken. To make one needs a lock that is only tried, and so may fail. */
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

static __always_inline bool is_of(const struct context *context, u32 pid)
{
	return (u32)context->state == pid;
}

static __always_inline bool is_doing(const struct context *context, u32 what)
{
	return context->state >> 32 & what;
}

/* This thread's context, or NULL if it has none. */
static __always_inline struct context *context_of(struct task_struct *task)
{
	u32 pid = task->pid;
	struct context *context = place_of(pid);

	if (is_of(context, pid))
		return context;
	return context->spilled ? spilled_context(task, 0) : NULL;
}

static __noinline struct context *take_spilled(struct task_struct *task, struct context *place,
					       u64 what)
{
	struct context *context;

	place->spilled = 1;
	context = spilled_context(task, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!context) {
		__sync_fetch_and_add(&lost.events, 1);
		return NULL;
	}
	if (what & DOING_FAULT)
		context->state &= ~((u64)DOING_FAULT << 32);
	context->state |= what << 32 | (u32)task->pid;
	return context;
}

/*
 * The same, made if need be, and busy with @what then. A place belongs to whose PID it has while
 * that thread is busy; a thread that is not, may lose it to another. Only its thread changes a busy
 * context. NULL: the event is lost, and counted as such.
 */
static __always_inline struct context *take_context(struct task_struct *task, u64 what)
{
	u32 pid = task->pid;
	struct context *place = place_of(pid), *own;
	u64 state = place->state, new;

	if ((u32)state == pid && state >> 32) {
		if (what & DOING_FAULT)
			state &= ~((u64)DOING_FAULT << 32);
		place->state = state | what << 32;
		return place;
	}
	if (place->spilled) {
		own = spilled_context(task, 0);
		if (own && own->state >> 32)
			return take_spilled(task, place, what);
	}
	new = what << 32 | pid;
	if (state >> 32 || __sync_val_compare_and_swap(&place->state, state, new) != state)
		return take_spilled(task, place, what);
	if ((u32)state != pid)
		place->mm = 0;
	return place;
}

/* Done with this, by its thread, which was busy with it. */
static __always_inline void done(struct context *context, u64 what)
{
	context->state &= ~(what << 32);
}

/*
 * The slot in which an address space counts: most often that of the thread's own process, which the
 * context still knows. A thread stays in its process, and gets another mm by exec only; the PID, the
 * task and the mm may all be used again by another thread, after a fork: both forget.
 */
static __always_inline u32 context_slot(struct context *context, struct task_struct *task,
					struct mm_struct *mm)
{
	u32 slot;

	if (context->mm == (u64)mm && context->task == (u64)task)
		return context->own_slot;
	slot = mm_slot(mm);
	if (slot && mm == task->mm && mm->owner->tgid == task->tgid) {
		context->own_slot = slot;
		context->task = (u64)task;
		context->mm = (u64)mm;
	}
	return slot;
}

static __always_inline void forget_slot(struct task_struct *task)
{
	struct context *context = context_of(task);

	if (context)
		context->mm = 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(forget_at_exec, struct task_struct *task)
{
	forget_slot(task);
	return 0;
}

/* The child has not run yet. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(forget_at_fork, struct task_struct *parent, struct task_struct *child)
{
	forget_slot(child);
	return 0;
}

/*
 * mm_account_fault() adds one to either at the end of each fault, whether by an exception or by
 * get_user_pages(), but for those that failed or are to be tried again.
 */
static __always_inline u64 faults_of(struct task_struct *task)
{
	return task->min_flt + task->maj_flt;
}

#endif /* MMS_CONTEXT_BPF_H */
