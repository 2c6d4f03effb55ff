// SPDX-License-Identifier: GPL-2.0
/*
 * symbols.c, elfsym.c, kallsyms.c: against programs of known symbols, built in every way, stripped,
 * replaced, deleted, gone; and a list of the kernel's that is known.
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "unit.h"
#include "error.h"
#include "fold.h"
#include "kallsyms.h"
#include "symbols.h"

static char root[64];

struct running {
	pid_t pid;
	unsigned int nr;
	struct {
		char name[32];
		unsigned long addr;
	} places[8];
};

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/mmscope-unit-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	mms_elfsym_debug_path = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void shell(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("%s", command);
}

/* Runs a program made from known.c until it has said where it is. */
static struct running run_program(const char *path)
{
	struct running running = { 0 };
	int ends[2];
	FILE *said;

	assert_int_equal(pipe(ends), 0);
	running.pid = fork();
	if (!running.pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execl(path, path, NULL);
		_exit(127);
	}
	close(ends[1]);
	said = fdopen(ends[0], "r");
	while (fscanf(said, "%31s %lx", running.places[running.nr].name,
		      &running.places[running.nr].addr) == 2 && running.places[running.nr].addr)
		running.nr++;
	fclose(said);
	assert_int_equal(running.nr, 3);
	return running;
}

static void end_program(const struct running *running)
{
	kill(running->pid, SIGKILL);
	waitpid(running->pid, NULL, 0);
}

static void expect_names(struct mms_symbols *symbols, const struct running *running, pid_t pid,
			 const char *file)
{
	unsigned int i;

	for (i = 0; i < running->nr; i++) {
		struct mms_symbol symbol;

		mms_symbols_user(symbols, pid, running->places[i].addr, false, &symbol);
		if (!symbol.name || strcmp(symbol.name, running->places[i].name))
			fail_msg("%s at %lx is called %s", running->places[i].name,
				 running->places[i].addr, symbol.name);
		assert_string_equal(symbol.file, file);
		assert_true(symbol.offset > 0 && symbol.offset < 4096);
	}
}

static void expect_none(struct mms_symbols *symbols, const struct running *running)
{
	unsigned int i;

	for (i = 0; i < running->nr; i++) {
		struct mms_symbol symbol;

		mms_symbols_user(symbols, running->pid, running->places[i].addr, false, &symbol);
		if (symbol.name)
			fail_msg("%s at %lx is called %s", running->places[i].name,
				 running->places[i].addr, symbol.name);
	}
}

static void names_of(const char *program)
{
	char path[128];
	struct mms_symbols *symbols = mms_symbols_open();
	struct running running;

	snprintf(path, sizeof(path), "%s/%s", PROGRAMS, program);
	running = run_program(path);
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	end_program(&running);
	expect_names(symbols, &running, running.pid, program);
	mms_symbols_close(symbols);
}

static void test_pie(void **state)
{
	(void)state;
	names_of("known-pie");
}

static void test_fixed_address(void **state)
{
	(void)state;
	names_of("known-fixed");
}

static void test_static_linking(void **state)
{
	(void)state;
	names_of("known-static");
}

/* The last byte of a function belongs to it, the first behind it does not; a call ends behind it. */
static void test_edges(void **state)
{
	struct mms_symbols *symbols = mms_symbols_open();
	struct running running = run_program(PROGRAMS "/known-pie");
	struct mms_symbol symbol, behind;
	unsigned long start, end;

	(void)state;
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	mms_symbols_user(symbols, running.pid, running.places[0].addr, false, &symbol);
	start = running.places[0].addr - symbol.offset;
	mms_symbols_user(symbols, running.pid, start, false, &symbol);
	assert_string_equal(symbol.name, "known_global");
	assert_int_equal(symbol.offset, 0);
	/* What returns to the first instruction of a function was called by the one before. */
	mms_symbols_user(symbols, running.pid, start, true, &symbol);
	assert_true(!symbol.name || strcmp(symbol.name, "known_global"));
	for (end = start; ; end++) {
		mms_symbols_user(symbols, running.pid, end, false, &symbol);
		if (!symbol.name || strcmp(symbol.name, "known_global"))
			break;
		assert_int_equal(symbol.offset, end - start);
		assert_true(end - start < 4096);
	}
	mms_symbols_user(symbols, running.pid, end, true, &behind);
	assert_string_equal(behind.name, "known_global");
	assert_int_equal(behind.offset, end - start);
	/* Nothing is there. */
	mms_symbols_user(symbols, running.pid, 0x1000, false, &symbol);
	assert_null(symbol.name);
	assert_null(symbol.file);
	mms_symbols_user(symbols, 1 << 29, start, false, &symbol);
	assert_null(symbol.name);
	end_program(&running);
	mms_symbols_close(symbols);
}

