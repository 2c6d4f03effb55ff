// SPDX-License-Identifier: GPL-2.0
/*
 * A lab's process, and what is undone after it. What is to be undone stands in memory that both
 * processes share, so that it is known however the lab has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <json.h>
#include <libkmod.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"

#define MAX_UNDO 64

struct undo {
	enum lab_undo how;
	char path[256];
	char text[128];
};

static struct {
	unsigned int nr;
	struct undo undo[MAX_UNDO];
} *undone;

void lab_guard_undo(struct lab *lab, enum lab_undo how, const char *path, const char *text)
{
	struct undo *undo = &undone->undo[undone->nr];

	if (undone->nr == MAX_UNDO)
		lab_broken(lab, "more than %d things to undo", MAX_UNDO);
	undo->how = how;
	snprintf(undo->path, sizeof(undo->path), "%s", path);
	snprintf(undo->text, sizeof(undo->text), "%s", text ? text : "");
	undone->nr++;
}

int lab_guard_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error;
	ssize_t written;

	if (fd < 0)
		return -1;
	written = write(fd, text, strlen(text));
	error = errno;
	close(fd);
	errno = error;
	return written < 0 ? -1 : 0;
}

static int remove_module(const char *name)
{
	struct kmod_ctx *context;
	struct kmod_module *module;
	char path[300];
	int err = -1;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	if (access(path, F_OK))
		return -1;
	context = kmod_new(NULL, NULL);
	if (context && !kmod_module_new_from_name(context, name, &module)) {
		err = kmod_module_remove_module(module, 0);
		errno = err < 0 ? -err : 0;
		kmod_module_unref(module);
	}
	kmod_unref(context);
	return err;
}

static int undo_one(const struct undo *undo)
{
	switch (undo->how) {
	case LAB_UNDO_WRITE: return lab_guard_write(undo->path, undo->text);
	case LAB_UNDO_UNLINK: return unlink(undo->path);
	case LAB_UNDO_RMDIR: return rmdir(undo->path);
	case LAB_UNDO_SWAPOFF: return swapoff(undo->path);
	case LAB_UNDO_UMOUNT: return umount(undo->path);
	case LAB_UNDO_RMMOD: return remove_module(undo->path);
	}
	return 0;
}

/* What had not been done when the lab ended is not there to be undone. */
static bool was_not_done(const struct undo *undo, int error)
{
	return error == ENOENT || (undo->how == LAB_UNDO_SWAPOFF && error == EINVAL) ||
	       (undo->how == LAB_UNDO_UMOUNT && error == EINVAL);
}

static void undo_all(void)
{
	while (undone->nr) {
		const struct undo *undo = &undone->undo[--undone->nr];
		int tries = 0, err;

		/* Memory of processes that are gone is given back a moment later. */
		while ((err = undo_one(undo)) && (errno == EBUSY || errno == EAGAIN) &&
		       tries++ < 1000)
			usleep(10000);
		if (err && !was_not_done(undo, errno))
			fprintf(stderr, "mmscope: left behind: %s: %s\n", undo->path,
				strerror(errno));
	}
}

/* Ends all processes of the lab: those whose parents have died are this one's children. */
static void end_processes(void)
{
	char path[64];
	FILE *children;
	pid_t pid;
	int nr;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	do {
		nr = 0;
		children = fopen(path, "re");
		while (children && fscanf(children, "%d", &pid) == 1) {
			kill(pid, SIGKILL);
			nr++;
		}
		if (children)
			fclose(children);
		/* One at a time: its children, perhaps stopped, are this one's now: killed next. */
		if (nr)
			waitpid(-1, NULL, 0);
	} while (nr);
}

/* In the lab's process. What it says in JSON goes to a file in memory. */
static void run_lab(const struct lab_def *def, const struct lab_options *options, int out)
{
	static struct lab lab;

	lab = (struct lab){ .def = def, .options = options };
	/* A worker that has ended has said why. */
	signal(SIGPIPE, SIG_IGN);
	lab_report_begin(&lab);
	if (lab.json) {
		/* On exit, wherever that is. */
		fflush(stdout);
		dup2(out, STDOUT_FILENO);
	}
	def->run(&lab);
	lab_report_finish(&lab);
}

