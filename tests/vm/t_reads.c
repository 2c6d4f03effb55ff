// SPDX-License-Identifier: GPL-2.0
/*
 * How the views' files are read: in pieces of any size, from any position, by many at once. What
 * is read is always the same, but for what it cost.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

static const char *const view_names[] = {
	"summary", "vmas", "tables", "pages", "translate", "records",
};
#define NR_VIEWS (sizeof(view_names) / sizeof(view_names[0]))

/* What is expected of a view: @len bytes, of which those from @cost on vary. */
struct whole {
	char *data;
	size_t len, cost;
};

static char *volatile nowhere = (char *)8;

/* Many VMAs, each with pages at odd places: many rows and runs, more than one chunk of each. */
static void make_target(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; i < 600; i++) {
		char *at = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (at == MAP_FAILED)
			_exit(1);
		at[0] = at[2 * PAGE] = at[5 * PAGE] = 1;
		mprotect(at + 7 * PAGE, PAGE, PROT_NONE);
	}
}

static bool is_records(const char *view)
{
	return !strcmp(view, "records");
}

/* Where what it cost begins: there both sides may differ, in length too if it is text. */
static size_t cost_begins(const char *view, const char *data, size_t len)
{
	const char *cost;

	if (is_records(view))
		return len - (MMS_NR_COSTS + 1) * sizeof(struct mms_record);
	cost = memmem(data, len, "# cost", 6);
	return cost ? (size_t)(cost - data) : len;
}

/* A view, opened; of translate, with something to answer. */
static int open_view(pid_t pid, const char *view)
{
	bool translate = !strcmp(view, "translate");
	int fd = open(views_path(pid, view), translate ? O_RDWR : O_RDONLY);
	char words[20 * 128] = "";
	size_t len = 0, i;

	for (i = 0; i < 100; i++)
		len += snprintf(words + len, sizeof(words) - len, "%zx ", i * 0x123456789abc);
	if (fd < 0 || (translate && write(fd, words, len) != (ssize_t)len))
		tap_bail("%s: %s", view, strerror(errno));
	return fd;
}

/* Reads to the end, @piece bytes at a time; @len receives how many. For free(). */
static char *read_in_pieces(int fd, size_t piece, size_t *len)
{
	size_t room = 1 << 23;
	char *data = malloc(room);
	ssize_t nr;

	*len = 0;
	while (*len + piece <= room && (nr = read(fd, data + *len, piece)) > 0)
		*len += nr;
	return data;
}

static struct whole read_whole(pid_t pid, const char *view)
{
	int fd = open_view(pid, view);
	struct whole whole = {};

	whole.data = read_in_pieces(fd, 1 << 16, &whole.len);
	whole.cost = cost_begins(view, whole.data, whole.len);
	close(fd);
	return whole;
}

/* Whether what was read from the beginning on is the same. */
static bool is_same(const char *view, const struct whole *whole, const char *data, size_t len)
{
	size_t cost = cost_begins(view, data, len);

	return cost == whole->cost && !memcmp(data, whole->data, cost) &&
	       (!is_records(view) || len == whole->len);
}

static void check_pieces(pid_t pid, const char *view, const struct whole *whole, size_t piece)
{
	int fd = open_view(pid, view);
	size_t len;
	char *data = read_in_pieces(fd, piece, &len);

	tap_ok(is_same(view, whole, data, len), "%s: by %zu bytes at a time", view, piece);
	free(data);
	close(fd);
}

/* The same file again from its beginning, and from places in it, in no order. */
static void check_positions(pid_t pid, const char *view, const struct whole *whole)
{
	struct tap_diffs diffs = { .what = view };
	int fd = open_view(pid, view);
	char piece[777], what[64];
	size_t i;

	for (i = 0; i < 40; i++) {
		size_t at = i * 7919 * 31 % whole->cost, len = sizeof(piece);
		ssize_t nr;

		if (at + len > whole->cost)
			len = whole->cost - at;
		if (i % 2) {
			nr = pread(fd, piece, len, at);
		} else {
			if (lseek(fd, at, SEEK_SET) != (off_t)at)
				tap_differs(&diffs, "lseek to %zu: %s", at, strerror(errno));
			nr = read(fd, piece, len);
		}
		diffs.nr_compared++;
		if (nr <= 0 || memcmp(piece, whole->data + at, nr))
			tap_differs(&diffs, "%zd bytes from %zu are not the same", nr, at);
	}
	snprintf(what, sizeof(what), "%s: read from anywhere", view);
	diffs.what = what;
	tap_no_diffs(&diffs);
	close(fd);
}

