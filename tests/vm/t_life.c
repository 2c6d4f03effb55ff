// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of open files when the target exits, executes another program or is detached, before
 * they were read and in the middle: an errno, or an end that says so, never half an answer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

static const char *const view_names[] = {
	"summary", "vmas", "tables", "pages", "translate", "records",
};
#define NR_VIEWS (sizeof(view_names) / sizeof(view_names[0]))
#define TRANSLATE 4

#define GONE "the process exited or executed another program"

static void on_usr1(int signal)
{
	(void)signal;
	execl("/proc/self/exe", "t_life", "rest", NULL);
	_exit(1);
}

/* Many VMAs: more than one chunk of each view. Executes this program again when told to. */
static void make_target(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < 3000; i++) {
		char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		at[0] = 1;
		mprotect(at + PAGE, PAGE, PROT_NONE);
	}
	signal(SIGUSR1, on_usr1);
}

/**
 * struct reading - the open files of one target
 * @fd: of each view, not read yet
 * @vmas, @records: read to the first hundred bytes
 * @text: of @vmas
 */
struct reading {
	int fd[NR_VIEWS];
	int vmas, records;
	char *text;
};

static void open_views(pid_t pid, int *fd)
{
	unsigned int i;

	for (i = 0; i < NR_VIEWS; i++) {
		fd[i] = open(views_path(pid, view_names[i]), i == TRANSLATE ? O_RDWR : O_RDONLY);
		if (fd[i] < 0)
			tap_bail("%s: %s", view_names[i], strerror(errno));
	}
}

static void close_views(int *fd)
{
	unsigned int i;

	for (i = 0; i < NR_VIEWS; i++)
		close(fd[i]);
}

static void begin(pid_t pid, struct reading *reading)
{
	struct mms_records_header header;

	open_views(pid, reading->fd);
	reading->vmas = open(views_path(pid, "vmas"), O_RDONLY);
	reading->records = open(views_path(pid, "records"), O_RDONLY);
	reading->text = calloc(1, 1 << 20);
	if (read(reading->vmas, reading->text, 100) != 100 ||
	    read(reading->records, &header, sizeof(header)) != sizeof(header))
		tap_bail("vmas or records: %s", strerror(errno));
}

static void end(struct reading *reading)
{
	close_views(reading->fd);
	close(reading->vmas);
	close(reading->records);
	free(reading->text);
}

/* The error that every one of these files answers with. */
static void check_errors(int *fd, int error, const char *what)
{
	unsigned int i;
	char byte;

	for (i = 0; i < NR_VIEWS; i++)
		tap_result(read(fd[i], &byte, 1) < 0 ? -errno : 1, -error, "%s: %s", what,
			   view_names[i]);
}

static void read_rest(int fd, char *text, size_t len)
{
	ssize_t nr;

	while (len < (1 << 20) - 1 && (nr = read(fd, text + len, (1 << 20) - 1 - len)) > 0)
		len += nr;
	text[len] = '\0';
}

/* Rows that are whole, then "# truncated" with the reason, then the costs, then nothing. */
static bool ends_truncated(const char *text)
{
	const char *at = strstr(text, "\n# truncated: " GONE "\n# cost ");
	const char *cost = at ? strstr(at, "\n# cost ") : NULL;
	const char *last = cost ? strchr(cost + 1, '\n') : NULL;

	return last && !last[1];
}

/* The last record says where the walk ended, and why. */
static bool records_end_with(int fd, u64 error)
{
	struct mms_record rec[512] = {}, last = {};
	ssize_t nr;

	while ((nr = read(fd, rec, sizeof(rec))) > 0)
		if (nr % sizeof(rec[0]))
			return false;
		else
			last = rec[nr / sizeof(rec[0]) - 1];
	if (last.class != MMS_CLASS_END || last.entry != error)
		tap_diag("the last record: class %d entry %llu", last.class, last.entry);
	return last.class == MMS_CLASS_END && last.entry == error;
}

static void check_middle(struct reading *reading, const char *what)
{
	read_rest(reading->vmas, reading->text, 100);
	tap_ok(ends_truncated(reading->text), "%s in the middle of vmas: truncated", what);
	tap_ok(records_end_with(reading->records, ESRCH), "%s in the middle of records: ESRCH at its end",
	       what);
}

static void check_row(pid_t pid, const char *state, const char *what)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%d %d %s", pid, pid, state);
	tap_str(views_target(pid), expected, "%s", what);
}

static void check_exit(void)
{
	pid_t pid = spawn(make_target, NULL);
	struct reading reading;

	views_attach(pid);
	begin(pid, &reading);
	spawn_kill(pid);
	check_row(pid, "exited yes 0", "a zombie is still a target");
	check_errors(reading.fd, ESRCH, "a zombie");
	check_middle(&reading, "exit");
	spawn_end(pid);
	close_views(reading.fd);
	open_views(pid, reading.fd);
	check_errors(reading.fd, ESRCH, "an exited process");
	check_row(pid, "exited yes 0", "an exited process is still a target");
	tap_result(views_attach(pid), -ESRCH, "an exited process cannot be attached");
	views_detach(pid);
	end(&reading);
	spawn_end(pid);
}

static bool has_executed(pid_t pid)
{
	char path[64], *text;
	bool has = false;
	size_t len;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	for (i = 0; i < 3000 && !has; i++) {
		text = proc_read_file(path, &len);
		has = text && len == sizeof("t_life") + sizeof("rest") && !strcmp(text, "t_life");
		free(text);
		usleep(10000);
	}
	return has && proc_wait_idle(pid, 30);
}

