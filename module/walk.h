/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walking an address space: a pass goes through the VMAs of one mm in ascending order, in chunks,
 * each under one hold of mmap_lock, and shows what it finds to a sink.
 */
#ifndef MMS_WALK_H
#define MMS_WALK_H

#include <linux/mm_types.h>
#include "leaf.h"

struct file;
struct mms_walk;
struct pid;

/* The kernel's entry layout, set up once at load. */
extern struct mms_layout mms_layout;

/**
 * struct mms_vma - what a VMA was when the walk came to it
 * @start: first address
 * @end: address behind the last
 * @flags: vm_flags
 * @pgoff: vm_pgoff
 * @file: vm_file; no reference is held: it may be followed while mmap_lock is held, and only be
 *	compared after that
 * @kind: what it is for, if the sink wants to know
 * @anonymous: vma_is_anonymous()
 * @hugetlb: is_vm_hugetlb_page()
 * @shmem: maps a shmem object, shared or private
 *
 * A copy: but for @file it is valid without mmap_lock.
 */
struct mms_vma {
	unsigned long start;
	unsigned long end;
	unsigned long flags;
	unsigned long pgoff;
	const struct file *file;
	enum mms_kind kind;
	bool anonymous;
	bool hugetlb;
	bool shmem;
};

/**
 * struct mms_span - neighbouring non-table entries of one table, copied at one instant
 * @level: level of the table
 * @addr: what the first entry maps; not below the VMA's start, so it may lie inside the entry
 * @end: end of what the last one maps, not above the VMA's end
 * @shift: each entry covers 1 << @shift bytes
 * @nr: how many
 * @entries: the raw copies; valid during the call
 * @shared_table: the table belongs to several address spaces (hugetlb PMD sharing)
 */
struct mms_span {
	enum mms_level level;
	unsigned long addr;
	unsigned long end;
	unsigned int shift;
	unsigned int nr;
	const u64 *entries;
	bool shared_table;
};

/* What entry @i maps begins here; @span->nr gives the span's end. */
static inline unsigned long mms_span_addr(const struct mms_span *span, unsigned int i)
{
	if (!i)
		return span->addr;
	if (i == span->nr)
		return span->end;
	return ((span->addr >> span->shift) + i) << span->shift;
}

/* Leaves the entries from @i on, at least 1, for a later span. */
static inline void mms_span_cut(struct mms_span *span, unsigned int i)
{
	span->end = mms_span_addr(span, i);
	span->nr = i;
}

/**
 * struct mms_sink - who listens to a walk
 * @vma_begin: a VMA begins; may take what it needs from the live VMA. May be NULL.
 * @span: entries of this VMA, ascending and without gaps: together they cover it. An empty entry
 *	of an upper level stands for all it would map. Adds what it spends to walk->spent, and may
 *	leave entries for the next chunk with mms_span_cut() when that reaches the budget.
 * @table: a page-table page, reported once when the walk first reaches it. May be NULL.
 * @vma_end: the VMA has been walked; with @complete false it changed before it was: what was seen
 *	is true for the part from walk->from up to walk->addr. May be NULL.
 * @vma_cost: upper estimate of the instructions spent on one VMA, but for its spans
 * @kinds: it wants to know each VMA's kind
 *
 * All run with mmap_lock held for reading, must not sleep or allocate, and may set walk->stop to
 * end the chunk after the call.
 */
struct mms_sink {
	void (*vma_begin)(struct mms_walk *walk, struct vm_area_struct *vma);
	void (*span)(struct mms_walk *walk, struct mms_span *span);
	void (*table)(struct mms_walk *walk, enum mms_level level);
	void (*vma_end)(struct mms_walk *walk, bool complete);
	unsigned int vma_cost;
	bool kinds;
};

/*
 * Sections of memory whose frames were found to have struct pages during this hold of mmap_lock; a
 * section is at its number modulo the size. To look it up takes longer than to count a small page.
 */
#define MMS_KNOWN_SECTIONS 64

struct mms_sections {
	unsigned long known[MMS_KNOWN_SECTIONS];
};

/* Stack pointers of a process's threads, sorted, as far as they are known. */
#define MMS_MAX_STACK_POINTERS 1024

/**
 * struct mms_walk - one pass over one address space
 * @sink: who listens
 * @arg: the sink's state
 * @pid: whose address space
 * @mm: the image this pass is about; pinned as a structure, its memory is not
 * @nr_levels: paging levels
 * @addr: everything below has been shown to the sink
 * @vma: the VMA being walked, if @in_vma
 * @from: where it was entered: above its start if what lies below, shown before as another VMA, has
 *	become a part of it since
 * @in_vma: it has begun and not ended
 * @span_limit: bytes a span may cover at most; the sink may lower it when a VMA begins
 * @stop: set by the sink to end the chunk
 * @spent: instructions spent in this chunk, estimated
 * @last_table: by level, the address range of the table reported last, plus one
 * @cost: see enum mms_cost_key
 * @prev_end: end of the VMA before, to recognise bss
 * @prev_data: that VMA is of kind data
 * @nr_sp: stack pointers known; none if the sink wants no kinds
 * @sp: stack pointers of the threads, ascending
 * @sections: see struct mms_sections
 * @entries: the copy of a table's entries
 *
 * Not locked: belongs to one open file, which serialises its reads.
 */
