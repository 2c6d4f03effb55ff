// SPDX-License-Identifier: GPL-2.0
/*
 * PID/translate foretells what a touch would do: here the page is then touched, by the process
 * itself, and its faults, its signal and its frame tell what it did. Each trial meets what the
 * trials before it in the same animal have left behind.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>

#include "views_judge.h"
#include "views_steps.h"

/* What becomes of the page's frame, by pagemap. */
enum frame { SAME, CAME, MOVED, ABSENT, HIDDEN };

static const char *const frame_names[] = {
	"the same frame", "a frame where none was", "another frame", "no frame", "anything",
};

/* What comes of a touch. */
struct outcome {
	int signal, code;
	int minor, major;
	enum frame frame;
};

#define FINE { .frame = SAME }
#define MINOR(f) { .minor = 1, .frame = (f) }
#define MAJOR(f) { .major = 1, .frame = (f) }
#define SIGNAL(s, c, f) { .signal = (s), .code = (c), .frame = (f) }
#define MAPERR SIGNAL(SIGSEGV, SEGV_MAPERR, ABSENT)
#define ACCERR(f) SIGNAL(SIGSEGV, SEGV_ACCERR, f)
#define POISON SIGNAL(SIGBUS, BUS_MCEERR_AR, ABSENT)
#define EOF_BUS SIGNAL(SIGBUS, BUS_ADRERR, ABSENT)
#define USERFAULT(f) SIGNAL(SIGBUS, BUS_ADRERR, f)

struct trial {
	const char *animal, *area;
	long page;	/* of the area; outside of it, too */
	enum zoo_access access;
	const char *predicted;
	struct outcome outcome;
};

