// SPDX-License-Identifier: GPL-2.0
/*
 * What /proc and /sys say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "witness.h"

#define PAGE 4096UL

static int open_of(struct lab *lab, pid_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		lab_broken(lab, "%s: %s", path, strerror(errno));
	return fd;
}

static FILE *stream_of(struct lab *lab, const char *path)
{
	FILE *stream = fopen(path, "re");

	if (!stream)
		lab_broken(lab, "%s: %s", path, strerror(errno));
	return stream;
}

uint64_t lab_pagemap_pages(struct lab *lab, pid_t pid, uint64_t addr, size_t nr, uint64_t set)
{
	int fd = open_of(lab, pid, "pagemap");
	uint64_t entries[512], found = 0;
	off_t at = addr / PAGE * sizeof(*entries);
	ssize_t got, i;

	while (nr) {
		size_t some = nr < 512 ? nr : 512;

		got = pread(fd, entries, some * sizeof(*entries), at);
		if (got <= 0)
			break;
		got /= sizeof(*entries);
		for (i = 0; i < got; i++)
			found += (entries[i] & set) == set;
		at += got * sizeof(*entries);
		nr -= got;
	}
	close(fd);
	return found;
}

uint64_t lab_pagemap(struct lab *lab, pid_t pid, uint64_t addr)
{
	int fd = open_of(lab, pid, "pagemap");
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), addr / PAGE * sizeof(entry)) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry;
}

uint64_t lab_pagemap_same(struct lab *lab, pid_t a, uint64_t addr_a, pid_t b, uint64_t addr_b,
			  size_t nr)
{
	uint64_t same = 0, of_a, of_b;
	size_t i;

	for (i = 0; i < nr; i++) {
		of_a = lab_pagemap(lab, a, addr_a + i * PAGE);
		of_b = lab_pagemap(lab, b, addr_b + i * PAGE);
		same += (of_a & of_b & LAB_PAGEMAP_PRESENT) &&
			(of_a & LAB_PAGEMAP_FRAME) == (of_b & LAB_PAGEMAP_FRAME);
	}
	return same;
}

/* The sum of a line over the VMAs that hold an address from @first up to @last. */
static uint64_t sum_smaps(struct lab *lab, pid_t pid, uint64_t first, uint64_t last,
			  const char *line)
{
	size_t len = strlen(line), size = 0;
	unsigned long start = 0, end = 0, from, to, kb;
	char path[64], *text = NULL;
	uint64_t sum = 0;
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps = stream_of(lab, path);
	while (getline(&text, &size, smaps) > 0) {
		/* "Anonymous" begins with a hexadecimal digit, too. */
		if (sscanf(text, "%lx-%lx ", &from, &to) == 2) {
			start = from;
			end = to;
			continue;
		}
		if (last >= start && first < end && !strncmp(text, line, len) && text[len] == ':' &&
		    sscanf(text + len + 1, "%lu", &kb) == 1)
			sum += kb * 1024;
	}
	free(text);
	fclose(smaps);
	return sum;
}

uint64_t lab_smaps(struct lab *lab, pid_t pid, uint64_t addr, const char *line)
{
	return sum_smaps(lab, pid, addr, addr, line);
}

uint64_t lab_smaps_dirty(struct lab *lab, pid_t pid, uint64_t addr)
{
	return lab_smaps(lab, pid, addr, "Private_Dirty") +
	       lab_smaps(lab, pid, addr, "Shared_Dirty");
}

uint64_t lab_smaps_sum(struct lab *lab, pid_t pid, const char *line)
{
	return sum_smaps(lab, pid, 0, UINT64_MAX, line);
}

/* Return: whether the key is there; @kb: its number is followed by "kB". */
static bool find_number(struct lab *lab, const char *path, const char *key, uint64_t *value,
			bool *kb)
{
	size_t len = strlen(key), size = 0;
	char *text = NULL, unit[8] = "";
	FILE *stream = stream_of(lab, path);
	bool found = false;

	while (!found && getline(&text, &size, stream) > 0)
		found = !strncmp(text, key, len) && strchr(": \t", text[len]) &&
			sscanf(text + len + 1, "%lu %7s", value, unit) >= 1;
	*kb = !strcmp(unit, "kB");
	free(text);
	fclose(stream);
	return found;
}

uint64_t lab_number(struct lab *lab, const char *path, const char *key)
{
	uint64_t value;
	bool kb;

	if (!find_number(lab, path, key, &value, &kb))
		lab_skip(lab, "%s has no '%s'", path, key);
	return value;
}

uint64_t lab_status(struct lab *lab, pid_t pid, const char *line)
{
	uint64_t value;
	char path[64];
	bool kb;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (!find_number(lab, path, line, &value, &kb))
		lab_broken(lab, "%s has no '%s'", path, line);
	return kb ? value * 1024 : value;
}

struct lab_faults lab_stat_faults(struct lab *lab, pid_t pid)
{
	struct lab_faults faults = { 0 };
	char path[64], text[1024], *rest;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stream = stream_of(lab, path);
	rest = fgets(text, sizeof(text), stream) ? strrchr(text, ')') : NULL;
	fclose(stream);
	/* Fields 10 and 12 (proc_pid_stat(5)); the third follows the parenthesis. */
	if (!rest || sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &faults.minor,
			    &faults.major) != 2)
		lab_broken(lab, "%s cannot be parsed", path);
	return faults;
}

const char *lab_file_text(const char *path)
{
	static char text[4096];
	FILE *stream = fopen(path, "re");
	size_t len;

	if (!stream)
		return NULL;
	len = fread(text, 1, sizeof(text) - 1, stream);
	fclose(stream);
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

uint64_t lab_file_number(struct lab *lab, const char *path)
{
	const char *text = lab_file_text(path);

	if (!text)
		lab_skip(lab, "there is no %s", path);
	return strtoull(text, NULL, 10);
}

uint64_t lab_interrupts(struct lab *lab, const char *name)
{
	size_t len = strlen(name), size = 0;
	FILE *stream = stream_of(lab, "/proc/interrupts");
	char *text = NULL, *at, *end;
	uint64_t sum = 0;

	while (getline(&text, &size, stream) > 0) {
		at = text + strspn(text, " ");
		if (strncmp(at, name, len) || at[len] != ':')
			continue;
		for (at += len + 1;; at = end) {
			unsigned long value = strtoul(at, &end, 10);

			if (end == at)
				break;
			sum += value;
		}
	}
	free(text);
	fclose(stream);
	return sum;
}
