// SPDX-License-Identifier: GPL-2.0
/*
 * PID/translate: addresses are written, each one's walk is read back step by step. Any address:
 * of a VMA or outside, user or kernel half, canonical or not.
 *
 * User half: the rule of walk.c, and outside VMAs only tables that a VMA needs as well: munmap()
 * frees the others with mmap_lock held for reading. Kernel half: its tables can be freed without
 * that rule being kept (memory hot-remove), so entries are read with the non-faulting accessor
 * from frames known to be memory. Either way the walk is read again and must come out the same,
 * or it is repeated.
 */
#include <linux/irqflags.h>
#include <linux/kstrtox.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/userfaultfd_k.h>
#include <uapi/asm/vsyscall.h>

#include "compat.h"
#include "frame.h"
#include "touch.h"
#include "view.h"

#define MAX_ADDRESSES 128
/* Repetitions before a walk that keeps changing is shown as it is. */
#define MAX_TRIES 8

struct step {
	enum mms_level level;
	phys_addr_t entry_pa;
	u64 entry;
};

/* One address. */
struct walked {
	u64 addr;
	bool canonical;
	bool kernel;
	struct step step[5];
	unsigned int nr_steps;
	struct step user_copy;	/* of the top level, with page-table isolation */
	bool has_user_copy;
	u64 gap_start;		/* around a user address: no VMA; empty if it is in one */
	u64 gap_end;
	bool unreadable;	/* the tables lead outside known memory */
	bool leaving;		/* the next table serves no VMA: it is being freed */
	bool stable;		/* read twice with the same result */
	bool in_vma;
	struct mms_vma vma;
	struct mms_place place;
};

struct translate {
	u64 addr[MAX_ADDRESSES];
	unsigned int nr;
	unsigned int next;
	struct walked walked;
};

/* Reads one entry; false if it lies outside memory or cannot be read. Interrupts are off. */
static bool read_entry(const u64 *slot, bool kernel, u64 *entry)
{
	if (!kernel) {
		*entry = READ_ONCE(*slot);
		return true;
	}
	if (!pfn_valid(__pa(slot) >> PAGE_SHIFT))
		return false;
	return !copy_from_kernel_nofault(entry, slot, sizeof(*entry));
}

static bool is_table(const struct walked *w, u64 entry, enum mms_level level)
{
	return w->kernel ? mms_entry_table(entry, level) : mms_entry_user_table(entry, level);
}

/*
 * Whether the table that an entry of @level leads to serves a VMA: free_pgtables() spares those
 * that reach beyond the gap.
 */
static bool serves_vma(const struct walked *w, enum mms_level level, unsigned int nr_levels)
{
	u64 size = 1ULL << mms_level_shift(level, nr_levels);
	u64 start = w->addr & ~(size - 1);

	return start < w->gap_start || start + size > w->gap_end;
}

static void descend(struct walked *w, struct mm_struct *mm, unsigned int nr_levels)
{
	u64 *table = mms_mm_root(mm), *slot;
	enum mms_level level = MMS_PGD;
	struct step *step;

	lockdep_assert_irqs_disabled();
	w->nr_steps = 0;
	w->unreadable = false;
	w->leaving = false;
	for (;;) {
		step = &w->step[w->nr_steps];
		slot = table + mms_level_index(w->addr, level, nr_levels);
		if (!read_entry(slot, w->kernel, &step->entry)) {
			w->unreadable = true;
			return;
		}
		step->level = level;
		step->entry_pa = __pa(slot);
		w->nr_steps++;
		if (!is_table(w, step->entry, level))
			return;
		w->leaving = !w->kernel && !serves_vma(w, level, nr_levels);
		if (w->leaving)
			return;
		table = mms_entry_to_table(step->entry);
		level = mms_level_below(level, nr_levels);
	}
}

static void read_user_copy(struct walked *w, struct mm_struct *mm, unsigned int nr_levels)
{
	u64 *slot = mms_user_root(mms_mm_root(mm));

	w->has_user_copy = slot;
	if (!slot)
		return;
	slot += mms_level_index(w->addr, MMS_PGD, nr_levels);
	w->user_copy = (struct step){ MMS_PGD, __pa(slot), READ_ONCE(*slot) };
}

