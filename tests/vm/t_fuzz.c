// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes at random, and commands spoilt at random, written to every file that takes any. What is no
 * command by the grammar of README must be refused with EINVAL, what is one must be taken or be refused
 * for another reason, and afterwards nothing is different. MMSCOPE_FUZZ_WRITES says how many (40,000),
 * MMSCOPE_FUZZ_SEED repeats a run.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

#define NR_FILES 5
#define MAX_LEN 5000
#define MAX_ADDRESSES 128
#define WRITE_MAX 4096

/* One write, and what the grammar makes of it. */
struct input {
	char text[MAX_LEN + 1];
	size_t len;
};

static pid_t target, keeper;
static u64 state;
static struct tap_diffs judged = { .what = "refused as it should be, or taken" };
static struct tap_diffs answers = { .what = "translate answers each address, from any place" };
static u64 nr_taken, nr_refused;

/* xorshift64*: the same numbers from the same seed everywhere. */
static u64 next_random(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 2685821657736338717ULL;
}

static unsigned int below(unsigned int limit)
{
	return next_random() % limit;
}

static void add(struct input *input, const char *fmt, ...)
{
	size_t room = MAX_LEN - input->len;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(input->text + input->len, room + 1, fmt, args);
	va_end(args);
	input->len += (size_t)len < room ? (size_t)len : room;
}

/* A number that means something, or nearly. */
static void add_number(struct input *input)
{
	switch (below(8)) {
	case 0: return add(input, "%llu", next_random());
	case 1: return add(input, "%d", (int)next_random());
	case 2: return add(input, "%d", keeper);
	case 3: return add(input, "%u", below(400));
	case 4: return add(input, "0%d", target);
	case 5: return add(input, "%d", 1 << 22 | below(1 << 22));
	default: return add(input, "%d", target);
	}
}

static void make_command(struct input *input)
{
	static const char *const verbs[] = { "", "", "hold ", "follow ", "hold", "follow  ", "all " };

	add(input, "%s", verbs[below(7)]);
	add_number(input);
	if (!below(4))
		add(input, "\n");
}

static void make_lines(struct input *input)
{
	static const char *const names[] = { "cow", "tlb", "faults", "fault", "", "cow " };
	unsigned int nr = 1 + below(4);

	while (nr--) {
		add(input, "%s ", names[below(6)]);
		add_number(input);
		add(input, nr || !below(3) ? "\n" : "");
	}
}

static void make_addresses(struct input *input)
{
	static const char *const blanks[] = { " ", " ", "\n", "\t", "  ", ",", "" };
	unsigned int nr = below(4) ? 1 + below(6) : 100 + below(60);

	while (nr--) {
		u64 addr = next_random() >> below(64);

		add(input, below(3) ? "%llx" : "0x%llX", addr);
		add(input, "%s", blanks[below(16) ? below(5) : below(7)]);
	}
}

/* Once more what is there from @at on. */
static void repeat(struct input *input, size_t at)
{
	size_t len = input->len - at, room = MAX_LEN - input->len;

	len = len < room ? len : room;
	memmove(input->text + input->len, input->text + at, len);
	input->len += len;
}

/* A few bytes changed, cut off, or doubled. */
static void spoil(struct input *input)
{
	unsigned int nr = below(3);

	while (nr-- && input->len) {
		size_t at = below(input->len);

		switch (below(4)) {
		case 0: input->text[at] = next_random(); break;
		case 1: input->text[at] ^= 1 << below(8); break;
		case 2: input->len = at; break;
		default: repeat(input, at);
		}
	}
}

static void make_noise(struct input *input)
{
	size_t len = below(8) ? below(40) : below(MAX_LEN), i;

	for (i = 0; i < len; i++)
		input->text[i] = next_random();
	input->len = len;
}

static void make_input(struct input *input, void (*make)(struct input *input))
{
	input->len = 0;
	if (below(4)) {
		make(input);
		spoil(input);
	} else {
		make_noise(input);
	}
	input->text[input->len] = '\0';
}

/* What every file asks of a write: some text. A newline at its end is dropped. */
static bool is_text(const struct input *input, char *text)
{
	size_t len = input->len;

	if (!len || len > WRITE_MAX || strlen(input->text) != len)
		return false;
	memcpy(text, input->text, len + 1);
	if (text[len - 1] == '\n')
		text[len - 1] = '\0';
	return true;
}

/* Digits alone, up to @max. */
static bool is_number(const char *text, u64 max)
{
	u64 value = 0;

	if (!*text)
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		value = value * 10 + (*text - '0');
		if (value > max)
			return false;
	}
	return !*text;
}

static bool is_attach(const char *text)
{
	if (!strncmp(text, "hold ", 5))
		text += 5;
	return is_number(text, INT32_MAX);
}

static bool is_count(const char *text)
{
	if (!strncmp(text, "follow ", 7))
		text += 7;
	return is_number(text, INT32_MAX) || !strcmp(text, "all");
}

