// SPDX-License-Identifier: GPL-2.0
/*
 * many NR: a process with NR VMAs of one touched page each, kept apart by their permissions. Says
 * "ready" and sleeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long nr = argc > 1 ? atol(argv[1]) : 0, i, page = sysconf(_SC_PAGESIZE);
	char *area = mmap(NULL, nr * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (nr < 1 || area == MAP_FAILED)
		return 1;
	for (i = 0; i < nr; i++) {
		area[i * page] = 1;
		if (i % 2 && mprotect(area + i * page, page, PROT_READ))
			return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
