// SPDX-License-Identifier: GPL-2.0
/*
 * Running a workload and reading everybody's counters around it: see workload.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/tracer.h"
#include "tap.h"
#include "workload.h"

#define MAX_RECORDS (1 << 14)
#define TOLD "/tmp/workload.json"

const char *const kernel_counter_names[NR_KERNEL_COUNTERS] = {
	[KERNEL_PGFAULT] = "pgfault",
	[KERNEL_PGMAJFAULT] = "pgmajfault",
	[KERNEL_PGREUSE] = "pgreuse",
	[KERNEL_SPLIT_PMD] = "thp_split_pmd",
	[KERNEL_COW_KSM] = "cow_ksm",
	[KERNEL_TLB] = "TLB",
};

static struct tracer *tracer;
static struct mms_trace_record records[MAX_RECORDS];
/* Processes of the workload, by where their records of faults are. */
static bool belongs[MAX_RECORDS];
static int stats_fd;
static struct task_faults stats[MAX_RECORDS];

static size_t read_records(enum mms_question question)
{
	size_t nr = tracer_read(tracer, question, records, MAX_RECORDS);

	if (nr > MAX_RECORDS)
		tap_bail("%zu records", nr);
	return nr;
}

static void add(u64 *sum, const struct mms_trace_record *record)
{
	for (unsigned int i = 0; i < MMS_MAX_COUNTERS; i++)
		sum[i] += record->count[i];
}

void workload_counts(pid_t pid, struct counts *counts)
{
	unsigned int question;
	size_t i, nr;

	memset(counts, 0, sizeof(*counts));
	for (question = 0; question < MMS_NR_QUESTIONS; question++) {
		nr = read_records(question);
		for (i = MMS_SLOT_OTHERS; i < nr; i++)
			if (!pid || records[i].owner.tgid == (__u32)pid)
				add(counts->count[question], &records[i]);
	}
}

u64 count_cause(const struct counts *counts, enum mms_cow_cause cause)
{
	u64 all = 0;

	for (unsigned int way = 0; way < MMS_NR_COW_WAYS; way++)
		all += counts->count[MMS_QUESTION_COW][MMS_COW(cause, way)];
	return all;
}

u64 count_breaks(const struct counts *counts)
{
	u64 all = 0;

	for (unsigned int cause = 0; cause < MMS_NR_COW_CAUSES; cause++)
		all += count_cause(counts, cause);
	return all;
}

static void read_kernel(long *counters)
{
	unsigned int i;

	for (i = 0; i < KERNEL_TLB; i++)
		counters[i] = proc_number("/proc/vmstat", kernel_counter_names[i]);
	counters[KERNEL_TLB] = proc_interrupts("TLB:");
	if (counters[KERNEL_TLB] < 0)
		tap_bail("no line TLB in /proc/interrupts");
}

/* The tree below @root, without it: a parent's record may come after its child's. */
static void find_tree(pid_t root, size_t nr)
{
	bool changed = true;
	size_t i, j;

	memset(belongs, 0, sizeof(belongs));
	while (changed) {
		changed = false;
		for (i = MMS_SLOT_FIRST; i < nr; i++) {
			bool child = records[i].owner.parent == (__u32)root;

			if (belongs[i] || !records[i].owner.parent)
				continue;
			for (j = MMS_SLOT_FIRST; !child && j < nr; j++)
				child = belongs[j] && records[j].owner.tgid == records[i].owner.parent;
			belongs[i] = child;
			changed |= child;
		}
	}
}

/* Every process has faults; not every one has a record of the other questions. */
static void count_tree(pid_t root, struct counts *tree)
{
	static struct mms_trace_owner owners[MAX_RECORDS];
	unsigned int question;
	size_t nr, i, j, nr_owners = 0;

	memset(tree, 0, sizeof(*tree));
	nr = read_records(MMS_QUESTION_FAULTS);
	find_tree(root, nr);
	for (i = MMS_SLOT_FIRST; i < nr; i++)
		if (belongs[i])
			owners[nr_owners++] = records[i].owner;
	for (question = 0; question < MMS_NR_QUESTIONS; question++) {
		nr = read_records(question);
		for (i = MMS_SLOT_FIRST; i < nr; i++)
			for (j = 0; j < nr_owners; j++)
				if (records[i].owner.tgid == owners[j].tgid &&
				    records[i].owner.start_time == owners[j].start_time)
					add(tree->count[question], &records[i]);
	}
}

