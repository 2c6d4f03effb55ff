// SPDX-License-Identifier: GPL-2.0
/*
 * Maps that tracers hand over. A tracer keeps a reference to each of its maps, so that they stay
 * when their maker dies; closing the file, which dying does, gives them back.
 *
 * An array's elements stay where they are as long as the map does. The eBPF programs write them
 * meanwhile: every counter is read once, and a record is a moment's picture of each of them.
 */
#include <linux/bpf.h>
#include <linux/kstrtox.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bpfmap.h"
#include "compat.h"
#include "event_names.h"
#include "faults.h"
#include "uapi/mmscope.h"

LIST_HEAD(mms_tracers);

/* Protects mms_tracers and every tracer's maps. */
static DEFINE_MUTEX(tracers_lock);

int mms_tracers_lock(void)
{
	return mutex_lock_killable(&tracers_lock);
}

void mms_tracers_unlock(void)
{
	mutex_unlock(&tracers_lock);
}

struct mms_tracer *mms_tracer_open(void)
{
	struct mms_tracer *tracer = mms_try(kzalloc(sizeof(*tracer), GFP_KERNEL), NULL);

	if (!tracer)
		return NULL;
	tracer->nr = task_tgid_nr(current);
	mutex_lock(&tracers_lock);
	list_add_tail(&tracer->node, &mms_tracers);
	mutex_unlock(&tracers_lock);
	return tracer;
}

static void put_maps(struct bpf_map *map[MMS_NR_QUESTIONS])
{
	unsigned int i;

	for (i = 0; i < MMS_NR_QUESTIONS; i++)
		if (map[i])
			mms_bpf_map_put(map[i]);
}

void mms_tracer_close(struct mms_tracer *tracer)
{
	mutex_lock(&tracers_lock);
	list_del(&tracer->node);
	mutex_unlock(&tracers_lock);
	put_maps(tracer->map);
	kfree(tracer);
}

/* Words of what may be written meanwhile. */
static void copy_words(void *to, const void *from, size_t bytes)
{
	const u64 *source = from;
	u64 *target = to;
	size_t i;

	for (i = 0; i < bytes / sizeof(u64); i++)
		target[i] = READ_ONCE(source[i]);
}

static const struct mms_trace_record *slot_of(struct bpf_map *map, u32 slot)
{
	const struct mms_trace_record *record;

	/* For the map's own assertion; what it returns stays as long as the map. */
	rcu_read_lock();
	record = map->ops->map_lookup_elem(map, &slot);
	rcu_read_unlock();
	return record;
}

static bool read_header(struct bpf_map *map, enum mms_question question,
			struct mms_trace_header *header)
{
	const struct mms_trace_record *record = slot_of(map, MMS_SLOT_HEADER);

	if (!record)
		return false;
	copy_words(header, &record->header, sizeof(*header));
	return header->magic == MMS_TRACE_MAGIC && header->abi == MMS_ABI_VERSION &&
	       header->question == question &&
	       header->nr_counters == mms_question_counters(question);
}

/* The shape is what makes it safe to read, the header what makes it sensible. */
static bool is_ours(struct bpf_map *map, enum mms_question question)
{
	struct mms_trace_header header;

	return map->map_type == BPF_MAP_TYPE_ARRAY && map->key_size == sizeof(u32) &&
	       map->value_size == sizeof(struct mms_trace_record) &&
	       map->max_entries > MMS_SLOT_FIRST && map->max_entries <= MMS_MAX_SLOTS &&
	       read_header(map, question, &header);
}

static int take_map(struct bpf_map *map[MMS_NR_QUESTIONS], const char *name, u32 fd)
{
	struct bpf_map *taken;
	unsigned int question;

	for (question = 0; question < MMS_NR_QUESTIONS; question++)
		if (!strcmp(name, mms_question_name(question)))
			break;
	if (question == MMS_NR_QUESTIONS)
		return -EINVAL;
	if (map[question])
		return -EEXIST;
	taken = mms_bpf_map_get(fd);
	if (IS_ERR(taken))
		return PTR_ERR(taken);
	if (!is_ours(taken, question)) {
		mms_bpf_map_put(taken);
		return -EINVAL;
	}
	map[question] = taken;
	return 0;
}

static int take_line(struct bpf_map *map[MMS_NR_QUESTIONS], char *line)
{
	char *number = strchr(line, ' ');
	u32 fd;

	if (!number)
		return -EINVAL;
	*number++ = '\0';
	/* kstrtouint() also takes a sign. */
	if (*number < '0' || *number > '9' || kstrtouint(number, 10, &fd))
		return -EINVAL;
	return take_map(map, line, fd);
}

int mms_tracer_take(struct mms_tracer *tracer, char *text)
{
	struct bpf_map *map[MMS_NR_QUESTIONS] = {};
	unsigned int i;
	char *line;
	int err = 0;

	while (!err && (line = strsep(&text, "\n")))
		err = take_line(map, line);
	if (!err)
		err = mms_tracers_lock();
	if (err)
		goto out_put;
	for (i = 0; i < MMS_NR_QUESTIONS; i++)
		if (map[i] && tracer->map[i])
			err = -EEXIST;
	for (i = 0; !err && i < MMS_NR_QUESTIONS; i++)
		if (map[i])
			swap(map[i], tracer->map[i]);
	mms_tracers_unlock();
out_put:
	put_maps(map);
	return err;
}

bool mms_tracer_header(const struct mms_tracer *tracer, enum mms_question question,
		       struct mms_trace_header *header)
{
	return tracer->map[question] && read_header(tracer->map[question], question, header);
}

bool mms_tracer_record(const struct mms_tracer *tracer, enum mms_question question, pid_t nr,
		       u64 start_time, struct mms_trace_record *record)
{
	struct bpf_map *map = tracer->map[question];
	const struct mms_trace_record *found;
	u32 slot;

	for (slot = MMS_SLOT_FIRST; slot < map->max_entries; slot++) {
		found = slot_of(map, slot);
		if (found && READ_ONCE(found->owner.tgid) == nr &&
		    READ_ONCE(found->owner.start_time) == start_time) {
			copy_words(record, found, sizeof(*record));
			return true;
		}
		cond_resched();
	}
	return false;
}

void mms_tracer_sum(const struct mms_tracer *tracer, enum mms_question question,
		    struct mms_trace_record *sum)
{
	struct bpf_map *map = tracer->map[question];
	const struct mms_trace_record *found;
	unsigned int i;
	u32 slot;

	memset(sum, 0, sizeof(*sum));
	for (slot = MMS_SLOT_OTHERS; slot < map->max_entries; slot++) {
		found = slot_of(map, slot);
		if (!found || (slot != MMS_SLOT_OTHERS && !READ_ONCE(found->owner.tgid)))
			continue;
		for (i = 0; i < MMS_MAX_COUNTERS; i++)
			sum->count[i] += READ_ONCE(found->count[i]);
		cond_resched();
	}
}
