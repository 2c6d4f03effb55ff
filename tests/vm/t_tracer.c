// SPDX-License-Identifier: GPL-2.0
/*
 * Maps handed over to the module: what is refused, that nothing is half taken, what the views make
 * of them, and that they are gone with whoever brought them. The maps are made here, by the system
 * call; no eBPF program runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc_spawn.h"
#include "tap.h"
#include "trace_map.h"
#include "views.h"

#define SLOTS 8

/* As a tracer makes it: two processes, and others. */
static int make_good(unsigned int question, u64 scale)
{
	struct mms_trace_record record = trace_map_header(question);
	int fd = trace_map(&record, SLOTS);
	unsigned int slot, i;

	for (slot = MMS_SLOT_OTHERS; slot < MMS_SLOT_FIRST + 2; slot++) {
		memset(&record, 0, sizeof(record));
		record.owner.tgid = slot == MMS_SLOT_OTHERS ? 0 : 100000 + slot;
		for (i = 0; i < MMS_MAX_COUNTERS; i++)
			record.count[i] = scale * (i + 1) * slot;
		trace_map_put(fd, slot, &record);
	}
	/* Not in use: does not count, whatever is left there. */
	memset(&record, 0xff, sizeof(record));
	record.owner.tgid = 0;
	trace_map_put(fd, MMS_SLOT_FIRST + 2, &record);
	return fd;
}

static int open_tracer(void)
{
	int fd = open(VIEWS_DIR "/tracer", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		tap_bail("tracer: %s", strerror(errno));
	return fd;
}

static long hand_over(int tracer, const char *name, int map)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%s %d\n", name, map);

	return write(tracer, text, len) == len ? 0 : -errno;
}

static void check_refused(int tracer, const char *what, const char *name, int map, long want)
{
	tap_result(hand_over(tracer, name, map), want, "refused: %s", what);
	close(map);
}

static void check_text(int tracer, const char *text, size_t len, long want, const char *what)
{
	tap_result(write(tracer, text, len) < 0 ? -errno : 0, want, "refused: %s", what);
}

static void check_lines(int tracer)
{
	check_text(tracer, "", 0, -EINVAL, "nothing");
	check_text(tracer, "\n", 1, -EINVAL, "an empty line");
	check_text(tracer, "cow", 3, -EINVAL, "no FD");
	check_text(tracer, "cow ", 4, -EINVAL, "an empty FD");
	check_text(tracer, "cow x", 5, -EINVAL, "a word for FD");
	check_text(tracer, "cow -1", 6, -EINVAL, "a negative FD");
	check_text(tracer, "cow +1", 6, -EINVAL, "a sign");
	check_text(tracer, "cow 4294967296", 14, -EINVAL, "an FD too large");
	check_text(tracer, "cow 4294967295", 14, -EBADF, "the largest FD");
	check_text(tracer, "cow 1 2", 7, -EINVAL, "two FDs");
	check_text(tracer, " cow 1", 6, -EINVAL, "a blank in front");
	check_text(tracer, "cow\0 1", 6, -EINVAL, "a NUL");
	check_text(tracer, "COW 1", 5, -EINVAL, "another name");
}

static void check_maps(int tracer)
{
	struct mms_trace_record header = trace_map_header(MMS_QUESTION_COW);
	int fd = make_good(MMS_QUESTION_COW, 1);

	close(fd);
	check_refused(tracer, "a closed FD", "cow", fd, -EBADF);
	check_refused(tracer, "a file", "cow", open("/dev/null", O_RDONLY), -EINVAL);
	check_refused(tracer, "a hash", "cow",
		      trace_map_of(BPF_MAP_TYPE_HASH, TRACE_RECORD, SLOTS), -EINVAL);
	check_refused(tracer, "an array per CPU", "cow",
		      trace_map_of(BPF_MAP_TYPE_PERCPU_ARRAY, TRACE_RECORD, SLOTS), -EINVAL);
	check_refused(tracer, "an array of small records", "cow",
		      trace_map_of(BPF_MAP_TYPE_ARRAY, TRACE_RECORD - 8, SLOTS), -EINVAL);
	check_refused(tracer, "an array of large records", "cow",
		      trace_map_of(BPF_MAP_TYPE_ARRAY, TRACE_RECORD + 8, SLOTS), -EINVAL);
	check_refused(tracer, "the right shape, but empty", "cow",
		      trace_map_of(BPF_MAP_TYPE_ARRAY, TRACE_RECORD, SLOTS), -EINVAL);
	check_refused(tracer, "no room for a process", "cow", trace_map(&header, MMS_SLOT_FIRST),
		      -EINVAL);
	check_refused(tracer, "too many slots", "cow", trace_map(&header, MMS_MAX_SLOTS + 1),
		      -EINVAL);
	check_refused(tracer, "another question's map", "faults", make_good(MMS_QUESTION_COW, 1),
		      -EINVAL);
	header.header.abi++;
	check_refused(tracer, "another ABI", "cow", trace_map(&header, SLOTS), -EINVAL);
	header.header.abi--;
	header.header.nr_counters--;
	check_refused(tracer, "another number of counters", "cow", trace_map(&header, SLOTS),
		      -EINVAL);
}

/* Whether a view of the system has @line. */
static bool has_line(const char *view, const char *line)
{
	char *text = views_read(0, view, NULL);
	bool has = text && strstr(text, line);

	free(text);
	return has;
}