static bool is_detach(const char *text)
{
	return is_number(text, INT32_MAX);
}

/* "NAME FD", of the first line: what it names is no map, so that others are not looked at. */
static bool is_handover(char *text)
{
	char *line = strsep(&text, "\n"), *name = strsep(&line, " ");

	return line && is_number(line, UINT32_MAX) &&
	       (!strcmp(name, "cow") || !strcmp(name, "tlb") || !strcmp(name, "faults"));
}

/* How many addresses; -1: not a list of addresses. */
static int count_addresses(char *text)
{
	int nr = 0;
	char *word;

	while ((word = strsep(&text, " \t\n"))) {
		size_t prefix = !strncasecmp(word, "0x", 2) ? 2 : 0, zeros;

		if (!*word)
			continue;
		/* The first that is too much is what is complained of. */
		if (nr == MAX_ADDRESSES)
			return nr + 1;
		word += prefix;
		zeros = strspn(word, "0");
		if (!*word || strspn(word, "0123456789abcdefABCDEF") != strlen(word) ||
		    strlen(word + zeros) > 16)
			return -1;
		nr++;
	}
	return nr ? nr : -1;
}

static char *visible(const struct input *input)
{
	static char text[4 * 80 + 1];
	size_t i;

	*text = '\0';
	for (i = 0; i < input->len && i < 80; i++)
		sprintf(text + strlen(text), isprint((unsigned char)input->text[i]) ? "%c" : "\\x%02x",
			(unsigned char)input->text[i]);
	return text;
}

static void judge(const char *file, const struct input *input, long result, bool right)
{
	judged.nr_compared++;
	if (result < 0)
		nr_refused++;
	else
		nr_taken++;
	if (!right || (result >= 0 && result != (long)input->len))
		tap_differs(&judged, "%s: %zu bytes \"%s\": %ld (%s)", file, input->len, visible(input),
			    result, result < 0 ? strerror(-result) : "taken");
}

static long write_to(int fd, const struct input *input)
{
	return write(fd, input->text, input->len) < 0 ? -errno : (long)input->len;
}

static int open_file(const char *file)
{
	int fd = open(views_path(0, file), O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		tap_bail("%s: %s", file, strerror(errno));
	return fd;
}

/* EINVAL is also what a kernel thread gets. */
static void fuzz_attach(struct input *input)
{
	int fd = open_file("attach");
	char text[MAX_LEN + 1];
	bool good;
	long result;

	make_input(input, make_command);
	good = is_text(input, text) && is_attach(text);
	result = write_to(fd, input);
	if (result >= 0 && isdigit((unsigned char)*text))
		good &= !views_detach(strtol(text, NULL, 10));
	judge("attach", input, result,
	      good ? result >= 0 || result == -ESRCH || result == -EEXIST || result == -EINVAL :
		     result == -EINVAL);
	close(fd);
}

static void fuzz_detach(struct input *input)
{
	int fd = open_file("detach");
	char text[MAX_LEN + 1];
	bool good;
	long result;

	make_input(input, make_command);
	good = is_text(input, text) && is_detach(text);
	result = write_to(fd, input);
	judge("detach", input, result,
	      good ? result >= 0 || result == -ESRCH : result == -EINVAL);
	/* It was the target, for nobody else is attached. */
	if (result >= 0 && (strtol(text, NULL, 10) != target || views_attach(target)))
		tap_differs(&judged, "detached \"%s\"", visible(input));
	close(fd);
}

/* One open file for a while, so that it has counted some when others come. */
static void fuzz_count(struct input *input)
{
	static unsigned int nr;
	static int fd = -1;
	char text[MAX_LEN + 1];
	bool good;
	long result;

	if (!(nr++ % 64)) {
		fd = open(views_path(0, "count"), O_RDWR | O_CLOEXEC);
		if (fd < 0)
			tap_bail("count: %s", strerror(errno));
	}
	make_input(input, make_command);
	if (!below(200))
		input->len = sprintf(input->text, "all");
	good = is_text(input, text) && is_count(text);
	result = write_to(fd, input);
	judge("count", input, result,
	      good ? result >= 0 || result == -ESRCH || result == -EINVAL || result == -EBUSY :
		     result == -EINVAL);
	if (result >= 0 && pread(fd, text, MAX_LEN, 0) <= 0)
		tap_differs(&judged, "count cannot be read");
	if (!(nr % 64))
		close(fd);
}

static void fuzz_tracer(struct input *input)
{
	int fd = open_file("tracer");
	char text[MAX_LEN + 1];
	bool good;
	long result;

	make_input(input, make_lines);
	good = is_text(input, text) && is_handover(text);
	result = write_to(fd, input);
	/* A file descriptor that is open is no map: EINVAL too. */
	judge("tracer", input, result, good ? result == -EBADF || result == -EINVAL : result == -EINVAL);
	close(fd);
}

static unsigned int count_lines(const char *text, const char *beginning)
{
	unsigned int nr = 0;

	while ((text = strstr(text, beginning))) {
		text++;
		nr++;
	}
	return nr;
}

/* What was read from a place in the middle is what the whole answer has there, up to its cost. */
static void check_middle(int fd, const char *whole, size_t len)
{
	static char part[1 << 18];
	size_t at = below(len + 100), want = 1 + below(2000), cost, end;
	ssize_t got = pread(fd, part, want, at);

	cost = strstr(whole, "\n# cost") - whole;
	end = got > 0 && at + got < cost ? at + got : cost;
	answers.nr_compared++;
	if (got < 0 || (at < end && memcmp(part, whole + at, end - at)))
		tap_differs(&answers, "%zd bytes from %zu on", got, at);
}

static void check_answer(int fd, const struct input *input, unsigned int nr, bool user)
{
	static char whole[1 << 18];
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, whole + len, sizeof(whole) - 1 - len)) > 0)
		len += got;
	whole[len] = '\0';
	answers.nr_compared++;
	if (got < 0 || count_lines(whole, "\naddress ") != nr || !strstr(whole, "\n# cost") ||
	    strstr(whole, "# truncated"))
		tap_differs(&answers, "\"%s\": %u addresses, answer:\n%s", visible(input), nr, whole);
	else if (user)
		check_middle(fd, whole, len);
	/* Places that are none. */
	if (pread(fd, whole, 1, INT64_MAX - below(100)) > 0 || pread(fd, whole, 1, -1) != -1)
		tap_differs(&answers, "something at a place that is none");
}

