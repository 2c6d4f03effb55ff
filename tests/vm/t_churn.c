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

#include "proc_churn.h"
#include "proc_spawn.h"
#include "tap.h"
#include "views.h"
#include "zoo.h"

static const char *const view_names[] = { "vmas", "pages", "records", "tables", "summary", "translate" };

/* What a view said of the part that never changes, the first time. */
struct steady {
	char *vmas, *pages, *records, *translate;
};

static struct tap_diffs whole = { .what = "every answer is whole: it ends with its cost" };
static struct tap_diffs same = { .what = "what never changes is always the same" };
static struct tap_diffs sane = { .what = "rows and runs are in order and add up, none is bad" };
static struct tap_diffs cut = { .what = "what ends in the middle says so" };

/* Of each kind: reads of all views, and changes it has made meanwhile, at least. */
enum { ROUNDS = 10, TIMES = 20 };
/* Seconds after which it is given up. */
#define PATIENCE 60

static u64 retries, changed, truncated;
static unsigned int nr_rounds;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void free_steady(struct steady *steady)
{
	free(steady->vmas);
	free(steady->pages);
	free(steady->records);
	free(steady->translate);
}

static bool is_steady(u64 addr)
{
	return addr >= CHURN_STEADY && addr < CHURN_STEADY + CHURN_STEADY_PAGES * PAGE;
}

/* The lines of a text that begin with an address of the steady part. */
static char *steady_lines(const char *text)
{
	char *lines = calloc(1, strlen(text) + 1);
	const char *line, *end;

	for (line = text; (end = strchr(line, '\n')); line = end + 1)
		if (is_steady(strtoull(line, NULL, 16)))
			strncat(lines, line, end - line + 1);
	return lines;
}

/* Frame lines of a translation. */
static char *frame_lines(const char *text)
{
	char *lines = calloc(1, strlen(text) + 1);
	const char *line, *end;

	for (line = text; (end = strchr(line, '\n')); line = end + 1)
		if (!strncmp(line, "frame ", 6) || !strncmp(line, "class ", 6))
			strncat(lines, line, end - line + 1);
	return lines;
}

static char *steady_records(const struct views_records *records)
{
	char *lines = NULL;
	size_t len, i;
	FILE *out = open_memstream(&lines, &len);

	for (i = 0; i < records->nr; i++) {
		const struct mms_record *rec = &records->rec[i];

		if (is_steady(rec->addr))
			fprintf(out, "%llx %llx %u %u %u %u\n", rec->addr, rec->entry, rec->nr,
				rec->level, rec->class, rec->flags);
	}
	fclose(out);
	return lines;
}

/* The first answer is kept, all others must be like it. Takes @got over. */
static void compare(const struct churn *churn, char **kept, char *got, const char *view)
{
	same.nr_compared++;
	if (!*kept) {
		*kept = got;
		if (!*got)
			tap_differs(&same, "%s: %s: nothing of the steady part", churn->name, view);
		return;
	}
	if (strcmp(*kept, got))
		tap_differs(&same, "%s: %s: was\n# %s\n# is now\n# %s", churn->name, view, *kept, got);
	free(got);
}

/* A text ends with its cost, and was cut off only if its process could have gone. */
static bool check_text(const struct churn *churn, const char *view, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	const char *cost = text ? strstr(text, "\n# cost ") : NULL;
	bool is_cut = text && strstr(text, "\n# truncated: ");

	whole.nr_compared++;
	if (!text && churn->steady)
		tap_differs(&whole, "%s: %s: %s", churn->name, view, strerror(errno));
	if (!text)
		return false;
	truncated += is_cut;
	if (!cost || text[len - 1] != '\n' || strchr(cost + 1, '\n')[1])
		tap_differs(&whole, "%s: %s ends with \"%s\"", churn->name, view,
			    len > 60 ? text + len - 60 : text);
	if (is_cut && churn->steady)
		tap_differs(&whole, "%s: %s is truncated", churn->name, view);
	return cost && !is_cut;
}

