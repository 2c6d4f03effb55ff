// SPDX-License-Identifier: GPL-2.0
/*
 * A run of counting: what is started before, what happens meanwhile, what is undone after.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "counting.h"
#include "error.h"
#include "mmaplog.h"
#include "readings.h"
#include "session.h"
#include "show.h"
#include "symbols.h"

#define SECOND 1000000000ULL
/* Room for what many processes map in the meantime: how long the log of it may lie. */
#define LOG_MS 50

/* Slots are not used again: room for the children of a large build, or for everyone. */
#define MANY_SLOTS 16384

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

/* Why a process cannot be counted, from /proc/PID/stat. Return: NULL if it can. */
static const char *unfit(pid_t pid)
{
	char path[64], line[512], *rest, state;
	const char *why = NULL;
	unsigned int flags;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	/* The name may hold anything, but no parenthesis comes behind it. */
	rest = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (rest && sscanf(rest, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) == 2) {
		if (state == 'Z' || state == 'X')
			why = "has exited";
		else if (flags & 0x00200000) /* PF_KTHREAD */
			why = "is a kernel thread: it has no address space of its own";
	}
	fclose(file);
	return why;
}

static int open_pids(struct mms_counting *counting)
{
	const struct mms_selectors *selectors = counting->selectors;
	unsigned int i;

	counting->pidfds = malloc((selectors->nr_pids + 1) * sizeof(int));
	if (!counting->pidfds)
		return mms_fail("out of memory");
	for (i = 0; i < selectors->nr_pids; i++)
		counting->pidfds[i] = -1;
	for (i = 0; i < selectors->nr_pids; i++) {
		pid_t pid = selectors->pids[i];
		const char *why = unfit(pid);

		if (why)
			return mms_fail("process %d %s", pid, why);
		counting->pidfds[i] = pidfd_open(pid, 0);
		if (counting->pidfds[i] >= 0)
			continue;
		/* For a thread ENOENT since 6.9, EINVAL before. */
		if (errno == EINVAL || errno == ENOENT)
			return mms_fail("%d is a thread, not a process", pid);
		return errno == ESRCH ? mms_fail("no process has the PID %d", pid) :
					mms_fail("process %d: %s", pid, strerror(errno));
	}
	return 0;
}

/* Names what would be needed and is not there: CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON. */
static const char *missing_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	bool bpf, perfmon;

	if (syscall(SYS_capget, &header, data) || data[0].effective >> CAP_SYS_ADMIN & 1)
		return "";
	bpf = data[1].effective >> (CAP_BPF - 32) & 1;
	perfmon = data[1].effective >> (CAP_PERFMON - 32) & 1;
	return bpf && perfmon ? "" :
	       bpf	      ? " (missing here: CAP_SYS_ADMIN, CAP_PERFMON)" :
	       perfmon	      ? " (missing here: CAP_SYS_ADMIN, CAP_BPF)" :
				" (missing here: CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON)";
}

static int open_tracer(struct mms_counting *counting)
{
	const struct mms_selectors *selectors = counting->selectors;
	const struct mms_counted *what = counting->what;
	struct tracer_options options = {
		.everyone = selectors->everyone,
		.follow = !selectors->no_follow,
		.by_vma = what->detail.nr && !selectors->folded,
		.user_stacks = selectors->stacks,
		.kernel_stacks = selectors->stacks,
		.slots = MANY_SLOTS,
	};
	int err;

	memcpy(options.question, what->question, sizeof(options.question));
	err = tracer_open(&counting->tracer, &options);
	if (!err)
		return 0;
	counting->tracer = NULL;
	snprintf(counting->no_tracer, sizeof(counting->no_tracer), "%s%s", mms_failure(),
		 err == -EPERM || err == -EACCES ? missing_rights() : "");
	return -1;
}

static void without_flushes(struct mms_counting *counting)
{
	counting->has_flushes = false;
	snprintf(counting->no_flushes, sizeof(counting->no_flushes), "%s", mms_failure());
}

