// SPDX-License-Identifier: GPL-2.0
/*
 * A tracer's life: open, select, start, hand over, close. Knows no question by name.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "error.h"
#include "event_names.h"
#include "tracer_private.h"
#include "uapi/mmscope.h"

#define DEFAULT_SLOTS 4096

/* Those of who.bpf.c, used by all. */
static const char *const shared_maps[] = { "slots", "slot_cache", "nr_slots_used" };

int tracer_fail(int error, const char *format, ...)
{
	char message[256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	mms_fail("%s", message);
	return error;
}

/* What keeps programs from reading the kernel's memory; they are refused with any error then. */
static bool is_confidential(void)
{
	char modes[64] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");

	if (!file)
		return false;
	if (!fgets(modes, sizeof(modes), file))
		modes[0] = '\0';
	fclose(file);
	return strstr(modes, "[confidentiality]");
}

static int cannot_load(int error)
{
	if (is_confidential())
		return tracer_fail(error, "cannot load eBPF programs: %s; kernel lockdown (confidentiality) "
				   "keeps them from reading the kernel's memory", strerror(-error));
	if (error == -EPERM || error == -EACCES)
		return tracer_fail(error, "cannot load eBPF programs: %s; root is needed, or CAP_BPF, "
				   "CAP_PERFMON and CAP_SYS_PTRACE, and a kernel that is not locked down",
				   strerror(-error));
	return tracer_fail(error, "cannot load eBPF programs: %s", strerror(-error));
}

/* The reader says itself what is wrong, and expects some attempts to fail. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	if (getenv("MMSCOPE_LIBBPF"))
		return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, format, args);
	return 0;
}

static int open_object(struct tracer *tracer, struct traced *traced,
		       const struct tracer_question *question)
{
	const struct tracer_options *options = &tracer->options;
	int error = question->open(&traced->object);

	if (error)
		return cannot_load(error);
	traced->question = question;
	*traced->object.config = (struct mms_config){
		.nr_slots = options->slots,
		.everyone = options->everyone,
		.follow = options->follow,
		.by_vma = options->by_vma,
		.user_stacks = options->user_stacks,
		.kernel_stacks = options->kernel_stacks,
		.preempt_count = tracer_preempt_count(tracer->btf),
	};
	tracer_choose(traced, tracer->btf);
	return 0;
}

static void close_object(struct traced *traced, size_t slots)
{
	if (traced->records)
		munmap(traced->records, slots * sizeof(*traced->records));
	while (traced->nr_links)
		bpf_link__destroy(traced->links[--traced->nr_links]);
	if (traced->object.handle)
		traced->object.free(traced->object.handle);
	memset(traced, 0, sizeof(*traced));
}

/* Where a map is not needed, it is as small as can be. */
static int size_map(struct bpf_object *object, const char *name, unsigned int size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? bpf_map__set_max_entries(map, size) : 0;
}

static int prepare_maps(struct tracer *tracer, struct traced *traced)
{
	const struct tracer_options *options = &tracer->options;
	bool by_stack = options->user_stacks || options->kernel_stacks;
	struct bpf_object *object = traced->object.object;
	struct bpf_map *map;
	size_t i;
	int error = size_map(object, "records", options->slots);

	if (!error && !options->by_vma)
		error = size_map(object, "by_vma", 1);
	if (!error && !by_stack)
		error = size_map(object, "by_stack", 1);
	if (!error && !by_stack)
		error = size_map(object, "stacks", 1);
	for (i = 0; !error && i < sizeof(shared_maps) / sizeof(*shared_maps); i++) {
		map = bpf_object__find_map_by_name(tracer->who.object.object, shared_maps[i]);
		error = bpf_map__reuse_fd(bpf_object__find_map_by_name(object, shared_maps[i]),
					  bpf_map__fd(map));
	}
	return error;
}

/* An object is loaded once, well or not; a second attempt needs a new one. */
static int reopen(struct tracer *tracer, struct traced *traced)
{
	bool load[TRACER_MAX_PROGRAMS] = {};
	struct bpf_program *program;
	unsigned int i = 0;
	struct mms_config config = *traced->object.config;
	int error;

	bpf_object__for_each_program(program, traced->object.object)
		load[i++] = bpf_program__autoload(program);
	traced->object.free(traced->object.handle);
	traced->object = (struct tracer_object){};
	error = traced->question->open(&traced->object);
	if (error)
		return error;
	*traced->object.config = config;
	i = 0;
	bpf_object__for_each_program(program, traced->object.object)
		bpf_program__set_autoload(program, load[i++]);
	return prepare_maps(tracer, traced);
}

static int map_records(struct tracer *tracer, struct traced *traced, enum mms_question question)
{
	struct bpf_map *map = bpf_object__find_map_by_name(traced->object.object, "records");
	void *memory = mmap(NULL, tracer->options.slots * sizeof(*traced->records),
			    PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		return tracer_fail(-errno, "cannot map what is counted: %s", strerror(errno));
	traced->records = memory;
	traced->records[MMS_SLOT_HEADER].header = (struct mms_trace_header){
		.magic = MMS_TRACE_MAGIC,
		.abi = MMS_ABI_VERSION,
		.question = question,
		.everyone = tracer->options.everyone,
		.nr_counters = mms_question_counters(question),
		.missing = tracer_missing(traced),
	};
	return 0;
}

static int load_question(struct tracer *tracer, enum mms_question question)
{
	struct traced *traced = &tracer->asked[question];
	int error = open_object(tracer, traced, &tracer_questions[question]);

	if (error)
		return error;
	error = prepare_maps(tracer, traced);
	if (!error)
		error = bpf_object__load_skeleton(traced->object.skeleton);
	if (error && error != -EPERM) {
		if (reopen(tracer, traced))
			return cannot_load(error);
		if (tracer_try(traced))
			error = bpf_object__load_skeleton(traced->object.skeleton);
	}
	if (error)
		return cannot_load(error);
	traced->question->loaded(&traced->object);
	return map_records(tracer, traced, question);
}

static int load_all(struct tracer *tracer)
{
	unsigned int i;
	int error;

	tracer->btf = btf__load_vmlinux_btf();
	if (!tracer->btf)
		return tracer_fail(-ENOENT, "this kernel does not describe its types: no "
				   "/sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF)");
	error = open_object(tracer, &tracer->who, &tracer_who);
	if (error)
		return error;
	error = bpf_object__load_skeleton(tracer->who.object.skeleton);
	if (error)
		return cannot_load(error);
	tracer_who.loaded(&tracer->who.object);
	for (i = 0; i < MMS_NR_QUESTIONS && !error; i++)
		if (tracer->options.question[i])
			error = load_question(tracer, i);
	return error;
}

int tracer_open(struct tracer **tracer, const struct tracer_options *options)
{
	struct tracer *new;
	int error;

	if (options->slots && (options->slots <= MMS_SLOT_FIRST || options->slots > MMS_MAX_SLOTS))
		return tracer_fail(-EINVAL, "slots: from %d to %d", MMS_SLOT_FIRST + 1,
				   MMS_MAX_SLOTS);
	new = calloc(1, sizeof(*new));
	if (!new)
		return tracer_fail(-ENOMEM, "no memory");
	new->options = *options;
	if (!options->slots)
		new->options.slots = DEFAULT_SLOTS;
	libbpf_set_print(quiet);
	error = load_all(new);
	if (error) {
		tracer_close(new);
		return error;
	}
	*tracer = new;
	return 0;
}

void tracer_close(struct tracer *tracer)
{
	unsigned int i;

	for (i = 0; i < MMS_NR_QUESTIONS; i++)
		close_object(&tracer->asked[i], tracer->options.slots);
	close_object(&tracer->who, 0);
	btf__free(tracer->btf);
	free(tracer);
}

/* Runs select_process() over the threads of the process behind @pidfd. */
static int select_by_pidfd(struct tracer *tracer, int pidfd)
{
	union bpf_iter_link_info info = { .task.pid_fd = pidfd };
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));
	__u32 before = tracer_who_selected(&tracer->who.object);
	struct bpf_link *link;
	char none;
	int fd, error = 0;

	link = bpf_program__attach_iter(tracer_who_select(&tracer->who.object), &options);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0 || read(fd, &none, sizeof(none)) < 0)
		error = -errno;
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	if (!error && tracer_who_selected(&tracer->who.object) == before)
		error = -ESRCH;
	return error;
}

