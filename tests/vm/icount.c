// SPDX-License-Identifier: GPL-2.0
/*
 * Time that is made of instructions: see icount.h.
 */
#include <time.h>

#include "icount.h"

u64 icount_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Twenty million instructions, cheap ones or expensive ones. */
static u64 time_cheap(void)
{
	unsigned long i = 10000000;
	u64 begun = icount_now();

	__asm__ volatile("1: dec %0\n\tjnz 1b" : "+r"(i));
	return icount_now() - begun;
}

static u64 time_expensive(void)
{
	unsigned long i = 4000000, high = 0, low = 12345;
	u64 begun = icount_now();

	__asm__ volatile("1: xor %%edx, %%edx\n\tmov $99991, %%eax\n\tdivq %0\n\tdec %0\n\tjnz 1b"
			 : "+r"(i), "+d"(high), "+a"(low));
	return icount_now() - begun;
}

/* The shortest of some: others may be interrupted. */
static u64 shortest(u64 (*func)(void))
{
	u64 min = UINT64_MAX, ns;
	int i;

	for (i = 0; i < 5; i++) {
		ns = func();
		min = ns < min ? ns : min;
	}
	return min;
}

static bool is_one_per_ns(u64 ns)
{
	return ns >= 20000000 && ns < 21000000;
}

bool icount_is_time(void)
{
	return is_one_per_ns(shortest(time_cheap)) && is_one_per_ns(shortest(time_expensive));
}
