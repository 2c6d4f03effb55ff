// SPDX-License-Identifier: GPL-2.0
/*
 * The VMAs of a process: iterated in chunks under mmap_lock, resumed by address, described and
 * named. Knows nothing of formats, nor of what is in the page tables.
 *
 * Per chunk: mms_pid_mm() takes a reference to the memory and mmput() gives it back, so that a
 * reader never keeps an exiting process's memory for longer than a chunk. mmput() may then be the
 * last one and free it, without locks held. The mm as a structure is pinned for the whole pass.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "faults.h"
#include "target.h"
#include "walk.h"

struct mms_layout mms_layout;
unsigned int mms_hold_budget = 120000;

/* Instructions of finding and describing one VMA, measured generously. */
#define VMA_COST 400

struct mms_walk *mms_walk_alloc(void)
{
	return mms_try(kvzalloc(sizeof(struct mms_walk), GFP_KERNEL), NULL);
}

void mms_walk_free(struct mms_walk *walk)
{
	if (!walk)
		return;
	mms_walk_end(walk);
	kvfree(walk);
}

void mms_walk_end(struct mms_walk *walk)
{
	if (walk->mm)
		mmdrop(walk->mm);
	put_pid(walk->pid);
	walk->mm = NULL;
	walk->pid = NULL;
}

static int compare_ulong(const void *a, const void *b)
{
	const unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/*
 * User stack pointers at the threads' last entry to the kernel. A thread may exit meanwhile and
 * its kernel stack be freed, and nothing to pin it is exported: hence the non-faulting read. What
 * comes of a stale stack is a wrong guess at a kind, never more.
 */
static void collect_stack_pointers(struct mms_walk *walk)
{
	struct task_struct *leader, *thread;

	rcu_read_lock();
	leader = pid_task(walk->pid, PIDTYPE_TGID);
	if (leader) {
		for_each_thread(leader, thread) {
			unsigned long sp;

			if (walk->nr_sp == MMS_MAX_STACK_POINTERS)
				break;
			if (!READ_ONCE(thread->stack) ||
			    copy_from_kernel_nofault(&sp, &task_pt_regs(thread)->sp, sizeof(sp)))
				continue;
			walk->sp[walk->nr_sp++] = sp;
		}
	}
	rcu_read_unlock();
	sort(walk->sp, walk->nr_sp, sizeof(walk->sp[0]), compare_ulong, NULL);
}

/* Whether a thread's stack pointer lies in [@start, @end). */
static bool holds_stack_pointer(const struct mms_walk *walk, unsigned long start, unsigned long end)
{
	unsigned int low = 0, high = walk->nr_sp;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (walk->sp[mid] < start)
			low = mid + 1;
		else
			high = mid;
	}
	return low < walk->nr_sp && walk->sp[low] < end;
}

int mms_walk_begin(struct mms_walk *walk, struct pid *pid, const struct file *opener,
		   const struct mms_sink *sink, void *arg)
{
	struct mm_struct *mm;

	mms_walk_end(walk);
	mm = mms_pid_mm(pid);
	if (!mm)
		return -ESRCH;
	if (!mms_may_read(opener, mm)) {
		mmput(mm);
		return -EPERM;
	}
	mmgrab(mm);
	mmput(mm);

	walk->sink = sink;
	walk->arg = arg;
	walk->pid = get_pid(pid);
	walk->mm = mm;
	walk->nr_levels = mms_paging_levels();
	walk->addr = 0;
	walk->in_vma = false;
	walk->prev_end = 0;
	walk->prev_data = false;
	memset(walk->last_table, 0, sizeof(walk->last_table));
	memset(walk->cost, 0, sizeof(walk->cost));
	walk->nr_sp = 0;
	if (sink->kinds)
		collect_stack_pointers(walk);
	return 0;
}

static void end_vma(struct mms_walk *walk, bool complete)
{
	complete &= walk->from == walk->vma.start;
	walk->in_vma = false;
	walk->prev_end = walk->vma.end;
	walk->prev_data = walk->vma.kind == MMS_KIND_DATA;
	if (!complete)
		walk->cost[MMS_COST_CHANGED]++;
	if (walk->sink->vma_end)
		walk->sink->vma_end(walk, complete);
}

