// SPDX-License-Identifier: GPL-2.0
/*
 * How long mmap_lock is held: below a number of instructions that does not depend on what is read,
 * by our own account and by that of the kernel's trace points. Instructions can be told only where
 * time is made of them: tests/vm/run --icount.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "icount.h"
#include "proc_spawn.h"
#include "tap.h"
#include "trace.h"
#include "views.h"

/* The promise of README, and by how much a hold may grow while what is read grows 1000 times. */
#define HOLD_LIMIT 200000
#define GROWTH 4
#define READINGS 5

static const char *const views[] = { "summary", "vmas", "tables", "pages", "records" };
#define NR_VIEWS (sizeof(views) / sizeof(views[0]))

static const char *const lock_events[] = {
	"mmap_lock/mmap_lock_acquire_returned", "mmap_lock/mmap_lock_released", NULL,
};

/* Something to be read, small and large: how much of it, made by @make(&amount). */
struct thing {
	const char *name;
	void (*make)(void *amount);
	u64 small, large;
	u64 memory;	/* bytes the large one needs */
};

static char *populated(u64 len, int advice)
{
	char *at = mmap(NULL, len + HUGE_2M, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);

	at = (char *)(((uintptr_t)at + HUGE_2M - 1) & ~(HUGE_2M - 1));
	at = mmap(at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (at == MAP_FAILED || madvise(at, len, advice) || madvise(at, len, MADV_POPULATE_WRITE))
		_exit(1);
	return at;
}

static void make_small_pages(void *amount)
{
	populated(*(u64 *)amount, MADV_NOHUGEPAGE);
}

static void make_huge_pages(void *amount)
{
	populated(*(u64 *)amount, MADV_HUGEPAGE);
}

/* VMAs of one page each. */
static void make_vmas(void *amount)
{
	u64 len = *(u64 *)amount * PAGE, i;
	char *at = populated(len, MADV_NOHUGEPAGE);

	for (i = PAGE; i < len; i += 2 * PAGE)
		if (mprotect(at + i, PAGE, PROT_READ))
			_exit(1);
}

static const struct thing things[] = {
	{ "small pages", make_small_pages, 4 * MIB, 4 * GIB, 4 * GIB + 256 * MIB },
	{ "huge pages", make_huge_pages, 4 * MIB, 256 * MIB, 512 * MIB },
	{ "VMAs", make_vmas, 60, 20000, 256 * MIB },
};
#define NR_THINGS (sizeof(things) / sizeof(things[0]))

/* What one read of one view held, by our account and by the witness's. */
struct holds {
	u64 nr, max, sum, entries;
	u64 nr_witness, max_witness;
};

/* All of a view, through a buffer that is there before. Return: whether it could be read. */
static bool drain(pid_t pid, const char *view)
{
	static char buffer[1 << 16];
	int fd = open(views_path(pid, view), O_RDONLY);
	ssize_t nr;

	while (fd >= 0 && (nr = read(fd, buffer, sizeof(buffer))) > 0)
		;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && !nr;
}

/* Every hold that was seen to begin and to end. */
static void count_witnessed(const char *text, struct holds *holds)
{
	const char *line = text, *fields;
	u64 ns, begun = 0, mm = 0;
	char name[40];

	while ((fields = trace_next(&line, name, &ns))) {
		if (!strcmp(name, "mmap_lock_acquire_returned")) {
			begun = ns;
			mm = trace_field(fields, "mm");
		} else if (begun && trace_field(fields, "mm") == mm) {
			holds->nr_witness++;
			if (ns - begun > holds->max_witness)
				holds->max_witness = ns - begun;
			begun = 0;
		}
	}
}

static void read_costs(pid_t pid, const char *view, struct holds *holds)
{
	if (!strcmp(view, "records")) {
		struct views_records records;

		if (views_records(pid, &records) || !records.complete)
			tap_bail("records cannot be read");
		holds->nr = records.cost[MMS_COST_HOLDS];
		holds->max = records.cost[MMS_COST_HOLD_MAX_NS];
		holds->sum = records.cost[MMS_COST_TIME_NS];
		holds->entries = records.cost[MMS_COST_ENTRIES];
		views_records_free(&records);
	} else {
		char *text = views_read(pid, view, NULL), *cost;

		cost = text ? strstr(text, "\n# cost ") : NULL;
		if (!cost || sscanf(cost, "\n# cost time_ns=%llu holds=%llu hold_max_ns=%llu tables=%*u "
				    "entries=%llu", &holds->sum, &holds->nr, &holds->max,
				    &holds->entries) != 4)
			tap_bail("%s cannot be read", view);
		free(text);
	}
}

static void read_witnessed(pid_t pid, const char *view, struct holds *holds)
{
	u64 nr_lost;
	char *text;

	if (!trace_has(lock_events))
		return;
	trace_begin(lock_events);
	if (!drain(pid, view))
		tap_bail("%s cannot be read", view);
	text = trace_end(&nr_lost);
	if (!text || nr_lost)
		tap_bail("the trace is not whole: %llu events lost", nr_lost);
	count_witnessed(text, holds);
	free(text);
}

/*
 * The two accounts are of two reads, so that neither is in the other's way; a hold that is given up
 * early for another process makes one more. What an interrupt does in the middle of a hold counts
 * too, but strikes another hold, or none, when it is read again: the best of some readings.
 */
static struct holds measure(pid_t pid, const char *view)
{
	struct holds best = { .max = UINT64_MAX, .max_witness = UINT64_MAX };
	unsigned int i;

	for (i = 0; i < READINGS && (best.max >= HOLD_LIMIT || best.max_witness >= HOLD_LIMIT); i++) {
		struct holds holds = {};

		read_costs(pid, view, &holds);
		read_witnessed(pid, view, &holds);
		holds.max = holds.max < best.max ? holds.max : best.max;
		holds.max_witness = holds.max_witness < best.max_witness ? holds.max_witness :
									   best.max_witness;
		best = holds;
	}
	return best;
}

static void measure_all(const struct thing *thing, u64 amount, struct holds *holds)
{
	pid_t pid = spawn(thing->make, &amount);
	unsigned int i;

	if (views_attach(pid))
		tap_bail("cannot attach");
	for (i = 0; i < NR_VIEWS; i++)
		holds[i] = measure(pid, views[i]);
	views_detach(pid);
	spawn_end(pid);
}

static void judge(const struct thing *thing, const char *view, const struct holds *small,
		  const struct holds *large)
{
	tap_ok(large->max && large->max < HOLD_LIMIT, "%s, %s: the longest hold", thing->name, view);
	tap_ok(large->max < GROWTH * small->max,
	       "%s, %s: it does not grow with what is read", thing->name, view);
	if (trace_has(lock_events))
		tap_ok(large->max_witness && large->max_witness < HOLD_LIMIT &&
			       large->nr_witness * 10 >= large->nr * 9,
		       "%s, %s: seen by the kernel", thing->name, view);
	else
		tap_skip("trace points of mmap_lock", "%s, %s: seen by the kernel", thing->name,
			 view);
	tap_diag("%s: small: %llu holds, at most %llu; large: %llu, at most %llu, on average %llu, "
		 "%llu per entry; seen: %llu, at most %llu", view, small->nr, small->max, large->nr,
		 large->max, large->sum / large->nr, large->sum / large->entries,
		 large->nr_witness, large->max_witness);
}

static void check(const struct thing *thing)
{
	struct holds small[NR_VIEWS], large[NR_VIEWS];
	u64 free_bytes = (u64)proc_number("/proc/meminfo", "MemAvailable") << 10;
	char missing[64] = "time that is instructions (--icount)";
	unsigned int i;

	if (free_bytes < thing->memory)
		snprintf(missing, sizeof(missing), "%llu MiB of free memory", thing->memory / MIB);
	if (free_bytes < thing->memory || !icount_is_time()) {
		for (i = 0; i < 3 * NR_VIEWS; i++)
			tap_skip(missing, "%s", thing->name);
		return;
	}
	measure_all(thing, thing->small, small);
	measure_all(thing, thing->large, large);
	for (i = 0; i < NR_VIEWS; i++)
		judge(thing, views[i], &small[i], &large[i]);
}

int main(void)
{
	unsigned int i;

	tap_plan(NR_THINGS * NR_VIEWS * 3);
	for (i = 0; i < NR_THINGS; i++)
		check(&things[i]);
	return tap_done();
}