static void check_row(const struct churn *churn, const struct views_table *t, size_t row, u64 before)
{
	u64 size = views_u64(t, row, "size"), rss = views_u64(t, row, "rss");
	u64 start = views_hex(t, row, "start"), end = views_hex(t, row, "end");

	sane.nr_compared++;
	if (start < before || end < start)
		tap_differs(&sane, "%s: VMA %llx-%llx after %llx", churn->name, start, end, before);
	if (rss > size || views_u64(t, row, "private") + views_u64(t, row, "shared") != rss ||
	    views_u64(t, row, "untouched") > size || views_u64(t, row, "run_max") > size ||
	    views_u64(t, row, "anon") + views_u64(t, row, "file") + views_u64(t, row, "shmem") != rss ||
	    views_u64(t, row, "hugetlb_shared") > views_u64(t, row, "hugetlb"))
		tap_differs(&sane, "%s: VMA %llx: the row does not add up", churn->name, start);
	if (views_u64(t, row, "bad"))
		tap_differs(&sane, "%s: VMA %llx: bad entries", churn->name, start);
	/* Also of a VMA that changed: the row is about the part that was walked. */
	if (size != (end - start) / 1024)
		tap_differs(&sane, "%s: VMA %llx: size %llu kB", churn->name, start, size);
}

static void check_vmas(const struct churn *churn, char *text)
{
	struct views_table table;
	u64 before = 0;
	size_t row;

	if (!views_parse(text, &table))
		tap_differs(&sane, "%s: vmas is no table", churn->name);
	for (row = 0; row < table.nr; row++) {
		check_row(churn, &table, row, before);
		before = views_hex(&table, row, "end");
	}
	retries += views_cost(&table, "retries");
	changed += views_cost(&table, "changed");
	views_table_free(&table);
}

static void check_records(const struct churn *churn, struct steady *steady)
{
	struct views_records records;
	u64 end = 0;
	size_t i;

	whole.nr_compared++;
	if (views_records(churn->pid, &records)) {
		if (churn->steady)
			tap_differs(&whole, "%s: records: %s", churn->name, strerror(errno));
		return;
	}
	if (!records.complete || (records.end.entry && (churn->steady || records.end.entry != ESRCH)))
		tap_differs(&whole, "%s: records is not whole, end %llu", churn->name,
			    records.end.entry);
	for (i = 0; i < records.nr; i++) {
		const struct mms_record *rec = &records.rec[i];

		sane.nr_compared++;
		if (rec->addr < end || !rec->nr || rec->class == MMS_CLASS_BAD ||
		    rec->class == MMS_CLASS_NONE || rec->level < MMS_PTE || rec->level > MMS_PUD)
			tap_differs(&sane, "%s: run %llx after %llx: nr %u level %u class %u entry %llx",
				    churn->name, rec->addr, end, rec->nr, rec->level, rec->class,
				    rec->entry);
		end = rec->addr + rec->nr * views_entry_bytes(&records, rec);
	}
	if (churn->steady)
		compare(churn, &steady->records, steady_records(&records), "records");
	views_records_free(&records);
}

static void read_views(const struct churn *churn, struct steady *steady)
{
	char *text = views_read(churn->pid, "vmas", NULL);

	if (check_text(churn, "vmas", text)) {
		if (churn->steady)
			compare(churn, &steady->vmas, steady_lines(text), "vmas");
		check_vmas(churn, text);
	} else {
		free(text);
	}
	text = views_read(churn->pid, "pages", NULL);
	if (check_text(churn, "pages", text) && churn->steady)
		compare(churn, &steady->pages, steady_lines(text), "pages");
	free(text);
	text = views_translate(churn->pid, "200000001000 200000002000 200000004000");
	if (check_text(churn, "translate", text) && churn->steady)
		compare(churn, &steady->translate, frame_lines(text), "translate");
	free(text);
	text = views_read(churn->pid, "tables", NULL);
	check_text(churn, "tables", text);
	free(text);
	text = views_read(churn->pid, "summary", NULL);
	check_text(churn, "summary", text);
	free(text);
	check_records(churn, steady);
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
		check_text(&nobody, view_names[view], text);
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
	struct steady *steady = calloc(nr, sizeof(*steady));
	double begun = now();
	unsigned int rounds = 0, i;
	bool churned = false;

	while ((rounds < ROUNDS || !churned || now() < begun + seconds) &&
	       now() < begun + seconds + PATIENCE) {
		for (i = 0; i < nr; i++)
			read_views(&churn[i], &steady[i]);
		read_mayfly(nr_rounds++ % 6, 1 + rounds * 777 % 9000);
		rounds++;
		churned = have_churned(churn, nr);
	}
	for (i = 0; i < nr; i++)
		free_steady(&steady[i]);
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
	tap_no_diffs(&whole);
	tap_no_diffs(&same);
	tap_no_diffs(&sane);
	tap_no_diffs(&cut);
	tap_eq(WIFEXITED(status) ? WEXITSTATUS(status) : 101, 0, "the system's views beside it");
	tap_diag("%u rounds, %llu truncated, %llu retries, %llu VMAs changed", nr_rounds,
		 truncated, retries, changed);
	churn_close(churn);
	zoo_world_close();
	return tap_done();
}
