// SPDX-License-Identifier: GPL-2.0
/*
 * Real workloads: what is counted of them against what the kernel counts itself, by the identities
 * that its source gives (6.1 and 6.12), and against what "mmscope stat" prints of the same run.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../../userspace/error.h"
#include "../../userspace/tracer.h"
#include "tap.h"
#include "workload.h"
#include "workload_redis.h"

#define THP "/sys/kernel/mm/transparent_hugepage/"
#define KSM_PAGES 512

/* Forks, maps, writes; a bounded number of each. */
#define STRESS "cd /tmp && exec stress-ng --quiet --no-rand-seed --oomable "

#define POSTGRES                                                                                   \
	"set -e; umask 077; dir=$(mktemp -d); chown postgres: $dir; cd $dir; export PGHOST=$dir;"  \
	"PATH=$(echo /usr/lib/postgresql/*/bin):$PATH;"                                            \
	"as='setpriv --reuid postgres --regid postgres --clear-groups';"                           \
	"$as initdb -D data -A trust --no-sync --no-instructions --no-locale >log;"                \
	"$as postgres -D data -k $dir -c listen_addresses= -c fsync=off >>log 2>&1 & server=$!;"   \
	"until $as pg_isready -q; do sleep 0.2; done;"                                             \
	"$as pgbench -i -q -s 1 postgres >>log 2>&1; $as pgbench -c 4 -t 10 postgres >>log 2>&1;"  \
	"kill -INT $server; wait $server"

#define BUILD                                                                                      \
	"set -e; cd $(mktemp -d); for i in 1 2 3 4 5 6; do"                                        \
	"  printf '#include <stdio.h>\\nint f%d(int x) { return printf(\"%%d\", x); }\\n' $i >f$i.c; done;" \
	"echo 'int main(void) { return 0; }' >main.c;"                                             \
	"printf 'prog: main.o f1.o f2.o f3.o f4.o f5.o f6.o\\n\\tcc -o $@ $^\\n' >Makefile;"       \
	"make -s -j4 && ./prog"

static const struct {
	const char *name, *package, *needs, *command;
} workloads[] = {
	{ "stress-ng fork", "stress-ng", "stress-ng",
	  STRESS "--fork 2 --fork-ops 200" },
	{ "stress-ng mmap", "stress-ng", "stress-ng",
	  STRESS "--mmap 2 --mmap-bytes 4M --mmap-ops 6" },
	{ "stress-ng vm", "stress-ng", "stress-ng",
	  STRESS "--vm 2 --vm-bytes 16M --vm-ops 400 --vm-method rand-set" },
	/* Threads give back what others are using the rest of. */
	{ "xz -T2", "xz-utils", "xz",
	  "for i in 1 2 3 4 5; do cat /bin/bash; done | xz -T2 -1 --block-size=512KiB >/dev/null" },
	{ "make -j4", "make", "make", BUILD },
	{ "PostgreSQL", "postgresql", "pgbench", POSTGRES },
};

#define NR_WORKLOADS (sizeof(workloads) / sizeof(*workloads))
/* Points of check_kernel(), check_tree() and check_redis(). */
#define NR_KERNEL_POINTS 6
#define NR_TREE_POINTS 6
#define NR_REDIS_POINTS 6

static u64 fault(const struct counts *counts, enum mms_fault_counter counter)
{
	return counts->count[MMS_QUESTION_FAULTS][counter];
}

/*
 * count_vm_event(PGFAULT) is in handle_mm_fault(), before anything else (6.1), where it counts
 * attempts that have to be repeated as well; or in mm_account_fault() (6.12), which leaves these out
 * and counts failures.
 */
static u64 pgfault(const struct counts *counts)
{
	u64 ended = fault(counts, MMS_FAULT_MINOR) + fault(counts, MMS_FAULT_MAJOR) +
		    fault(counts, MMS_FAULT_FAILED);
	struct utsname kernel;
	unsigned int major, minor;

	uname(&kernel);
	if (sscanf(kernel.release, "%u.%u", &major, &minor) != 2)
		tap_bail("release %s", kernel.release);
	return major > 6 || minor >= 4 ? ended : ended + fault(counts, MMS_FAULT_RETRIED);
}

/* wp_page_reuse(), of anonymous, shared and PFN-mapped pages alike. */
static u64 pgreuse(const struct counts *counts)
{
	return counts->count[MMS_QUESTION_COW][MMS_COW_REUSE];
}

/*
 * __split_huge_pmd_locked() counts those of files and of the huge zero page too, which this machine
 * does not have: see main().
 */
static u64 split_pmd(const struct counts *counts)
{
	return counts->count[MMS_QUESTION_COW][MMS_COW_SPLIT_PMD];
}

/* do_wp_page() counts before it copies: equal unless threads race for a page, as none do here. */
static u64 cow_ksm(const struct counts *counts)
{
	return count_cause(counts, MMS_COW_KSM);
}

