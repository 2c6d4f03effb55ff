// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a command while a question of the tracer is asked of it and no detail, or else while
 * programs that do nothing are wherever that question has its own. What these add to an event, no
 * tracer on these hooks goes below.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/error.h"
#include "../../userspace/tracer.h"

#define MAX_HOOKS 64

static const char usage[] =
	"usage: bare counting|empty QUESTION COMMAND [ARGUMENT]...\n"
	"Runs COMMAND, and meanwhile, of QUESTION (cow, faults, tlb):\n"
	"  counting  counts it of COMMAND, without VMAs and stacks\n"
	"  empty     has empty programs on its hooks; those of faults read the clock\n";

/* Where a program of the tracer is: enough to put another one there. */
struct hook {
	enum bpf_attach_type type;
	__u32 function;		/* its number in the kernel's BTF */
	char tracepoint[64];	/* of BPF_TRACE_RAW_TP */
};

static struct hook hooks[MAX_HOOKS];
static unsigned int nr_hooks;

static void fail(const char *what)
{
	fprintf(stderr, "bare: %s: %s\n", what, errno ? strerror(errno) : mms_failure());
	exit(1);
}

static void fail_tracer(void)
{
	errno = 0;
	fail("tracer");
}

static int question_of(const char *name)
{
	static const char *const names[MMS_NR_QUESTIONS] = {
		[MMS_QUESTION_COW] = "cow",
		[MMS_QUESTION_FAULTS] = "faults",
		[MMS_QUESTION_TLB] = "tlb",
	};

	for (int i = 0; i < MMS_NR_QUESTIONS; i++)
		if (!strcmp(name, names[i]))
			return i;
	fputs(usage, stderr);
	exit(2);
}

/* Kprobes are left out: no event that is measured passes one. */
static void note_hook(int fd)
{
	struct hook hook = {};
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	info.raw_tracepoint.tp_name = (uintptr_t)hook.tracepoint;
	info.raw_tracepoint.tp_name_len = sizeof(hook.tracepoint);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		fail("bpf_obj_get_info_by_fd");
	switch (info.type) {
	case BPF_LINK_TYPE_TRACING:
		hook.type = info.tracing.attach_type;
		hook.function = info.tracing.target_btf_id;
		break;
	case BPF_LINK_TYPE_RAW_TRACEPOINT:
		hook.type = BPF_TRACE_RAW_TP;
		hook.function = libbpf_find_vmlinux_btf_id(hook.tracepoint, BPF_TRACE_RAW_TP);
		break;
	default:
		return;
	}
	if (nr_hooks == MAX_HOOKS)
		fail("too many hooks");
	hooks[nr_hooks++] = hook;
}

static struct tracer *open_tracer(enum mms_question question)
{
	struct tracer_options options = {};
	struct tracer *tracer;

	options.question[question] = true;
	if (tracer_open(&tracer, &options))
		fail_tracer();
	return tracer;
}

/* Until this process ends. */
static void count(enum mms_question question, pid_t pid)
{
	struct tracer *tracer = open_tracer(question);

	if (tracer_select(tracer, pid) || tracer_start(tracer))
		fail_tracer();
}

/* All that is linked while the tracer runs; nobody else has anything. */
static void find_hooks(enum mms_question question)
{
	struct tracer *tracer;
	__u32 id = 0;
	int fd;

	if (!bpf_link_get_next_id(0, &id)) {
		errno = EBUSY;
		fail("another tracer");
	}
	tracer = open_tracer(question);
	if (tracer_start(tracer))
		fail_tracer();
	for (id = 0; !bpf_link_get_next_id(id, &id);) {
		fd = bpf_link_get_fd_by_id(id);
		if (fd < 0)
			fail("bpf_link_get_fd_by_id");
		note_hook(fd);
		close(fd);
	}
	tracer_close(tracer);
}

/* @clock: read it first. The link lives as long as this process. */
static void put_empty(const struct hook *hook, bool clock)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = hook->type,
		    .attach_btf_id = hook->function);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "empty", "GPL", program + !clock,
			       sizeof(program) / sizeof(*program) - !clock, &options);

	if (fd < 0)
		fail("bpf_prog_load");
	if ((hook->type == BPF_TRACE_RAW_TP ? bpf_raw_tracepoint_open(NULL, fd)
					    : bpf_link_create(fd, 0, hook->type, NULL)) < 0)
		fail("attaching");
}

/* Waits until @go is closed, so that its PID is known before it begins. */
static pid_t start(char **command, int *go)
{
	int ends[2];
	pid_t pid;
	char byte;

	if (pipe(ends))
		fail("pipe");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		close(ends[1]);
		if (read(ends[0], &byte, 1))
			_exit(127);
		close(ends[0]);
		execvp(command[0], command);
		_exit(127);
	}
	close(ends[0]);
	*go = ends[1];
	return pid;
}

int main(int argc, char **argv)
{
	bool counting = argc > 1 && !strcmp(argv[1], "counting");
	enum mms_question question;
	int status, go;
	pid_t pid;

	if (argc < 4 || (!counting && strcmp(argv[1], "empty"))) {
		fputs(usage, stderr);
		return 2;
	}
	question = question_of(argv[2]);
	pid = start(argv + 3, &go);
	if (counting)
		count(question, pid);
	else
		find_hooks(question);
	for (unsigned int i = 0; i < nr_hooks; i++)
		put_empty(&hooks[i], question == MMS_QUESTION_FAULTS);
	close(go);
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
