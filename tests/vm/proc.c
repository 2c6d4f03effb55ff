// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc says of a process and of its frames: see proc.h.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"

static const char *const smaps_names[SMAPS_NR_KEYS] = {
	[SMAPS_SIZE] = "Size",
	[SMAPS_RSS] = "Rss",
	[SMAPS_SHARED_CLEAN] = "Shared_Clean",
	[SMAPS_SHARED_DIRTY] = "Shared_Dirty",
	[SMAPS_PRIVATE_CLEAN] = "Private_Clean",
	[SMAPS_PRIVATE_DIRTY] = "Private_Dirty",
	[SMAPS_REFERENCED] = "Referenced",
	[SMAPS_ANONYMOUS] = "Anonymous",
	[SMAPS_KSM] = "KSM",
	[SMAPS_ANON_HUGE] = "AnonHugePages",
	[SMAPS_SHMEM_PMD] = "ShmemPmdMapped",
	[SMAPS_FILE_PMD] = "FilePmdMapped",
	[SMAPS_SHARED_HUGETLB] = "Shared_Hugetlb",
	[SMAPS_PRIVATE_HUGETLB] = "Private_Hugetlb",
	[SMAPS_SWAP] = "Swap",
};

bool proc_vma_flag(const struct proc_vma *vma, const char *flag)
{
	const char *at;

	for (at = vma->flags; *at; at += 3) {
		if (!strncmp(at, flag, 2))
			return true;
		if (!at[1] || !at[2])
			break;
	}
	return false;
}

char *proc_read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 65536, done = 0;
	char *text, *more;
	ssize_t nr = -1;

	if (fd < 0)
		return NULL;
	text = malloc(size + 1);
	while (text && (nr = read(fd, text + done, size - done)) > 0) {
		done += nr;
		if (size - done >= 65536 / 2)
			continue;
		size *= 2;
		more = realloc(text, size + 1);
		if (!more)
			break;
		text = more;
	}
	close(fd);
	if (!text || nr != 0) {
		free(text);
		return NULL;
	}
	text[done] = '\0';
	if (len)
		*len = done;
	return text;
}

/* "start-end perm offset major:minor inode   name"; @line ends with a NUL. */
static bool parse_header(char *line, struct proc_vma *vma)
{
	int name = 0, i;

	memset(vma, 0, sizeof(*vma));
	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &vma->start, &vma->end, vma->perm,
		   &vma->offset, &vma->major, &vma->minor, &vma->inode, &name) != 7)
		return false;
	vma->name = line + name;
	for (i = 0; i < SMAPS_NR_KEYS; i++)
		vma->kb[i] = SMAPS_ABSENT;
	return true;
}

/* "Key:   number kB" or "VmFlags: aa bb ". */
static void parse_detail(char *line, struct proc_vma *vma)
{
	char *colon = strchr(line, ':');
	int i;

	if (!colon)
		return;
	*colon = '\0';
	if (!strcmp(line, "VmFlags")) {
		snprintf(vma->flags, sizeof(vma->flags), "%s", colon + 2);
		return;
	}
	for (i = 0; i < SMAPS_NR_KEYS; i++)
		if (!strcmp(line, smaps_names[i]))
			vma->kb[i] = strtoull(colon + 1, NULL, 10);
}

/* Header lines begin with a hexadecimal digit in lower case, the others with a capital. */
static int parse_vmas(struct proc_vmas *vmas)
{
	size_t room = 64;
	char *line, *next;

	vmas->vma = malloc(room * sizeof(*vmas->vma));
	for (line = vmas->text; vmas->vma && *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (isupper((unsigned char)*line)) {
			if (vmas->nr)
				parse_detail(line, &vmas->vma[vmas->nr - 1]);
			continue;
		}
		if (vmas->nr == room) {
			room *= 2;
			vmas->vma = realloc(vmas->vma, room * sizeof(*vmas->vma));
			if (!vmas->vma)
				break;
		}
		if (parse_header(line, &vmas->vma[vmas->nr]))
			vmas->nr++;
	}
	return vmas->vma ? 0 : -1;
}

/*
 * maps and smaps may end with the gate page at a kernel address, vsyscall, of which there is one
 * for all processes. It is no VMA.
 */
static void drop_gate(struct proc_vmas *vmas)
{
	if (vmas->nr && !strcmp(vmas->vma[vmas->nr - 1].name, "[vsyscall]"))
		vmas->nr--;
}

static int read_vmas(pid_t pid, const char *file, struct proc_vmas *vmas)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	*vmas = (struct proc_vmas){ .text = proc_read_file(path, NULL) };
	if (!vmas->text)
		return -1;
	if (parse_vmas(vmas))
		return -1;
	drop_gate(vmas);
	return 0;
}

int proc_smaps(pid_t pid, struct proc_vmas *vmas)
{
	return read_vmas(pid, "smaps", vmas);
}

