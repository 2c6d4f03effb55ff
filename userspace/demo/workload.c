// SPDX-License-Identifier: GPL-2.0
/*
 * The process "make run" looks at: it maps a file, holds a huge page and anonymous memory, forks,
 * writes to a part of what it shares with its child, and has another part swapped out. Then it
 * prints addresses worth translating, "name address" lines and "ready", and sleeps.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define KIB 1024UL
#define MIB (1024 * KIB)

static void die(const char *what)
{
	fprintf(stderr, "workload: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *map(size_t size, int protection, int flags, int fd)
{
	char *area = mmap(NULL, size, protection, flags, fd, 0);

	if (area == MAP_FAILED)
		die("mmap");
	return area;
}

/* 2 MiB, aligned, in one entry if the kernel grants it. */
static char *map_huge(void)
{
	char *area = map(4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *huge = area + (-(unsigned long)area & (2 * MIB - 1));

	madvise(huge, 2 * MIB, MADV_HUGEPAGE);
	memset(huge, 1, 2 * MIB);
	return huge;
}

/* The first of its pages are pushed out; without swap they stay. */
static char *map_and_swap(void)
{
	char *area = map(8 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise(area, 8 * MIB, MADV_NOHUGEPAGE);
	memset(area, 2, 6 * MIB);
	madvise(area, 2 * MIB, MADV_PAGEOUT);
	return area;
}

static char *map_file(const char *name)
{
	int fd = open(name, O_RDONLY);
	char *file;

	if (fd < 0)
		die(name);
	file = map(256 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
	close(fd);
	/* Half of it is read, a quarter written: copies of the file's pages. */
	madvise(file, 128 * KIB, MADV_POPULATE_READ);
	memset(file, 3, 64 * KIB);
	return file;
}

int main(int argc, char **argv)
{
	char *heap = malloc(64 * KIB);
	char *huge = map_huge(), *file = map_file(argv[argc - 1]), *swapped, *shared;
	pid_t child;

	if (!heap)
		die("malloc");
	memset(heap, 4, 64 * KIB);
	swapped = map_and_swap();
	shared = map(1 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	memset(shared, 5, 512 * KIB);

	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	/* The first writes since the fork: these pages are no longer the child's. */
	memset(swapped + 4 * MIB, 6, 256 * KIB);

	printf("heap %lx\ntext %lx\nstack %lx\nhuge %lx\nfile %lx\nswapped %lx\nshared %lx\n",
	       (unsigned long)heap, (unsigned long)main, (unsigned long)&child,
	       (unsigned long)huge, (unsigned long)file, (unsigned long)swapped,
	       (unsigned long)shared);
	puts("ready");
	fflush(stdout);
	pause();
	free(heap);
	return 0;
}