static const struct trial trials[] = {
	{ "small", "written and read", 0, ZOO_READ, "hit", FINE },
	{ "small", "written and read", 0, ZOO_WRITE, "hit", FINE },
	{ "small", "written and read", 0, ZOO_EXEC, "SIGSEGV:ACCERR", ACCERR(SAME) },
	{ "small", "written and read", 8, ZOO_READ, "hit", FINE },
	{ "small", "written and read", 8, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "small", "written and read", 4, ZOO_READ, "zero-page", MINOR(CAME) },
	{ "small", "written and read", 5, ZOO_WRITE, "new-page", MINOR(CAME) },
	/* x86 maps the page first, as for a read (access_error()), then finds it is not for that. */
	{ "small", "written and read", 6, ZOO_EXEC, "SIGSEGV:ACCERR",
	  { SIGSEGV, SEGV_ACCERR, .minor = 1, .frame = CAME } },
	{ "small", "written and read", -1, ZOO_READ, "SIGSEGV:ACCERR", ACCERR(ABSENT) },
	{ "small", "writable and executable", 0, ZOO_EXEC, "hit", FINE },
	{ "small", "no access", 0, ZOO_READ, "SIGSEGV:ACCERR", ACCERR(SAME) },
	{ "small", "no access", 0, ZOO_WRITE, "SIGSEGV:ACCERR", ACCERR(SAME) },
	{ "small", "lazily freed", 0, ZOO_WRITE, "hit", FINE },
	{ "small", "given back", 0, ZOO_READ, "zero-page", MINOR(CAME) },
	{ "small", "given back", 1, ZOO_WRITE, "new-page", MINOR(CAME) },

	{ "thp", "huge", 700, ZOO_WRITE, "hit", FINE },
	{ "thp", "huge, no access", 3, ZOO_READ, "SIGSEGV:ACCERR", ACCERR(SAME) },
	{ "thp", "huge, half of it read-only", 3, ZOO_WRITE, "SIGSEGV:ACCERR", ACCERR(SAME) },
	{ "thp", "huge, half of it read-only", 300, ZOO_WRITE, "hit", FINE },
	{ "huge-zero", "huge zero page, twice", 3, ZOO_READ, "hit", FINE },
	{ "huge-zero", "huge zero page, twice", 3, ZOO_WRITE, "cow-split-copy", MINOR(MOVED) },
	{ "huge-zero", "huge zero page, twice", 4, ZOO_WRITE, "cow-copy", MINOR(MOVED) },

	{ "stack", "grows down", -3, ZOO_WRITE, "grow-stack", MINOR(CAME) },
	{ "stack", "grows down", 0, ZOO_WRITE, "hit", FINE },
	{ "stack", "stack, grown", -250, ZOO_READ, "grow-stack", MINOR(CAME) },
	{ "dev-zero", "private /dev/zero", 7, ZOO_READ, "zero-page", MINOR(CAME) },
	{ "dev-zero", "private /dev/zero", 6, ZOO_WRITE, "new-page", MINOR(CAME) },
	{ "dev-zero", "shared /dev/zero", 6, ZOO_READ, "new-page", MINOR(CAME) },
	{ "soft-dirty", "soft-dirty: 3 of 8 since cleared", 0, ZOO_WRITE, "hit", FINE },
	{ "soft-dirty", "soft-dirty: 3 of 8 since cleared", 4, ZOO_WRITE, "cow-reuse", MINOR(SAME) },
	{ "soft-dirty", "soft-dirty: 1 of 2 huge", 600, ZOO_WRITE, "cow-reuse", MINOR(SAME) },
	{ "hwpoison", "poisoned", 1, ZOO_READ, "SIGBUS:HWPOISON", POISON },
	{ "hwpoison", "poisoned shared memory", 1, ZOO_WRITE, "SIGBUS:HWPOISON", POISON },

	{ "cow", "forked", 3, ZOO_READ, "hit", FINE },
	{ "cow", "forked", 3, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "cow", "forked", 0, ZOO_WRITE, "cow-reuse", MINOR(SAME) },
	{ "cow", "forked, huge", 600, ZOO_WRITE, "cow-split-copy", MINOR(MOVED) },
	{ "cow", "forked, huge", 601, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "cow", "forked, zero page", 0, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "numa-hint", "balanced", 700, ZOO_READ, "numa-hint", MINOR(HIDDEN) },
	{ "ksm", "merged: 16 of 20", 2, ZOO_READ, "hit", FINE },
	{ "ksm", "merged: 16 of 20", 2, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "pkey", "under a protection key", 0, ZOO_WRITE, "hit", FINE },

	{ "file", "private, read", 0, ZOO_READ, "hit", FINE },
	{ "file", "private, read", 9, ZOO_READ, "file-cached", MINOR(CAME) },
	{ "file", "private, read", 0, ZOO_WRITE, "SIGSEGV:ACCERR", ACCERR(SAME) },
	{ "file", "private, read", 10, ZOO_EXEC, "SIGSEGV:ACCERR",
	  { SIGSEGV, SEGV_ACCERR, .minor = 1, .frame = CAME } },
	{ "file", "text", 0, ZOO_EXEC, "hit", FINE },
	{ "file", "text", 5, ZOO_EXEC, "file-cached", MINOR(CAME) },
	{ "file", "data", 0, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "file", "data", 12, ZOO_WRITE, "file-copy", MINOR(CAME) },
	{ "file", "data", 13, ZOO_READ, "file-cached", MINOR(CAME) },
	{ "file", "bss", 3, ZOO_WRITE, "new-page", MINOR(CAME) },
	{ "file", "shared", 0, ZOO_WRITE, "make-writable", MINOR(SAME) },
	{ "file", "shared", 5, ZOO_WRITE, "hit", FINE },
	{ "file", "shared", 10, ZOO_WRITE, "file-cached", MINOR(CAME) },
	{ "file", "beyond the end of the file", 4, ZOO_READ, "SIGBUS:EOF", EOF_BUS },
	{ "file", "beyond the end of the file", 5, ZOO_WRITE, "SIGBUS:EOF", EOF_BUS },
	{ "cold-file", "cold", 0, ZOO_READ, "file-read", MAJOR(CAME) },
	{ "cold-file", "cold", 5, ZOO_WRITE, "file-read", MAJOR(CAME) },
	{ "cold-file", "cold, shared", 5, ZOO_READ, "file-cached", MINOR(CAME) },
	{ "cold-file", "cold, shared", 9, ZOO_WRITE, "file-read", MAJOR(CAME) },

	{ "memfd", "object, shared", 8, ZOO_WRITE, "hit", FINE },
	{ "memfd", "object, shared", 12, ZOO_READ, "new-page", MINOR(CAME) },
	{ "memfd", "object, shared", 13, ZOO_WRITE, "new-page", MINOR(CAME) },
	{ "memfd", "object, private", 0, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "memfd", "object, private", 10, ZOO_WRITE, "file-copy", MINOR(CAME) },
	{ "memfd", "object, private", 11, ZOO_READ, "new-page", MINOR(CAME) },
	{ "memfd", "object, private", 11, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "shmem-thp", "huge object", 600, ZOO_WRITE, "hit", FINE },

	{ "hugetlb", "2M, private", 512, ZOO_WRITE, "new-page", MINOR(CAME) },
	{ "hugetlb", "2M, private", 3, ZOO_WRITE, "hit", FINE },
	{ "hugetlb", "2M, shared", 0, ZOO_READ, "new-page", MINOR(CAME) },
	{ "hugetlb", "2M, read-only", 0, ZOO_WRITE, "SIGSEGV:ACCERR", ACCERR(SAME) },
	{ "hugetlb-1g", "1G, private", 100000, ZOO_WRITE, "hit", FINE },
	{ "hugetlb-fork", "2M, forked", 0, ZOO_WRITE, "cow-reuse", MINOR(SAME) },
	{ "hugetlb-fork", "2M, forked", 512, ZOO_WRITE, "cow-copy", MINOR(MOVED) },
	{ "hugetlb-poison", "2M, poisoned", 3, ZOO_READ, "SIGBUS:HWPOISON", POISON },
	{ "pmd-share", "2M, in a shared table", 1024, ZOO_WRITE, "hit", FINE },

	{ "swap", "swapped", 0, ZOO_READ, "swap-in", MAJOR(CAME) },
	{ "swap", "swapped", 1, ZOO_WRITE, "swap-in", MAJOR(CAME) },
	{ "swap", "swapped", 8, ZOO_READ, "hit", FINE },
	{ "swap", "swapped and forked", 1, ZOO_WRITE, "swap-in", MAJOR(CAME) },
	{ "shmem-swap", "object in swap", 2, ZOO_READ, "swap-in", MAJOR(CAME) },
	{ "shmem-swap", "object in swap", 70, ZOO_WRITE, "new-page", MINOR(CAME) },
	{ "shmem-swap", "object in swap, private", 20, ZOO_WRITE, "swap-in", MAJOR(CAME) },

	{ "uffd-anon", "write-protected", 0, ZOO_READ, "hit", FINE },
	{ "uffd-anon", "write-protected", 0, ZOO_WRITE, "userfaultfd", USERFAULT(SAME) },
	{ "uffd-anon", "write-protected", 5, ZOO_WRITE, "hit", FINE },
	{ "uffd-anon", "write-protected", 8, ZOO_READ, "swap-in", MAJOR(CAME) },
	{ "uffd-anon", "huge, write-protected", 5, ZOO_WRITE, "userfaultfd", USERFAULT(SAME) },
	{ "uffd-anon", "missing pages wanted", 0, ZOO_READ, "userfaultfd", USERFAULT(ABSENT) },
	{ "uffd-anon", "write-protected, no page", 5, ZOO_READ, "zero-page", MINOR(CAME) },
	/* First there is a page, write-protected, then that is told. */
	{ "uffd-anon", "write-protected, no page", 6, ZOO_WRITE, "userfaultfd",
	  { SIGBUS, BUS_ADRERR, .minor = 1, .frame = CAME } },
	{ "uffd-shmem", "object, write-protected", 5, ZOO_WRITE, "userfaultfd", USERFAULT(SAME) },
	{ "uffd-shmem", "object, write-protected", 1, ZOO_WRITE, "hit", FINE },
	{ "uffd-shmem", "object, write-protected", 9, ZOO_READ, "new-page", MINOR(CAME) },
	{ "uffd-hugetlb", "2M, write-protected", 513, ZOO_WRITE, "userfaultfd", USERFAULT(SAME) },
	{ "uffd-poison", "poisoned by userfaultfd", 4, ZOO_READ, "SIGBUS:HWPOISON", POISON },

	{ "dev-mem", "/dev/mem", 0, ZOO_READ, "hit", { .frame = HIDDEN } },
	{ "dev-mem", "/dev/mem, private, written", 1, ZOO_WRITE, "hit", { .frame = HIDDEN } },
	{ "dev-mem", "/dev/mem, private, written", 2, ZOO_WRITE, "cow-copy", MINOR(HIDDEN) },
	{ "bpf-map", "BPF map", 1, ZOO_WRITE, "hit", FINE },
	{ "perf-ring", "perf ring buffer", 2, ZOO_READ, "hit", FINE },
	{ "perf-ring", "perf ring buffer", 6, ZOO_READ, "mapping-owner", MINOR(CAME) },
	{ "secret", "secret memory", 0, ZOO_WRITE, "hit", FINE },
	{ "secret", "secret memory", 6, ZOO_READ, "mapping-owner", MINOR(CAME) },
};
#define NR_TRIALS (sizeof(trials) / sizeof(trials[0]))