/* flush_tlb_func(), when another CPU has asked. */
static u64 interrupts(const struct counts *counts)
{
	return counts->count[MMS_QUESTION_TLB][MMS_REQUEST_IPI_HANDLED];
}

/* The first and the last reading of the tracer lie outside those of the kernel's counter. */
static void check_one(const char *name, const struct measured *measured, enum kernel_counter counter,
		      u64 (*ours)(const struct counts *counts))
{
	long kernel = measured->kernel[counter];
	u64 least = ours(&measured->inner), most = ours(&measured->outer);

	if (kernel < 0) {
		tap_skip("this kernel does not count it", "%s: %s", name,
			 kernel_counter_names[counter]);
		return;
	}
	tap_ok(kernel >= (long)least && kernel <= (long)most, "%s: %s %ld is from %lu to %lu", name,
	       kernel_counter_names[counter], kernel, (unsigned long)least, (unsigned long)most);
}

/*
 * PGMAJFAULT is counted where reading begins (filemap_fault(), do_swap_page(), shmem_swapin_folio()),
 * a task's major faults where they end (mm_account_fault()). The two differ by: faults that waited
 * for what somebody else was reading, and those for userfaultfd, which are major since they were
 * tried again; readings begun twice for one fault, whose page was gone when it was tried again; and
 * those that ended with an error, or were given up for a deadly signal after an attempt. Each of
 * these has an attempt counted as RETRIED, or a fault counted as FAILED.
 */
static void check_majors(const char *name, const struct measured *measured)
{
	long kernel = measured->kernel[KERNEL_PGMAJFAULT];
	long ours = fault(&measured->outer, MMS_FAULT_MAJOR);
	long other = fault(&measured->outer, MMS_FAULT_RETRIED) +
		     fault(&measured->outer, MMS_FAULT_FAILED);

	tap_ok(labs(kernel - ours) <= other,
	       "%s: pgmajfault %ld is as %ld major faults, but for at most %ld others", name, kernel,
	       ours, other);
}

static void check_kernel(const char *name, const struct measured *measured)
{
	check_one(name, measured, KERNEL_PGFAULT, pgfault);
	check_majors(name, measured);
	check_one(name, measured, KERNEL_PGREUSE, pgreuse);
	check_one(name, measured, KERNEL_SPLIT_PMD, split_pmd);
	check_one(name, measured, KERNEL_COW_KSM, cow_ksm);
	check_one(name, measured, KERNEL_TLB, interrupts);
}

/* taskstats_exit() comes before the task lets go of its memory, and nothing faults after it. */
static void check_stats(const char *name, const struct measured *measured)
{
	const struct counts *tree = &measured->tree, *self = &measured->self;
	u64 minor = fault(tree, MMS_FAULT_MINOR) + fault(self, MMS_FAULT_MINOR);
	u64 major = fault(tree, MMS_FAULT_MAJOR) + fault(self, MMS_FAULT_MAJOR);

	if (measured->stats_error == -ENOENT) {
		tap_skip("CONFIG_TASKSTATS is not set", "%s: taskstats", name);
		return;
	}
	tap_ok(!measured->stats_error && measured->stats.minor == minor &&
		       measured->stats.major == major,
	       "%s: taskstats has %llu minor and %llu major faults (%lu and %lu)", name,
	       measured->stats.minor, measured->stats.major, (unsigned long)minor,
	       (unsigned long)major);
	if (measured->stats_error)
		tap_diag("taskstats: %s", strerror(-measured->stats_error));
}

/*
 * A fault is charged to the task by the kernel, to the owner of the address space by us: the same as
 * long as nobody else's pages are looked up, as ptrace() does. Those of a child that shares memory
 * with its parent (vfork()) are the parent's here; the sum is the same.
 */
static void check_tree(const char *name, const struct measured *measured)
{
	const struct counts *tree = &measured->tree, *self = &measured->self;

	tap_eq(measured->status, 0, "%s: status", name);
	tap_eq(fault(tree, MMS_FAULT_MINOR) + fault(self, MMS_FAULT_MINOR), measured->minor,
	       "%s: minor faults of its processes, as wait4() has them (%ld)", name, measured->minor);
	tap_eq(fault(tree, MMS_FAULT_MAJOR) + fault(self, MMS_FAULT_MAJOR), measured->major,
	       "%s: major faults, likewise (%ld)", name, measured->major);
	check_stats(name, measured);
	tap_ok((u64)measured->told_minor == fault(tree, MMS_FAULT_MINOR) &&
		       (u64)measured->told_major == fault(tree, MMS_FAULT_MAJOR),
	       "%s: mmscope stat has %ld minor and %ld major faults, this test %lu and %lu", name,
	       measured->told_minor, measured->told_major,
	       (unsigned long)fault(tree, MMS_FAULT_MINOR),
	       (unsigned long)fault(tree, MMS_FAULT_MAJOR));
	tap_ok((u64)measured->told_breaks == count_breaks(tree) &&
		       (u64)measured->told_reused == pgreuse(tree),
	       "%s: mmscope stat has %ld copies and %ld reused, this test %lu and %lu", name,
	       measured->told_breaks, measured->told_reused, (unsigned long)count_breaks(tree),
	       (unsigned long)pgreuse(tree));
}

