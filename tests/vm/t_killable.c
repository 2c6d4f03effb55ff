// SPDX-License-Identifier: GPL-2.0
/*
 * Who is killed while the module works for him dies: in a long walk within a hold of mmap_lock or two,
 * whatever is read (instructions, in a machine of tests/vm/run --icount), and wherever he waits, while
 * what he waits for still does not come.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "icount.h"
#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

#define IMAGE "/run/t_killable.image"
#define DISK "/run/t_killable"

static const char *const views[] = { "summary", "vmas", "tables", "pages", "records", "processes" };
#define NR_VIEWS 6

static pid_t target;

static const char *view_path(const char *view)
{
	return views_path(strcmp(view, "processes") ? target : 0, view);
}

/* All of a view. Return: whether it could be read. */
static bool drain(const char *view)
{
	static char buffer[1 << 16];
	int fd = open(view_path(view), O_RDWR);
	ssize_t nr;

	if (fd < 0)
		fd = open(view_path(view), O_RDONLY);
	if (!strcmp(view, "translate") && write(fd, "1000", 4) != 4)
		return false;
	while ((nr = read(fd, buffer, sizeof(buffer))) > 0)
		;
	close(fd);
	return !nr;
}

/* Who does something for a while, and has a status of his own if it ends. */
static pid_t start(int (*func)(const char *view), const char *view)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(func(view));
	}
	return pid;
}

/* Long walks. */

#define BYTES GIB
/* Two holds of mmap_lock: the one under way, and one for who looks for signals only before the next. */
#define LIMIT (2 * 200000)
/* Until he is in the middle of it, which takes several times as long. */
#define BEFORE 700000

static int read_once(const char *view)
{
	return !drain(view);
}

static int do_little(const char *view)
{
	while (getppid())
		(void)view;
	return 0;
}

static void touch_all(void *arg)
{
	char *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	if (at == MAP_FAILED || madvise(at, BYTES, MADV_NOHUGEPAGE) ||
	    madvise(at, BYTES, MADV_POPULATE_WRITE))
		_exit(1);
}

/* Instructions from a SIGKILL until the end of who does this; UINT64_MAX: he had come to his own. */
static u64 time_death(int (*func)(const char *view), const char *view)
{
	struct timespec before = { 0, BEFORE };
	pid_t pid = start(func, view);
	int status;
	u64 begun;

	nanosleep(&before, NULL);
	begun = icount_now();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? icount_now() - begun : UINT64_MAX;
}

static void check_walks(void)
{
	const struct sched_param first = { .sched_priority = 1 }, equal = {};
	u64 plain, whole, death;
	unsigned int i;

	if (!icount_is_time()) {
		for (i = 0; i < NR_VIEWS; i++)
			tap_skip("time that is instructions (--icount)", "%s: killed in a walk",
				 views[i]);
		return;
	}
	target = spawn(touch_all, NULL);
	/* Who kills goes first as soon as it is time. */
	if (views_attach(target) || sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first))
		tap_bail("cannot attach, or have priority");
	plain = time_death(do_little, NULL);
	for (i = 0; i < NR_VIEWS; i++) {
		whole = icount_now();
		if (spawn_run((int (*)(void *))read_once, (void *)views[i]))
			tap_bail("%s cannot be read", views[i]);
		whole = icount_now() - whole;
		death = time_death(read_once, views[i]);
		tap_ok(whole > 3 * BEFORE && death < plain + LIMIT, "%s: killed in a walk",
		       views[i]);
		tap_diag("%s: a reading %llu, from SIGKILL to the end %llu; without a reading %llu",
			 views[i], whole, death, plain);
	}
	sched_setscheduler(0, SCHED_OTHER, &equal);
	views_detach(target);
	spawn_end(target);
}

/*
 * Waits. The target's mmap_lock is not to be had: one thread holds it for reading while it waits to
 * write to a file system that is frozen, another waits to hold it for writing.
 */

static struct shared {
	volatile pid_t tid[2];
	char *volatile page;
} *shared;

/* What each of its threads waits for first. */
static int go[2][2];

static int disk = -1;

static void run(const char *command)
{
	if (system(command))
		tap_bail("%s", command);
}

static void thaw(void)
{
	if (disk >= 0)
		ioctl(disk, FITHAW, 0);
}

