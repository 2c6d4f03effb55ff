/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which CPU threads of labs run on, and before whom.
 */
#ifndef LAB_CPU_H
#define LAB_CPU_H

#include "lab.h"

/* The CPUs this process may use, into @cpu, @max at most. Return: how many. */
unsigned int lab_cpus(struct lab *lab, unsigned int *cpu, unsigned int max);

/* Has the calling thread, and those it makes from here on, run on @cpu only. */
void lab_pin(unsigned int cpu);

/* Allows real-time threads all of a CPU's time until the lab ends: lab_run_first() then holds. */
void lab_allow_first(struct lab *lab);

/* The calling thread runs before all but the kernel's own (SCHED_FIFO), until told otherwise. */
void lab_run_first(bool first);

#endif /* LAB_CPU_H */