/* Places outside of every VMA, touched by the animal "small". */
struct place {
	const char *what;
	u64 addr;
	enum zoo_access access;
	const char *predicted;
	struct outcome outcome;
};

static const struct place places[] = {
	{ "NULL", 0, ZOO_READ, "SIGSEGV:MAPERR", MAPERR },
	{ "NULL", 0, ZOO_WRITE, "SIGSEGV:MAPERR", MAPERR },
	{ "NULL", 0, ZOO_EXEC, "SIGSEGV:MAPERR", MAPERR },
	{ "an odd address", 0x1003, ZOO_READ, "SIGSEGV:MAPERR", MAPERR },
	{ "not canonical", 0x8000000000000000, ZOO_READ, "SIGSEGV:GP",
	  SIGNAL(SIGSEGV, SI_KERNEL, HIDDEN) },
	{ "not canonical", 0x7000000000000008, ZOO_WRITE, "SIGSEGV:GP",
	  SIGNAL(SIGSEGV, SI_KERNEL, HIDDEN) },
	{ "last page of 47 bits", 0x7fffffffffff, ZOO_READ, "SIGSEGV:MAPERR",
	  SIGNAL(SIGSEGV, SEGV_MAPERR, HIDDEN) },
	{ "the kernel's half", 0xffffffff81000000, ZOO_READ, "SIGSEGV:MAPERR",
	  SIGNAL(SIGSEGV, SEGV_MAPERR, HIDDEN) },
	{ "the kernel's half", 0xffffffff81000000, ZOO_WRITE, "SIGSEGV:MAPERR",
	  SIGNAL(SIGSEGV, SEGV_MAPERR, HIDDEN) },
	/* Debian's kernels refuse it (CONFIG_LEGACY_VSYSCALL_NONE). */
	{ "vsyscall", 0xffffffffff600000, ZOO_EXEC, "vsyscall",
	  SIGNAL(SIGSEGV, SEGV_MAPERR, HIDDEN) },
};
#define NR_PLACES (sizeof(places) / sizeof(places[0]))

