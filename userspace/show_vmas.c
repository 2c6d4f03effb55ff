// SPDX-License-Identifier: GPL-2.0
/*
 * Events by VMA.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detail.h"
#include "error.h"
#include "event_names.h"
#include "macros.h"
#include "show.h"

enum { PID, START, END, PERM, COUNT, SHARE, MOSTLY, NAME, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	{ "pid", "PID", MMS_COUNT, 7, 0, 0, "process ID" },
	{ "start", "START", MMS_ADDR, 12, 0, 0, "first address" },
	{ "end", "END", MMS_ADDR, 12, 1, 0, "address behind the last" },
	{ "perm", "PERM", MMS_TEXT, 4, 0, 0, "permissions" },
	{ "count", "COUNT", MMS_COUNT, 9, 0, 0, "events" },
	{ "share", "SHARE%", MMS_PERCENT, 6, 0, 0, "of those of all VMAs" },
	{ "mostly", "MOSTLY", MMS_TEXT, 12, 2, 0, "the most frequent counter" },
	{ "name", "NAME", MMS_TEXT, 8, 0, true, "of the file, or what it is" },
};

/* Of linux/mm.h, the same in all kernels that are supported. */
enum {
	VM_READ = 1,
	VM_WRITE = 2,
	VM_EXEC = 4,
	VM_SHARED = 8,
	VM_GROWSDOWN = 0x100,
	VM_PFNMAP = 0x400,
	VM_MIXEDMAP = 0x10000000,
};

struct vma {
	pid_t pid;
	uint64_t start, end, flags, count;
	uint64_t most;		/* of one counter */
	unsigned int mostly;	/* which */
	char name[64];
};

struct vmas {
	struct tracer *tracer;
	const struct mms_detail *detail;
	struct vma *list;
	size_t nr, room;
	uint64_t total;
};

static int take(void *data, const struct tracer_vma *from)
{
	struct vmas *vmas = data;

	if (from->counter - vmas->detail->first >= vmas->detail->nr)
		return 0;
	if (vmas->nr == vmas->room) {
		size_t room = vmas->room ? vmas->room * 2 : 256;
		struct vma *list = realloc(vmas->list, room * sizeof(*list));

		if (!list)
			return mms_fail("out of memory");
		vmas->list = list;
		vmas->room = room;
	}
	vmas->list[vmas->nr] = (struct vma){
		.pid = tracer_slot_tgid(vmas->tracer, vmas->detail->question, from->slot),
		.start = from->start, .end = from->end, .flags = from->flags,
		.count = from->count, .most = from->count, .mostly = from->counter };
	snprintf(vmas->list[vmas->nr].name, sizeof(vmas->list[0].name), "%s", from->name);
	vmas->nr++;
	vmas->total += from->count;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct vma *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int by_count(const void *a, const void *b)
{
	const struct vma *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return by_place(a, b);
}

/* One for each place, whatever the counter. */
static void merge(struct vmas *vmas)
{
	size_t i, kept = 0;

	if (vmas->nr)
		qsort(vmas->list, vmas->nr, sizeof(*vmas->list), by_place);
	for (i = 0; i < vmas->nr; i++) {
		struct vma *last = kept ? &vmas->list[kept - 1] : NULL, *vma = &vmas->list[i];

		if (!last || by_place(last, vma)) {
			vmas->list[kept++] = *vma;
			continue;
		}
		last->count += vma->count;
		last->end = vma->end > last->end ? vma->end : last->end;
		if (vma->most > last->most) {
			last->most = vma->most;
			last->mostly = vma->mostly;
		}
	}
	vmas->nr = kept;
	if (kept)
		qsort(vmas->list, kept, sizeof(*vmas->list), by_count);
}

static void show_one(struct mms_out *out, const struct vmas *vmas, const struct vma *vma)
{
	const char perm[5] = { vma->flags & VM_READ ? 'r' : '-', vma->flags & VM_WRITE ? 'w' : '-',
			       vma->flags & VM_EXEC ? 'x' : '-', vma->flags & VM_SHARED ? 's' : 'p' };
	struct mms_value values[NR_COLUMNS] = { 0 };
	char counter[MMS_COUNTER_NAME_MAX];

	values[PID].number = (uint64_t)vma->pid;
	/* The slot of those that have none. */
	values[PID].absent = !vma->pid;
	values[START].number = vma->start;
	values[END].number = vma->end;
	values[PERM].text = perm;
	values[COUNT].number = vma->count;
	values[SHARE] = mms_share(vma->count, vmas->total);
	values[MOSTLY].text = mms_counter_name(counter, vmas->detail->question, vma->mostly);
	values[NAME].text = *vma->name			     ? vma->name :
			    vma->flags & VM_GROWSDOWN	     ? "[stack]" :
			    vma->flags & (VM_PFNMAP | VM_MIXEDMAP) ? "[kernel's]" : "[anon]";
	mms_out_row(out, values);
}

int mms_show_vmas(struct mms_out *out, const struct mms_counting *counting)
{
	struct vmas vmas = { .tracer = counting->tracer, .detail = &counting->what->detail };
	size_t i, shown;

	if (tracer_for_each_vma(counting->tracer, vmas.detail->question, take, &vmas)) {
		free(vmas.list);
		return -1;
	}
	merge(&vmas);
	shown = counting->style->json || vmas.nr < counting->selectors->top ?
		vmas.nr : counting->selectors->top;
	if (shown || counting->style->json) {
		mms_out_table(out, "vmas", columns, NR_COLUMNS);
		for (i = 0; i < shown; i++)
			show_one(out, &vmas, &vmas.list[i]);
		mms_out_table_end(out);
		if (shown < vmas.nr)
			mms_out_say(out, "(and %zu VMAs with less; --top 0 shows all)\n",
				    vmas.nr - shown);
		mms_out_say(out, "\n");
	}
	free(vmas.list);
	return 0;
}