struct mms_walk {
	const struct mms_sink *sink;
	void *arg;
	struct pid *pid;
	struct mm_struct *mm;
	unsigned int nr_levels;
	unsigned long addr;
	struct mms_vma vma;
	unsigned long from;
	bool in_vma;
	unsigned long span_limit;
	bool stop;
	unsigned int spent;
	u64 last_table[MMS_NR_LEVELS];
	u64 cost[MMS_NR_COSTS];
	unsigned long prev_end;
	bool prev_data;
	unsigned int nr_sp;
	unsigned long sp[MMS_MAX_STACK_POINTERS];
	struct mms_sections sections;
	u64 entries[MMS_TABLE_ENTRIES];
};

/* Upper estimate of the instructions mms_stretch() spends on one entry; most often half of it. */
#define MMS_STRETCH_ENTRY_COST 8

/* Estimated instructions one hold of mmap_lock may spend; the promise is below 200,000. */
extern unsigned int mms_hold_budget;
#define MMS_HOLD_BUDGET_MIN 10000

/**
 * mms_walk_alloc() - memory for a walk
 *
 * May sleep. Return: a walk that has not begun, for mms_walk_free(), or NULL.
 */
struct mms_walk *mms_walk_alloc(void);
void mms_walk_free(struct mms_walk *walk);

/**
 * mms_walk_begin() - start a pass from the lowest address, ending any other
 * @walk: the walk
 * @pid: the process
 * @opener: the open file on whose behalf it is walked
 * @sink: who listens
 * @arg: its state, for walk->arg
 *
 * May sleep. Return: 0, -ESRCH the process has exited, -EPERM its image may not be read.
 */
int mms_walk_begin(struct mms_walk *walk, struct pid *pid, const struct file *opener,
		   const struct mms_sink *sink, void *arg);

/**
 * mms_walk_chunk() - walk on, under one hold of mmap_lock
 * @walk: a walk that has begun
 *
 * Must be called without locks; sleeps for mmap_lock.
 *
 * Return: 1 there is more, 0 the end was reached, -EINTR fatal signal, -ESRCH the process has
 * exited or executed another image.
 */
int mms_walk_chunk(struct mms_walk *walk);

/* Adds a hold of mmap_lock of @ns to the costs; for who takes the lock himself. */
void mms_walk_add_hold(struct mms_walk *walk, u64 ns);

/* Ends the pass and drops what it pins; harmless if none has begun. */
void mms_walk_end(struct mms_walk *walk);

/**
 * mms_walk_vma() - show the sink the entries of a VMA from walk->addr on, within the budget
 * @walk: in_vma is set
 *
 * Needs mmap_lock. Advances walk->addr; the VMA is done when it reaches walk->vma.end.
 */
void mms_walk_vma(struct mms_walk *walk);

/**
 * mms_walk_peek() - read one entry of one address again
 * @walk: a walk that has begun
 * @addr: the address; user half
 * @level: the level wanted
 *
 * Needs mmap_lock. Return: the entry at @level as it is now, or 0 if the tables end above it.
 */
u64 mms_walk_peek(struct mms_walk *walk, unsigned long addr, enum mms_level level);

/**
 * mms_vma_read() - describe a live VMA
 * @vma: the VMA; mmap_lock is held
 * @walk: the walk that came to it, for what lies before it and for thread stacks, by which the kind is
 *	told if its sink wants to know
 * @info: receives the description
 */
void mms_vma_read(struct vm_area_struct *vma, const struct mms_walk *walk, struct mms_vma *info);

/**
 * mms_vma_look_before() - what mms_vma_read() takes from the VMA before
 * @vma: the VMA to be read next; mmap_lock is held
 * @walk: one that has not come to it by a pass
 */
void mms_vma_look_before(struct vm_area_struct *vma, struct mms_walk *walk);

/**
 * struct mms_vma_name - name of a VMA, as /proc/PID/maps has it
 * @file: a reference to the mapped file, or NULL
 * @dev: device of the file
 * @ino: inode number of the file
 * @text: the name if it is not that of a file; may be empty
 */
struct mms_vma_name {
	struct file *file;
	dev_t dev;
	unsigned long ino;
	char text[104];
};

/* Needs mmap_lock. The file reference is given back with mms_vma_name_put(). */
void mms_vma_name_get(struct vm_area_struct *vma, struct mms_vma_name *name);
/* May sleep. */
void mms_vma_name_put(struct mms_vma_name *name);

#endif /* MMS_WALK_H */