static struct tap_diffs chain = { .what = "steps of all addresses touched" };
static struct tap_diffs addresses = { .what = "signals name the address touched" };

static bool frame_is(enum frame frame, const struct zoo_touched *t)
{
	bool before = t->before & PM_PRESENT, after = t->after & PM_PRESENT;
	bool same = (t->before & PM_FRAME) == (t->after & PM_FRAME);

	switch (frame) {
	case SAME: return before && after && same;
	case CAME: return !before && after;
	case MOVED: return before && after && !same;
	case ABSENT: return !after;
	default: return true;
	}
}

static bool came_out(const struct outcome *expected, const struct zoo_touched *t)
{
	return t->signal == expected->signal && (!t->signal || t->code == expected->code) &&
	       t->minor == expected->minor && t->major == expected->major &&
	       frame_is(expected->frame, t);
}

/* 6.1 sends another SIGBUS for a page lost in swap: no poison, to it, but an error. */
static struct outcome lost_in_swap(void)
{
	struct outcome old = EOF_BUS, new = POISON;

	return judge_kernel() < 602 ? old : new;
}

static void try(struct zoo_animal *animal, u64 addr, enum zoo_access access, const char *predicted,
		const struct outcome *expected, const char *what)
{
	static const char *const names[] = { "read", "written", "executed" };
	struct translation t = steps_of(animal->pid, addr);
	struct zoo_touched touched;

	if (t.nr_steps)
		steps_judge(&t, &chain);
	if (!zoo_touch(animal, addr, access, &touched))
		tap_bail("%s is gone", animal->name);
	if (!tap_ok(!strcmp(t.touch[access], predicted) && came_out(expected, &touched),
		    "%s, %s: %s", what, names[access], predicted)) {
		tap_diag("%llx: predicted %s; signal %d code %d minor %ld major %ld, pagemap %llx %llx",
			 addr, t.touch[access], touched.signal, touched.code, touched.minor,
			 touched.major, touched.before, touched.after);
		tap_diag("expected signal %d code %d minor %d major %d, %s", expected->signal,
			 expected->code, expected->minor, expected->major,
			 frame_names[expected->frame]);
	}
	addresses.nr_compared++;
	if (touched.signal && touched.code != SI_KERNEL && touched.fault_addr != addr)
		tap_differs(&addresses, "%s: si_addr %llx, not %llx", what, touched.fault_addr, addr);
}

