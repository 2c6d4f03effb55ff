// SPDX-License-Identifier: GPL-2.0
/*
 * What is written to attach, detach, count and translate: everything that must be refused, with its errno,
 * and that nothing has changed then. What holds mean is t_holds', who may is t_rights'.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

#define TEXT(s) s, sizeof(s) - 1
#define MAX_TARGETS "/sys/module/mmscope/parameters/max_targets"

/* Not known to the compiler, which would object. */
static char *volatile nowhere = (char *)8;

struct input {
	const char *what;
	const char *text;
	size_t len;
	int error;
};

/* For attach, detach and count alike: what can be no PID, and what can, but is nobody's. */
static const struct input pids[] = {
	{ "nothing", TEXT(""), EINVAL },
	{ "an empty line", TEXT("\n"), EINVAL },
	{ "a blank", TEXT(" "), EINVAL },
	{ "a word", TEXT("abc"), EINVAL },
	{ "a negative number", TEXT("-1"), EINVAL },
	{ "a sign", TEXT("+1"), EINVAL },
	{ "a blank before", TEXT(" 1"), EINVAL },
	{ "a blank after", TEXT("1 "), EINVAL },
	{ "two newlines", TEXT("1\n\n"), EINVAL },
	{ "a carriage return", TEXT("1\r\n"), EINVAL },
	{ "letters after", TEXT("1a"), EINVAL },
	{ "two numbers", TEXT("1 2"), EINVAL },
	{ "hexadecimal", TEXT("0x1"), EINVAL },
	{ "a fraction", TEXT("1.0"), EINVAL },
	{ "a NUL after", TEXT("1\0"), EINVAL },
	{ "a NUL inside", TEXT("1\0002"), EINVAL },
	{ "a NUL alone", TEXT("\0"), EINVAL },
	{ "2^31", TEXT("2147483648"), EINVAL },
	{ "2^32 + 1", TEXT("4294967297"), EINVAL },
	{ "2^64 + 1", TEXT("18446744073709551617"), EINVAL },
	{ "0", TEXT("0"), ESRCH },
	{ "2^31 - 1", TEXT("2147483647"), ESRCH },
	{ "a number nobody has", TEXT("4194303"), ESRCH },
};
#define NR_PIDS (sizeof(pids) / sizeof(pids[0]))

/* For attach alone. */
static const struct input holds[] = {
	{ "hold without a number", TEXT("hold"), EINVAL },
	{ "hold and a blank", TEXT("hold "), EINVAL },
	{ "hold and a word", TEXT("hold x"), EINVAL },
	{ "hold and two blanks", TEXT("hold  1"), EINVAL },
	{ "hold and a negative number", TEXT("hold -1"), EINVAL },
	{ "hold and two numbers", TEXT("hold 1 2"), EINVAL },
	{ "hold in capitals", TEXT("HOLD 1"), EINVAL },
	{ "hold and a tab", TEXT("hold\t1"), EINVAL },
	{ "hold of nobody", TEXT("hold 4194303"), ESRCH },
	{ "hold of a kernel thread", TEXT("hold 2"), EINVAL },
	{ "a kernel thread", TEXT("2"), EINVAL },
};
#define NR_HOLDS (sizeof(holds) / sizeof(holds[0]))

static const struct input addresses[] = {
	{ "nothing", TEXT(""), EINVAL },
	{ "an empty line", TEXT("\n"), EINVAL },
	{ "blanks", TEXT(" \t \n"), EINVAL },
	{ "a word", TEXT("xyz"), EINVAL },
	{ "a negative address", TEXT("-1"), EINVAL },
	{ "a sign", TEXT("+1"), EINVAL },
	{ "17 digits", TEXT("10000000000000000"), EINVAL },
	{ "one good, one bad", TEXT("1000 10000000000000000"), EINVAL },
	{ "a comma", TEXT("1000,2000"), EINVAL },
	{ "a NUL inside", TEXT("1000\0002000"), EINVAL },
	{ "a NUL after", TEXT("1000\0"), EINVAL },
};
#define NR_ADDRESSES (sizeof(addresses) / sizeof(addresses[0]))