/* Whose flushes the module counts: of the same processes as the tracer, from here on. */
static int add_flushes(struct mms_counting *counting)
{
	const struct mms_selectors *selectors = counting->selectors;
	struct mms_flushes *flushes = &counting->flushes;
	unsigned int i;

	if (selectors->everyone)
		return mms_flushes_add_everyone(flushes);
	for (i = 0; i < selectors->nr_pids; i++)
		if (mms_flushes_add(flushes, selectors->pids[i], !selectors->no_follow))
			return -1;
	return mms_selectors_only_command(selectors) ?
		       mms_flushes_add(flushes, counting->launch.pid, !selectors->no_follow) : 0;
}

static int select_all(struct mms_counting *counting)
{
	const struct mms_selectors *selectors = counting->selectors;
	unsigned int i;

	for (i = 0; i < selectors->nr_pids; i++) {
		int err = tracer_select(counting->tracer, selectors->pids[i]);

		if (err)
			return err == -ESRCH ? mms_fail("process %d has exited", selectors->pids[i]) : -1;
	}
	if (mms_selectors_only_command(selectors))
		return tracer_select(counting->tracer, counting->launch.pid) ? -1 : 0;
	return 0;
}

/* The module shows in its views what this tracer counts. It need not be there, or may refuse. */
static void hand_over(struct mms_counting *counting, const char *debugfs)
{
	struct mms_session session;

	if (!counting->tracer || mms_session_open(&session, debugfs))
		return;
	counting->handed = mms_session_view(&session, "tracer", O_WRONLY);
	if (counting->handed >= 0 && tracer_hand_over(counting->tracer, counting->handed)) {
		close(counting->handed);
		counting->handed = -1;
	}
	mms_session_close(&session);
}

static int watch_mappings(struct mms_counting *counting)
{
	const struct mms_selectors *selectors = counting->selectors;
	unsigned int i;

	counting->symbols = mms_symbols_open();
	if (!counting->symbols)
		return -1;
	counting->mmaplog = mms_mmaplog_open();
	if (!counting->mmaplog)
		return -1;
	/* The log is on: what is mapped from here on is in it. */
	if (selectors->everyone)
		return mms_mmaplog_read_everyone(counting->symbols);
	for (i = 0; i < selectors->nr_pids; i++)
		if (mms_symbols_read_maps(counting->symbols, selectors->pids[i]))
			return -1;
	return 0;
}

/*
 * Attaching takes its time. Nobody is selected until all is attached: it begins for every question at
 * once; for everyone, the tracer sees to that.
 */
static int begin(struct mms_counting *counting, const char *debugfs)
{
	if (!counting->tracer && !counting->has_flushes)
		return mms_fail("%s", counting->no_tracer);
	if (counting->selectors->stacks && watch_mappings(counting))
		return -1;
	if (counting->tracer && tracer_start(counting->tracer))
		return -1;
	counting->start_ns = now_ns();
	if (counting->tracer && select_all(counting))
		return -1;
	if (counting->has_flushes && add_flushes(counting))
		without_flushes(counting);
	if (!counting->tracer && !counting->has_flushes)
		return mms_fail("%s", counting->no_flushes);
	/* Who sees the tracer there may take it that it counts. */
	hand_over(counting, debugfs);
	return 0;
}

/* Blocked here, they come through a file descriptor; the command gets @old. */
static int take_signals(struct mms_counting *counting, sigset_t *old)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGQUIT);
	sigprocmask(SIG_BLOCK, &mask, old);
	counting->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return counting->signals < 0 ? mms_fail("signalfd: %s", strerror(errno)) : 0;
}

static int prepare(struct mms_counting *counting, const char *debugfs)
{
	const struct mms_selectors *selectors = counting->selectors;
	sigset_t old;

	if (open_pids(counting) || take_signals(counting, &old))
		return -1;
	if (open_tracer(counting) && !counting->what->flushes)
		return mms_fail("%s", counting->no_tracer);
	if (selectors->command) {
		if (mms_launch_prepare(&counting->launch, selectors->command, &old,
				       (counting->style->json || selectors->folded) &&
				       !selectors->output))
			return -1;
		counting->command_pid = counting->launch.pid;
	}
	counting->has_flushes = counting->what->flushes;
	if (counting->has_flushes && mms_flushes_open(&counting->flushes, debugfs))
		without_flushes(counting);
	return begin(counting, debugfs);
}

