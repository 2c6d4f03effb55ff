// SPDX-License-Identifier: GPL-2.0
/*
 * Targets of all sizes: 4 GiB resident, 100,000 VMAs, a reservation of 64 TiB, 2,000 processes.
 * The numbers are known by construction or from /proc, and whatever is read, the memory that one
 * reading takes stays the same: below 1 MiB, as the kernel's trace points have it. The reader stays
 * below 16 MiB.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "proc_spawn.h"
#include "tap.h"
#include "trace.h"
#include "views.h"

#define TIB (1ULL << 40)
/* All targets have their area here, below everything else. */
#define AREA 0x080000000000UL

static const char *const views[] = { "summary", "vmas", "tables", "pages", "records" };
#define NR_VIEWS (sizeof(views) / sizeof(views[0]))

static char *map_area(u64 at, u64 len, int flags)
{
	char *got = mmap((void *)at, len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | flags, -1, 0);

	if (got == MAP_FAILED)
		_exit(1);
	return got;
}

static void populate(u64 at, u64 len, int advice)
{
	char *area = map_area(at, len, 0);

	if (madvise(area, len, advice) || madvise(area, len, MADV_POPULATE_WRITE))
		_exit(1);
}

static void make_page(void *arg __attribute__((unused)))
{
	populate(AREA, PAGE, MADV_NOHUGEPAGE);
}

static void make_resident(void *arg __attribute__((unused)))
{
	populate(AREA, GIB, MADV_NOHUGEPAGE);
	populate(AREA + GIB, 3 * GIB, MADV_HUGEPAGE);
}

#define NR_VMAS 100000

static void make_vmas(void *arg __attribute__((unused)))
{
	u64 i;

	populate(AREA, NR_VMAS * PAGE, MADV_NOHUGEPAGE);
	for (i = 1; i < NR_VMAS; i += 2)
		if (mprotect((char *)AREA + i * PAGE, PAGE, PROT_READ))
			_exit(1);
}

#define RESERVED (64 * TIB)
#define NR_TOUCHED 8

/* Each page in tables of its own, far from the ends. */
static void make_reservation(void *arg __attribute__((unused)))
{
	char *area = map_area(AREA, RESERVED, MAP_NORESERVE);
	u64 i;

	madvise(area, RESERVED, MADV_NOHUGEPAGE);
	for (i = 0; i < NR_TOUCHED; i++)
		area[i * 8 * TIB + TIB] = 1;
}

/* @tables: page-table pages below the third level that only the area has; 0: not known. */
static const struct size {
	const char *name;
	void (*make)(void *arg);
	u64 memory, len, pages, vmas, tables;
} sizes[] = {
	{ "one page", make_page, 0, PAGE, 1, 1, 3 },
	{ "4 GiB resident", make_resident, 4 * GIB + 512 * MIB, 4 * GIB, 4 * GIB / PAGE, 2, 0 },
	{ "100,000 VMAs", make_vmas, GIB, NR_VMAS * PAGE, NR_VMAS, NR_VMAS, 0 },
	{ "64 TiB reserved", make_reservation, 0, RESERVED, NR_TOUCHED, 1, 3 * NR_TOUCHED },
};
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define NR_POINTS (9 + NR_VIEWS)

static bool in_area(u64 addr, const struct size *size)
{
	return addr >= AREA && addr < AREA + size->len;
}