/* Whether @vma is still the one the walk was in when it gave up mmap_lock. */
static bool same_vma(const struct mms_walk *walk, const struct vm_area_struct *vma)
{
	return vma->vm_start == walk->vma.start && vma->vm_end == walk->vma.end &&
	       vma->vm_flags == walk->vma.flags && vma->vm_pgoff == walk->vma.pgoff &&
	       vma->vm_file == walk->vma.file;
}

static void enter_vma(struct mms_walk *walk, struct vm_area_struct *vma)
{
	if (walk->in_vma && !same_vma(walk, vma))
		end_vma(walk, false);
	if (walk->in_vma || walk->stop)
		return;
	mms_vma_read(vma, walk, &walk->vma);
	walk->addr = max(walk->addr, walk->vma.start);
	walk->from = walk->addr;
	walk->in_vma = true;
	walk->span_limit = ULONG_MAX;
	if (walk->sink->vma_begin)
		walk->sink->vma_begin(walk, vma);
	walk->spent += VMA_COST + walk->sink->vma_cost;
}

static bool chunk_is_full(const struct mms_walk *walk)
{
	return walk->stop || walk->spent >= mms_hold_budget || need_resched() ||
	       mmap_lock_is_contended(walk->mm);
}

/* Return: whether there is more to walk. */
static bool walk_locked(struct mms_walk *walk)
{
	VMA_ITERATOR(vmi, walk->mm, walk->addr);
	struct vm_area_struct *vma;

	mmap_assert_locked(walk->mm);
	for_each_vma(vmi, vma) {
		enter_vma(walk, vma);
		if (!walk->stop)
			mms_walk_vma(walk);
		if (walk->in_vma && walk->addr == walk->vma.end)
			end_vma(walk, true);
		if (chunk_is_full(walk))
			return true;
	}
	if (walk->in_vma)
		end_vma(walk, false);
	return false;
}

int mms_walk_chunk(struct mms_walk *walk)
{
	struct mm_struct *mm = mms_pid_mm(walk->pid);
	u64 began, held;
	bool more;

	if (!mm)
		return -ESRCH;
	if (mm != walk->mm) {
		mmput(mm);
		return -ESRCH;
	}
	if (mmap_read_lock_killable(mm)) {
		mmput(mm);
		return -EINTR;
	}
	began = ktime_get_ns();
	walk->spent = 0;
	walk->stop = false;
	memset(&walk->sections, 0xff, sizeof(walk->sections));
	more = walk_locked(walk);
	held = ktime_get_ns() - began;
	mmap_read_unlock(mm);
	mmput(mm);

	mms_walk_add_hold(walk, held);
	return more;
}

void mms_walk_add_hold(struct mms_walk *walk, u64 ns)
{
	walk->cost[MMS_COST_TIME_NS] += ns;
	walk->cost[MMS_COST_HOLDS]++;
	walk->cost[MMS_COST_HOLD_MAX_NS] = max(walk->cost[MMS_COST_HOLD_MAX_NS], ns);
}

/* Special mappings are those whose vm_ops know a name: vdso, vvar, uprobes. */
static const char *special_name(struct vm_area_struct *vma)
{
	if (vma->vm_file || !vma->vm_ops || !vma->vm_ops->name)
		return NULL;
	return vma->vm_ops->name(vma);
}

/* Not a device's node: devtmpfs is one of shmem's file systems too. */
static bool maps_shmem(const struct vm_area_struct *vma)
{
	const struct inode *inode = vma->vm_file ? file_inode(vma->vm_file) : NULL;

	return inode && S_ISREG(inode->i_mode) && inode->i_sb->s_magic == TMPFS_MAGIC;
}

static bool is_initial_stack(const struct vm_area_struct *vma)
{
	return vma->vm_start <= vma->vm_mm->start_stack && vma->vm_end >= vma->vm_mm->start_stack;
}