static void finish(struct mms_counting *counting)
{
	unsigned int i;

	mms_launch_close(&counting->launch);
	mms_mmaplog_close(counting->mmaplog);
	mms_symbols_close(counting->symbols);
	/* Before the maps go that are behind it. */
	if (counting->handed >= 0)
		close(counting->handed);
	if (counting->tracer)
		tracer_close(counting->tracer);
	mms_flushes_close(&counting->flushes);
	for (i = 0; counting->pidfds && i < counting->selectors->nr_pids; i++)
		if (counting->pidfds[i] >= 0)
			close(counting->pidfds[i]);
	free(counting->pidfds);
	if (counting->signals >= 0)
		close(counting->signals);
}

/**
 * struct waiting - the loop's state
 * @end_ns: when to end, UINT64_MAX: not by time
 * @next_ns: when the next line is due, UINT64_MAX: never
 * @interrupt_ns: when SIGINT came last, for a command that does not mind it
 * @signal: that ended the counting, 0 if none
 * @over: the counting has ended
 */
struct waiting {
	uint64_t end_ns, next_ns, interrupt_ns;
	int signal;
	bool over;
};

/*
 * With a command, an interrupt is for the command, which a terminal has told already; a second one
 * within a second is for us. Any other signal ends the counting.
 */