static bool same_walk(const struct walked *a, const struct walked *b)
{
	return a->nr_steps == b->nr_steps && a->unreadable == b->unreadable &&
	       a->leaving == b->leaving &&
	       !memcmp(a->step, b->step, a->nr_steps * sizeof(a->step[0]));
}

/* Fills in the steps of @w->addr. */
static void walk_tables(struct walked *w, struct mms_walk *walk)
{
	struct walked again = *w;
	unsigned long flags;
	unsigned int try;

	for (try = 0; try < MAX_TRIES && !w->stable; try++) {
		walk->cost[MMS_COST_RETRIES] += try > 0;
		local_irq_save(flags);
		descend(w, walk->mm, walk->nr_levels);
		descend(&again, walk->mm, walk->nr_levels);
		read_user_copy(w, walk->mm, walk->nr_levels);
		local_irq_restore(flags);
		w->stable = same_walk(w, &again);
	}
	walk->cost[MMS_COST_TABLES] += w->nr_steps;
	walk->cost[MMS_COST_ENTRIES] += w->nr_steps;
}

/* The state of the file's page behind an address without an entry. */
static void look_at_file(struct mms_place *place, const struct mms_walk *walk, u64 addr)
{
	const struct mms_vma *vma = &walk->vma;
	struct address_space *mapping = vma->file->f_mapping;
	loff_t size = i_size_read(mapping->host);
	unsigned long index = vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT);
	void *entry;

	place->beyond_eof = index >= DIV_ROUND_UP(size, PAGE_SIZE);
	if (vma->hugetlb)
		index = mms_hugetlb_index(mapping->host, index);
	entry = xa_load(&mapping->i_pages, index);
	place->cached = entry && !xa_is_value(entry);
	place->swapped = vma->shmem && entry && xa_is_value(entry);
}

/*
 * Whether pages come from a page cache that is filled from a file or is shared memory: not those of
 * a driver, and not those of what is only called a file (perf, BPF, io_uring: anonymous inodes).
 */
static bool maps_page_cache(const struct vm_area_struct *vma)
{
	const struct inode *inode;

	if (!vma->vm_file || (vma->vm_flags & (VM_PFNMAP | VM_IO)))
		return false;
	inode = file_inode(vma->vm_file);
	return (S_ISREG(inode->i_mode) || S_ISBLK(inode->i_mode)) &&
	       inode->i_sb->s_magic != SECRETMEM_MAGIC;
}

static void look_at_vma(struct mms_place *place, struct vm_area_struct *vma)
{
	place->vma = true;
	place->readable = vma->vm_flags & VM_READ;
	place->writable = vma->vm_flags & VM_WRITE;
	place->executable = vma->vm_flags & VM_EXEC;
	place->shared = vma->vm_flags & VM_SHARED;
	place->anonymous = vma_is_anonymous(vma);
	place->file = maps_page_cache(vma);
	place->hugetlb = is_vm_hugetlb_page(vma);
	place->shadow_stack = vma->vm_flags & mms_vm_shadow_stack();
	place->uffd_missing = userfaultfd_missing(vma);
	place->uffd_wp = userfaultfd_wp(vma);
	place->uffd_minor = userfaultfd_minor(vma);
}

static void look_at_frame(struct mms_place *place, const struct mms_frame *frame)
{
	if (!frame->page || !mms_frame_anon(frame))
		return;
	place->exclusive = (mms_page_flags(frame->page) & BIT(PG_anon_exclusive)) ||
			   page_ref_count(frame->head) == 1;
}

static void look_at_leaf(struct walked *w, struct mms_walk *walk)
{
	const struct step *last = &w->step[w->nr_steps - 1];
	struct mms_place *place = &w->place;
	struct mms_frame frame;

	place->shmem = walk->vma.shmem;
	place->level = last->level;
	place->entry = last->entry;
	place->class = mms_leaf_class(walk, last->entry, last->level, w->addr, &frame);
	look_at_frame(place, &frame);
	if (mms_entry_present(last->entry, last->level))
		place->wp_entry = place->uffd_wp && (last->entry & mms_layout.uffd_wp);
	else if (place->file && !place->anonymous)
		look_at_file(place, walk, w->addr);
}