/* Whether all lie in the user half, whose entries of an idle process stay as they are. */
static bool all_user(char *text)
{
	char *word;

	while ((word = strsep(&text, " \t\n")))
		if (strtoull(word, NULL, 16) >> 63)
			return false;
	return true;
}

static void fuzz_translate(struct input *input)
{
	int fd = open(views_path(target, "translate"), O_RDWR | O_CLOEXEC), nr;
	char text[MAX_LEN + 1], again[MAX_LEN + 1];
	long result;
	bool good;

	make_input(input, make_addresses);
	good = is_text(input, text);
	memcpy(again, text, sizeof(again));
	nr = good ? count_addresses(text) : -1;
	result = write_to(fd, input);
	if (nr < 0)
		judge("translate", input, result, result == -EINVAL);
	else if (nr > MAX_ADDRESSES)
		judge("translate", input, result, result == -E2BIG);
	else
		judge("translate", input, result, result >= 0);
	if (result >= 0 && nr > 0)
		check_answer(fd, input, nr, all_user(again));
	close(fd);
}

/* Everything that shows who is attached, and how often the module is in use. */
static char *everything(void)
{
	char *targets = proc_read_file(VIEWS_DIR "/targets", NULL), *all;
	struct dirent **entries = NULL;
	int nr = scandir(VIEWS_DIR, &entries, NULL, alphasort), i;

	if (asprintf(&all, "%s%ld users, %d entries", targets,
		     proc_value("/sys/module/mmscope/refcnt"), nr) < 0)
		abort();
	for (i = 0; i < nr; i++)
		free(entries[i]);
	free(entries);
	free(targets);
	return all;
}

static u64 number_of(const char *name, u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* Counts, so that probes need not be registered each time the file is opened. */
static int open_keeper(void)
{
	char text[32];
	int fd = open_file("count"), len = snprintf(text, sizeof(text), "%d", keeper);

	if (write(fd, text, len) != len)
		tap_bail("count: %s", strerror(errno));
	return fd;
}

int main(void)
{
	static void (*const fuzz[NR_FILES])(struct input *input) = {
		fuzz_attach, fuzz_detach, fuzz_tracer, fuzz_translate, fuzz_count,
	};
	/* Whole rounds of 64 writes to each file. */
	u64 round = 64 * NR_FILES, writes = number_of("MMSCOPE_FUZZ_WRITES", 40000) / round * round + round;
	u64 seed, i;
	static struct input input;
	char *before, *after;
	int fd;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		tap_bail("no random numbers");
	seed = number_of("MMSCOPE_FUZZ_SEED", seed);
	state = seed ?: 1;
	tap_plan(4);
	tap_diag("MMSCOPE_FUZZ_SEED=%#llx MMSCOPE_FUZZ_WRITES=%llu", seed, writes);
	tap_flush();
	target = spawn(NULL, NULL);
	keeper = spawn(NULL, NULL);
	fd = open_keeper();
	views_attach(target);
	before = everything();
	for (i = 0; i < writes; i++)
		fuzz[i % NR_FILES](&input);
	after = everything();
	tap_no_diffs(&judged);
	tap_no_diffs(&answers);
	tap_ok(nr_taken > writes / 20 && nr_refused > writes / 20, "%llu taken, %llu refused", nr_taken,
	       nr_refused);
	tap_str(after, before, "nothing is different");
	free(before);
	free(after);
	views_detach(target);
	close(fd);
	spawn_end(target);
	spawn_end(keeper);
	return tap_done();
}