static void check_vmas(const struct size *size, pid_t pid)
{
	u64 nr = 0, rss = 0, kb = 0, all = 0, tables = 0, wrong = 0, levels, entries;
	struct views_table t;
	struct proc_vmas maps;
	char *version = proc_read_file(VIEWS_DIR "/version", NULL), path[64];
	size_t row;

	if (views_table(pid, "vmas", &t) || proc_maps(pid, &maps))
		tap_bail("%s: vmas: %s", size->name, strerror(errno));
	for (row = 0; row < t.nr; row++) {
		u64 start = views_hex(&t, row, "start");

		wrong += row >= maps.nr || start != maps.vma[row].start ||
			 views_hex(&t, row, "end") != maps.vma[row].end ||
			 strcmp(views_field(&t, row, "perm"), maps.vma[row].perm);
		all += views_u64(&t, row, "rss");
		if (!in_area(start, size))
			continue;
		nr++;
		kb += views_u64(&t, row, "size");
		rss += views_u64(&t, row, "rss");
		tables += views_u64(&t, row, "tables");
	}
	/* maps ends with [vsyscall]. */
	tap_ok(!wrong && t.nr == maps.nr - !strcmp(maps.vma[maps.nr - 1].name, "[vsyscall]"),
	       "%s: vmas are those of maps (%zu)", size->name, t.nr);
	tap_eq(nr, size->vmas, "%s: so many VMAs", size->name);
	tap_ok(kb == size->len / 1024 && rss == size->pages * 4, "%s: size %llu kB, resident %llu kB",
	       size->name, kb, rss);
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	tap_eq(all, proc_number(path, "Rss"), "%s: resident, as smaps_rollup has it", size->name);

	/* The area is the first VMA: the top level and, if there is one, the fourth count there. */
	levels = views_number(version, "paging_levels");
	if (size->tables)
		tap_eq(tables, (size->tables + levels - 3) * 4, "%s: its page tables", size->name);
	else
		tap_ok(tables >= size->len / HUGE_2M * 4, "%s: its page tables", size->name);
	/* What the walk costs follows the tables there are: no table is read more than once. */
	entries = views_cost(&t, "entries");
	tap_ok(entries <= views_cost(&t, "tables") * 512, "%s: %llu entries read", size->name, entries);
	free(version);
	proc_vmas_free(&maps);
	views_table_free(&t);
}

static void check_records(const struct size *size, pid_t pid)
{
	struct views_records records;
	u64 pages = 0;
	size_t i;

	if (views_records(pid, &records) || !records.complete || records.end.entry)
		tap_bail("%s: records cannot be read", size->name);
	for (i = 0; i < records.nr; i++)
		if (in_area(records.rec[i].addr, size) && records.rec[i].class == MMS_CLASS_ANON)
			pages += records.rec[i].nr * views_entry_bytes(&records, &records.rec[i]) / PAGE;
	tap_eq(pages, size->pages, "%s: pages in records", size->name);
	views_records_free(&records);
}

static const char *const memory_events[] = {
	"kmem/kmalloc", "kmem/kfree", "kmem/kmem_cache_alloc", "kmem/kmem_cache_free",
	"kmem/mm_page_alloc", "kmem/mm_page_free", NULL,
};

/* What has been allocated and not freed; 0 in @id: nothing. */
struct block {
	u64 id, bytes;
};

#define NR_BLOCKS (1 << 16)

static struct block *find_block(struct block *blocks, u64 id)
{
	u64 i = id * 0x9e3779b97f4a7c15ULL >> 48;

	while (blocks[i].id && blocks[i].id != id)
		i = (i + 1) % NR_BLOCKS;
	return &blocks[i];
}

/* The identity of what an event is about: a frame or an address, which are told apart. */
static u64 block_id(const char *name, const char *fields)
{
	if (!strncmp(name, "mm_page", 7))
		return trace_field(fields, "pfn") << 1 | 1;
	return trace_field(fields, "ptr") << 1;
}

static u64 block_bytes(const char *name, const char *fields)
{
	if (!strncmp(name, "mm_page", 7))
		return PAGE << trace_field(fields, "order");
	return trace_field(fields, "bytes_alloc");
}

/*
 * The most that was allocated at any time. Slabs count as pages and as what is allocated in them:
 * a bound from above.
 */