/* Equal pages, written after they were merged. */
static int ksm(void)
{
	char *at = mmap(NULL, KSM_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	madvise(at, KSM_PAGES * PAGE, MADV_NOHUGEPAGE);
	memset(at, 7, KSM_PAGES * PAGE);
	if (madvise(at, KSM_PAGES * PAGE, MADV_MERGEABLE))
		return 2;
	for (int i = 0; i < 600; i++) {
		if (proc_value("/sys/kernel/mm/ksm/pages_sharing") >= KSM_PAGES - 2)
			break;
		usleep(100000);
	}
	proc_write("/sys/kernel/mm/ksm/run", "0");
	for (size_t i = 0; i < KSM_PAGES; i++)
		at[i * PAGE] = (char)i;
	return 0;
}

static void check_ksm(void)
{
	struct measured measured;

	proc_write("/sys/kernel/mm/ksm/max_page_sharing", "1024");
	proc_write("/sys/kernel/mm/ksm/pages_to_scan", "2000");
	if (proc_write("/sys/kernel/mm/ksm/run", "1")) {
		for (unsigned int i = 0; i < NR_KERNEL_POINTS + 1; i++)
			tap_skip("no KSM", "KSM");
		return;
	}
	workload_run(NULL, ksm, &measured);
	proc_write("/sys/kernel/mm/ksm/run", "2");
	tap_ok(!measured.status && cow_ksm(&measured.inner) >= KSM_PAGES - 2,
	       "KSM: at least %d merged pages copied, %lu counted", KSM_PAGES - 2,
	       (unsigned long)cow_ksm(&measured.inner));
	check_kernel("KSM", &measured);
}

static bool installed(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return !system(command);
}

static void check_workload(unsigned int i)
{
	struct measured measured;

	if (!installed(workloads[i].needs)) {
		for (unsigned int j = 0; j < NR_KERNEL_POINTS + NR_TREE_POINTS; j++)
			tap_skip("package not installed", "%s: %s", workloads[i].name,
				 workloads[i].package);
		return;
	}
	workload_run(workloads[i].command, NULL, &measured);
	check_tree(workloads[i].name, &measured);
	check_kernel(workloads[i].name, &measured);
	tap_flush();
}

static void check_redis(void)
{
	struct redis redis;
	u64 pages;

	if (!installed("redis-server")) {
		for (unsigned int i = 0; i < NR_REDIS_POINTS; i++)
			tap_skip("package not installed", "redis: redis-server");
		return;
	}
	/* It switches them off for itself, but not at once. */
	proc_write(THP "enabled", "never");
	redis_run(&redis);
	tap_eq(redis.private_dirty + redis.twice, redis.broken + redis.own,
	       "redis: Private_Dirty of the child is %lu copies for the parent and %lu own pages, "
	       "less %lu that are both",
	       (unsigned long)redis.broken, (unsigned long)redis.own, (unsigned long)redis.twice);
	tap_ok(redis.broken >= redis.written, "redis: what was written was copied");
	tap_eq(redis.saves, 2, "redis: both saves have ended well");
	pages = redis.last_cow_size / PAGE;
	tap_ok(redis.last_cow_size % PAGE == 0 && pages >= redis.broken &&
		       pages <= redis.broken + redis.own_later,
	       "redis: rdb_last_cow_size is %lu pages: %lu copies for the parent and up to %lu own ones",
	       (unsigned long)pages, (unsigned long)redis.broken, (unsigned long)redis.own_later);
	tap_eq(redis.broken_alone, 0, "redis: nothing is copied without a child");
	tap_eq(redis.status, 0, "redis: the server has ended");
}

int main(void)
{
	struct tracer_options options = { .question = { true, true, true }, .everyone = true,
					  .slots = 1 << 14 };
	struct tracer *tracer;
	unsigned int i;

	tap_plan(NR_WORKLOADS * (NR_KERNEL_POINTS + NR_TREE_POINTS) + NR_KERNEL_POINTS + 1 +
		 NR_REDIS_POINTS + MMS_NR_QUESTIONS);
	/* Huge pages are split; no huge zero page is, which vmstat would count too. */
	proc_write(THP "enabled", "always");
	proc_write(THP "use_zero_page", "0");
	proc_write(THP "khugepaged/scan_sleep_millisecs", "600000");
	if (tracer_open(&tracer, &options) || tracer_start(tracer))
		tap_bail("%s", mms_failure());
	workload_init(tracer);
	for (i = 0; i < NR_WORKLOADS; i++)
		check_workload(i);
	check_ksm();
	check_redis();
	for (i = 0; i < MMS_NR_QUESTIONS; i++)
		tap_eq(tracer_losses(tracer, i).missed, 0, "none missed, question %u", i);
	tracer_close(tracer);
	proc_write(THP "use_zero_page", "1");
	proc_write(THP "enabled", "always");
	return tap_done();
}