/* Stripped; its debug information is found by build ID, and without it exported names are left. */
static void test_stripped(void **state)
{
	struct mms_symbols *symbols = mms_symbols_open();
	struct running running;
	struct mms_symbol symbol;
	char path[128], debug[128];
	unsigned int i;

	(void)state;
	snprintf(path, sizeof(path), "%s/stripped", root);
	shell("objcopy --only-keep-debug %s/known-pie %s/full && "
	      "strip -o %s %s/known-pie && "
	      "id=$(readelf -n %s | sed -n 's/.*Build ID: //p') && "
	      "mkdir -p %s/debug/.build-id/${id%%${id#??}} && "
	      "mv %s/full %s/debug/.build-id/${id%%${id#??}}/${id#??}.debug",
	      PROGRAMS, root, path, PROGRAMS, path, root, root, root);
	running = run_program(path);
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	expect_none(symbols, &running);
	mms_symbols_user(symbols, running.pid, running.places[0].addr, false, &symbol);
	assert_string_equal(symbol.file, "stripped");
	mms_symbols_close(symbols);

	snprintf(debug, sizeof(debug), "%s/debug", root);
	mms_elfsym_debug_path = debug;
	symbols = mms_symbols_open();
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	end_program(&running);
	expect_names(symbols, &running, running.pid, "stripped");
	mms_symbols_close(symbols);

	/* Debug information of another build is none. */
	symbols = mms_symbols_open();
	for (i = 0; i < running.nr; i++)
		assert_int_equal(mms_symbols_map(symbols, &(struct mms_mapping){
			.pid = running.pid, .start = running.places[i].addr & ~0xfffUL,
			.end = (running.places[i].addr & ~0xfffUL) + 0x1000, .offset = 0x1000,
			.path = path, .build_id = { .len = 20, .id = "another" } }), 0);
	expect_none(symbols, &running);
	mms_symbols_close(symbols);
}

/* Another program of the same name by the time the first address is asked for. */
static void test_replaced(void **state)
{
	struct mms_symbols *symbols = mms_symbols_open();
	struct running running;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/program", root);
	shell("cp %s/known-pie %s", PROGRAMS, path);
	running = run_program(path);
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	shell("rm %s && cp %s/known-fixed %s", path, PROGRAMS, path);
	end_program(&running);
	expect_none(symbols, &running);
	mms_symbols_close(symbols);
}