static u64 find_peak(const char *text)
{
	struct block *blocks = calloc(NR_BLOCKS, sizeof(*blocks)), *block;
	u64 sum = 0, peak = 0, nr = 0, ns;
	const char *line = text, *fields;
	char name[40];

	while ((fields = trace_next(&line, name, &ns))) {
		block = find_block(blocks, block_id(name, fields));
		sum -= block->bytes;
		block->bytes = 0;
		if (!strstr(name, "alloc"))
			continue;
		if (!block->id && ++nr == NR_BLOCKS)
			tap_bail("too many blocks");
		block->id = block_id(name, fields);
		block->bytes = block_bytes(name, fields);
		sum += block->bytes;
		peak = sum > peak ? sum : peak;
	}
	free(blocks);
	return peak;
}

static u64 drain(const char *path)
{
	static char buffer[1 << 16];
	int fd = open(path, O_RDONLY);
	u64 len = 0;
	ssize_t nr;

	if (fd < 0)
		tap_bail("%s: %s", path, strerror(errno));
	while ((nr = read(fd, buffer, sizeof(buffer))) > 0)
		len += nr;
	if (nr)
		tap_bail("%s: %s", path, strerror(errno));
	close(fd);
	return len;
}

/* The buffer a text is made in is 64 KiB: who sees less has not seen it all. */
static void check_memory(const char *name, const char *view, const char *path)
{
	u64 least = strcmp(view, "records") ? 64 << 10 : 8 << 10, peak, len, nr_lost;
	char *text;

	if (!trace_has(memory_events)) {
		tap_skip("trace points of memory", "%s: memory that reading %s takes", name, view);
		return;
	}
	drain(path);
	trace_begin(memory_events);
	len = drain(path);
	text = trace_end(&nr_lost);
	peak = find_peak(text);
	tap_ok(!nr_lost && peak >= least && peak < MIB, "%s: memory that reading %s takes", name, view);
	tap_diag("%llu KiB to read %llu KiB, %llu events lost", peak >> 10, len >> 10, nr_lost);
	free(text);
}

/* The most that was resident at any time, its libraries included; of this program too, while it forked. */
static void check_reader(const char *name, const char *command, pid_t target)
{
	struct rusage usage;
	char number[16];
	int status;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", target);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (freopen("/dev/null", "w", stdout))
			execlp("mmscope", "mmscope", command, number, NULL);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		tap_bail("mmscope %s: %s", command, strerror(errno));
	tap_ok(!status && usage.ru_maxrss < 16 << 10, "%s: memory that mmscope %s takes", name, command);
	tap_diag("%ld KiB", usage.ru_maxrss);
}

static void check(const struct size *size)
{
	u64 free_bytes = (u64)proc_number("/proc/meminfo", "MemAvailable") << 10;
	char missing[64];
	unsigned int i;
	pid_t pid;

	snprintf(missing, sizeof(missing), "%llu MiB of free memory", size->memory / MIB);
	for (i = 0; i < NR_POINTS && free_bytes < size->memory; i++)
		tap_skip(missing, "%s", size->name);
	if (free_bytes < size->memory)
		return;
	pid = spawn(size->make, NULL);
	if (views_attach(pid))
		tap_bail("%s: cannot be attached", size->name);
	check_vmas(size, pid);
	check_records(size, pid);
	for (i = 0; i < NR_VIEWS; i++)
		check_memory(size->name, views[i], views_path(pid, views[i]));
	check_reader(size->name, "map", pid);
	check_reader(size->name, "pages", pid);
	views_detach(pid);
	spawn_end(pid);
}

#define NR_PROCESSES 2000
#define NR_KINDS 16

/* The @index-th has so many pages more than the first. */
static void rest_with_pages(unsigned int index)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (index % NR_KINDS)
		populate(AREA, index % NR_KINDS * PAGE, MADV_NOHUGEPAGE);
	spawn_rest();
}

static int find_pid(const pid_t *pids, pid_t pid)
{
	int i;

	for (i = 0; i < NR_PROCESSES; i++)
		if (pids[i] == pid)
			return i;
	return -1;
}

