// SPDX-License-Identifier: GPL-2.0
/*
 * PID/translate: every step of the walk of addresses of all kinds, in every animal of the zoo, in
 * holes at each level, in the kernel, outside of everything. What a touch would do is t_touch's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "views_judge.h"
#include "views_steps.h"

#define MAX_ANIMALS 64

static struct tap_diffs chain = { .what = "steps: indices, tables, frame and offset, user copy" };
static struct tap_diffs memory = { .what = "steps: entries as memory holds them (kcore)" };
static struct tap_diffs pages = { .what = "frame, or where else the page is, as pagemap" };
static struct tap_diffs places = { .what = "VMA as maps, class as records" };

/* Checks that hold for every answer. */
static void judge(const struct translation *t)
{
	steps_judge(t, &chain);
	steps_reread(t, &memory);
}

/* "type T offset O" as pagemap has it. */
static void judge_swap(const struct translation *t, u64 entry)
{
	unsigned int type = 0;
	u64 offset = 0;

	if (sscanf(t->stop, "swap type %u offset %llx", &type, &offset) != 2)
		return;
	if ((entry & PM_FRAME) != (type | offset << PM_SWAP_TYPE_BITS))
		tap_differs(&pages, "%llx: stop %s, pagemap %016llx", t->addr, t->stop, entry);
}

static void judge_page(const struct translation *t, const struct subject *s)
{
	const struct proc_vma *vma = proc_vma_at(&s->smaps, t->addr);
	u64 entry;

	proc_entries(s->pagemap, t->addr / PAGE, 1, &entry, 0);
	pages.nr_compared++;
	if (vma && proc_vma_flag(vma, "pf"))
		return;	/* pagemap does not look into PFN maps: t_oracle */
	if (!*t->stop != !!(entry & PM_PRESENT) ||
	    (!*t->stop && t->physical / PAGE != (entry & PM_FRAME)))
		tap_differs(&pages, "%llx: physical %llx stop \"%s\", pagemap %016llx", t->addr,
			    t->physical, t->stop, entry);
	judge_swap(t, entry);
}

static const char *class_at(const struct subject *s, u64 addr)
{
	size_t i;

	for (i = 0; i < s->records.nr; i++) {
		const struct mms_record *rec = &s->records.rec[i];

		if (rec->addr <= addr &&
		    addr < rec->addr + rec->nr * views_entry_bytes(&s->records, rec))
			return mms_class_name(rec->class);
	}
	return "none";
}

static void judge_place(const struct translation *t, const struct subject *s)
{
	const struct proc_vma *vma = proc_vma_at(&s->smaps, t->addr);
	char expected[64] = "none unmapped";

	if (vma)
		snprintf(expected, sizeof(expected), "%llx %llx %s ", vma->start, vma->end,
			 vma->perm);
	places.nr_compared++;
	if (strncmp(t->vma, expected, strlen(expected)))
		tap_differs(&places, "%llx: expected vma %s, got %s", t->addr, expected, t->vma);
	if (vma && strcmp(t->class, class_at(s, t->addr)))
		tap_differs(&places, "%llx: class %s, records says %s", t->addr, t->class,
			    class_at(s, t->addr));
}

static void translate_area(const struct subject *s, const struct zoo_area *area)
{
	const u64 addr[] = {
		area->addr, area->addr + 0x7b3, area->addr + area->len / 2 + 0xfff,
		area->addr + area->len / PAGE / 2 * PAGE - 1, area->addr + area->len - 1,
		area->addr + PAGE + 1,
	};
	struct translation t[sizeof(addr) / sizeof(addr[0])];
	unsigned int i, nr = sizeof(addr) / sizeof(addr[0]);

	steps_read(s->pid, addr, nr, t);
	for (i = 0; i < nr; i++) {
		judge(&t[i]);
		judge_page(&t[i], s);
		judge_place(&t[i], s);
	}
}

static void translate_animal(const char *name)
{
	struct zoo_animal animal;
	struct subject subject;
	const char *failed;
	unsigned int i;

	zoo_start(&animal, name);
	if (!animal.report.nr_areas || *animal.report.missing || *animal.report.error) {
		zoo_stop(&animal);
		return;
	}
	failed = subject_read(animal.pid, &subject);
	if (failed)
		tap_bail("%s: %s", name, failed);
	for (i = 0; i < animal.report.nr_areas; i++)
		if (!animal.report.area[i].of_partner)
			translate_area(&subject, &animal.report.area[i]);
	subject_free(&subject);
	zoo_stop(&animal);
}

