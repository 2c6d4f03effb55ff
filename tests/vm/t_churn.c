// SPDX-License-Identifier: GPL-2.0
/*
 * All views, over and over, of processes that change: in one way after the other, then, for
 * MMSCOPE_CHURN_SECONDS (default 0), in all ways at once. What does not change must come out the
 * same each time, byte for byte; the rest must be whole, in order and sane; an answer that is cut
 * off must say so. What the kernel has to say is the runner's to check.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "churn_judge.h"
#include "proc_spawn.h"
#include "tap.h"
#include "views.h"
#include "zoo.h"

static const char *const view_names[] = { "vmas", "pages", "records", "tables", "summary", "translate" };

static struct tap_diffs cut = { .what = "what ends in the middle says so" };

/* Of each kind: reads of all views, and changes it has made meanwhile, at least. */
enum { ROUNDS = 10, TIMES = 20 };
/* Seconds after which it is given up. */
#define PATIENCE 60

static unsigned int nr_rounds;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A process that dies while it is read: @piece bytes are read before. */
static void read_mayfly(unsigned int view, size_t piece)
{
	static const struct churn nobody = { .name = "a process that dies" };
	pid_t pid = spawn(NULL, NULL);
	char *text = calloc(1, 1 << 20);
	int fd;
	size_t len = 0;
	ssize_t nr;

	views_attach(pid);
	fd = open(views_path(pid, view_names[view]), O_RDWR);
	nr = read(fd, text, piece);
	len = nr > 0 ? nr : 0;
	kill(pid, SIGKILL);
	while (len < (1 << 20) - 1 && (nr = read(fd, text + len, (1 << 20) - 1 - len)) > 0)
		len += nr;
	cut.nr_compared++;
	if (nr < 0)
		tap_differs(&cut, "%s: %s", view_names[view], strerror(errno));
	else if (strcmp(view_names[view], "records"))
		churn_check_text(&nobody, view_names[view], text);
	else if (((struct mms_record *)(text + len))[-1].class != MMS_CLASS_END)
		tap_differs(&cut, "records has no end");
	close(fd);
	views_detach(pid);
	spawn_end(pid);
	free(text);
}

/* Beside all this: the system's views, in a process of their own. Return: what was wrong. */
static int read_system(void *arg)
{
	volatile bool *enough = arg;
	int wrong = 0;

	while (!*enough) {
		char *text = proc_read_file(VIEWS_DIR "/processes", NULL);
		struct views_table table;

		if (!text || !views_parse(text, &table) || !table.nr ||
		    views_cost(&table, "time_ns") == UINT64_MAX) {
			wrong++;
			continue;
		}
		views_table_free(&table);
		text = proc_read_file(VIEWS_DIR "/targets", NULL);
		wrong += !text;
		free(text);
		usleep(20000);
	}
	return wrong < 100 ? wrong : 100;
}

static bool have_churned(const struct churn *churn, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!*churn[i].missing && (churn[i].count < TIMES || !churn_is_running(&churn[i])))
			return false;
	return true;
}

static void start(struct churn *churn, unsigned int kind)
{
	churn_start(churn, kind);
	if (views_attach(churn->pid))
		tap_bail("%s cannot be attached", churn->name);
}

static void stop(struct churn *churn)
{
	views_detach(churn->pid);
	churn_stop(churn);
}

/* Reads until each has churned often enough, and for so long. Return: whether each has. */
static bool read_all(struct churn *churn, unsigned int nr, double seconds)
{
	struct churn_steady *steady = calloc(nr, sizeof(*steady));
	double begun = now();
	unsigned int rounds = 0, i;
	bool churned = false;

	while ((rounds < ROUNDS || !churned || now() < begun + seconds) &&
	       now() < begun + seconds + PATIENCE) {
		for (i = 0; i < nr; i++)
			churn_read(&churn[i], &steady[i]);
		read_mayfly(nr_rounds++ % 6, 1 + rounds * 777 % 9000);
		rounds++;
		churned = have_churned(churn, nr);
	}
	for (i = 0; i < nr; i++)
		churn_free_steady(&steady[i]);
	free(steady);
	return churned;
}

static void read_one(struct churn *churn, unsigned int kind)
{
	double begun = now();
	bool churned;

	start(churn, kind);
	churned = read_all(churn, 1, 0);
	if (*churn->missing)
		tap_skip(churn->missing, "%s", churn->name);
	else
		tap_ok(churned, "%s", churn->name);
	tap_diag("%s: %llu times in %.1f s", churn->name, churn->count, now() - begun);
	stop(churn);
}

static void read_together(struct churn *churn, unsigned int nr, double seconds)
{
	unsigned int i;

	if (!seconds) {
		tap_skip("MMSCOPE_CHURN_SECONDS", "all at once");
		return;
	}
	for (i = 0; i < nr; i++)
		start(&churn[i], i);
	tap_ok(read_all(churn, nr, seconds), "all at once");
	for (i = 0; i < nr; i++)
		stop(&churn[i]);
}

/* Huge pages are made wherever they can be; what is locked stays where it is. */
static void stir_up(void)
{
	proc_write("/proc/sys/vm/compact_unevictable_allowed", "0");
	proc_write("/sys/kernel/mm/transparent_hugepage/enabled", "always");
	proc_write("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs", "10");
	proc_write("/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan", "8192");
}

int main(int argc, char **argv)
{
	const char *seconds = getenv("MMSCOPE_CHURN_SECONDS");
	volatile bool *enough;
	struct churn *churn;
	int status = -1;
	unsigned int nr, i;
	pid_t pid;

	churn_resume(argc, argv);
	zoo_world_open();
	stir_up();
	enough = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	churn = churn_open(&nr);
	tap_plan(nr + 6);
	pid = fork();
	if (!pid)
		_exit(read_system((void *)enough));
	for (i = 0; i < nr; i++)
		read_one(&churn[i], i);
	read_together(churn, nr, seconds ? atof(seconds) : 0);
	*enough = true;
	waitpid(pid, &status, 0);
	tap_no_diffs(&churn_whole);
	tap_no_diffs(&churn_same);
	tap_no_diffs(&churn_sane);
	tap_no_diffs(&cut);
	tap_eq(WIFEXITED(status) ? WEXITSTATUS(status) : 101, 0, "the system's views beside it");
	tap_diag("%u rounds, %llu truncated, %llu retries, %llu VMAs changed", nr_rounds,
		 churn_truncated, churn_retries, churn_changed);
	churn_close(churn);
	zoo_world_close();
	return tap_done();
}