/* The user half: what the VMA makes of it. mmap_lock is held. */
static void look_around(struct walked *w, struct mms_walk *walk)
{
	struct vm_area_struct *vma = find_vma(walk->mm, w->addr);

	if (!vma)
		return;
	if (vma->vm_start > w->addr) {
		w->place.below_stack = vma->vm_flags & VM_GROWSDOWN;
		return;
	}
	w->in_vma = true;
	mms_vma_look_before(vma, walk);
	mms_vma_read(vma, walk, &walk->vma);
	w->vma = walk->vma;
	look_at_vma(&w->place, vma);
	if (w->nr_steps)
		look_at_leaf(w, walk);
}

/* The gap between VMAs in which @w->addr lies. mmap_lock is held: no VMA comes or goes. */
static void find_gap(struct walked *w, struct mm_struct *mm)
{
	VMA_ITERATOR(vmi, mm, w->addr);
	struct vm_area_struct *vma = find_vma(mm, w->addr);

	w->gap_start = w->gap_end = w->addr;
	if (vma && vma->vm_start <= w->addr)
		return;
	w->gap_end = vma ? vma->vm_start : U64_MAX;
	vma = vma_prev(&vmi);
	w->gap_start = vma ? vma->vm_end : 0;
}

static int translate_one(struct walked *w, struct mms_walk *walk, u64 addr)
{
	struct mm_struct *mm = mms_pid_mm(walk->pid);
	u64 began;

	if (!mm)
		return -ESRCH;
	if (mm != walk->mm || mmap_read_lock_killable(mm)) {
		bool same = mm == walk->mm;

		mmput(mm);
		return same ? -EINTR : -ESRCH;
	}
	began = ktime_get_ns();
	*w = (struct walked){
		.addr = addr,
		.canonical = mms_addr_canonical(addr, walk->nr_levels),
		.kernel = addr >> 63,
	};
	w->place.canonical = w->canonical;
	w->place.kernel = w->kernel;
	w->place.vsyscall = (addr & PAGE_MASK) == VSYSCALL_ADDR;
	if (w->canonical && !w->kernel)
		find_gap(w, walk->mm);
	if (w->canonical)
		walk_tables(w, walk);
	if (w->canonical && !w->kernel)
		look_around(w, walk);
	mms_walk_add_hold(walk, ktime_get_ns() - began);
	mmap_read_unlock(mm);
	mmput(mm);
	return 0;
}

/* Translating makes no pass over VMAs: nobody listens. */
static const struct mms_sink no_sink = { .kinds = true };

static int translate_begin(struct mms_read *read)
{
	struct translate *translate = read->priv;

	translate->next = 0;
	return mms_walk_begin(read->walk, read->target->pid, read->opener, &no_sink, NULL);
}

static int translate_next(struct mms_read *read)
{
	struct translate *translate = read->priv;
	int err;

	if (translate->next == translate->nr)
		return 0;
	err = translate_one(&translate->walked, read->walk, translate->addr[translate->next]);
	if (err)
		return err;
	translate->next++;
	return 1;
}

static void translate_head(struct seq_file *m, struct mms_read *read)
{
	const struct translate *translate = read->priv;

	mms_show_title(m, read);
	if (!translate->nr)
		seq_puts(m, "# write hexadecimal addresses to this open file, then read again\n");
}

static void show_step(struct seq_file *m, const char *what, const struct step *step, u64 addr,
		      unsigned int nr_levels)
{
	char flags[MMS_FLAG_NAMES_MAX];

	mms_flag_names(flags, sizeof(flags), &mms_layout, step->entry, step->level);
	seq_printf(m, "%s %s %u %llx %016llx %s\n", what, mms_level_name(step->level),
		   mms_level_index(addr, step->level, nr_levels), (u64)step->entry_pa, step->entry,
		   flags);
}

static void show_frame(struct seq_file *m, const struct walked *w, unsigned int nr_levels)
{
	const struct step *last = &w->step[w->nr_steps - 1];
	unsigned int shift = mms_level_shift(last->level, nr_levels);
	u64 pfn = mms_entry_pfn(&mms_layout, last->entry, last->level, nr_levels);
	u64 offset = w->addr & ((1ULL << shift) - 1);

	seq_printf(m, "frame %llx offset %llx physical %llx size %llu\n", pfn, offset,
		   (pfn << PAGE_SHIFT) + offset, 1ULL << shift);
}