static void check_edges(pid_t pid, const char *view, const struct whole *whole)
{
	int fd = open_view(pid, view);
	char byte;

	tap_result(pread(fd, &byte, 1, whole->len + 100000), 0, "%s: nothing beyond the end", view);
	tap_result(read(fd, &byte, 0), 0, "%s: nothing when nothing is asked for", view);
	tap_result(lseek(fd, -1, SEEK_SET) < 0 ? -errno : 0, -EINVAL, "%s: no negative position",
		   view);
	tap_result(pread(fd, nowhere, 100, 0) < 0 ? -errno : 0, -EFAULT, "%s: not to nowhere", view);
	tap_ok(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV,
	       "%s: cannot be mapped", view);
	close(fd);
}

/* Many open files, read by turns. */
static void check_many(pid_t pid, const char *view, const struct whole *whole)
{
	enum { NR = 48 };
	size_t len[NR] = {}, i, same = 0;
	char *data[NR];
	bool more = true;
	int fd[NR];

	for (i = 0; i < NR; i++) {
		fd[i] = open_view(pid, view);
		data[i] = malloc(whole->len + 4096);
	}
	while (more) {
		more = false;
		for (i = 0; i < NR; i++) {
			ssize_t nr = read(fd[i], data[i] + len[i], len[i] < whole->len ? 3001 : 1);

			if (nr <= 0 || len[i] + nr + 3001 > whole->len + 4096)
				continue;
			len[i] += nr;
			more = true;
		}
	}
	for (i = 0; i < NR; i++) {
		same += is_same(view, whole, data[i], len[i]);
		free(data[i]);
		close(fd[i]);
	}
	tap_eq(same, NR, "%s: %d open files read by turns", view, NR);
}

struct shared {
	int fd;
	size_t bytes;
	unsigned int bad;
};

/* Pieces of one record each: none may be half, or mixed with another. */
static void *read_shared(void *arg)
{
	struct shared *shared = arg;
	struct mms_record rec;
	ssize_t nr;

	while ((nr = read(shared->fd, &rec, sizeof(rec))) > 0) {
		shared->bytes += nr;
		shared->bad += nr != sizeof(rec);
	}
	return NULL;
}

/* One open file, four threads: each byte comes once. */
static void check_threads(pid_t pid, const struct whole *whole)
{
	int fd = open(views_path(pid, "records"), O_RDONLY);
	struct shared shared[4] = { { .fd = fd }, { .fd = fd }, { .fd = fd }, { .fd = fd } };
	struct mms_records_header header;
	size_t bytes = 0, bad = 0;
	pthread_t thread[4];
	unsigned int i;

	if (read(fd, &header, sizeof(header)) != sizeof(header))
		tap_bail("records: no header");
	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, read_shared, &shared[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		bytes += shared[i].bytes;
		bad += shared[i].bad;
	}
	tap_eq(bad, 0, "records: four threads at one open file: no half record");
	tap_eq(bytes, whole->len - sizeof(header),
	       "records: four threads at one open file: each byte once");
	close(fd);
}

static void check_view(pid_t pid, const char *view)
{
	struct whole whole = read_whole(pid, view);

	check_pieces(pid, view, &whole, 1 << 20);
	check_pieces(pid, view, &whole, 4096);
	check_pieces(pid, view, &whole, 7);
	check_pieces(pid, view, &whole, 1);
	check_positions(pid, view, &whole);
	check_edges(pid, view, &whole);
	check_many(pid, view, &whole);
	if (is_records(view))
		check_threads(pid, &whole);
	free(whole.data);
}

/* A view of the system: all of its rows, whatever the size of the pieces. */
static void check_system(const char *view)
{
	char path[64];
	char *one, *other;
	size_t len = 0;
	int fd;

	snprintf(path, sizeof(path), VIEWS_DIR "/%s", view);
	one = proc_read_file(path, NULL);
	fd = open(path, O_RDONLY);
	other = read_in_pieces(fd, 1, &len);
	close(fd);
	other[len] = '\0';
	/* The readers themselves are among the processes, and change. */
	if (!strcmp(view, "processes"))
		tap_ok(one && len && other[len - 1] == '\n' && strstr(other, "\n# cost"),
		       "%s: by one byte at a time", view);
	else
		tap_ok(one && !strcmp(one, other), "%s: by one byte at a time", view);
	free(one);
	free(other);
}

int main(void)
{
	pid_t pid = spawn(make_target, NULL);
	unsigned int i;

	tap_plan(NR_VIEWS * 11 + 2 + 3);
	if (views_attach(pid))
		tap_bail("attach: %s", strerror(errno));
	for (i = 0; i < NR_VIEWS; i++)
		check_view(pid, view_names[i]);
	check_system("version");
	check_system("targets");
	check_system("processes");
	views_detach(pid);
	spawn_end(pid);
	return tap_done();
}
