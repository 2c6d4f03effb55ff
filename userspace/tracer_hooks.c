// SPDX-License-Identifier: GPL-2.0
/*
 * Which of a question's programs this kernel can run: by its types first, by trying where they do
 * not tell. Never by its version.
 */
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "tracer_private.h"

const char *tracer_function(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);
	const char *slash = strrchr(section, '/');

	return slash ? slash + 1 : section;
}

/* Parameters of a function by BTF, or -1 if there is no such function. */
static int nr_parameters(const struct btf *btf, const char *function)
{
	int id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	const struct btf_type *type;

	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	return btf_vlen(type);
}

/* Where a CPU's copy of a variable is in its memory, or 0. */
static __u32 percpu_offset(const struct btf *btf, const char *name)
{
	int section = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	int variable = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	const struct btf_type *type = btf__type_by_id(btf, section < 0 ? 0 : section);
	const struct btf_var_secinfo *info = btf_var_secinfos(type);
	unsigned int i;

	for (i = 0; section > 0 && variable > 0 && i < btf_vlen(type); i++)
		if (info[i].type == (__u32)variable)
			return info[i].offset;
	return 0;
}

/* Where a member is in a structure, or -1; the members of an unnamed one in it are its own. */
static long member_offset(const struct btf *btf, __u32 id, const char *name)
{
	const struct btf_type *type = btf__type_by_id(btf, id);
	unsigned int i;
	long inner;

	for (i = 0; btf_is_composite(type) && i < btf_vlen(type); i++) {
		const struct btf_member *member = &btf_members(type)[i];

		if (!strcmp(btf__name_by_offset(btf, member->name_off), name))
			return btf_member_bit_offset(type, i) / 8;
		inner = member->name_off ? -1 : member_offset(btf, member->type, name);
		if (inner >= 0)
			return btf_member_bit_offset(type, i) / 8 + inner;
	}
	return -1;
}

/*
 * From 6.2 to 6.14 it is in a structure; before and after, by itself. Not left to libbpf, which looks
 * in all modules for a type that the kernel has not, and that takes CAP_SYS_ADMIN.
 */
__u32 tracer_preempt_count(const struct btf *btf)
{
	__u32 offset = percpu_offset(btf, "pcpu_hot");
	int type = btf__find_by_name_kind(btf, "pcpu_hot", BTF_KIND_STRUCT);
	long member = type > 0 ? member_offset(btf, type, "preempt_count") : -1;

	return offset && member >= 0 ? offset + member : percpu_offset(btf, "__preempt_count");
}

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	char type[128];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

static bool fits(const struct btf *btf, const struct bpf_program *program, unsigned int nr_args)
{
	const char *section = bpf_program__section_name(program);
	const char *function = tracer_function(program);
	int nr;

	if (!strncmp(section, "tp_btf/", strlen("tp_btf/")))
		return has_tracepoint(btf, function);
	nr = nr_parameters(btf, function);
	return nr >= 0 && (!nr_args || (unsigned int)nr == nr_args);
}

static struct bpf_program *program_of(const struct traced *traced, const char *name)
{
	return bpf_object__find_program_by_name(traced->object.object, name);
}

static void name_absent(struct traced *traced, unsigned int hook)
{
	const struct tracer_program *programs = traced->question->hooks[hook].programs;
	char *name = traced->absent_names[hook];
	size_t size = sizeof(traced->absent_names[hook]), len = 0;
	const char *function, *last = "";
	unsigned int i;

	traced->absent |= 1U << hook;
	name[0] = '\0';
	for (i = 0; i < TRACER_MAX_WAYS && programs[i].name; i++) {
		function = tracer_function(program_of(traced, programs[i].name));
		if (strcmp(function, last) && len < size)
			len += snprintf(name + len, size - len, "%s%s", len ? " or " : "",
					function);
		last = function;
	}
}