/* Where the walk ended, and why there. */
static void show_end(struct seq_file *m, const struct walked *w, unsigned int nr_levels)
{
	const struct step *last;

	if (!w->canonical) {
		seq_puts(m, "stop non-canonical\n");
		return;
	}
	if (w->unreadable || !w->nr_steps) {
		seq_puts(m, "stop unreadable\n");
		return;
	}
	if (w->leaving) {
		seq_puts(m, "stop table-being-freed\n");
		return;
	}
	last = &w->step[w->nr_steps - 1];
	if (mms_entry_present(last->entry, last->level)) {
		show_frame(m, w, nr_levels);
		return;
	}
	if (w->place.class == MMS_CLASS_SWAP)
		seq_printf(m, "stop swap type %u offset %llx\n", mms_swp_type(last->entry),
			   mms_swp_offset(last->entry));
	else if (mms_class_has_pfn(w->place.class))
		seq_printf(m, "stop %s frame %llx\n", mms_class_name(w->place.class),
			   mms_swp_pfn(&mms_layout, last->entry));
	else
		seq_printf(m, "stop %s\n", mms_class_name(w->place.class));
}

static void show_vma(struct seq_file *m, const struct walked *w)
{
	unsigned long flags = w->vma.flags;

	if (!w->in_vma) {
		seq_printf(m, "vma none %s\n", w->kernel ? "kernel" : "unmapped");
		return;
	}
	seq_printf(m, "vma %lx %lx %c%c%c%c %s\n", w->vma.start, w->vma.end,
		   flags & VM_READ ? 'r' : '-', flags & VM_WRITE ? 'w' : '-',
		   flags & VM_EXEC ? 'x' : '-', flags & VM_MAYSHARE ? 's' : 'p',
		   mms_kind_name(w->vma.kind));
	seq_printf(m, "class %s\n", mms_class_name(w->place.class));
}

static void translate_row(struct seq_file *m, struct mms_read *read)
{
	const struct translate *translate = read->priv;
	const struct walked *w = &translate->walked;
	unsigned int nr_levels = read->walk->nr_levels, i;

	seq_printf(m, "address %llx\n", w->addr);
	for (i = 0; i < w->nr_steps; i++)
		show_step(m, "step", &w->step[i], w->addr, nr_levels);
	if (w->has_user_copy)
		show_step(m, "user_copy", &w->user_copy, w->addr, nr_levels);
	show_end(m, w, nr_levels);
	show_vma(m, w);
	if (w->canonical && !w->stable)
		seq_puts(m, "unstable\n");
	seq_printf(m, "touch read %s write %s exec %s\n",
		   mms_touch_name(mms_touch(&w->place, MMS_READ)),
		   mms_touch_name(mms_touch(&w->place, MMS_WRITE)),
		   mms_touch_name(mms_touch(&w->place, MMS_EXEC)));
}

static void translate_tail(struct seq_file *m, struct mms_read *read)
{
	mms_show_cost(m, read->walk->cost);
}

/* Hexadecimal addresses between blanks; nothing is taken unless all can be. */
static int translate_write(struct mms_read *read, char *text)
{
	struct translate *translate = read->priv;
	u64 addr[MAX_ADDRESSES];
	unsigned int nr = 0;
	char *word;

	while ((word = strsep(&text, " \t\n"))) {
		if (!*word)
			continue;
		if (nr == MAX_ADDRESSES)
			return -E2BIG;
		if (*word == '-' || *word == '+' || kstrtou64(word, 16, &addr[nr]))
			return -EINVAL;
		nr++;
	}
	if (!nr)
		return -EINVAL;
	memcpy(translate->addr, addr, nr * sizeof(addr[0]));
	translate->nr = nr;
	return 0;
}

const struct mms_view mms_view_translate = {
	.fops = MMS_VIEW_FOPS,
	.name = "translate",
	.mode = 0600,
	.priv_size = sizeof(struct translate),
	.begin = translate_begin,
	.head = translate_head,
	.next = translate_next,
	.row = translate_row,
	.tail = translate_tail,
	.write = translate_write,
};