/* Everything that shows who is attached: targets, and the directories. */
static char *state(void)
{
	char *text = proc_read_file(VIEWS_DIR "/targets", NULL), *all = NULL;
	struct dirent **entries = NULL;
	int nr = scandir(VIEWS_DIR, &entries, NULL, alphasort), i;
	size_t len;
	FILE *out = open_memstream(&all, &len);

	fprintf(out, "%s", text ? text : "cannot be read");
	for (i = 0; i < nr; i++) {
		fprintf(out, "%s\n", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	free(text);
	fclose(out);
	return all;
}

static void refused(const char *file, const struct input *input)
{
	char *before = state(), *after;
	long result = views_write(file, input->text, input->len);

	after = state();
	if (!tap_ok(result == -input->error && !strcmp(before, after), "%s: %s: %s", file,
		    input->what, strerror(input->error)))
		tap_diag("got %ld, state before:\n%s\nafter:\n%s", result, before, after);
	free(before);
	free(after);
}

static void refuse_size(const char *file, size_t len, char fill)
{
	char *text = malloc(len);
	struct input input = { .text = text, .len = len, .error = EINVAL };
	char what[64];

	snprintf(what, sizeof(what), "%zu bytes 0x%02x", len, fill);
	input.what = what;
	memset(text, fill, len);
	refused(file, &input);
	free(text);
}

static void refuse_pid(const char *file, const char *what, pid_t pid, int error)
{
	char text[16];
	struct input input = { what, text, snprintf(text, sizeof(text), "%d", pid), error };

	refused(file, &input);
}

static void check_bad_pointer(const char *file)
{
	char path[128];
	int fd;
	long result;

	snprintf(path, sizeof(path), VIEWS_DIR "/%s", file);
	fd = open(path, O_WRONLY);
	result = write(fd, nowhere, 5) < 0 ? -errno : 0;
	tap_result(result, -EFAULT, "%s: from an address that is none", file);
	close(fd);
}

/* Each write is a command of its own: parts of one are not put together. */
static void check_parts(pid_t pid)
{
	int fd = open(VIEWS_DIR "/attach", O_WRONLY);
	char *before = state(), *after, text[32];
	struct iovec parts[2] = { { "hol", 3 }, { text, 0 } };
	long result;

	snprintf(text, sizeof(text), "d %d", pid);
	parts[1].iov_len = strlen(text);
	result = writev(fd, parts, 2) < 0 ? -errno : 0;
	tap_result(result, -EINVAL, "attach: a command in two parts, the first");
	result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	tap_result(result, -EINVAL, "attach: a command in two parts, the second");
	after = state();
	tap_str(after, before, "attach: nothing is attached by parts");
	free(before);
	free(after);
	close(fd);
}

static void *rest(void *tid)
{
	*(volatile pid_t *)tid = gettid();
	spawn_rest();
}

static void make_thread(void *arg)
{
	volatile pid_t *tid = arg;
	pthread_t thread;

	pthread_create(&thread, NULL, rest, arg);
	while (!*tid)
		usleep(1000);
}

/* Who has no memory of his own to show, or none any more. */
static void check_who(const char *file)
{
	pid_t *tid = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = spawn(make_thread, tid);

	refuse_pid(file, "a thread that leads no process", *tid, ESRCH);
	spawn_kill(pid);
	refuse_pid(file, "a zombie", pid, ESRCH);
	spawn_end(pid);
	refuse_pid(file, "a process that has exited", pid, ESRCH);
	munmap(tid, PAGE);
}

static void check_attached(pid_t pid)
{
	tap_result(views_attach(pid), 0, "attach");
	refuse_pid("attach", "attached already", pid, EEXIST);
	tap_result(views_detach(pid), 0, "detach");
	refuse_pid("detach", "attached no more", pid, ESRCH);
	tap_result(views_write("attach", "00001\n", 6), 6, "attach: leading zeroes and a newline");
	tap_result(views_detach(1), 0, "detach: it was the process 1");
}

static void check_too_many(pid_t pid)
{
	char *before = proc_read_file(MAX_TARGETS, NULL), *targets, *line, limit[16];
	pid_t other = spawn(NULL, NULL);
	unsigned int rows = 0;

	/* One more than there are already: lines, but for the first. */
	targets = proc_read_file(VIEWS_DIR "/targets", NULL);
	for (line = targets; line && (line = strchr(line, '\n')); line++)
		rows++;
	free(targets);
	snprintf(limit, sizeof(limit), "%u", rows);
	proc_write(MAX_TARGETS, limit);
	tap_result(views_attach(pid), 0, "attach: as many as there may be");
	refuse_pid("attach", "one more than there may be", other, ENOSPC);
	views_detach(pid);
	tap_result(views_attach(other), 0, "attach: another one in its place");
	views_detach(other);
	proc_write(MAX_TARGETS, before);
	free(before);
	spawn_end(other);
}

/* Control files have nothing to be read, views nothing to be written. */
static void check_wrong_way(pid_t pid)
{
	static const char *const views[] = { "summary", "vmas", "tables", "pages", "records" };
	char byte, file[64];
	unsigned int i;
	int fd;

	fd = open(VIEWS_DIR "/attach", O_RDWR);
	tap_result(read(fd, &byte, 1) < 0 ? -errno : 0, -EINVAL, "attach cannot be read");
	close(fd);
	for (i = 0; i < 5; i++) {
		snprintf(file, sizeof(file), "%d/%s", pid, views[i]);
		tap_result(views_write(file, "1", 1), -EINVAL, "%s cannot be written", views[i]);
	}
	tap_result(views_write("targets", "1", 1), -EINVAL, "targets cannot be written");
}

/* What is read now, without the first line and what it cost. */
static char *answer(int fd)
{
	char *text = calloc(1, 1 << 18), *body;

	if (pread(fd, text, (1 << 18) - 1, 0) < 0)
		snprintf(text, 1 << 18, "\nerrno %d", errno);
	body = strdup(strchrnul(text, '\n'));
	free(text);
	text = strstr(body, "\n# cost");
	if (text)
		*text = '\0';
	return body;
}

static void check_translate(pid_t pid)
{
	char long_list[4200] = "", *before, *after;
	unsigned int i;
	int fd = open(views_path(pid, "translate"), O_RDWR);
	bool same = true;

	if (write(fd, "1000 0x2000\tffffffff81000000\n0", 30) != 30)
		tap_bail("translate: %s", strerror(errno));
	before = answer(fd);
	for (i = 0; i < NR_ADDRESSES; i++) {
		long result = write(fd, addresses[i].text, addresses[i].len) < 0 ? -errno : 0;

		tap_result(result, -addresses[i].error, "translate: %s", addresses[i].what);
	}
	for (i = 0; i < 129; i++)
		strcat(long_list, "1 ");
	tap_result(write(fd, long_list, 258) < 0 ? -errno : 0, -E2BIG, "translate: 129 addresses");
	memset(long_list, ' ', 4200);
	tap_result(write(fd, long_list, 4097) < 0 ? -errno : 0, -EINVAL, "translate: 4097 bytes");
	tap_result(write(fd, nowhere, 5) < 0 ? -errno : 0, -EFAULT, "translate: a bad pointer");
	after = answer(fd);
	same = !strcmp(before, after);
	tap_ok(same && strstr(after, "address 2000\n") && strstr(after, "address 0\n"),
	       "translate: what was refused has changed nothing");
	for (i = 0; i < 128; i++)
		memcpy(long_list + 2 * i, "1 ", 3);
	tap_result(write(fd, long_list, 256), 256, "translate: 128 addresses");
	free(before);
	free(after);
	close(fd);
}

/* Addresses belong to the open file. */
static void check_translate_apart(pid_t pid)
{
	int one = open(views_path(pid, "translate"), O_RDWR);
	int two = open(views_path(pid, "translate"), O_RDWR);
	char *first, *second;

	if (write(one, "1000", 4) != 4 || write(two, "2000", 4) != 4)
		tap_bail("translate: %s", strerror(errno));
	first = answer(one);
	second = answer(two);
	tap_ok(strstr(first, "address 1000\n") && !strstr(first, "address 2000\n") &&
	       strstr(second, "address 2000\n"), "translate: each open file has its own addresses");
	free(first);
	free(second);
	close(two);
	two = open(views_path(pid, "translate"), O_RDWR);
	first = answer(two);
	tap_ok(!strstr(first, "address "), "translate: a new open file has none");
	free(first);
	close(one);
	close(two);
}

/* What is written while an answer is being read is answered from then on, wherever that goes on. */
static void check_translate_anew(pid_t pid)
{
	int fd = open(views_path(pid, "translate"), O_RDWR);
	char many[200], begun[300], rest[1 << 14] = "", whole[1 << 14] = "", *cost;
	unsigned int i;

	for (i = 0; i < sizeof(many); i += 2)
		memcpy(many + i, "1 ", 2);
	if (fd < 0 || write(fd, many, sizeof(many)) != sizeof(many) ||
	    pread(fd, begun, sizeof(begun), 0) != sizeof(begun) || write(fd, "1000 2000", 9) != 9 ||
	    pread(fd, rest, sizeof(rest) - 1, sizeof(begun)) < 0 ||
	    pread(fd, whole, sizeof(whole) - 1, 0) < 0)
		tap_bail("translate: %s", strerror(errno));
	/* What it cost differs. */
	cost = strstr(whole, "\n# cost ");
	tap_ok(cost && cost > whole + sizeof(begun) &&
		       !strncmp(rest, whole + sizeof(begun), cost + 8 - whole - sizeof(begun)),
	       "translate: other addresses, written while it is read");
	close(fd);
}

int main(void)
{
	pid_t pid = spawn(NULL, NULL);
	unsigned int i;

	tap_plan(3 * NR_PIDS + NR_HOLDS + 2 * 4 + 2 + 3 + 2 * 3 + 6 + 3 + 7 + NR_ADDRESSES + 5 + 2 + 1);
	for (i = 0; i < NR_PIDS; i++) {
		refused("attach", &pids[i]);
		refused("detach", &pids[i]);
		refused("count", &pids[i]);
	}
	for (i = 0; i < NR_HOLDS; i++)
		refused("attach", &holds[i]);
	for (i = 0; i < 2; i++) {
		refuse_size(i ? "detach" : "attach", 4096, '1');
		refuse_size(i ? "detach" : "attach", 4097, '1');
		refuse_size(i ? "detach" : "attach", 1 << 20, '7');
		refuse_size(i ? "detach" : "attach", 4096, '\n');
		check_bad_pointer(i ? "detach" : "attach");
		check_who(i ? "detach" : "attach");
	}
	check_parts(pid);
	check_attached(pid);
	check_too_many(pid);
	views_attach(pid);
	check_wrong_way(pid);
	check_translate(pid);
	check_translate_apart(pid);
	check_translate_anew(pid);
	views_detach(pid);
	spawn_end(pid);
	return tap_done();
}
