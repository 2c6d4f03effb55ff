// SPDX-License-Identifier: GPL-2.0
/*
 * Keeping animals: start, command, stop. See zoo.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "zoo.h"

/*
 * swap-error comes first: it wants its own swap device used, and each processor keeps slots of the
 * device that was used before.
 */
const char *const zoo_names[] = {
	"swap-error",
	"small", "thp", "huge-zero", "stack", "threads", "named", "dev-zero",
	"soft-dirty", "hwpoison", "cow", "offlined", "moved", "numa-hint", "ksm", "pkey",
	"file", "cold-file", "memfd", "shmem-thp", "sysv", "odd-names", "file-thp", "dax",
	"hugetlb", "hugetlb-1g", "hugetlb-fork", "pmd-share", "hugetlb-poison",
	"swap", "shmem-swap",
	"uffd-anon", "uffd-shmem", "uffd-hugetlb", "uffd-poison",
	"dev-mem", "pci-bar", "bpf-map", "perf-ring", "secret", "one-page",
	NULL
};

/* The program beside the one that runs. */
static void zoo_path(char *path, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", path, size - 5);
	char *slash;

	path[len < 0 ? 0 : len] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		tap_bail("cannot tell where the test is");
	strcpy(slash + 1, "zoo");
}

/* Animals start afresh: they share no page with their keeper but the files'. */
static void run_zoo(const char *name, int commands, int answers)
{
	char path[4096], in[12], out[12];

	zoo_path(path, sizeof(path));
	snprintf(in, sizeof(in), "%d", commands);
	snprintf(out, sizeof(out), "%d", answers);
	fcntl(commands, F_SETFD, 0);
	fcntl(answers, F_SETFD, 0);
	execl(path, path, name, in, out, NULL);
	_exit(127);
}

static bool read_all(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t nr = read(fd, (char *)data + done, len - done);

		if (nr <= 0)
			return false;
		done += nr;
	}
	return true;
}

void zoo_start(struct zoo_animal *animal, const char *name)
{
	int commands[2], answers[2];

	memset(animal, 0, sizeof(*animal));
	snprintf(animal->name, sizeof(animal->name), "%s", name);
	if (pipe2(commands, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		tap_bail("pipe: %s", strerror(errno));
	animal->pid = fork();
	if (animal->pid < 0)
		tap_bail("fork: %s", strerror(errno));
	if (!animal->pid)
		run_zoo(name, commands[0], answers[1]);
	close(commands[0]);
	close(answers[1]);
	animal->commands = commands[1];
	animal->answers = answers[0];
	if (!read_all(animal->answers, &animal->report, sizeof(animal->report))) {
		snprintf(animal->report.error, sizeof(animal->report.error), "it died");
		return;
	}
	if (!*animal->report.error && !*animal->report.missing && !proc_wait_idle(animal->pid, 30))
		snprintf(animal->report.error, sizeof(animal->report.error), "it does not rest");
}

void zoo_stop(struct zoo_animal *animal)
{
	kill(animal->pid, SIGKILL);
	if (animal->report.partner)
		kill(animal->report.partner, SIGKILL);
	waitpid(animal->pid, NULL, 0);
	close(animal->commands);
	close(animal->answers);
}

bool zoo_touch(struct zoo_animal *animal, u64 addr, enum zoo_access access,
	       struct zoo_touched *touched)
{
	struct zoo_touch command = { addr, access };

	return write(animal->commands, &command, sizeof(command)) == sizeof(command) &&
	       read_all(animal->answers, touched, sizeof(*touched));
}

const struct zoo_area *zoo_find(const struct zoo_animal *animal, const char *label)
{
	unsigned int i;

	for (i = 0; i < animal->report.nr_areas; i++)
		if (!strcmp(animal->report.area[i].label, label))
			return &animal->report.area[i];
	return NULL;
}
