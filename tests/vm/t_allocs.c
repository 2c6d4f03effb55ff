// SPDX-License-Identifier: GPL-2.0
/*
 * Memory runs out. Each operation is repeated with its first, second, ... allocation failing, until
 * there is none left to fail: it says ENOMEM and has changed nothing, or does without and its answer
 * is right; and the same operation, tried again, works. Leaks are the runner's to find.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inject.h"
#include "proc_spawn.h"
#include "tap.h"
#include "trace_map.h"
#include "views.h"

/* More than any operation makes. */
#define MAX_ALLOCATIONS 2000
/* Failing insmods during which others try to open its files. */
#define RACES 10

static const char *module;
static pid_t target;
static enum injector injector;

/* Answers: no memory is asked for while allocations fail. */
static char answer[1 << 20], wanted[1 << 20];
static char path[128];

/**
 * struct operation - something that allocates
 * @name: what
 * @file: the file it is about
 * @text: what it writes
 * @run: does it. Return: 0, with what it has read in @answer, or -errno; nothing stays open.
 * @undo: takes its effect back; NULL: it has none
 */
struct operation {
	const char *name, *file, *text;
	long (*run)(const struct operation *op);
	void (*undo)(const struct operation *op);
};

static int opened = -1, map = -1;

static long read_all(int fd)
{
	size_t len = 0;
	ssize_t nr;

	while ((nr = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += nr;
	answer[len] = '\0';
	return nr < 0 ? -errno : 0;
}

static const char *path_of(const struct operation *op)
{
	if (*op->file == '+')
		snprintf(path, sizeof(path), VIEWS_DIR "/%d/%s", target, op->file + 1);
	else
		snprintf(path, sizeof(path), VIEWS_DIR "/%s", op->file);
	return path;
}

/* Opens, writes what there is to be written, and reads. */
static long run_view(const struct operation *op)
{
	int fd = open(path_of(op), op->text ? O_RDWR : O_RDONLY);
	long result = fd < 0 ? -errno : 0;

	if (fd < 0)
		return result;
	if (op->text && write(fd, op->text, strlen(op->text)) < 0)
		result = -errno;
	if (!result)
		result = read_all(fd);
	close(fd);
	return result;
}

/* A command for a control file, about @number, which stays open if it was taken. */
static long command(const struct operation *op, int number)
{
	char text[32];
	int fd = open(path_of(op), O_WRONLY), len;
	long result = fd < 0 ? -errno : 0;

	if (fd < 0)
		return result;
	len = snprintf(text, sizeof(text), op->text, number);
	if (write(fd, text, len) != len)
		result = -errno;
	if (result)
		close(fd);
	else
		opened = fd;
	return result;
}

static long run_control(const struct operation *op)
{
	return command(op, target);
}

static long run_tracer(const struct operation *op)
{
	return command(op, map);
}

static long run_detach(const struct operation *op)
{
	long result = run_control(op);

	if (!result)
		close(opened);
	return result;
}

static void undo_control(const struct operation *op)
{
	(void)op;
	close(opened);
}

static void undo_attach(const struct operation *op)
{
	undo_control(op);
	views_detach(target);
}

static void undo_detach(const struct operation *op)
{
	(void)op;
	views_attach(target);
}

static const struct operation operations[] = {
	{ "version", "version", NULL, run_view, NULL },
	{ "targets", "targets", NULL, run_view, NULL },
	{ "tlb", "tlb", NULL, run_view, NULL },
	{ "cow", "cow", NULL, run_view, NULL },
	{ "faults", "faults", NULL, run_view, NULL },
	{ "hold", "attach", "hold %d", run_control, undo_control },
	{ "count", "count", "follow %d", run_control, undo_control },
	{ "count, read", "count", "all", run_view, NULL },
	{ "attach", "attach", "%d", run_control, undo_attach },
	{ "tracer", "tracer", "cow %d", run_tracer, undo_control },
};

/* While the target is attached. */
static const struct operation target_operations[] = {
	{ "PID/summary", "+summary", NULL, run_view, NULL },
	{ "PID/vmas", "+vmas", NULL, run_view, NULL },
	{ "PID/tables", "+tables", NULL, run_view, NULL },
	{ "PID/pages", "+pages", NULL, run_view, NULL },
	{ "PID/records", "+records", NULL, run_view, NULL },
	{ "PID/tlb", "+tlb", NULL, run_view, NULL },
	{ "PID/cow", "+cow", NULL, run_view, NULL },
	{ "PID/faults", "+faults", NULL, run_view, NULL },
	{ "PID/translate", "+translate", "200000001000 0 ffffffff81000000", run_view, NULL },
	{ "processes", "processes", NULL, run_view, NULL },
	{ "hold of who is attached", "attach", "hold %d", run_control, undo_control },
	{ "detach", "detach", "%d", run_detach, undo_detach },
};
#define NR(array) (sizeof(array) / sizeof((array)[0]))
#define NR_OPERATIONS (NR(operations) + NR(target_operations))

/* Everything that shows who is attached, and how often the module is in use. */
static char *state(void)
{
	char *targets = proc_read_file(VIEWS_DIR "/targets", NULL), *all = NULL;
	struct dirent **entries = NULL;
	int nr = scandir(VIEWS_DIR, &entries, NULL, alphasort), i;
	size_t len;
	FILE *out = open_memstream(&all, &len);

	fprintf(out, "%s%ld\n", targets ? targets : "cannot be read",
		proc_value("/sys/module/mmscope/refcnt"));
	for (i = 0; i < nr; i++) {
		fprintf(out, "%s\n", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	free(targets);
	fclose(out);
	return all;
}

static unsigned int nr_lines(const char *text)
{
	unsigned int nr = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		nr++;
	}
	return nr;
}

/* Of records, which are no text, the header and the first run. */
static bool same_records(void)
{
	return !memcmp(answer, wanted, sizeof(struct mms_records_header) + sizeof(struct mms_record));
}

/*
 * As many lines as without failures, none cut off, the same but for what others change: how often a
 * page is mapped, who else there is, flushes; and for the costs.
 */
static bool is_right(const struct operation *op)
{
	char *cost = strstr(answer, "\n# cost ");
	size_t len = cost ? (size_t)(cost - answer) : strlen(answer);

	if (op->run != run_view)
		return true;
	if (strstr(op->file, "records"))
		return same_records();
	if (strstr(answer, "\n# truncated") || !cost != !strstr(wanted, "\n# cost "))
		return false;
	if (strstr(op->file, "tlb") || strstr(op->file, "count") || strstr(op->file, "vmas") || !strcmp(op->file, "processes"))
		len = strchrnul(wanted, '\n') - wanted;
	return nr_lines(answer) == nr_lines(wanted) && !strncmp(answer, wanted, len);
}

static void undo(const struct operation *op)
{
	if (op->undo)
		op->undo(op);
}

/* Without failures. */
static bool works(const struct operation *op)
{
	long result = op->run(op);
	bool right = !result && is_right(op);

	if (!result)
		undo(op);
	return right;
}

/* Once with the @nth allocation failing. Return: whether there was one to fail. */
static bool fail_one(const struct operation *op, unsigned int nth, unsigned int *wrong)
{
	char *before = state(), *after;
	long result;
	bool failed, right;

	inject_arm(injector, nth);
	result = op->run(op);
	failed = inject_disarm(injector);
	right = !result ? is_right(op) : failed && result == -ENOMEM;
	if (!result)
		undo(op);
	after = state();
	if (!right || strcmp(before, after) || !works(op)) {
		tap_diag("%s, allocation %u: result %ld, answer %s, state before:\n%s# after:\n%s",
			 op->name, nth, result, right ? "right" : "wrong", before, after);
		++*wrong;
	}
	free(before);
	free(after);
	return failed;
}

/* Each has at least one allocation to fail: a text of its own, or what the open file has. */
static void check(const struct operation *op)
{
	unsigned int nth = 1, wrong = 0;
	long result = op->run(op);

	memcpy(wanted, answer, sizeof(wanted));
	if (!result)
		undo(op);
	while (nth < MAX_ALLOCATIONS && wrong < 5 && fail_one(op, nth, &wrong))
		nth++;
	tap_ok(!result && !wrong && nth > 1 && nth < MAX_ALLOCATIONS, "%s: %u allocations fail",
	       op->name, nth - 1);
}

static long insert(unsigned int nth)
{
	char parameters[32] = "";
	int fd = open(module, O_RDONLY | O_CLOEXEC);
	long result;

	if (injector == INJECT_MODULE)
		snprintf(parameters, sizeof(parameters), "fail_nth=%u", nth);
	else
		inject_arm(injector, nth);
	result = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;
	close(fd);
	return result;
}

static bool is_gone(void)
{
	return access("/sys/module/mmscope", F_OK) && access(VIEWS_DIR, F_OK);
}

static void remove_module(void)
{
	if (syscall(SYS_delete_module, "mmscope", 0))
		tap_bail("rmmod: %s", strerror(errno));
}

/* The module is there before and after. Return: how many allocations insmod makes. */
static unsigned int check_insmod(void)
{
	unsigned int nth, wrong = 0;
	bool failed = true;
	long result;

	inject_init_only(true);
	for (nth = 1; nth < MAX_ALLOCATIONS && failed && wrong < 5; nth++) {
		remove_module();
		result = insert(nth);
		failed = inject_disarm(injector);
		if (!result)
			continue;
		if (result != -ENOMEM || !failed || !is_gone()) {
			tap_diag("insmod, allocation %u: result %ld, %s", nth, result,
				 is_gone() ? "gone" : "something is left");
			wrong++;
		}
		if (insert(0))
			tap_bail("insmod: %s", strerror(errno));
		inject_disarm(injector);
	}
	inject_init_only(false);
	tap_ok(!wrong && nth > 2, "insmod: %u allocations fail", nth - 2);
	return nth - 2;
}

/* Opens a file whenever it is there, and attaches itself if it can. Shared: @opens. */
static void open_always(volatile unsigned int *opens)
{
	char text[16];
	int fd, len = snprintf(text, sizeof(text), "hold %d", getpid());

	for (;;) {
		fd = open(VIEWS_DIR "/attach", O_WRONLY);
		if (fd < 0) {
			opens[1] += errno == ENODEV;
			continue;
		}
		opens[0] += write(fd, text, len) == len;
		usleep(1000);
		close(fd);
	}
}

/*
 * The last file of the tree cannot be made when others may be open: a module that fails to load is
 * freed, whoever uses it.
 */
static void check_insmod_race(unsigned int last)
{
	volatile unsigned int *opens = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int i;
	pid_t pid;

	remove_module();
	pid = fork();
	if (!pid)
		open_always(opens);
	for (i = 0; i < RACES; i++)
		if (insert(last) != -ENOMEM)
			break;
	kill(pid, SIGKILL);
	spawn_end(pid);
	tap_ok(i == RACES && !opens[0], "insmod that fails at its end: nothing was opened before");
	tap_ok(opens[1], "though it was tried");
	tap_diag("tried %u times while it was there, opened %u times", opens[1], opens[0]);
	if (insert(0))
		tap_bail("insmod: %s", strerror(errno));
}

/* Many VMAs: the answers outgrow the first buffer. */
static void make_target(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < 600; i++) {
		char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		at[0] = 1;
		mprotect(at + PAGE, PAGE, PROT_NONE);
	}
}

static void check_injector(enum injector which, const char *what)
{
	const char *missing = inject_open(which);
	unsigned int i, allocations;

	injector = which;
	for (i = 0; missing && i < NR_OPERATIONS + 3; i++)
		tap_skip(missing, "%s", what);
	if (missing)
		return;
	tap_diag("failing: %s", what);
	allocations = check_insmod();
	if (which == INJECT_MODULE) {
		check_insmod_race(allocations);
	} else {
		tap_skip("a failure that others do not see", "insmod that fails at its end");
		tap_skip("a failure that others do not see", "though it was tried");
	}
	for (i = 0; i < NR(operations); i++)
		check(&operations[i]);
	views_attach(target);
	for (i = 0; i < NR(target_operations); i++)
		check(&target_operations[i]);
	views_detach(target);
	inject_close(which);
}

int main(void)
{
	struct mms_trace_record header = trace_map_header(MMS_QUESTION_COW);

	module = getenv("MMSCOPE_KO") ?: "/run/vm/job/mmscope.ko";
	if (access(module, R_OK)) {
		printf("1..0 # SKIP no module to load again: %s\n", module);
		return 0;
	}
	tap_plan(2 * (NR_OPERATIONS + 3));
	memset(answer, 1, sizeof(answer));
	memset(wanted, 1, sizeof(wanted));
	target = spawn(make_target, NULL);
	map = trace_map(&header, MMS_SLOT_FIRST + 2);
	check_injector(INJECT_MODULE, "the module's own");
	check_injector(INJECT_KERNEL, "all of the kernel's on its behalf");
	spawn_end(target);
	return tap_done();
}