static void run_trial(struct zoo_animal *animal, const struct trial *trial)
{
	const struct zoo_area *area = zoo_find(animal, trial->area);
	char what[96];

	snprintf(what, sizeof(what), "%s: %s, page %ld", trial->animal, trial->area, trial->page);
	if (*animal->report.missing) {
		tap_skip(animal->report.missing, "%s", what);
	} else if (!area && !*animal->report.error) {
		tap_skip("this kernel does not do it", "%s", what);
	} else if (!area) {
		tap_ok(false, "%s: %s", what, animal->report.error);
	} else {
		try(animal, area->addr + trial->page * PAGE + 0x10, trial->access, trial->predicted,
		    &trial->outcome, what);
	}
}

static void start(struct zoo_animal *animal, const char *name)
{
	zoo_start(animal, name);
	if (!*animal->report.missing && !*animal->report.error && views_attach(animal->pid))
		tap_bail("%s cannot be attached", name);
}

static void stop(struct zoo_animal *animal)
{
	views_detach(animal->pid);
	zoo_stop(animal);
}

static void run_places(void)
{
	struct zoo_animal animal;
	unsigned int i;

	start(&animal, "small");
	for (i = 0; i < NR_PLACES; i++)
		try(&animal, places[i].addr, places[i].access, places[i].predicted,
		    &places[i].outcome, places[i].what);
	stop(&animal);
}

static void run_lost_in_swap(void)
{
	struct outcome expected = lost_in_swap();
	struct zoo_animal animal;

	start(&animal, "swap-error");
	if (*animal.report.missing)
		tap_skip(animal.report.missing, "lost in swap");
	else
		try(&animal, animal.report.area[0].addr, ZOO_READ, "SIGBUS:HWPOISON", &expected,
		    "lost in swap");
	stop(&animal);
}

int main(void)
{
	struct zoo_animal animal = {};
	unsigned int i;

	tap_plan(NR_TRIALS + NR_PLACES + 3);
	judge_init();
	zoo_world_open();
	run_lost_in_swap();
	for (i = 0; i < NR_TRIALS; i++) {
		if (strcmp(animal.name, trials[i].animal)) {
			if (*animal.name)
				stop(&animal);
			start(&animal, trials[i].animal);
		}
		run_trial(&animal, &trials[i]);
	}
	stop(&animal);
	run_places();
	zoo_world_close();
	tap_no_diffs(&chain);
	tap_no_diffs(&addresses);
	return tap_done();
}
