// SPDX-License-Identifier: GPL-2.0
/*
 * A program to look at, built twice for the lab static-dynamic: with libc in it, and without.
 */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	puts("Hello");
	fflush(stdout);
	pause();
	return 0;
}