int tracer_select(struct tracer *tracer, pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int error = pidfd < 0 ? -errno : select_by_pidfd(tracer, pidfd);

	if (pidfd >= 0)
		close(pidfd);
	if (error)
		return tracer_fail(error, "cannot count for process %d: %s", pid, strerror(-error));
	return 0;
}

/* Attaches what was loaded; a hook that cannot be had is one that this kernel does not have. */
static int attach_all(struct traced *traced)
{
	struct bpf_program *program;
	struct bpf_link *link;
	int error;

	bpf_object__for_each_program(program, traced->object.object) {
		if (!bpf_program__autoload(program) ||
		    !strncmp(bpf_program__section_name(program), "iter/", strlen("iter/")))
			continue;
		link = bpf_program__attach(program);
		error = errno;
		if (link) {
			traced->programs[traced->nr_links] = program;
			traced->links[traced->nr_links++] = link;
		} else if (!tracer_lose_hook(traced, program, error)) {
			return tracer_fail(-error, "cannot attach to %s: %s",
					   tracer_function(program), strerror(error));
		}
	}
	return 0;
}

static uint64_t boottime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/*
 * Attaching takes a while for each program. What was counted before the last was attached is forgotten,
 * so that counting begins for all questions at once.
 */
int tracer_start(struct tracer *tracer)
{
	struct traced *traced;
	int error = attach_all(&tracer->who);
	unsigned int i;

	for (i = 0; i < MMS_NR_QUESTIONS && !error; i++) {
		traced = &tracer->asked[i];
		if (!traced->records)
			continue;
		error = attach_all(traced);
		traced->records[MMS_SLOT_HEADER].header.missing = tracer_missing(traced);
	}
	for (i = 0; i < MMS_NR_QUESTIONS && !error; i++) {
		traced = &tracer->asked[i];
		if (!traced->records)
			continue;
		tracer_forget(tracer, traced);
		traced->records[MMS_SLOT_HEADER].header.since_ns = boottime_ns();
	}
	return error;
}

int tracer_hand_over(struct tracer *tracer, int fd)
{
	struct bpf_map *map;
	unsigned int i;

	for (i = 0; i < MMS_NR_QUESTIONS; i++) {
		if (!tracer->asked[i].records)
			continue;
		map = bpf_object__find_map_by_name(tracer->asked[i].object.object, "records");
		if (dprintf(fd, "%s %d\n", mms_question_name(i), bpf_map__fd(map)) < 0)
			return tracer_fail(-errno, "the module does not take the map \"%s\": %s",
					   mms_question_name(i), strerror(errno));
	}
	return 0;
}