static void make_disk(void)
{
	run("modprobe -q loop; mkdir -p " DISK " && truncate -s 16M " IMAGE " && "
	    "mkfs.ext4 -q -F " IMAGE " && mount -o loop,noatime " IMAGE " " DISK);
	disk = open(DISK, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	atexit(thaw);
}

static void *write_page(void *arg)
{
	shared->tid[0] = gettid();
	if (read(go[0][0], arg, 1) == 1)
		madvise(shared->page, PAGE, MADV_POPULATE_WRITE);
	return NULL;
}

static void *map_page(void *arg)
{
	shared->tid[1] = gettid();
	if (read(go[1][0], arg, 1) == 1)
		mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return NULL;
}

static void map_file(void *arg)
{
	int fd = open(DISK "/file", O_RDWR | O_CREAT, 0600);
	static char byte[2];
	pthread_t thread;

	(void)arg;
	if (ftruncate(fd, PAGE))
		_exit(1);
	shared->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared->page == MAP_FAILED || *(volatile char *)shared->page ||
	    pthread_create(&thread, NULL, write_page, &byte[0]) ||
	    pthread_create(&thread, NULL, map_page, &byte[1]))
		_exit(1);
	while (!shared->tid[0] || !shared->tid[1])
		usleep(1000);
}

/* Whether a thread sleeps so that no signal but a fatal one wakes it, and goes on to. */
static bool sleeps_deeply(pid_t pid, pid_t tid)
{
	char path[64], *text, *state;
	bool deeply;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	text = proc_read_file(path, NULL);
	state = text ? strrchr(text, ')') : NULL;
	deeply = state && state[2] == 'D';
	free(text);
	return deeply;
}

/* Waits until it does, twice in a row without having run. */
static bool comes_to_wait(pid_t pid, pid_t tid)
{
	unsigned int i;
	long switches;

	for (i = 0; i < 6000; i++) {
		switches = proc_switches(pid);
		usleep(10000);
		if (sleeps_deeply(pid, tid) && proc_switches(pid) == switches &&
		    sleeps_deeply(pid, tid))
			return true;
	}
	return false;
}

/* Whether it comes to its end. */
static bool ends(pid_t pid, int *status)
{
	unsigned int i;

	for (i = 0; i < 6000; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(10000);
	}
	return false;
}

static bool is_killed(pid_t pid)
{
	int status = 0;

	kill(pid, SIGKILL);
	return ends(pid, &status) && WIFSIGNALED(status);
}

static int attach(const char *text)
{
	return views_write("attach", text, strlen(text)) < 0;
}

static int detach(const char *text)
{
	return views_write("detach", text, strlen(text)) < 0;
}

static void check_wait(int (*func)(const char *), const char *arg, const char *what)
{
	pid_t pid = start(func, arg);
	bool waited = comes_to_wait(pid, pid);

	if (!tap_ok(waited && is_killed(pid), "%s: killed while it waits", what))
		tap_diag(waited ? "it does not die" : "it does not wait");
}

/* Who detaches waits for who reads; who attaches again, for who detaches. */
static void check_removal(void)
{
	pid_t reader = start(read_once, "summary"), remover;
	char text[2][32];
	int status = -1;

	snprintf(text[0], sizeof(text[0]), "%d", target);
	snprintf(text[1], sizeof(text[1]), "hold %d", target);
	if (!comes_to_wait(reader, reader))
		tap_bail("the reader does not wait");
	remover = start(detach, text[0]);
	if (!comes_to_wait(remover, remover))
		tap_bail("who detaches does not wait for the reader");
	check_wait(attach, text[0], "attach, while it is being detached");
	check_wait(attach, text[1], "hold, while it is being detached");
	tap_ok(is_killed(reader) && ends(remover, &status) && status == 0,
	       "detach ends when the reader is killed");
}

static void check_waits(void)
{
	unsigned int i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	make_disk();
	if (pipe(go[0]) || pipe(go[1]))
		tap_bail("pipe");
	target = spawn(map_file, NULL);
	if (views_attach(target) || ioctl(disk, FIFREEZE, 0))
		tap_bail("attach or freeze: %s", strerror(errno));
	for (i = 0; i < 2; i++) {
		if (write(go[i][1], "", 1) != 1 || !comes_to_wait(target, shared->tid[i]))
			tap_bail("thread %u of the target does not wait", i);
	}
	for (i = 0; i < NR_VIEWS; i++)
		check_wait(read_once, views[i], views[i]);
	check_wait(read_once, "translate", "translate");
	check_removal();
	tap_ok(sleeps_deeply(target, shared->tid[1]), "all the time the lock was not to be had");
	thaw();
	spawn_end(target);
	close(disk);
	disk = -1;
	run("umount " DISK " && rmdir " DISK " && rm " IMAGE);
}

int main(void)
{
	tap_plan(NR_VIEWS + NR_VIEWS + 1 + 3 + 1);
	check_walks();
	check_waits();
	return tap_done();
}