void tracer_choose(struct traced *traced, const struct btf *btf)
{
	const struct tracer_hook *hook;
	struct bpf_program *program;
	unsigned int i, j;
	bool found, use;

	for (i = 0; i < TRACER_MAX_HOOKS && traced->question->hooks[i].programs[0].name; i++) {
		hook = &traced->question->hooks[i];
		found = false;
		for (j = 0; j < TRACER_MAX_WAYS && hook->programs[j].name; j++) {
			program = program_of(traced, hook->programs[j].name);
			use = !found && fits(btf, program, hook->programs[j].nr_args);
			bpf_program__set_autoload(program, use);
			found |= use;
		}
		if (!found)
			name_absent(traced, i);
	}
}

/* Does this kernel take this program, alone? */
static bool taken(const struct traced *traced, const char *name)
{
	struct tracer_object object;
	struct bpf_program *program;
	struct bpf_link *link = NULL;

	if (traced->question->open(&object))
		return false;
	*object.config = *traced->object.config;
	object.config->nr_slots = MMS_SLOT_FIRST;
	bpf_object__for_each_program(program, object.object)
		bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), name));
	if (!bpf_object__load_skeleton(object.skeleton)) {
		program = bpf_object__find_program_by_name(object.object, name);
		link = bpf_program__attach(program);
	}
	bpf_link__destroy(link);
	object.free(object.handle);
	return link;
}

bool tracer_try(struct traced *traced)
{
	const struct tracer_hook *hook;
	struct bpf_program *program;
	bool changed = false;
	unsigned int i, j;

	for (i = 0; i < TRACER_MAX_HOOKS && traced->question->hooks[i].programs[0].name; i++) {
		hook = &traced->question->hooks[i];
		for (j = 0; j < TRACER_MAX_WAYS && hook->programs[j].name; j++) {
			program = program_of(traced, hook->programs[j].name);
			if (!bpf_program__autoload(program) || taken(traced, hook->programs[j].name))
				continue;
			bpf_program__set_autoload(program, false);
			name_absent(traced, i);
			changed = true;
		}
	}
	return changed;
}

/* perf_event_open(), for kprobes, asks for more than eBPF does where perf_event_paranoid is above 2. */
static void name_right(struct traced *traced, unsigned int hook)
{
	char *name = traced->absent_names[hook];
	size_t len = strlen(name);

	snprintf(name + len, sizeof(traced->absent_names[hook]) - len,
		 " (which takes CAP_SYS_ADMIN, or a lower kernel.perf_event_paranoid)");
}

bool tracer_lose_hook(struct traced *traced, const struct bpf_program *program, int error)
{
	const struct tracer_hook *hook;
	unsigned int i, j;

	for (i = 0; i < TRACER_MAX_HOOKS && traced->question->hooks[i].programs[0].name; i++) {
		hook = &traced->question->hooks[i];
		for (j = 0; j < TRACER_MAX_WAYS && hook->programs[j].name; j++) {
			if (strcmp(hook->programs[j].name, bpf_program__name(program)))
				continue;
			name_absent(traced, i);
			if (error == EACCES || error == EPERM)
				name_right(traced, i);
			return true;
		}
	}
	return false;
}

__u64 tracer_missing(const struct traced *traced)
{
	__u64 missing = 0;
	unsigned int i;

	for (i = 0; i < TRACER_MAX_HOOKS; i++)
		if (traced->absent & 1U << i)
			missing |= traced->question->hooks[i].counters;
	return missing;
}

const char *tracer_missing_hook(struct tracer *tracer, enum mms_question question,
				unsigned int counter)
{
	const struct traced *traced = &tracer->asked[question];
	unsigned int i;

	for (i = 0; i < TRACER_MAX_HOOKS; i++)
		if (traced->absent & 1U << i && traced->question->hooks[i].counters & 1ULL << counter)
			return traced->absent_names[i];
	return NULL;
}
