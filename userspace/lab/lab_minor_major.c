// SPDX-License-Identifier: GPL-2.0
/*
 * A fault that waits for a disk is major, one that finds the page in memory is minor; and one fault
 * may bring more pages than one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define NR	1024UL
#define SIZE	(NR * PAGE)

/* What is done to the file, by one process after another. */
struct work {
	int fd;
	char *at;
	bool random;		/* no reading ahead */
	size_t first, nr, stride;	/* pages to touch */
};

static void work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	char warm = 0;

	lab_read_pages(&warm, 1, 0);
	shared->at = lab_map_file(shared->fd, SIZE, PROT_READ, MAP_SHARED);
	if (shared->random && madvise(shared->at, SIZE, MADV_RANDOM))
		lab_give_up(worker, "madvise");
	do {
		lab_done(worker);
		lab_read_pages(shared->at + shared->first * PAGE, shared->nr, shared->stride * PAGE);
	} while (true);
}

struct faults {
	uint64_t there, major, by_stat;
};

/* Has a process touch @nr pages. Return: the faults it took. */
static struct faults touch(struct lab *lab, struct lab_worker *worker, struct work *shared,
			   size_t first, size_t nr, size_t stride)
{
	struct lab_counters major = LAB_FAULTS(MMS_FAULT_MAJOR);
	struct faults faults;

	shared->first = first;
	shared->nr = nr;
	shared->stride = stride;
	faults.there = lab_counted_at(lab, worker->pid, (uint64_t)shared->at, LAB_HANDLED);
	faults.major = lab_counted(lab, worker->pid, major);
	faults.by_stat = lab_stat_faults(lab, worker->pid).major;
	lab_go(lab, worker);
	return (struct faults){
		lab_counted_at(lab, worker->pid, (uint64_t)shared->at, LAB_HANDLED) - faults.there,
		lab_counted(lab, worker->pid, major) - faults.major,
		lab_stat_faults(lab, worker->pid).major - faults.by_stat,
	};
}

static struct lab_worker *new_worker(struct lab *lab, struct work *shared, bool random)
{
	struct lab_worker *worker = lab_worker(lab, work, shared);

	shared->random = random;
	lab_count_also(lab, worker->pid);
	lab_go(lab, worker);
	return worker;
}

/* A process that is gone maps nothing, and what nobody maps can be dropped. */
static void end(struct lab *lab, struct lab_worker *worker)
{
	kill(worker->pid, SIGKILL);
	lab_wait_end(lab, worker->pid);
}

static void read_file(struct lab *lab, int fd)
{
	char buffer[PAGE];
	size_t i;

	for (i = 0; i < NR; i++)
		if (pread(fd, buffer, PAGE, i * PAGE) != (ssize_t)PAGE)
			lab_broken(lab, "the lab's file cannot be read");
}

static void check_faults(struct lab *lab, struct faults faults, uint64_t all, uint64_t major)
{
	lab_check(lab, .what = "faults there", LAB_EXACTLY(all), .measured = faults.there);
	lab_check(lab, .what = "of them major", LAB_EXACTLY(major), .measured = faults.major,
		  LAB_WITNESS("stat", faults.by_stat));
}

/*
 * @stride: so far apart that mapping what is around (fault-around) does not bring the next; MADV_RANDOM
 * keeps the kernel from reading ahead.
 */
static void check_cold_and_warm(struct lab *lab, struct work *shared, size_t stride)
{
	struct lab_worker *first, *second;

	lab_file_drop(lab, shared->fd);
	if (lab_spoilt(lab))
		read_file(lab, shared->fd);
	lab_step(lab, "a process maps a file of which nothing is in memory, and touches %lu pages, far apart",
		 NR / stride);
	first = new_worker(lab, shared, true);
	check_faults(lab, touch(lab, first, shared, 0, NR / stride, stride), NR / stride,
		     NR / stride);

	lab_step(lab, "another process does the same");
	second = new_worker(lab, shared, true);
	check_faults(lab, touch(lab, second, shared, 0, NR / stride, stride), NR / stride, 0);
	end(lab, first);
	end(lab, second);
}

