// SPDX-License-Identifier: GPL-2.0
/*
 * Pinning threads, and running them before others.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"
#include "machine.h"

unsigned int lab_cpus(struct lab *lab, unsigned int *cpu, unsigned int max)
{
	unsigned int i, nr = 0;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		lab_broken(lab, "sched_getaffinity: %s", strerror(errno));
	for (i = 0; i < CPU_SETSIZE && nr < max; i++)
		if (CPU_ISSET(i, &set))
			cpu[nr++] = i;
	return nr;
}

static void must(const char *what, int err)
{
	if (!err)
		return;
	fprintf(stderr, "mmscope: %s: %s\n", what, strerror(errno));
	_exit(1);
}

void lab_pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must("sched_setaffinity", sched_setaffinity(0, sizeof(set), &set));
}

void lab_allow_first(struct lab *lab)
{
	lab_set(lab, "/proc/sys/kernel/sched_rt_runtime_us", "-1");
}

void lab_run_first(bool first)
{
	const struct sched_param param = { .sched_priority = first ? 1 : 0 };

	must("sched_setscheduler", sched_setscheduler(0, first ? SCHED_FIFO : SCHED_OTHER, &param));
}