static void check_row(unsigned int question, unsigned int counter, pid_t pid, u64 count)
{
	char name[MMS_COUNTER_NAME_MAX], line[80];

	snprintf(line, sizeof(line), "\n%d %s %llu\n", pid,
		 mms_counter_name(name, question, counter), count);
	tap_ok(has_line(mms_question_name(question), line), "%s:%s", mms_question_name(question),
	       strtok(line, "\n") + strlen(" "));
}

static void check_taken(int tracer)
{
	int cow = make_good(MMS_QUESTION_COW, 1), faults = make_good(MMS_QUESTION_FAULTS, 10);
	struct mms_trace_record spoilt;
	char text[64], line[80];

	/* The second line is wrong: the first is not taken either. */
	snprintf(text, sizeof(text), "cow %d\nfaults %d\n", cow, cow);
	check_text(tracer, text, strlen(text), -EINVAL, "a good line and a bad one");
	tap_ok(has_line("cow", "# no tracer\n"), "nothing is half taken");
	snprintf(text, sizeof(text), "cow %d\nfaults %d", cow, faults);
	check_text(tracer, text, strlen(text), 0, "not: two good lines");
	tap_result(hand_over(tracer, "cow", cow), -EEXIST, "refused: the same again");
	close(faults);

	snprintf(line, sizeof(line), "# tracer %d since_ns=12345 everyone=yes missed=7\n", getpid());
	tap_ok(has_line("cow", line), "cow: who counts, since when, what is lost");
	/* Others, 2 and 3: six times the first. */
	check_row(MMS_QUESTION_COW, 0, getpid(), 6);
	check_row(MMS_QUESTION_COW, MMS_NR_COW_COUNTERS - 1, getpid(), 6 * MMS_NR_COW_COUNTERS);
	check_row(MMS_QUESTION_FAULTS, 1, getpid(), 120);
	snprintf(line, sizeof(line), "\n%d anon.kernel -\n", getpid());
	tap_ok(has_line("cow", line), "cow: a counter without its hook is unavailable");
	tap_ok(has_line("tlb", "# no tracer\n"), "tlb: no tracer for it");

	/* No longer one of ours: not read, and back when it is. */
	spoilt = trace_map_header(MMS_QUESTION_COW);
	spoilt.header.magic++;
	trace_map_put(cow, MMS_SLOT_HEADER, &spoilt);
	tap_ok(has_line("cow", "# no tracer\n"), "a header spoilt later");
	spoilt.header.magic--;
	trace_map_put(cow, MMS_SLOT_HEADER, &spoilt);
	close(cow);
	check_row(MMS_QUESTION_COW, 0, getpid(), 6);
}

static void become_tracer(void *arg)
{
	int tracer = open_tracer(), map = make_good(MMS_QUESTION_COW, 100);

	(void)arg;
	if (hand_over(tracer, "cow", map))
		_exit(1);
	close(map);
}

static void check_several(void)
{
	pid_t other = spawn(become_tracer, NULL);
	char line[64];

	check_row(MMS_QUESTION_COW, 0, getpid(), 6);
	check_row(MMS_QUESTION_COW, 0, other, 600);
	spawn_end(other);
	snprintf(line, sizeof(line), "# tracer %d", other);
	tap_ok(!has_line("cow", line), "a tracer that is killed is gone");
	check_row(MMS_QUESTION_COW, 0, getpid(), 6);
}

/* Of a target: what is not in the map is nothing so far for who counts all, else not counted. */
static void check_target(int tracer)
{
	struct mms_trace_record header = trace_map_header(MMS_QUESTION_TLB);
	pid_t pid = spawn(NULL, NULL);
	char *text, line[64];
	int map;

	header.header.everyone = 0;
	map = trace_map(&header, MMS_MAX_SLOTS);
	tap_result(hand_over(tracer, "tlb", map), 0, "a map of the largest size");
	views_attach(pid);
	text = views_read(pid, "cow", NULL);
	snprintf(line, sizeof(line), "\n%d anon.user 0\n", getpid());
	tap_ok(text && strstr(text, line), "a target of which nothing is counted yet");
	free(text);
	text = views_read(pid, "tlb", NULL);
	tap_ok(text && strstr(text, " this process is not counted\n") &&
		       !strstr(text, "requests_full"),
	       "a target that the tracer was not asked to count");
	free(text);
	close(map);
	views_detach(pid);
	spawn_end(pid);
}

int main(void)
{
	int tracer = open_tracer();

	tap_plan(1 + 13 + 12 + 4 + 6 + 2 + 4 + 3 + 3);
	tap_ok(has_line("cow", "# no tracer\n"), "an open file alone is no tracer");
	check_lines(tracer);
	check_maps(tracer);
	check_taken(tracer);
	check_several();
	check_target(tracer);
	tap_result(syscall(SYS_delete_module, "mmscope", O_NONBLOCK) ? -errno : 0, -EWOULDBLOCK,
		   "the module is not unloaded while the file is open");
	close(tracer);
	tap_ok(has_line("cow", "# no tracer\n") && has_line("faults", "# no tracer\n"),
	       "closed: no tracer for cow and faults");
	tap_ok(has_line("tlb", "# no tracer\n"), "closed: no tracer for tlb");
	return tap_done();
}