static void take_signal(const struct mms_counting *counting, struct waiting *waiting)
{
	struct signalfd_siginfo info;
	uint64_t now = now_ns();

	while (read(counting->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		bool patient = counting->launch.pid > 0 && info.ssi_signo == SIGINT &&
			       now - waiting->interrupt_ns > SECOND;

		if (patient) {
			waiting->interrupt_ns = now;
			if (info.ssi_code != SI_KERNEL)
				kill(counting->launch.pid, SIGINT);
			continue;
		}
		waiting->signal = (int)info.ssi_signo;
		waiting->over = true;
	}
}

static int until(uint64_t ns, uint64_t now, int timeout)
{
	uint64_t ms;

	if (ns == UINT64_MAX)
		return timeout;
	ms = ns > now ? (ns - now + 999999) / 1000000 : 0;
	if (ms > INT_MAX)
		ms = INT_MAX;
	return timeout < 0 || (int)ms < timeout ? (int)ms : timeout;
}

/* Without a command and not of everyone, the end of all processes of -p is the end. */
static bool watches_pids(const struct mms_counting *counting)
{
	return !counting->selectors->command && !counting->selectors->everyone;
}

static int wait_a_while(const struct mms_counting *counting, struct waiting *waiting,
			struct pollfd *fds)
{
	unsigned int i, nr = watches_pids(counting) ? counting->selectors->nr_pids : 0, left = 0;
	uint64_t now = now_ns();
	int timeout = until(waiting->next_ns, now, until(waiting->end_ns, now, -1));

	fds[0] = (struct pollfd){ .fd = counting->signals, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = counting->launch.pidfd, .events = POLLIN };
	for (i = 0; i < nr; i++)
		fds[2 + i] = (struct pollfd){ .fd = counting->pidfds[i], .events = POLLIN };
	if (counting->mmaplog && (timeout < 0 || timeout > LOG_MS))
		timeout = LOG_MS;
	if (poll(fds, 2 + nr, timeout) < 0 && errno != EINTR)
		return mms_fail("poll: %s", strerror(errno));
	if (fds[0].revents)
		take_signal(counting, waiting);
	if (fds[1].revents)
		waiting->over = true;
	for (i = 0; i < nr; i++) {
		if (fds[2 + i].revents) {
			close(counting->pidfds[i]);
			counting->pidfds[i] = -1;
		}
		left += counting->pidfds[i] >= 0;
	}
	if ((nr && !left) || now_ns() >= waiting->end_ns)
		waiting->over = true;
	if (counting->mmaplog && mms_mmaplog_read(counting->mmaplog, counting->symbols))
		return -1;
	return 0;
}

static int loop(struct mms_counting *counting, struct waiting *waiting, struct mms_lines *lines)
{
	const struct mms_selectors *selectors = counting->selectors;
	struct pollfd *fds = calloc(selectors->nr_pids + 2, sizeof(*fds));
	uint64_t interval = selectors->interval_ns;
	int err = 0;

	if (!fds)
		return mms_fail("out of memory");
	*waiting = (struct waiting){ UINT64_MAX, UINT64_MAX, 0, 0, false };
	if (selectors->duration_ns)
		waiting->end_ns = counting->start_ns + selectors->duration_ns;
	if (interval)
		waiting->next_ns = counting->start_ns + interval;
	while (!err && !waiting->over) {
		err = wait_a_while(counting, waiting, fds);
		if (err || waiting->over || now_ns() < waiting->next_ns)
			continue;
		err = mms_lines_add(lines, counting, now_ns() - counting->start_ns);
		/* Times that were missed, standing still, are left out. */
		while (waiting->next_ns <= now_ns())
			waiting->next_ns += interval;
	}
	free(fds);
	return err;
}

/* Return: the exit status. Who is still running was ended by time or by a signal: it is told. */
static int end_command(struct mms_counting *counting, const struct waiting *waiting)
{
	struct pollfd ended = { .fd = counting->launch.pidfd, .events = POLLIN };

	if (counting->launch.pid < 0)
		return 0;
	if (poll(&ended, 1, 0) == 1)
		return mms_launch_status(&counting->launch);
	kill(counting->launch.pid, SIGTERM);
	return waiting->signal ? 128 + waiting->signal : 0;
}

static int redirect(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return mms_fail("%s: %s", path, strerror(errno));
	dup2(fd, STDOUT_FILENO);
	close(fd);
	return 0;
}

static int count_and_show(struct mms_counting *counting, struct mms_out *out,
			  struct waiting *waiting)
{
	struct mms_counts counts = { 0 };
	struct mms_lines lines = { .out = out };
	int err;

	mms_lines_begin(&lines, counting);
	err = loop(counting, waiting, &lines);
	if (!err)
		err = mms_counts_read(counting, now_ns() - counting->start_ns, &counts);
	mms_lines_end(&lines, counting, err ? NULL : &counts);
	if (!err)
		err = mms_show(out, counting, &counts);
	mms_counts_free(&counts);
	return err;
}

int mms_counting_run(const struct mms_command *command, struct mms_options *options,
		     const struct mms_counted *what, int argc, char **argv)
{
	struct mms_selectors selectors;
	struct mms_counting counting = {
		.selectors = &selectors, .style = &options->style, .what = what, .signals = -1,
		.handed = -1, .flushes = { .fd = -1 },
		.launch = { .pid = -1, .pidfd = -1, .go = -1, .wait = -1, .done = -1, .doing = -1 },
	};
	struct waiting waiting = { 0 };
	struct mms_out *out;
	int err, status;

	mms_selectors_parse(command, options, &selectors, what->detail.nr, argc, argv);
	options->style.fixed = true;
	err = prepare(&counting, options->debugfs);
	if (!err && selectors.output) {
		options->style.color = false;
		err = redirect(selectors.output);
	}
	if (!err && selectors.command)
		counting.exec_error = mms_launch_go(&counting.launch);
	if (err) {
		status = -1;
	} else if (selectors.command && counting.exec_error) {
		status = counting.exec_error == ENOENT ? 127 : 126;
		fprintf(stderr, "mmscope: %s: %s\n", selectors.command[0],
			strerror(counting.exec_error));
	} else {
		out = mms_out_begin(&options->style, command->name);
		err = count_and_show(&counting, out, &waiting);
		if (mms_out_end(out, err))
			err = -1;
		status = end_command(&counting, &waiting);
		status = err ? -1 : status;
	}
	finish(&counting);
	mms_selectors_free(&selectors);
	return status;
}
