/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results in the Test Anything Protocol: a plan, numbered points, skips that name what is missing.
 * Output is kept back until tap_done(), tap_flush() or a bail-out, so that a test which compares
 * other processes does not wake those that carry its output. Knows nothing of what is tested.
 */
#ifndef MMS_TAP_H
#define MMS_TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAP_UNUSED __attribute__((unused))
#define TAP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args), unused))

/* Differences of one kind printed at most; the rest is counted. */
#define TAP_MAX_DIFFS 8

static unsigned int tap_planned, tap_points, tap_failed;
static pid_t tap_pid;

static inline void tap_flush(void)
{
	fflush(stdout);
}

/* A forked child must not print what its parent has kept back. */
static void TAP_UNUSED tap_at_exit(void)
{
	if (getpid() == tap_pid)
		tap_flush();
}

static void TAP_UNUSED tap_plan(unsigned int nr)
{
	tap_pid = getpid();
	tap_planned = nr;
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	atexit(tap_at_exit);
	printf("1..%u\n", nr);
	tap_flush();
}

static void TAP_PRINTF(1, 2) tap_diag(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("# ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
}

/* The test cannot go on: nothing after this counts. */
static void __attribute__((noreturn)) TAP_PRINTF(1, 2) tap_bail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("Bail out! ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	tap_flush();
	exit(2);
}

static bool tap_point(bool ok, const char *skip, const char *fmt, va_list args)
{
	printf("%sok %u - ", ok ? "" : "not ", ++tap_points);
	vprintf(fmt, args);
	if (skip)
		printf(" # SKIP %s", skip);
	putchar('\n');
	tap_failed += !ok;
	return ok;
}

static bool TAP_PRINTF(2, 3) tap_ok(bool ok, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_point(ok, NULL, fmt, args);
	va_end(args);
	return ok;
}

/* @missing says what this machine lacks. */
static void TAP_PRINTF(2, 3) tap_skip(const char *missing, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_point(true, missing, fmt, args);
	va_end(args);
}

static bool TAP_PRINTF(3, 4) tap_eq(uint64_t got, uint64_t want, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_point(got == want, NULL, fmt, args);
	va_end(args);
	if (got != want)
		tap_diag("expected %llu (0x%llx), got %llu (0x%llx)", (unsigned long long)want,
			 (unsigned long long)want, (unsigned long long)got,
			 (unsigned long long)got);
	return got == want;
}

/* @got: a result that is negative on error, as a system call's with its errno; @want: likewise. */
static bool TAP_PRINTF(3, 4) tap_result(long got, long want, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_point(got == want, NULL, fmt, args);
	va_end(args);
	if (got != want)
		tap_diag("expected %ld (%s), got %ld (%s)", want, want < 0 ? strerror(-want) : "-",
			 got, got < 0 ? strerror(-got) : "-");
	return got == want;
}

static bool TAP_PRINTF(3, 4) tap_str(const char *got, const char *want, const char *fmt, ...)
{
	bool same = !strcmp(got, want);
	va_list args;

	va_start(args, fmt);
	tap_point(same, NULL, fmt, args);
	va_end(args);
	if (!same)
		tap_diag("expected \"%s\", got \"%s\"", want, got);
	return same;
}

/* Return: the exit status of the test. */
static int TAP_UNUSED tap_done(void)
{
	if (tap_points != tap_planned)
		tap_diag("planned %u points, made %u", tap_planned, tap_points);
	tap_flush();
	return tap_failed || tap_points != tap_planned;
}

/**
 * struct tap_diffs - the differences found while many things of one kind are compared
 * @what: the comparison
 * @nr_compared: things looked at; a comparison of nothing is a failure
 * @nr: differences
 */
struct tap_diffs {
	const char *what;
	uint64_t nr_compared;
	uint64_t nr;
};

/* One difference: counted, and the first of them printed. */
static void TAP_PRINTF(2, 3) tap_differs(struct tap_diffs *diffs, const char *fmt, ...)
{
	va_list args;

	if (diffs->nr++ >= TAP_MAX_DIFFS)
		return;
	va_start(args, fmt);
	printf("# %s: ", diffs->what);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
}

/* The point that sums up a comparison. */
static bool TAP_UNUSED tap_no_diffs(const struct tap_diffs *diffs)
{
	if (diffs->nr)
		tap_diag("%s: %llu differences in %llu comparisons", diffs->what,
			 (unsigned long long)diffs->nr, (unsigned long long)diffs->nr_compared);
	return tap_ok(!diffs->nr && diffs->nr_compared, "%s (%llu compared)", diffs->what,
		      (unsigned long long)diffs->nr_compared);
}

#endif /* MMS_TAP_H */