/* The tasks of @root and of the tree below it, which find_tree() has found. */
static void sum_stats(pid_t root, struct measured *measured)
{
	size_t nr_records = read_records(MMS_QUESTION_FAULTS), i;
	long nr = stats_fd < 0 ? stats_fd : taskstats_read(stats_fd, stats, MAX_RECORDS), j;

	measured->stats_error = nr > MAX_RECORDS ? -ENOBUFS : nr < 0 ? nr : 0;
	for (j = 0; !measured->stats_error && j < nr; j++) {
		bool ours = stats[j].tgid == root;

		for (i = MMS_SLOT_FIRST; !ours && i < nr_records; i++)
			ours = belongs[i] && records[i].owner.tgid == (__u32)stats[j].tgid;
		if (!ours)
			continue;
		measured->stats.minor += stats[j].minor;
		measured->stats.major += stats[j].major;
	}
}

/* What "mmscope stat" has printed, by a filter of jq that makes one line of numbers. */
static void read_told(struct measured *measured)
{
	FILE *pipe = popen("jq -r '[(.faults[] | select(.counter == \"minor\").count),"
			   " (.faults[] | select(.counter == \"major\").count), .cow_breaks_total.count,"
			   " (.without_copy[] | select(.counter == \"pages\").count)] | @tsv' " TOLD, "re");

	if (!pipe || fscanf(pipe, "%ld %ld %ld %ld", &measured->told_minor, &measured->told_major,
			    &measured->told_breaks, &measured->told_reused) != 4)
		tap_bail("mmscope stat has not printed what is expected of it");
	pclose(pipe);
}

static pid_t start(const char *command, int (*run)(void))
{
	pid_t pid;

	tap_flush();
	pid = fork();
	if (pid)
		return pid;
	if (!command)
		_exit(run());
	unlink(TOLD);
	execlp("mmscope", "mmscope", "stat", "--json", "--output", TOLD, "--", "bash", "-c", command,
	       NULL);
	_exit(127);
}

static void wait_for_all(pid_t first, int *status)
{
	pid_t pid;
	int ended;

	while ((pid = wait(&ended)) > 0 || errno == EINTR)
		if (pid == first)
			*status = ended;
}

static void subtract(struct counts *from, const struct counts *what)
{
	for (unsigned int i = 0; i < MMS_NR_QUESTIONS; i++)
		for (unsigned int j = 0; j < MMS_MAX_COUNTERS; j++)
			from->count[i][j] -= what->count[i][j];
}

void workload_init(struct tracer *used)
{
	long counters[NR_KERNEL_COUNTERS];
	struct counts counts;

	tracer = used;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	stats_fd = taskstats_open();
	/* Reading causes no faults later. */
	memset(records, 1, sizeof(records));
	memset(stats, 1, sizeof(stats));
	memset(belongs, 1, sizeof(belongs));
	for (int i = 0; i < 2; i++) {
		read_kernel(counters);
		workload_counts(0, &counts);
	}
}

void workload_run(const char *command, int (*run)(void), struct measured *measured)
{
	struct counts before[2], after[2];
	struct rusage had, has;
	long kernel[2][NR_KERNEL_COUNTERS];
	unsigned int i;
	pid_t pid;

	memset(measured, 0, sizeof(*measured));
	if (stats_fd >= 0)
		taskstats_read(stats_fd, stats, 0);
	getrusage(RUSAGE_CHILDREN, &had);
	workload_counts(0, &before[0]);
	read_kernel(kernel[0]);
	workload_counts(0, &before[1]);
	pid = start(command, run);
	wait_for_all(pid, &measured->status);
	/* Once for nothing: pages that were shared with the first process become this one's again. */
	workload_counts(0, &after[0]);
	read_kernel(kernel[1]);
	workload_counts(0, &after[0]);
	read_kernel(kernel[1]);
	workload_counts(0, &after[1]);
	getrusage(RUSAGE_CHILDREN, &has);
	measured->inner = after[0];
	subtract(&measured->inner, &before[1]);
	measured->outer = after[1];
	subtract(&measured->outer, &before[0]);
	for (i = 0; i < NR_KERNEL_COUNTERS; i++)
		measured->kernel[i] = kernel[0][i] < 0 ? -1 : kernel[1][i] - kernel[0][i];
	measured->minor = has.ru_minflt - had.ru_minflt;
	measured->major = has.ru_majflt - had.ru_majflt;
	count_tree(pid, &measured->tree);
	workload_counts(pid, &measured->self);
	sum_stats(pid, measured);
	if (command)
		read_told(measured);
}
