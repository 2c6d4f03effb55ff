// SPDX-License-Identifier: GPL-2.0
/*
 * A process that does what t_events.sh and t_examples.sh ask for, so many times: copies on write in a child, programs
 * executed one after another, first touches on demand.
 *
 *	worker cow N		a child writes to N pages shared since its fork
 *	worker exec N		executes itself N times, then waits for the end of its input
 *	worker serve		for each line of input touches 100 pages for the first time, until "end"
 *	worker threads		has a second thread, whose ID it prints
 *	worker segv N		N writes to what is not mapped, each caught
 *	worker interrupt	changes its mappings while another thread runs, until it is killed
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;

static char *map_pages(size_t nr)
{
	char *pages = mmap(NULL, nr * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || madvise(pages, nr * 4096, MADV_NOHUGEPAGE))
		exit(2);
	return pages;
}

/* Without reading first: what was never touched would get the zero page. */
__attribute__((noinline)) static void write_pages(volatile char *pages, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		pages[i * 4096] = 1;
}

static int copy_on_write(size_t nr)
{
	char *pages = map_pages(nr);
	int status;

	write_pages(pages, nr);
	if (!fork()) {
		write_pages(pages, nr);
		_exit(0);
	}
	return wait(&status) < 0 || status;
}

/* Only once told to, so that it can be counted from the first. */
static int execute(const char *self, int nr, bool first)
{
	char text[16];

	if (first && getchar() == EOF)
		return 0;
	if (!nr) {
		printf("executed\n");
		fflush(stdout);
		while (getchar() != EOF)
			;
		return 0;
	}
	snprintf(text, sizeof(text), "%d", nr - 1);
	execl(self, "worker", "execing", text, NULL);
	return 2;
}

static int serve(void)
{
	char line[16];

	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) && line[0] != 'e') {
		write_pages(map_pages(100), 100);
		printf("done\n");
		fflush(stdout);
	}
	return 0;
}

static void *second(void *arg)
{
	printf("%d\n", gettid());
	fflush(stdout);
	while (getchar() != EOF)
		;
	return arg;
}

static void caught(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static int fault(int nr)
{
	char *page = map_pages(1);
	volatile int i;

	munmap(page, 4096);
	signal(SIGSEGV, caught);
	for (i = 0; i < nr; i++)
		if (!sigsetjmp(back, 1))
			*(volatile char *)page = 1;
	return 0;
}

static void *spin(void *arg)
{
	for (;;)
		__asm__ volatile("pause");
	return arg;
}

/* With another processor to spare, each protection is an interrupt there. */
static int interrupt(void)
{
	char *page = map_pages(1);
	pthread_t thread;

	if (pthread_create(&thread, NULL, spin, NULL))
		return 2;
	for (;;) {
		write_pages(page, 1);
		if (mprotect(page, 4096, PROT_READ) || mprotect(page, 4096, PROT_READ | PROT_WRITE))
			return 2;
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int nr = argc > 2 ? atoi(argv[2]) : 0;
	pthread_t thread;

	if (!strcmp(what, "cow"))
		return copy_on_write(nr);
	if (!strcmp(what, "exec") || !strcmp(what, "execing"))
		return execute("/proc/self/exe", nr, !strcmp(what, "exec"));
	if (!strcmp(what, "serve"))
		return serve();
	if (!strcmp(what, "segv"))
		return fault(nr);
	if (!strcmp(what, "interrupt"))
		return interrupt();
	if (!strcmp(what, "threads") && !pthread_create(&thread, NULL, second, NULL))
		return !!pthread_join(thread, NULL);
	return 2;
}