static void check_rows(const pid_t *pids)
{
	struct tap_diffs diffs = { .what = "2,000 processes: each has the pages it has made" };
	char *text = proc_read_file(VIEWS_DIR "/processes", NULL);
	u64 seen = 0, first = UINT64_MAX, size;
	struct views_table t;
	size_t row, nr;
	int i;

	if (!text || !views_parse(text, &t))
		tap_bail("processes is no table");
	free(proc_processes(&nr));
	tap_eq(t.nr, nr, "2,000 processes: a row for each there is");
	for (row = 0; row < t.nr; row++) {
		i = find_pid(pids, views_u64(&t, row, "pid"));
		if (i < 0)
			continue;
		seen++;
		diffs.nr_compared++;
		size = views_u64(&t, row, "anon");
		if (first == UINT64_MAX)
			first = size - i % NR_KINDS * 4;
		if (size != first + i % NR_KINDS * 4)
			tap_differs(&diffs, "the %d-th: %llu kB, the first %llu kB", i, size, first);
	}
	tap_eq(seen, NR_PROCESSES, "2,000 processes: one row each");
	tap_no_diffs(&diffs);
	views_table_free(&t);
}

static void check_ps(const pid_t *pids)
{
	FILE *ps = popen("mmscope ps", "r");
	u64 seen = 0;
	char line[256];
	int pid, threads;

	/* "2005 processes" is no row. */
	while (ps && fgets(line, sizeof(line), ps))
		seen += sscanf(line, "%d %d", &pid, &threads) == 2 && find_pid(pids, pid) >= 0;
	tap_ok(ps && !pclose(ps) && seen == NR_PROCESSES, "2,000 processes: mmscope ps, %llu of them",
	       seen);
}

static void check_processes(void)
{
	static pid_t pids[NR_PROCESSES];
	int i;

	/* Pages that their parent touches between two of them would be theirs too, or not. */
	memset(pids, 0xff, sizeof(pids));
	fflush(stdout);
	for (i = 0; i < NR_PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			tap_bail("fork: %s", strerror(errno));
		if (!pids[i])
			rest_with_pages(i);
	}
	for (i = 0; i < NR_PROCESSES; i++)
		if (!proc_wait_idle(pids[i], 60))
			tap_bail("a process does not rest");
	check_rows(pids);
	check_ps(pids);
	check_memory("2,000 processes", "processes", VIEWS_DIR "/processes");
	for (i = 0; i < NR_PROCESSES; i++)
		spawn_end(pids[i]);
}

#define THP "/sys/kernel/mm/transparent_hugepage/enabled"
#define NUMA_BALANCING "/proc/sys/kernel/numa_balancing"

int main(void)
{
	long max_maps = proc_value("/proc/sys/vm/max_map_count");
	long balancing = proc_value(NUMA_BALANCING);
	char *thp = proc_read_file(THP, NULL), *chosen = thp ? strchr(thp, '[') : NULL;
	char text[32];
	unsigned int i;

	tap_plan(NR_SIZES * NR_POINTS + 5);
	proc_write("/proc/sys/vm/max_map_count", "200000");
	/* khugepaged must not make huge pages, of nearly nothing, between two readings. */
	proc_write(THP, "madvise");
	/* smaps of 6.1 leaves out huge pages that are PROT_NONE for it (follow_trans_huge_pmd()). */
	proc_write(NUMA_BALANCING, "0");
	for (i = 0; i < NR_SIZES; i++)
		check(&sizes[i]);
	snprintf(text, sizeof(text), "%ld", max_maps);
	proc_write("/proc/sys/vm/max_map_count", text);
	check_processes();
	if (chosen) {
		chosen[strcspn(chosen, "]")] = '\0';
		proc_write(THP, chosen + 1);
	}
	free(thp);
	if (balancing > 0)
		proc_write(NUMA_BALANCING, "1");
	return tap_done();
}