/* How much the kernel reads around a fault, in pages (struct backing_dev_info.ra_pages); 0: not known. */
static size_t pages_read_around(struct lab *lab, int fd)
{
	struct stat status;
	const char *text;
	char path[64];

	if (fstat(fd, &status))
		lab_broken(lab, "fstat");
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(status.st_dev),
		 minor(status.st_dev));
	text = lab_file_text(path);
	return text ? strtoul(text, NULL, 10) * 1024 / PAGE : 0;
}

static size_t pages_in_memory(struct lab *lab, int fd)
{
	char *at = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char in_memory[NR];
	size_t i, nr = 0;

	if (at == MAP_FAILED || mincore(at, SIZE, in_memory))
		lab_broken(lab, "mincore: %m");
	munmap(at, SIZE);
	for (i = 0; i < NR; i++)
		nr += in_memory[i] & 1;
	return nr;
}

/* do_sync_mmap_readahead() of mm/filemap.c (6.1, 6.12): half of them before the page, half behind. */
static void check_readahead(struct lab *lab, struct work *shared)
{
	size_t nr = pages_read_around(lab, shared->fd), tries = 0, found;
	struct lab_worker *worker;
	struct faults faults;

	lab_file_drop(lab, shared->fd);
	lab_step(lab, "nothing is in memory again; a process touches one page in the middle");
	if (nr < 8 || nr > NR / 2) {
		lab_note(lab, "left out: this file's device does not tell how much it reads ahead, or that is not between 32 KiB and 2 MiB");
		return;
	}
	worker = new_worker(lab, shared, false);
	check_faults(lab, touch(lab, worker, shared, NR / 2, 1, 0), 1, 1);
	/* The fault waited for its own page only. */
	while ((found = pages_in_memory(lab, shared->fd)) < nr && tries++ < 2000)
		usleep(5000);
	lab_check(lab, .what = "pages it had read", LAB_EXACTLY(nr), .measured = found);

	lab_step(lab, "it touches its neighbours");
	/* At the last quarter reading ahead goes on: a fault there would wait for that. */
	faults = touch(lab, worker, shared, NR / 2 - nr / 2, nr / 4 * 3, 1);
	lab_check(lab, .what = "major faults", LAB_EXACTLY(0), .measured = faults.major,
		  LAB_WITNESS("stat", faults.by_stat));
	end(lab, worker);
}

static void check_fault_around(struct lab *lab, struct work *shared, size_t window)
{
	struct lab_worker *worker;
	uint64_t at;

	read_file(lab, shared->fd);
	lab_step(lab, "all of the file is in memory; a process touches one page");
	worker = new_worker(lab, shared, false);
	check_faults(lab, touch(lab, worker, shared, NR / 2, 1, 0), 1, 0);
	at = (uint64_t)shared->at;
	lab_check(lab, .what = "pages mapped by it", LAB_EXACTLY(window),
		  .measured = lab_pages(lab_watch(lab, worker->pid), at, NR, MMS_CLASS_FILE, 0, 0),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, worker->pid, at, NR,
							   LAB_PAGEMAP_PRESENT)));
	lab_note(lab, "a fault on a file maps what is in memory around it, too (fault_around_bytes), so that the number of minor faults says little about the pages used");
}

static void run(struct lab *lab)
{
	struct work *shared = lab_shared(lab, sizeof(*shared));
	size_t window = lab_debugfs_number(lab, "fault_around_bytes") / PAGE;
	char path[LAB_PATH];

	/* At most what one table maps. */
	window = window < 1 ? 1 : window > 512 ? 512 : window;
	shared->fd = lab_file(lab, path, "minor-major", SIZE);
	lab_count(lab, getpid());
	check_cold_and_warm(lab, shared, window < 16 ? 16 : window);
	check_readahead(lab, shared);
	check_fault_around(lab, shared, window);
}

const struct lab_def lab_def_minor_major = {
	.name = "minor-major",
	.topic = LAB_DEMAND,
	.claim = "A fault on a page that is in memory already is minor; one that has to wait for the disk is major.",
	.spoil = "the file is read before it is touched",
	.run = run,
};
