// SPDX-License-Identifier: GPL-2.0
/*
 * A program whose symbols are known: prints where in them it is, then waits to be killed. Built in
 * several ways for t_symbols.
 */
#include <stdio.h>
#include <unistd.h>

#define HERE(name, label)                                                                          \
	do {                                                                                       \
		printf("%s %lx\n", name, (unsigned long)&&label);                                  \
label:                                                                                             \
		__asm__ volatile("");                                                              \
	} while (0)

static __attribute__((noinline)) void known_static(volatile int *p)
{
	HERE("known_static", here_static);
	(*p)++;
}

static inline __attribute__((always_inline)) void known_inlined(volatile int *p)
{
	/* What is inlined is part of the function it is in. */
	HERE("known_global", here_inlined);
	(*p)++;
}

__attribute__((noinline)) void known_global(volatile int *p);
__attribute__((noinline)) void known_global(volatile int *p)
{
	known_inlined(p);
	known_static(p);
}

/* Two names of one function. */
__attribute__((noinline)) void __known_private(volatile int *p);
__attribute__((noinline)) void __known_private(volatile int *p)
{
	HERE("known_public", here_public);
	(*p)++;
}
void known_public(volatile int *p) __attribute__((alias("__known_private")));

int main(void)
{
	int n = 0;

	known_global(&n);
	known_public(&n);
	printf("end 0\n");
	fflush(stdout);
	pause();
	return 0;
}
