// SPDX-License-Identifier: GPL-2.0
/*
 * touch.c: what an access would do. One row per rule of the fault handler.
 */
#include "unit.h"
#include "touch.h"

#define PRESENT	  (MMS_X86_P | MMS_X86_US | MMS_X86_A)
#define WRITABLE  (PRESENT | MMS_X86_RW)
#define RW_VMA	  .canonical = true, .vma = true, .readable = true, .writable = true
#define FILE_VMA  RW_VMA, .file = true

struct expectation {
	const char *what;
	struct mms_place place;
	enum mms_touch read, write, exec;
};

static const struct expectation expectations[] = {
	{ "not an address", { .canonical = false }, MMS_TOUCH_SEGV_GP, MMS_TOUCH_SEGV_GP,
	  MMS_TOUCH_SEGV_GP },
	{ "kernel half", { .canonical = true, .kernel = true }, MMS_TOUCH_SEGV_MAPERR,
	  MMS_TOUCH_SEGV_MAPERR, MMS_TOUCH_SEGV_MAPERR },
	{ "vsyscall page", { .canonical = true, .kernel = true, .vsyscall = true },
	  MMS_TOUCH_VSYSCALL, MMS_TOUCH_VSYSCALL, MMS_TOUCH_VSYSCALL },
	{ "unmapped", { .canonical = true }, MMS_TOUCH_SEGV_MAPERR, MMS_TOUCH_SEGV_MAPERR,
	  MMS_TOUCH_SEGV_MAPERR },
	{ "below the stack", { .canonical = true, .below_stack = true }, MMS_TOUCH_GROW_STACK,
	  MMS_TOUCH_GROW_STACK, MMS_TOUCH_GROW_STACK },
	{ "PROT_NONE", { .canonical = true, .vma = true, .anonymous = true },
	  MMS_TOUCH_SEGV_ACCERR, MMS_TOUCH_SEGV_ACCERR, MMS_TOUCH_SEGV_ACCERR },
	{ "execute-only can be read as far as the VMA goes",
	  { .canonical = true, .vma = true, .executable = true, .level = MMS_PTE,
	    .class = MMS_CLASS_FILE, .entry = PRESENT, .file = true }, MMS_TOUCH_HIT,
	  MMS_TOUCH_SEGV_ACCERR, MMS_TOUCH_HIT },
	{ "anonymous, never touched", { RW_VMA, .anonymous = true }, MMS_TOUCH_ZERO_PAGE,
	  MMS_TOUCH_NEW_PAGE, MMS_TOUCH_SEGV_ACCERR },
	{ "anonymous, a userfaultfd waits", { RW_VMA, .anonymous = true, .uffd_missing = true },
	  MMS_TOUCH_USERFAULT, MMS_TOUCH_USERFAULT, MMS_TOUCH_SEGV_ACCERR },
	{ "private file, cached", { FILE_VMA, .cached = true }, MMS_TOUCH_FILE_CACHED,
	  MMS_TOUCH_FILE_COPY, MMS_TOUCH_SEGV_ACCERR },
	{ "private file, not cached", { FILE_VMA }, MMS_TOUCH_FILE_READ, MMS_TOUCH_FILE_READ,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "shared file, cached", { FILE_VMA, .cached = true, .shared = true },
	  MMS_TOUCH_FILE_CACHED, MMS_TOUCH_FILE_CACHED, MMS_TOUCH_SEGV_ACCERR },
	{ "beyond the end of the file", { FILE_VMA, .beyond_eof = true }, MMS_TOUCH_BUS_EOF,
	  MMS_TOUCH_BUS_EOF, MMS_TOUCH_SEGV_ACCERR },
	{ "shmem, a hole", { FILE_VMA, .shmem = true, .shared = true }, MMS_TOUCH_NEW_PAGE,
	  MMS_TOUCH_NEW_PAGE, MMS_TOUCH_SEGV_ACCERR },
	{ "shmem, private, a hole", { FILE_VMA, .shmem = true }, MMS_TOUCH_NEW_PAGE,
	  MMS_TOUCH_FILE_COPY, MMS_TOUCH_SEGV_ACCERR },
	{ "shmem, swapped out", { FILE_VMA, .shmem = true, .shared = true, .swapped = true },
	  MMS_TOUCH_SWAP_IN, MMS_TOUCH_SWAP_IN, MMS_TOUCH_SEGV_ACCERR },
	{ "shmem, cached, a userfaultfd minds",
	  { FILE_VMA, .shmem = true, .cached = true, .shared = true, .uffd_minor = true },
	  MMS_TOUCH_USERFAULT, MMS_TOUCH_USERFAULT, MMS_TOUCH_SEGV_ACCERR },
	{ "shmem, cached, a userfaultfd waits for holes only",
	  { FILE_VMA, .shmem = true, .cached = true, .shared = true, .uffd_missing = true },
	  MMS_TOUCH_FILE_CACHED, MMS_TOUCH_FILE_CACHED, MMS_TOUCH_SEGV_ACCERR },
	{ "hugetlb, never touched", { FILE_VMA, .hugetlb = true, .shared = true },
	  MMS_TOUCH_NEW_PAGE, MMS_TOUCH_NEW_PAGE, MMS_TOUCH_SEGV_ACCERR },
	{ "a driver's mapping", { RW_VMA }, MMS_TOUCH_OWNER, MMS_TOUCH_OWNER,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "swapped out", { RW_VMA, .anonymous = true, .level = MMS_PTE, .class = MMS_CLASS_SWAP,
			   .entry = 0x1000 }, MMS_TOUCH_SWAP_IN, MMS_TOUCH_SWAP_IN,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "being migrated", { RW_VMA, .anonymous = true, .level = MMS_PTE,
			      .class = MMS_CLASS_MIGRATION, .entry = 0x1000 },
	  MMS_TOUCH_MIGRATION, MMS_TOUCH_MIGRATION, MMS_TOUCH_SEGV_ACCERR },
	{ "broken memory", { RW_VMA, .anonymous = true, .level = MMS_PTE,
			     .class = MMS_CLASS_HWPOISON, .entry = 0x1000 },
	  MMS_TOUCH_BUS_POISON, MMS_TOUCH_BUS_POISON, MMS_TOUCH_SEGV_ACCERR },
	{ "poison marker", { RW_VMA, .anonymous = true, .level = MMS_PTE,
			     .class = MMS_CLASS_POISON_MARKER, .entry = 0x1000 },
	  MMS_TOUCH_BUS_POISON, MMS_TOUCH_BUS_POISON, MMS_TOUCH_SEGV_ACCERR },
	{ "in device memory", { RW_VMA, .anonymous = true, .level = MMS_PTE,
				.class = MMS_CLASS_DEVICE_PRIVATE, .entry = 0x1000 },
	  MMS_TOUCH_DEVICE, MMS_TOUCH_DEVICE, MMS_TOUCH_SEGV_ACCERR },
	{ "guard marker", { RW_VMA, .anonymous = true, .level = MMS_PTE,
			    .class = MMS_CLASS_GUARD_MARKER, .entry = 0x1000 },
	  MMS_TOUCH_SEGV_MAPERR, MMS_TOUCH_SEGV_MAPERR, MMS_TOUCH_SEGV_ACCERR },
	{ "write-protection marker", { FILE_VMA, .shared = true, .shmem = true, .cached = true,
				       .level = MMS_PTE, .class = MMS_CLASS_UFFD_WP_MARKER,
				       .entry = 0x1000 },
	  MMS_TOUCH_FILE_CACHED, MMS_TOUCH_USERFAULT, MMS_TOUCH_SEGV_ACCERR },
	{ "NUMA hint", { RW_VMA, .anonymous = true, .level = MMS_PTE, .class = MMS_CLASS_ANON,
			 .entry = MMS_X86_PROTNONE }, MMS_TOUCH_NUMA_HINT, MMS_TOUCH_NUMA_HINT,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "writable page", { RW_VMA, .anonymous = true, .level = MMS_PTE,
			     .class = MMS_CLASS_ANON, .entry = WRITABLE }, MMS_TOUCH_HIT,
	  MMS_TOUCH_HIT, MMS_TOUCH_SEGV_ACCERR },
	{ "shared after fork", { RW_VMA, .anonymous = true, .level = MMS_PTE,
				 .class = MMS_CLASS_ANON, .entry = PRESENT }, MMS_TOUCH_HIT,
	  MMS_TOUCH_COPY, MMS_TOUCH_SEGV_ACCERR },
	{ "alone after fork", { RW_VMA, .anonymous = true, .level = MMS_PTE, .exclusive = true,
				.class = MMS_CLASS_ANON, .entry = PRESENT }, MMS_TOUCH_HIT,
	  MMS_TOUCH_REUSE, MMS_TOUCH_SEGV_ACCERR },
	{ "KSM is never reused", { RW_VMA, .anonymous = true, .level = MMS_PTE, .exclusive = true,
				   .class = MMS_CLASS_KSM, .entry = PRESENT }, MMS_TOUCH_HIT,
	  MMS_TOUCH_COPY, MMS_TOUCH_SEGV_ACCERR },
	{ "zero page", { RW_VMA, .anonymous = true, .level = MMS_PTE, .class = MMS_CLASS_ZERO,
			 .entry = PRESENT }, MMS_TOUCH_HIT, MMS_TOUCH_COPY,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "huge page, shared", { RW_VMA, .anonymous = true, .level = MMS_PMD,
				 .class = MMS_CLASS_ANON, .entry = PRESENT | MMS_X86_PS },
	  MMS_TOUCH_HIT, MMS_TOUCH_SPLIT_COPY, MMS_TOUCH_SEGV_ACCERR },
	{ "huge page, alone", { RW_VMA, .anonymous = true, .level = MMS_PMD, .exclusive = true,
				.class = MMS_CLASS_ANON, .entry = PRESENT | MMS_X86_PS },
	  MMS_TOUCH_HIT, MMS_TOUCH_REUSE, MMS_TOUCH_SEGV_ACCERR },
	{ "hugetlb, private, shared after fork",
	  { FILE_VMA, .hugetlb = true, .level = MMS_PMD, .class = MMS_CLASS_HUGETLB,
	    .entry = PRESENT | MMS_X86_PS }, MMS_TOUCH_HIT, MMS_TOUCH_COPY,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "shared file, clean", { FILE_VMA, .shared = true, .level = MMS_PTE,
				  .class = MMS_CLASS_FILE, .entry = PRESENT }, MMS_TOUCH_HIT,
	  MMS_TOUCH_MKWRITE, MMS_TOUCH_SEGV_ACCERR },
	{ "private file page", { FILE_VMA, .level = MMS_PTE, .class = MMS_CLASS_FILE,
				 .entry = PRESENT }, MMS_TOUCH_HIT, MMS_TOUCH_COPY,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "write-protected for a userfaultfd",
	  { RW_VMA, .anonymous = true, .uffd_wp = true, .wp_entry = true, .level = MMS_PTE,
	    .class = MMS_CLASS_ANON, .entry = PRESENT }, MMS_TOUCH_HIT, MMS_TOUCH_USERFAULT,
	  MMS_TOUCH_SEGV_ACCERR },
	{ "shadow stack", { RW_VMA, .anonymous = true, .shadow_stack = true, .level = MMS_PTE,
			    .class = MMS_CLASS_ANON, .entry = PRESENT | MMS_X86_D },
	  MMS_TOUCH_HIT, MMS_TOUCH_SEGV_ACCERR, MMS_TOUCH_SEGV_ACCERR },
	{ "text", { .canonical = true, .vma = true, .readable = true, .executable = true,
		    .file = true, .level = MMS_PTE, .class = MMS_CLASS_FILE, .entry = PRESENT },
	  MMS_TOUCH_HIT, MMS_TOUCH_SEGV_ACCERR, MMS_TOUCH_HIT },
};

static void check(const char *what, const char *access, enum mms_touch got,
		  enum mms_touch expected)
{
	if (got != expected)
		fail_msg("%s, %s: expected %s, got %s", what, access, mms_touch_name(expected),
			 mms_touch_name(got));
}

static void test_touch(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NR(expectations); i++) {
		const struct expectation *e = &expectations[i];

		check(e->what, "read", mms_touch(&e->place, MMS_READ), e->read);
		check(e->what, "write", mms_touch(&e->place, MMS_WRITE), e->write);
		check(e->what, "exec", mms_touch(&e->place, MMS_EXEC), e->exec);
	}
}

/* Every outcome is named, and expected somewhere above. */
static void test_every_outcome(void **state)
{
	bool seen[MMS_NR_TOUCHES] = { false };
	size_t i;

	(void)state;
	for (i = 0; i < NR(expectations); i++)
		seen[expectations[i].read] = seen[expectations[i].write] =
			seen[expectations[i].exec] = true;
	for (i = 0; i < MMS_NR_TOUCHES; i++) {
		assert_non_null(mms_touch_name(i));
		assert_true(seen[i]);
	}
	assert_string_equal(mms_touch_name(MMS_NR_TOUCHES), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_every_outcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