/* A target with one page in the middle of nothing: at each level the next entry is empty. */
#define SPARSE 0x100000000000UL
#define SPARSE_LEN (2048 * GIB)
/* Above 47 bits, which five levels are for. */
#define HIGH (1UL << 50)
#define HIGH_LEN (1UL << 49)

static pid_t start_sparse(void)
{
	char *at = mmap((void *)SPARSE, SPARSE_LEN, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	char *high = NULL;
	pid_t pid;

	if (steps_levels() == 5)
		high = mmap((void *)HIGH, HIGH_LEN, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (at == MAP_FAILED || high == MAP_FAILED)
		tap_bail("reservation: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		at[0] = 1;
		if (high)
			high[0] = 1;
		for (;;)
			pause();
	}
	munmap(at, SPARSE_LEN);
	if (high)
		munmap(high, HIGH_LEN);
	if (!proc_wait_idle(pid, 30) || views_attach(pid))
		tap_bail("the sparse target cannot be attached");
	return pid;
}

/* As many steps as there happen to be. */
#define ANY_STEPS 9

/* So many steps, and then: a stop, or "" for a frame. */
static void check(pid_t pid, u64 addr, unsigned int steps, const char *stop, const char *vma,
		  const char *what)
{
	struct translation t = steps_of(pid, addr);
	bool right = (t.nr_steps == steps || steps == ANY_STEPS) && !strcmp(t.stop, stop) &&
		     (!vma || !strncmp(t.vma, vma, strlen(vma)));

	if (steps)
		judge(&t);
	if (!tap_ok(right, "%s (%llx)", what, addr))
		tap_diag("expected %u steps, stop \"%s\", vma %s; got %u, \"%s\", %s", steps, stop,
			 vma ? vma : "-", t.nr_steps, t.stop, t.vma);
}

static void check_holes(void)
{
	unsigned int levels = steps_levels();
	pid_t pid = start_sparse();
	char vma[40];

	snprintf(vma, sizeof(vma), "%lx %lx rw-p", SPARSE, SPARSE + SPARSE_LEN);
	check(pid, SPARSE + 0xabc, levels, "", vma, "a page alone in 2 TiB");
	check(pid, SPARSE + PAGE, levels, "none", vma, "hole in its PTE table");
	check(pid, SPARSE + HUGE_2M, levels - 1, "none", vma, "hole in its PMD table");
	check(pid, SPARSE + GIB + 5, levels - 2, "none", vma, "hole in its PUD table");
	check(pid, SPARSE + 512 * GIB, levels - 3, "none", vma, "hole above its PUD table");
	check(pid, SPARSE + SPARSE_LEN - 1, levels - 3, "none", vma, "last byte of the reservation");
	check(pid, SPARSE + SPARSE_LEN, levels - 3, "none", "none unmapped", "first byte after it");
	check(pid, SPARSE - 1, levels - 3, "none", "none unmapped", "last byte before it");
	if (levels == 5) {
		snprintf(vma, sizeof(vma), "%lx %lx rw-p", HIGH, HIGH + HIGH_LEN);
		check(pid, HIGH + 1, 5, "", vma, "a page above 47 bits");
		check(pid, HIGH + (1UL << 48), 1, "none", vma, "hole in the PGD");
	} else {
		check(pid, 0x300000000000, 1, "none", "none unmapped", "hole in the PGD");
		check(pid, 0x301000000fff, 1, "none", "none unmapped", "another");
	}
	views_detach(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* More than the rest of a page behind the data. */
static char bss[4 * PAGE];

/* What a VMA is for, where that is told by the one before. */
static void check_bss(pid_t pid)
{
	struct translation t = steps_of(pid, (uintptr_t)&bss[2 * PAGE]);

	judge(&t);
	if (!tap_ok(strstr(t.vma, " bss"), "bss follows data"))
		tap_diag("%s", t.vma);
}

static void check_edges(pid_t pid)
{
	unsigned int levels = steps_levels();
	u64 end = 1ULL << (levels == 5 ? 56 : 47);

	check(pid, end, 0, "non-canonical", "none unmapped", "first address that is none");
	check(pid, ~end, 0, "non-canonical", "none kernel", "last address that is none");
	check(pid, 0x8000000000000000, 0, "non-canonical", "none kernel", "highest bit alone");
	/* With four levels the stack may be near. */
	check(pid, end - 1, levels == 5 ? 1 : ANY_STEPS, "none", "none unmapped",
	      "last byte of the user half");
	check(pid, 0, levels == 5 ? 2 : 1, "none", "none unmapped", "NULL");
}

/* Address of a symbol; 0 if it is not known. */
static u64 symbol(const char *name)
{
	char *text = proc_read_file("/proc/kallsyms", NULL), word[64], *at;
	u64 addr = 0;

	snprintf(word, sizeof(word), " %s\n", name);
	at = text ? strstr(text, word) : NULL;
	while (at && at > text && at[-1] != '\n')
		at--;
	if (at)
		addr = strtoull(at, NULL, 16);
	free(text);
	return addr;
}

/* First physical address of a resource of /proc/iomem. */
static u64 iomem(const char *name)
{
	char *text = proc_read_file("/proc/iomem", NULL), *at = text ? strstr(text, name) : NULL;
	u64 start = 0;

	while (at && at > text && at[-1] != '\n')
		at--;
	if (at)
		start = strtoull(at, NULL, 16);
	free(text);
	return start;
}

static void check_kernel_address(pid_t pid, u64 addr, u64 physical, const char *have,
				 const char *have_not, const char *what)
{
	struct translation t = steps_of(pid, addr);
	const char *flags = t.nr_steps ? t.step[t.nr_steps - 1].flags : "";
	char padded[160], want[32], not[32];

	judge(&t);
	snprintf(padded, sizeof(padded), ",%s,", flags);
	snprintf(want, sizeof(want), ",%s,", have);
	snprintf(not, sizeof(not), ",%s,", have_not);
	if (!tap_ok(!*t.stop && (!physical || t.physical == physical) && strstr(padded, want) &&
		    !strstr(padded, not) && !strstr(padded, ",US,"),
		    "%s (%llx)", what, addr))
		tap_diag("expected physical %llx with %s without %s, got %llx %s stop \"%s\"", physical,
			 have, have_not, t.physical, flags, t.stop);
}

/* Whether the user copy of the tables leads to a page for the address: walked through kcore. */
static bool user_copy_maps(const struct translation *t)
{
	u64 entry = t->user_copy.raw;
	unsigned int level;

	for (level = steps_levels() == 5 ? 4 : 3; level && (entry & 0x81) == 1; level--)
		if (!steps_read_physical((entry & 0xffffffffff000) +
					 8 * (t->addr >> (12 + 9 * (level - 1)) & 511), &entry))
			tap_bail("the user copy's tables are not to be read");
	return entry & 1;
}

static void check_kernel(pid_t pid)
{
	u64 text = symbol("_text"), data = symbol("init_task"), direct = steps_direct_map();
	u64 code = iomem("Kernel code"), module = symbol("mms_walk_chunk\t[mmscope]");
	struct translation t = steps_of(pid, direct + 0x100000);

	check_kernel_address(pid, text + 0x123, code + 0x123, "P", "NX", "kernel text");
	check_kernel_address(pid, data, code + data - text, "NX", "-", "kernel data");
	check_kernel_address(pid, direct + 0x100123, 0x100123, "NX", "-", "the map of all memory");
	check_kernel_address(pid, module, 0, "P", "RW", "text of a module");
	/* Isolated, a user's tables have nothing of the map of all memory but what entries need. */
	tap_ok(!t.has_user_copy || !user_copy_maps(&t), "the user copy lacks the map of all memory");
	t = steps_of(pid, direct + (1ULL << 45));
	judge(&t);
	tap_str(t.stop, "none", "beyond the end of memory");
	t = steps_of(pid, 0xffffffffff600000);
	judge(&t);
	tap_str(t.vma, "none kernel", "vsyscall page is the kernel's");
}

int main(void)
{
	unsigned int i;
	pid_t self = getpid();

	tap_plan(10 + 5 + 1 + 7 + 4);
	judge_init();
	if (!steps_open_kcore())
		tap_bail("no /proc/kcore");
	zoo_world_open();
	for (i = 0; zoo_names[i]; i++)
		translate_animal(zoo_names[i]);
	zoo_world_close();
	check_holes();
	if (views_attach(self))
		tap_bail("this test cannot be attached");
	check_edges(self);
	check_bss(self);
	check_kernel(self);
	views_detach(self);
	tap_no_diffs(&chain);
	tap_no_diffs(&memory);
	tap_no_diffs(&pages);
	tap_no_diffs(&places);
	return tap_done();
}