int proc_maps(pid_t pid, struct proc_vmas *vmas)
{
	return read_vmas(pid, "maps", vmas);
}

void proc_vmas_free(struct proc_vmas *vmas)
{
	free(vmas->vma);
	free(vmas->text);
	*vmas = (struct proc_vmas){};
}

const struct proc_vma *proc_vma_at(const struct proc_vmas *vmas, u64 addr)
{
	size_t low = 0, high = vmas->nr;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (vmas->vma[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < vmas->nr && vmas->vma[low].start <= addr ? &vmas->vma[low] : NULL;
}

long proc_number(const char *path, const char *key)
{
	char *text = proc_read_file(path, NULL), *line;
	size_t len = strlen(key);
	long number = -1;

	for (line = text; line && *line; line = strchr(line, '\n') + 1) {
		if (!strncmp(line, key, len) && (line[len] == ':' || isspace(line[len]))) {
			number = strtol(line + len + 1, NULL, 10);
			break;
		}
		if (!strchr(line, '\n'))
			break;
	}
	free(text);
	return number;
}

long proc_status(pid_t pid, const char *key)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	return proc_number(path, key);
}

long proc_interrupts(const char *name)
{
	char *text = proc_read_file("/proc/interrupts", NULL), *at = text ? strstr(text, name) : NULL;
	long all = at ? 0 : -1;

	for (at = at ? at + strlen(name) : NULL; at && (*at == ' ' || isdigit(*at));)
		if (*at == ' ')
			at++;
		else
			all += strtol(at, &at, 10);
	free(text);
	return all;
}

bool proc_have_thp(void)
{
	return !access("/sys/kernel/mm/transparent_hugepage", F_OK);
}

int proc_no_thp(void *addr, size_t len)
{
	return proc_have_thp() ? madvise(addr, len, MADV_NOHUGEPAGE) : 0;
}

long proc_value(const char *path)
{
	char *text = proc_read_file(path, NULL);
	long value = text ? strtol(text, NULL, 10) : -1;

	free(text);
	return value;
}

int proc_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		err = -errno;
	close(fd);
	return err;
}

/* do_migrate_pages() begins with lru_cache_disable(); from a node to itself, nothing moves. */
int proc_empty_batches(void)
{
	unsigned long node = 1;

	return syscall(SYS_migrate_pages, 0, 8 * sizeof(node), &node, &node) < 0 ? -errno : 0;
}

int proc_open_pagemap(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int proc_open_kpage(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void proc_entries(int fd, u64 index, size_t nr, u64 *entries, u64 beyond)
{
	size_t done = 0, i;

	while (done < nr) {
		ssize_t got = pread(fd, entries + done, (nr - done) * 8, (index + done) * 8);

		if (got <= 0)
			break;
		done += got / 8;
	}
	for (i = done; i < nr; i++)
		entries[i] = beyond;
}

u64 proc_pagemap(pid_t pid, const void *addr)
{
	int fd = proc_open_pagemap(pid);
	u64 entry;

	proc_entries(fd, (u64)(uintptr_t)addr / PAGE, 1, &entry, 0);
	if (fd >= 0)
		close(fd);
	return entry;
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/* A kernel thread has no maps, a zombie none any more. */
static bool has_memory(pid_t pid)
{
	char path[64], byte;
	ssize_t nr = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		nr = read(fd, &byte, 1);
		close(fd);
	}
	return nr == 1;
}

pid_t *proc_processes(size_t *nr)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	size_t room = 64;
	pid_t *pids = malloc((room + 1) * sizeof(*pids));

	*nr = 0;
	while (dir && pids && (entry = readdir(dir))) {
		pid_t pid = atoi(entry->d_name);

		if (pid <= 0 || !has_memory(pid))
			continue;
		if (*nr == room) {
			room *= 2;
			pids = realloc(pids, (room + 1) * sizeof(*pids));
		}
		if (pids)
			pids[(*nr)++] = pid;
	}
	if (dir)
		closedir(dir);
	if (pids) {
		qsort(pids, *nr, sizeof(*pids), compare_pids);
		pids[*nr] = 0;
	}
	return pids;
}

/* Of all its threads. */
long proc_switches(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	long sum = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status", pid, entry->d_name);
		sum += proc_number(path, "voluntary_ctxt_switches");
		sum += proc_number(path, "nonvoluntary_ctxt_switches");
	}
	closedir(dir);
	return sum;
}

static char state_of(pid_t pid)
{
	char path[64], *text, *end, state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = proc_read_file(path, NULL);
	end = text ? strrchr(text, ')') : NULL;
	if (end)
		state = end[2];
	free(text);
	return state;
}

bool proc_wait_idle(pid_t pid, unsigned int seconds)
{
	struct timespec nap = { .tv_nsec = 2000000 };
	unsigned int i;

	for (i = 0; i < seconds * 500; i++) {
		char state = state_of(pid);

		if (state == 'S' || state == 'T' || state == 't' || state == 'Z')
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}
