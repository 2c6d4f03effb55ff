// SPDX-License-Identifier: GPL-2.0
/*
 * A target that cannot be removed at once, because a read of one of its files does not end: who
 * detaches it waits, and so does who attaches it again; nobody else does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "proc_spawn.h"
#include "tap.h"
#include "views.h"

static pid_t target;
static void *page;

/* What a thread does to the target, and with what result, once it is done. */
struct deed {
	long (*func)(void);
	pthread_t thread;
	long result;
	bool done;
};

static long do_read(void)
{
	int fd = open(views_path(target, "records"), O_RDONLY);
	long nr = read(fd, page, PAGE);
	int error = errno;

	close(fd);
	return nr < 0 ? -error : nr;
}

static long do_detach(void)
{
	return views_detach(target);
}

static long do_attach(void)
{
	return views_attach(target);
}

static void *perform(void *arg)
{
	struct deed *deed = arg;

	deed->result = deed->func();
	__atomic_store_n(&deed->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void start(struct deed *deed)
{
	if (pthread_create(&deed->thread, NULL, perform, deed))
		tap_bail("no thread");
}

static bool waits(struct deed *deed)
{
	usleep(500000);
	return !__atomic_load_n(&deed->done, __ATOMIC_ACQUIRE);
}

static long result_of(struct deed *deed)
{
	pthread_join(deed->thread, NULL);
	return deed->result;
}

/* A page that does not come when it is touched, not by the kernel either, until it is given. */
static int withhold_page(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range = (struct uffdio_range){ (uintptr_t)page, PAGE };
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		tap_bail("userfaultfd: %s", strerror(errno));
	return fd;
}

static bool is_wanted(int uffd)
{
	struct pollfd wanted = { .fd = uffd, .events = POLLIN };

	return poll(&wanted, 1, 60000) == 1 && (wanted.revents & POLLIN);
}

static void give_page(int uffd)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)page, PAGE } };

	if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
		tap_bail("UFFDIO_ZEROPAGE: %s", strerror(errno));
}

static bool leaves_list(void)
{
	int i;

	for (i = 0; i < 600; i++) {
		if (!strcmp(views_target(target), "no row"))
			return true;
		usleep(100000);
	}
	return false;
}

int main(void)
{
	struct deed reading = { .func = do_read }, detaching = { .func = do_detach };
	struct deed attaching = { .func = do_attach };
	pid_t other = spawn(NULL, NULL);
	int uffd = withhold_page();

	tap_plan(9);
	target = spawn(NULL, NULL);
	if (views_attach(target))
		tap_bail("the target cannot be attached");
	start(&reading);
	if (!is_wanted(uffd))
		tap_bail("nobody wants the page");
	start(&detaching);
	tap_ok(leaves_list(), "a target on its way out is not in targets");
	tap_ok(waits(&detaching), "who detaches it waits for the read");
	start(&attaching);
	tap_ok(waits(&attaching), "who attaches it again waits too");
	tap_result(views_attach(other), 0, "another process can be attached");
	tap_result(views_detach(other), 0, "and detached");
	give_page(uffd);
	if (!tap_ok(result_of(&reading) > 0, "the read ends"))
		tap_diag("%s", strerror(-reading.result));
	tap_result(result_of(&detaching), 0, "it is detached");
	tap_result(result_of(&attaching), 0, "it is attached again");
	tap_result(views_detach(target), 0, "and detached again");
	spawn_end(target);
	spawn_end(other);
	return tap_done();
}
