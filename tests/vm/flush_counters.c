// SPDX-License-Identifier: GPL-2.0
/*
 * See flush_counters.h. What counts there, and is no event of a process, are flushes of kernel
 * memory: kprobes count these. arch/x86/mm/tlb.c of 6.12.
 */
#include <string.h>
#include <unistd.h>

#include "flush_counters.h"
#include "tap.h"
#include "tlb_witness.h"
#include "views.h"

#define MAX_CPUS 16

const char *const flush_counter_names[NR_FLUSH_COUNTERS] = {
	[FLUSH_INTERRUPTS] = "TLB",
	[FLUSH_REMOTE] = "nr_tlb_remote_flush",
	[FLUSH_RECEIVED] = "nr_tlb_remote_flush_received",
	[FLUSH_LOCAL_ALL] = "nr_tlb_local_flush_all",
	[FLUSH_LOCAL_ONE] = "nr_tlb_local_flush_one",
};

/* Functions that count for kernel memory. */
static struct {
	const char *function;
	enum flush_counter counter;
	int fd[MAX_CPUS];
} kernel_flushes[] = {
	{ .function = "flush_tlb_all", .counter = FLUSH_REMOTE },
	{ .function = "do_flush_tlb_all", .counter = FLUSH_RECEIVED },
	{ .function = "flush_tlb_one_kernel", .counter = FLUSH_LOCAL_ONE },
};

#define NR_KERNEL_FLUSHES (sizeof(kernel_flushes) / sizeof(*kernel_flushes))

static unsigned int cpus;

bool flush_counter_exists(enum flush_counter counter)
{
	return counter == FLUSH_INTERRUPTS ||
	       proc_number("/proc/vmstat", flush_counter_names[counter]) >= 0;
}

void flush_counters_begin(void)
{
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (cpus > MAX_CPUS)
		tap_bail("%u processors", cpus);
	if (views_attach(getpid()))
		tap_bail("attach");
	for (unsigned int i = 0; i < NR_KERNEL_FLUSHES; i++)
		for (unsigned int cpu = 0; cpu < cpus; cpu++) {
			int *fd = &kernel_flushes[i].fd[cpu];

			*fd = -1;
			if (!flush_counter_exists(kernel_flushes[i].counter))
				continue;
			*fd = tlb_calls_open(kernel_flushes[i].function, cpu);
			if (*fd < 0)
				tap_bail("%s: %s", kernel_flushes[i].function, strerror(-*fd));
		}
}

void flush_counters_end(void)
{
	for (unsigned int i = 0; i < NR_KERNEL_FLUSHES; i++)
		for (unsigned int cpu = 0; cpu < cpus; cpu++)
			if (kernel_flushes[i].fd[cpu] >= 0)
				close(kernel_flushes[i].fd[cpu]);
	views_detach(getpid());
}

void flush_counters_kernel(u64 *count)
{
	for (unsigned int i = 0; i < NR_FLUSH_COUNTERS; i++)
		count[i] = i == FLUSH_INTERRUPTS
				   ? proc_interrupts("TLB:")
				   : proc_number("/proc/vmstat", flush_counter_names[i]);
}

/* flush_tlb_func() where it was called without being asked by another CPU. */
static void add_local(u64 *count)
{
	static const unsigned int local[] = { MMS_TLB_LOCAL_SHOOTDOWN, MMS_TLB_LOCAL_MM_SHOOTDOWN };
	struct views_table table;
	int err = views_table(0, "tlb", &table);

	if (err)
		tap_bail("tlb: %s", strerror(-err));
	for (unsigned int i = 0; i < 2; i++) {
		count[FLUSH_LOCAL_ALL] += views_flushes(&table, "all", local[i], "full");
		count[FLUSH_LOCAL_ONE] += views_flushes(&table, "all", local[i], "pages");
	}
	views_table_free(&table);
}

void flush_counters_ours(struct lab *lab, u64 *count)
{
	uint64_t requests[MMS_MAX_COUNTERS];
	unsigned int i, cpu;

	lab_counters(lab, MMS_QUESTION_TLB, 0, requests);
	memset(count, 0, NR_FLUSH_COUNTERS * sizeof(*count));
	count[FLUSH_INTERRUPTS] = requests[MMS_REQUEST_IPI_HANDLED];
	count[FLUSH_REMOTE] = requests[MMS_REQUEST_IPIS];
	count[FLUSH_RECEIVED] = requests[MMS_REQUEST_IPI_HANDLED];
	add_local(count);
	for (i = 0; i < NR_KERNEL_FLUSHES; i++)
		for (cpu = 0; cpu < cpus; cpu++)
			if (kernel_flushes[i].fd[cpu] >= 0)
				count[kernel_flushes[i].counter] +=
					tlb_perf_read(kernel_flushes[i].fd[cpu]);
}