static enum mms_kind file_kind(const struct vm_area_struct *vma)
{
	if (S_ISCHR(file_inode(vma->vm_file)->i_mode))
		return MMS_KIND_DEVICE;
	if (maps_shmem(vma) && (vma->vm_flags & VM_MAYSHARE))
		return MMS_KIND_SHM;
	if (vma->vm_flags & VM_MAYSHARE)
		return MMS_KIND_FILE;
	if (vma->vm_flags & VM_EXEC)
		return MMS_KIND_TEXT;
	return vma->vm_flags & VM_WRITE ? MMS_KIND_DATA : MMS_KIND_FILE;
}

static enum mms_kind anonymous_kind(const struct vm_area_struct *vma, const struct mms_walk *walk)
{
	if (mms_vma_is_heap(vma))
		return MMS_KIND_HEAP;
	if (is_initial_stack(vma))
		return MMS_KIND_STACK;
	if (walk->prev_data && walk->prev_end == vma->vm_start && (vma->vm_flags & VM_WRITE))
		return MMS_KIND_BSS;
	if (holds_stack_pointer(walk, vma->vm_start, vma->vm_end))
		return MMS_KIND_TSTACK;
	return MMS_KIND_MMAP;
}

static enum mms_kind vma_kind(struct vm_area_struct *vma, const struct mms_walk *walk)
{
	if (is_vm_hugetlb_page(vma))
		return MMS_KIND_HUGETLB;
	if (special_name(vma))
		return MMS_KIND_VDSO;
	if (vma->vm_flags & (VM_PFNMAP | VM_IO))
		return MMS_KIND_DEVICE;
	/* A private mapping of /dev/zero has a file, and is anonymous memory all the same. */
	if (vma->vm_file && !vma_is_anonymous(vma))
		return file_kind(vma);
	return anonymous_kind(vma, walk);
}

void mms_vma_look_before(struct vm_area_struct *vma, struct mms_walk *walk)
{
	VMA_ITERATOR(vmi, vma->vm_mm, vma->vm_start);
	struct vm_area_struct *before;

	mmap_assert_locked(vma->vm_mm);
	before = vma_prev(&vmi);
	walk->prev_end = before ? before->vm_end : 0;
	walk->prev_data = before && vma_kind(before, walk) == MMS_KIND_DATA;
}

void mms_vma_read(struct vm_area_struct *vma, const struct mms_walk *walk, struct mms_vma *info)
{
	mmap_assert_locked(vma->vm_mm);
	*info = (struct mms_vma){
		.start = vma->vm_start,
		.end = vma->vm_end,
		.flags = vma->vm_flags,
		.pgoff = vma->vm_pgoff,
		.file = vma->vm_file,
		.kind = walk->sink->kinds ? vma_kind(vma, walk) : 0,
		.anonymous = vma_is_anonymous(vma),
		.hugetlb = is_vm_hugetlb_page(vma),
		.shmem = maps_shmem(vma) && !vma_is_anonymous(vma),
	};
}

void mms_vma_name_get(struct vm_area_struct *vma, struct mms_vma_name *name)
{
	const char *given = mms_vma_anon_name(vma), *special;

	mmap_assert_locked(vma->vm_mm);
	*name = (struct mms_vma_name){};
	if (vma->vm_file) {
		const struct inode *inode = mms_file_inode(vma->vm_file);

		name->dev = inode->i_sb->s_dev;
		name->ino = inode->i_ino;
		if (given)
			snprintf(name->text, sizeof(name->text), "[anon_shmem:%s]", given);
		else
			name->file = get_file(vma->vm_file);
		return;
	}
	special = special_name(vma);
	if (special)
		strscpy(name->text, special, sizeof(name->text));
	else if (mms_vma_is_heap(vma))
		strscpy(name->text, "[heap]", sizeof(name->text));
	else if (is_initial_stack(vma))
		strscpy(name->text, "[stack]", sizeof(name->text));
	else if (given)
		snprintf(name->text, sizeof(name->text), "[anon:%s]", given);
}

void mms_vma_name_put(struct mms_vma_name *name)
{
	if (name->file)
		fput(name->file);
	name->file = NULL;
}
