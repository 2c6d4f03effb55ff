// SPDX-License-Identifier: GPL-2.0
/*
 * A mapped file is the page cache itself.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define NR	256UL
#define SIZE	(NR * PAGE)
#define MARK	"written through the mapping"

struct work {
	int fd;
	char *at;
};

/* Maps the file, and touches all of it; then writes to it, without telling the kernel. */
static void map_work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	char warm = 0;

	lab_read_pages(&warm, 1, 0);
	shared->at = lab_map_file(shared->fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	lab_done(worker);
	lab_read_pages(shared->at, NR, PAGE);
	lab_done(worker);
	memcpy(shared->at, MARK, sizeof(MARK));
	lab_done(worker);
}

/* Reads it into memory of its own. */
static void read_work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->at = lab_map(SIZE);
	if (pread(shared->fd, shared->at, SIZE, 0) != (ssize_t)SIZE)
		lab_give_up(worker, "the lab's file cannot be read");
	lab_done(worker);
}

struct party {
	struct work *shared;
	struct lab_worker *worker;
	struct lab_target *target;
};

static struct party new_party(struct lab *lab, lab_work work, int fd)
{
	struct party party = { .shared = lab_shared(lab, sizeof(struct work)) };

	party.shared->fd = fd;
	party.worker = lab_worker(lab, work, party.shared);
	party.target = lab_watch(lab, party.worker->pid);
	lab_count_also(lab, party.worker->pid);
	lab_go(lab, party.worker);
	return party;
}

static uint64_t of_class(const struct party *party, enum mms_class class)
{
	return lab_pages(party->target, (uint64_t)party->shared->at, NR, class, 0, 0);
}

static void check_first(struct lab *lab, const struct party *first)
{
	uint64_t major = lab_counted(lab, first->worker->pid, LAB_FAULTS(MMS_FAULT_MAJOR));
	uint64_t by_stat = lab_stat_faults(lab, first->worker->pid).major;

	lab_go(lab, first->worker);
	lab_check(lab, .what = "pages of the file mapped", LAB_EXACTLY(NR),
		  .measured = of_class(first, MMS_CLASS_FILE),
		  LAB_WITNESS("pagemap", lab_pagemap_pages(lab, first->worker->pid,
							   (uint64_t)first->shared->at, NR,
							   LAB_PAGEMAP_PRESENT | LAB_PAGEMAP_FILE)));
	/* How many depends on how much is read ahead. */
	lab_check(lab, .what = "major faults", LAB_BETWEEN(1, NR),
		  .measured = lab_counted(lab, first->worker->pid, LAB_FAULTS(MMS_FAULT_MAJOR)) -
			      major,
		  LAB_WITNESS("stat", lab_stat_faults(lab, first->worker->pid).major - by_stat));
}

static void check_second(struct lab *lab, const struct party *first, const struct party *second)
{
	uint64_t at = (uint64_t)second->shared->at;
	uint64_t major = lab_counted(lab, second->worker->pid, LAB_FAULTS(MMS_FAULT_MAJOR));
	uint64_t by_stat = lab_stat_faults(lab, second->worker->pid).major;

	lab_go(lab, second->worker);
	lab_check(lab, .what = "same frame in both", LAB_EXACTLY(NR),
		  .measured = lab_same_frames(first->target, (uint64_t)first->shared->at,
					      second->target, at, NR, NULL),
		  LAB_WITNESS("pagemap", lab_pagemap_same(lab, first->worker->pid,
							  (uint64_t)first->shared->at,
							  second->worker->pid, at, NR)));
	lab_check(lab, .what = "pages shared", .unit = LAB_BYTES, LAB_EXACTLY(SIZE),
		  .measured = lab_vma_sum(second->target, at, "shared"),
		  LAB_WITNESS("smaps", lab_smaps(lab, second->worker->pid, at, "Shared_Clean")));
	lab_check(lab, .what = "major faults", LAB_EXACTLY(0),
		  .measured = lab_counted(lab, second->worker->pid, LAB_FAULTS(MMS_FAULT_MAJOR)) -
			      major,
		  LAB_WITNESS("stat", lab_stat_faults(lab, second->worker->pid).major - by_stat));
	lab_note(lab, "minor faults are fewer than pages: each maps what is around it, too (fault_around_bytes)");
}

static void check_reader(struct lab *lab, const struct party *first, const struct party *reader)
{
	uint64_t at = (uint64_t)reader->shared->at;

	lab_check(lab, .what = "pages of its own", .unit = LAB_BYTES, LAB_EXACTLY(SIZE),
		  .measured = lab_vma_sum(reader->target, at, "anon"),
		  LAB_WITNESS("smaps", lab_smaps(lab, reader->worker->pid, at, "Anonymous")));
	lab_check(lab, .what = "frames of the file", LAB_EXACTLY(0),
		  .measured = lab_same_frames(first->target, (uint64_t)first->shared->at,
					      reader->target, at, NR, NULL),
		  LAB_WITNESS("pagemap", lab_pagemap_same(lab, first->worker->pid,
							  (uint64_t)first->shared->at,
							  reader->worker->pid, at, NR)));
}

static void run(struct lab *lab)
{
	char path[LAB_PATH], other[LAB_PATH], text[sizeof(MARK)] = "";
	int fd = lab_file(lab, path, "mmap-io", SIZE);
	struct party first, second, reader;
	int second_fd = lab_spoilt(lab) ? lab_file(lab, other, "mmap-io-copy", SIZE) : fd;

	lab_count(lab, getpid());
	lab_file_drop(lab, fd);
	first = new_party(lab, map_work, fd);
	lab_step(lab, "a process maps a file of 1 MiB that is on the disk only, and touches all of it");
	check_first(lab, &first);

	lab_step(lab, "a second process maps and touches it, too");
	second = new_party(lab, map_work, second_fd);
	check_second(lab, &first, &second);
	lab_show_walk(lab, first.target, "the first process's page 0", (uint64_t)first.shared->at);
	lab_show_walk(lab, second.target, "the second process's page 0", (uint64_t)second.shared->at);

	lab_step(lab, "a third one reads it by read(2) instead");
	reader = new_party(lab, read_work, fd);
	check_reader(lab, &first, &reader);

	lab_step(lab, "the first process writes to its mapping, and does nothing else");
	lab_go(lab, first.worker);
	if (pread(fd, text, sizeof(text), 0) != sizeof(text))
		lab_broken(lab, "the lab's file cannot be read");
	lab_check_that(lab, "read(2) in another process returns what was written",
		       !strcmp(text, MARK));
	lab_check_that(lab, "the second process has the same frame as before",
		       lab_same_frames(first.target, (uint64_t)first.shared->at, second.target,
				       (uint64_t)second.shared->at, 1, NULL) == 1);
	lab_note(lab, "read(2) and the mappings all use the same page; msync() is for the disk, not for the others");
}

const struct lab_def lab_def_mmap_io = {
	.name = "mmap-io",
	.topic = LAB_SHARING,
	.claim = "A mapped file is the page cache itself: whoever maps it has the same frames, and nothing is copied, as it is by read().",
	.spoil = "the second process maps a copy of the file",
	.run = run,
};
