// SPDX-License-Identifier: GPL-2.0
/*
 * What a tracer has counted: records, losses, detail by VMA and by stack.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tracer_private.h"

static int map_fd(const struct traced *traced, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(traced->object.object, name));
}

/* Slots given out, MMS_SLOT_FIRST included in the number. */
static unsigned int slots_used(const struct tracer *tracer)
{
	__u32 zero = 0, used = 0;

	bpf_map_lookup_elem(map_fd(&tracer->who, "nr_slots_used"), &zero, &used);
	used = used > tracer->options.slots ? tracer->options.slots : used + MMS_SLOT_FIRST;
	return used > tracer->options.slots ? tracer->options.slots : used;
}

/* More keys may come meanwhile; they are of what is counted from now on. */
static void empty_map(const struct traced *traced, const char *name, unsigned int max)
{
	struct bpf_map *map = bpf_object__find_map_by_name(traced->object.object, name);
	char key[64];

	if (!map || bpf_map__key_size(map) > sizeof(key))
		return;
	while (max-- && !bpf_map_get_next_key(bpf_map__fd(map), NULL, key))
		bpf_map_delete_elem(bpf_map__fd(map), key);
}

void tracer_forget(struct tracer *tracer, struct traced *traced)
{
	unsigned int slot, i, used = slots_used(tracer);

	for (slot = MMS_SLOT_OTHERS; slot < used; slot++)
		for (i = 0; i < MMS_MAX_COUNTERS; i++)
			__atomic_store_n(&traced->records[slot].count[i], 0, __ATOMIC_RELAXED);
	empty_map(traced, "by_vma", MMS_MAX_VMAS);
	empty_map(traced, "by_stack", MMS_MAX_STACKS);
}

static uint64_t recursion_misses(const struct traced *traced)
{
	struct bpf_prog_info info;
	uint64_t misses = 0;
	unsigned int i;
	__u32 len;

	for (i = 0; i < traced->nr_links; i++) {
		memset(&info, 0, sizeof(info));
		len = sizeof(info);
		if (!bpf_obj_get_info_by_fd(bpf_program__fd(traced->programs[i]), &info, &len))
			misses += info.recursion_misses;
	}
	return misses;
}

struct tracer_losses tracer_losses(struct tracer *tracer, enum mms_question question)
{
	struct traced *traced = &tracer->asked[question];
	const struct mms_lost *lost = traced->object.lost;

	return (struct tracer_losses){
		.missed = recursion_misses(traced) + __atomic_load_n(&lost->events, __ATOMIC_RELAXED),
		.vmas = __atomic_load_n(&lost->vmas, __ATOMIC_RELAXED),
		.stacks = __atomic_load_n(&lost->stacks, __ATOMIC_RELAXED),
		.processes = __atomic_load_n(&tracer->who.object.lost->processes, __ATOMIC_RELAXED),
	};
}

/* Counters change while they are copied: each is read whole, as an aligned word. */
static void copy_record(struct mms_trace_record *to, const struct mms_trace_record *from)
{
	unsigned int i;

	memcpy(&to->header, &from->header, sizeof(to->header));
	for (i = 0; i < MMS_MAX_COUNTERS; i++)
		to->count[i] = __atomic_load_n(&from->count[i], __ATOMIC_RELAXED);
}

size_t tracer_read(struct tracer *tracer, enum mms_question question,
		   struct mms_trace_record *records, size_t max)
{
	struct mms_trace_record *all = tracer->asked[question].records;
	unsigned int slot, used = slots_used(tracer);
	size_t nr = 0;

	all[MMS_SLOT_HEADER].header.missed = tracer_losses(tracer, question).missed;
	for (slot = 0; slot < used; slot++) {
		if (slot >= MMS_SLOT_FIRST &&
		    !__atomic_load_n(&all[slot].owner.tgid, __ATOMIC_ACQUIRE))
			continue;
		if (nr < max)
			copy_record(&records[nr], &all[slot]);
		nr++;
	}
	return nr;
}

pid_t tracer_slot_tgid(struct tracer *tracer, enum mms_question question, unsigned int slot)
{
	if (slot < MMS_SLOT_FIRST || slot >= tracer->options.slots)
		return 0;
	return tracer->asked[question].records[slot].owner.tgid;
}

/* A hash may change while it is walked; a key that goes makes the walk begin anew, so none goes. */
static bool next_key(int fd, const void *last, void *next)
{
	return !bpf_map_get_next_key(fd, last, next);
}

int tracer_for_each_vma(struct tracer *tracer, enum mms_question question, tracer_vma_fn function,
			void *data)
{
	int fd = map_fd(&tracer->asked[question], "by_vma"), result = 0;
	struct mms_vma_key where;
	struct mms_vma_count count;
	bool more;

	for (more = next_key(fd, NULL, &where); more && !result; more = next_key(fd, &where, &where)) {
		if (bpf_map_lookup_elem(fd, &where, &count))
			continue;
		count.name[MMS_VMA_NAME - 1] = '\0';
		result = function(data, &(struct tracer_vma){
			.slot = where.slot,
			.counter = where.counter,
			.start = where.start,
			.end = count.end,
			.flags = count.flags,
			.count = count.count,
			.name = count.name,
		});
	}
	return result;
}

/* The addresses of a stack, of which the map keeps no number: zeroes follow. */
static size_t read_stack(int fd, __s32 id, uint64_t addresses[MMS_STACK_DEPTH])
{
	__u32 index = id;
	size_t nr = 0;

	if (id < 0 || bpf_map_lookup_elem(fd, &index, addresses))
		return 0;
	while (nr < MMS_STACK_DEPTH && addresses[nr])
		nr++;
	return nr;
}

int tracer_for_each_stack(struct tracer *tracer, enum mms_question question,
			  tracer_stack_fn function, void *data)
{
	int fd = map_fd(&tracer->asked[question], "by_stack"), result = 0;
	int stacks = map_fd(&tracer->asked[question], "stacks");
	uint64_t user[MMS_STACK_DEPTH], kernel[MMS_STACK_DEPTH], count;
	struct mms_stack_key where;
	bool more;

	for (more = next_key(fd, NULL, &where); more && !result; more = next_key(fd, &where, &where)) {
		if (bpf_map_lookup_elem(fd, &where, &count))
			continue;
		result = function(data, &(struct tracer_stack){
			.slot = where.slot,
			.counter = where.counter,
			.count = count,
			.user = user,
			.nr_user = read_stack(stacks, where.user, user),
			.kernel = kernel,
			.nr_kernel = read_stack(stacks, where.kernel, kernel),
		});
	}
	return result;
}