static void check_exec(void)
{
	pid_t pid = spawn(make_target, NULL);
	struct views_table vmas;
	struct reading reading;
	struct proc_vmas maps;

	views_attach(pid);
	begin(pid, &reading);
	kill(pid, SIGUSR1);
	if (!has_executed(pid))
		tap_bail("the target has not executed");
	check_middle(&reading, "exec");
	check_row(pid, "running yes 0", "after exec it is still a target");
	tap_result(views_table(pid, "vmas", &vmas), 0, "after exec: vmas");
	proc_maps(pid, &maps);
	tap_eq(vmas.nr, maps.nr, "after exec: the VMAs of the new image");
	lseek(reading.vmas, 0, SEEK_SET);
	read_rest(reading.vmas, reading.text, 0);
	tap_ok(*reading.text && !strstr(reading.text, "# truncated"),
	       "after exec: the old open file, from its beginning, has the new image");
	views_table_free(&vmas);
	proc_vmas_free(&maps);
	views_detach(pid);
	end(&reading);
	spawn_end(pid);
}

static void check_detach(void)
{
	pid_t pid = spawn(make_target, NULL);
	struct reading reading;
	int fd[NR_VIEWS];
	char byte;

	views_attach(pid);
	begin(pid, &reading);
	tap_result(views_detach(pid), 0, "detach with files open");
	tap_ok(access(views_path(pid, "vmas"), F_OK) && errno == ENOENT, "the directory is gone");
	check_errors(reading.fd, EIO, "detached");
	tap_result(read(reading.vmas, &byte, 1) < 0 ? -errno : 1, -EIO, "detached in the middle of vmas");
	tap_result(write(reading.fd[TRANSLATE], "1", 1) < 0 ? -errno : 1, -EIO,
		   "detached: translate cannot be written");
	tap_result(views_attach(pid), 0, "attached again");
	check_errors(reading.fd, EIO, "attached again: the old open files");
	open_views(pid, fd);
	tap_result(read(fd[0], &byte, 1), 1, "attached again: a new open file");
	close_views(fd);
	views_detach(pid);
	end(&reading);
	spawn_end(pid);
}

/* Exited and detached: nothing is left of it. */
static void check_detach_exited(void)
{
	pid_t pid = spawn(make_target, NULL);
	struct reading reading;

	views_attach(pid);
	begin(pid, &reading);
	spawn_kill(pid);
	tap_result(views_detach(pid), 0, "a zombie can be detached");
	check_errors(reading.fd, EIO, "a zombie, detached");
	tap_str(views_target(pid), "no row", "it has no row any more");
	end(&reading);
	spawn_end(pid);
}

/*
 * How often, of @tries, the answer of @view was called cut off although only the target's exit came
 * between its last row and its end. Rows are taken one by one: reading the row before the last one
 * makes the last one, and whoever asks for more then comes too late.
 */
static unsigned int cut_off_after_last_row(const char *view, unsigned int tries)
{
	unsigned int cut = 0, i;

	for (i = 0; i < tries; i++) {
		pid_t pid = spawn(NULL, NULL);
		char *whole, *text = calloc(1, 1 << 20);
		size_t len, lines, end;
		int fd;

		views_attach(pid);
		whole = views_read(pid, view, &len);
		fd = open(views_path(pid, view), O_RDONLY);
		if (!whole || fd < 0)
			tap_bail("%s: %s", view, strerror(errno));
		/* From here on the last two rows and the cost. */
		for (end = len, lines = 0; end && lines < 4; end--)
			lines += whole[end - 1] == '\n';
		for (len = 0; len < end + 2 && read(fd, text + len, 1) == 1;)
			len++;
		spawn_end(pid);
		read_rest(fd, text, len);
		cut += !!strstr(text, "\n# truncated");
		views_detach(pid);
		close(fd);
		free(whole);
		free(text);
	}
	return cut;
}

/* A walk that was not done in time may be cut off, but hardly each time. */
static void check_exit_at_end(void)
{
	static const char *const views[] = { "vmas", "pages" };
	unsigned int i;

	for (i = 0; i < 2; i++)
		tap_ok(cut_off_after_last_row(views[i], 8) < 8,
		       "exit after the last row of %s was made: it is not cut off", views[i]);
}

/* What cannot be read again from its beginning has nothing to show from its middle either. */
static void check_seek_after_exit(void)
{
	pid_t pid = spawn(make_target, NULL);
	struct reading reading;
	char byte;

	views_attach(pid);
	begin(pid, &reading);
	if (read(reading.records, &byte, 1) != 1)
		tap_bail("records: %s", strerror(errno));
	spawn_kill(pid);
	lseek(reading.records, 0, SEEK_SET);
	tap_result(read(reading.records, &byte, 1) < 0 ? -errno : 1, -ESRCH,
		   "exit, then records from its beginning");
	lseek(reading.records, sizeof(struct mms_records_header), SEEK_SET);
	tap_result(read(reading.records, &byte, 1) < 0 ? -errno : 1, -ESRCH,
		   "exit, then records from its middle");
	views_detach(pid);
	end(&reading);
	spawn_end(pid);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "rest"))
		spawn_rest();
	tap_plan((1 + NR_VIEWS + 2 + NR_VIEWS + 2) + (2 + 4) + (2 + NR_VIEWS + 3 + NR_VIEWS + 1) +
		 (1 + NR_VIEWS + 1) + 2 + 2);
	check_exit();
	check_exec();
	check_detach();
	check_detach_exited();
	check_exit_at_end();
	check_seek_after_exit();
	return tap_done();
}