/* Return: signal that interrupted, or 0. The lab's process is gone afterwards. */
static int wait_for_lab(pid_t pid, const sigset_t *signals, int *status)
{
	int interrupted = 0, signal;

	while (waitpid(pid, status, WNOHANG) != pid) {
		signal = sigwaitinfo(signals, NULL);
		if (signal < 0 || signal == SIGCHLD)
			continue;
		interrupted = signal;
		kill(pid, SIGKILL);
	}
	/* A terminal's interrupt goes to both, and the lab may be faster. */
	if (!interrupted && WIFSIGNALED(*status) && sigismember(signals, WTERMSIG(*status)) == 1)
		interrupted = WTERMSIG(*status);
	return interrupted;
}

/* The verdict on one that has given none. */
static struct json_object *died(const struct lab_def *def, const struct lab_options *options,
				pid_t pid, int status)
{
	struct lab lab = { .def = def, .options = options };
	char reason[64] = "no process could be made for it";

	if (pid > 0 && WIFSIGNALED(status))
		snprintf(reason, sizeof(reason), "the lab was killed by signal %d",
			 WTERMSIG(status));
	else if (pid > 0)
		snprintf(reason, sizeof(reason), "the lab ended with status %d",
			 WEXITSTATUS(status));
	if (options->style.json)
		lab_report_begin(&lab);
	lab_report_end(&lab, LAB_FAIL, reason);
	return lab.json;
}

/* Whether its exit status is its verdict. */
static bool has_judged(int status)
{
	return WIFEXITED(status) &&
	       (WEXITSTATUS(status) == LAB_PASS || WEXITSTATUS(status) == LAB_FAIL ||
		WEXITSTATUS(status) == LAB_SKIP);
}

/* Return: what the lab said, or NULL without --json. */
static struct json_object *read_json(int out)
{
	if (out < 0)
		return NULL;
	lseek(out, 0, SEEK_SET);
	return json_object_from_fd(out);
}

static pid_t start(const struct lab_def *def, const struct lab_options *options, int out,
		   const sigset_t *mask)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid)
		return pid;
	/* Without the guard nobody would clean up: nothing goes on. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(LAB_FAIL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	run_lab(def, options, out);
	return 0;
}

/*
 * Those to wait for: the end of the lab's process, and what interrupts. What is ignored, as by nohup,
 * would come all the same while it is blocked.
 */
static void choose_signals(sigset_t *signals)
{
	static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action;
	unsigned int i;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(signals);
	sigaddset(signals, SIGCHLD);
	for (i = 0; i < ARRAY_SIZE(interrupts); i++)
		if (!sigaction(interrupts[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(signals, interrupts[i]);
}

enum lab_verdict lab_guard_run(const struct lab_def *def, const struct lab_options *options,
			       struct json_object **json, int *interrupted)
{
	enum lab_verdict verdict = LAB_FAIL;
	sigset_t signals, mask;
	int out = -1, status = 0;
	pid_t pid;

	*json = NULL;
	*interrupted = 0;
	if (!undone) {
		undone = mmap(NULL, sizeof(*undone), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (undone == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
			perror("mmscope");
			exit(1);
		}
	}
	if (options->style.json)
		out = memfd_create("lab", MFD_CLOEXEC);
	choose_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, &mask);
	pid = start(def, options, out, &mask);
	if (pid > 0) {
		*interrupted = wait_for_lab(pid, &signals, &status);
		end_processes();
		undo_all();
	}
	if (pid > 0 && has_judged(status)) {
		verdict = WEXITSTATUS(status);
		*json = read_json(out);
	} else if (!*interrupted) {
		*json = died(def, options, pid, status);
	}
	if (out >= 0)
		close(out);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return verdict;
}