/* Deleted, but still running. */
static void test_deleted(void **state)
{
	struct mms_symbols *symbols = mms_symbols_open();
	struct running running;
	char path[128];

	(void)state;
	if (geteuid())
		skip();
	snprintf(path, sizeof(path), "%s/program", root);
	shell("cp %s/known-pie %s", PROGRAMS, path);
	running = run_program(path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	expect_names(symbols, &running, running.pid, "program (deleted)");
	end_program(&running);
	mms_symbols_close(symbols);
}

/* A child has its parent's mappings, a later mapping goes before an earlier one. */
static void test_generations(void **state)
{
	struct mms_symbols *symbols = mms_symbols_open();
	struct running running = run_program(PROGRAMS "/known-pie");
	struct mms_mapping other = { .start = 0, .end = -1UL, .path = "[other]" };
	struct mms_symbol symbol;

	(void)state;
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	assert_int_equal(mms_symbols_forked(symbols, 1 << 28, running.pid), 0);
	assert_int_equal(mms_symbols_forked(symbols, 1 << 29, 1 << 28), 0);
	expect_names(symbols, &running, 1 << 29, "known-pie");
	other.pid = 1 << 29;
	assert_int_equal(mms_symbols_map(symbols, &other), 0);
	mms_symbols_user(symbols, 1 << 29, running.places[0].addr, false, &symbol);
	assert_null(symbol.name);
	assert_string_equal(symbol.file, "[other]");
	expect_names(symbols, &running, 1 << 28, "known-pie");
	/* A family that bites its own tail. */
	assert_int_equal(mms_symbols_forked(symbols, running.pid, 1 << 28), 0);
	mms_symbols_user(symbols, 1 << 28, 0x1000, false, &symbol);
	assert_null(symbol.name);
	end_program(&running);
	mms_symbols_close(symbols);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_not_elf(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/text", root);
	put(path, "no program");
	assert_null(mms_elfsym_open(path, NULL));
	assert_non_null(strstr(mms_failure(), path));
	put(path, "");
	assert_null(mms_elfsym_open(path, NULL));
	assert_null(mms_elfsym_open("/nowhere/at/all", NULL));
	put(path, "\177ELF\2\1\1");
	assert_null(mms_elfsym_open(path, NULL));
}

/* What has taken a file's place is not waited for, and no file stays open. */
static void test_not_regular(void **state)
{
	int before = dup(0), after;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/fifo", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_null(mms_elfsym_open(path, NULL));
	alarm(0);
	assert_null(mms_elfsym_open(root, NULL));
	assert_null(mms_elfsym_open("/dev/null", NULL));
	mms_elfsym_close(mms_elfsym_open(PROGRAMS "/known-pie", NULL));
	close(before);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

static void test_kallsyms(void **state)
{
	struct mms_kallsyms *kernel;
	const struct mms_kallsym *found;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/kallsyms", root);
	put(path, "ffffffff81000200 T second\nffffffff81000100 t first\n"
		  "ffffffff81000150 d data\nffffffffc0000000 t of_module\t[ext4]\n"
		  "nonsense\n\nffffffff81000300 W last");
	kernel = mms_kallsyms_open(path);
	assert_non_null(kernel);
	assert_null(mms_kallsyms_find(kernel, 0xffffffff810000ff));
	found = mms_kallsyms_find(kernel, 0xffffffff81000100);
	assert_string_equal(found->name, "first");
	assert_string_equal(found->module, "");
	assert_string_equal(mms_kallsyms_find(kernel, 0xffffffff810001ff)->name, "first");
	assert_string_equal(mms_kallsyms_find(kernel, 0xffffffff81000200)->name, "second");
	assert_string_equal(mms_kallsyms_find(kernel, 0xffffffff81000fff)->name, "last");
	assert_null(mms_kallsyms_find(kernel, 0xffffffffbfffffff));
	found = mms_kallsyms_find(kernel, 0xffffffffc0000fff);
	assert_string_equal(found->name, "of_module");
	assert_string_equal(found->module, "ext4");
	mms_kallsyms_close(kernel);
}

static void test_kallsyms_hidden(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/kallsyms", root);
	put(path, "0000000000000000 T first\n0000000000000000 T second\n");
	assert_null(mms_kallsyms_open(path));
	assert_non_null(strstr(mms_failure(), "kptr_restrict"));
	put(path, "");
	assert_null(mms_kallsyms_open(path));
	assert_null(mms_kallsyms_open("/nowhere"));
	assert_string_equal(mms_failure(), "/nowhere: No such file or directory");
}

static void fold_is(struct mms_symbols *symbols, pid_t pid, const char *comm,
		    const struct tracer_stack *stack, const char *expected)
{
	char *line = mms_fold(symbols, pid, comm, stack);

	assert_string_equal(line, expected);
	free(line);
}

/* Outermost first, the kernel last; without the frames of the eBPF program that looked. */
static void test_fold(void **state)
{
	struct mms_symbols *symbols = mms_symbols_open();
	struct running running = run_program(PROGRAMS "/known-pie");
	struct mms_mapping odd = { .start = 0x5000, .end = 0x6000, .path = "/x/odd;name" };
	const uint64_t kernel[] = { 0xffffffffc0000010, 0xffffffffc0000020, 0xffffffff81000110,
				    0xffffffff81000210 };
	const uint64_t user[] = { running.places[1].addr, running.places[0].addr, 0x5001, 0x1000 };
	struct tracer_stack stack = { .user = user, .nr_user = 4, .kernel = kernel, .nr_kernel = 4 };
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/kallsyms", root);
	put(path, "ffffffff81000100 T inner\nffffffff81000200 T outer\n"
		  "ffffffffc0000000 t bpf_prog_1234_seen\t[bpf]\n");
	mms_symbols_kernel_from(symbols, path);
	assert_int_equal(mms_symbols_read_maps(symbols, running.pid), 0);
	odd.pid = running.pid;
	assert_int_equal(mms_symbols_map(symbols, &odd), 0);
	end_program(&running);
	fold_is(symbols, running.pid, "a;b", &stack,
		"a:b;[unknown];[odd:name];known_global;known_static;outer_[k];inner_[k]");
	stack.nr_user = 0;
	fold_is(symbols, running.pid, "", &stack, "[unknown];outer_[k];inner_[k]");
	stack.nr_kernel = 0;
	fold_is(symbols, running.pid, "x", &stack, "x");
	mms_symbols_close(symbols);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pie),	     TEST(test_fixed_address), TEST(test_static_linking),
		TEST(test_edges),    TEST(test_stripped),      TEST(test_replaced),
		TEST(test_deleted),  TEST(test_generations),   TEST(test_not_elf),
		TEST(test_not_regular),
		TEST(test_kallsyms), TEST(test_kallsyms_hidden), TEST(test_fold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
