// SPDX-License-Identifier: GPL-2.0
/*
 * MAP_SHARED writes are seen by others and reach the file; MAP_PRIVATE writes do neither.
 */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "count.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	4096UL
#define NR	128UL
#define SIZE	(NR * PAGE)
#define WRITTEN 40UL
/* What is in the pages that were written; the others begin with their number. */
#define MARK	0x1234567890abcdefUL

struct work {
	int fd;
	int flags;
	uint64_t *at;
	uint64_t seen;		/* pages in which it finds the mark */
};

static uint64_t nr_marked(const uint64_t *at)
{
	uint64_t nr = 0, i;

	for (i = 0; i < NR; i++)
		nr += at[i * PAGE / sizeof(*at)] == MARK;
	return nr;
}

static void reader_work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;

	shared->at = (uint64_t *)lab_map_file(shared->fd, SIZE, PROT_READ, MAP_SHARED);
	do {
		shared->seen = nr_marked(shared->at);
		lab_done(worker);
	} while (true);
}

static void writer_work(struct lab_worker *worker, void *arg)
{
	struct work *shared = arg;
	size_t i;

	shared->at = (uint64_t *)lab_map_file(shared->fd, SIZE, PROT_READ | PROT_WRITE,
					      shared->flags);
	lab_read_pages((char *)shared->at, NR, PAGE);
	lab_done(worker);
	for (i = 0; i < WRITTEN; i++)
		shared->at[i * PAGE / sizeof(*shared->at)] = MARK;
	lab_done(worker);
	if (msync(shared->at, SIZE, MS_SYNC))
		lab_give_up(worker, "msync");
	lab_done(worker);
}

struct party {
	struct work *shared;
	struct lab_worker *worker;
	struct lab_target *target;
	uint64_t at;
};

static struct party new_party(struct lab *lab, lab_work work, int fd, int flags)
{
	struct party party = { .shared = lab_shared(lab, sizeof(struct work)) };

	party.shared->fd = fd;
	party.shared->flags = flags;
	party.worker = lab_worker(lab, work, party.shared);
	lab_count_also(lab, party.worker->pid);
	party.target = lab_watch(lab, party.worker->pid);
	lab_go(lab, party.worker);
	party.at = (uint64_t)party.shared->at;
	return party;
}

/* Pages of the file itself in which read(2) finds the mark. */
static uint64_t nr_in_file(struct lab *lab, int fd)
{
	static uint64_t content[SIZE / sizeof(uint64_t)];

	if (pread(fd, content, SIZE, 0) != (ssize_t)SIZE)
		lab_broken(lab, "the lab's file cannot be read");
	return nr_marked(content);
}

/* Pages of which both have the same frame, in the entries, and by pagemap. */
static void check_same(struct lab *lab, const struct party *a, const struct party *b,
		       uint64_t predicted)
{
	lab_check(lab, .what = "same frame in both", LAB_EXACTLY(predicted),
		  .measured = lab_same_frames(a->target, a->at, b->target, b->at, NR, NULL),
		  LAB_WITNESS("pagemap", lab_pagemap_same(lab, a->worker->pid, a->at,
							  b->worker->pid, b->at, NR)));
}

static uint64_t nr_dirty(const struct party *party, enum mms_class class)
{
	return lab_pages(party->target, party->at, NR, class, MMS_X86_D, 0);
}

static uint64_t smaps_dirty(struct lab *lab, const struct party *party)
{
	return lab_smaps_dirty(lab, party->worker->pid, party->at) / PAGE;
}

static void check_seen(struct lab *lab, const struct party *reader, int fd, uint64_t predicted)
{
	lab_go(lab, reader->worker);
	lab_check(lab, .what = "pages the reader sees", LAB_EXACTLY(predicted),
		  .measured = reader->shared->seen, LAB_WITNESS("read(2)", nr_in_file(lab, fd)));
}

static void check_shared(struct lab *lab, const struct party *writer, const struct party *reader,
			 int fd)
{
	lab_go(lab, writer->worker);
	check_seen(lab, reader, fd, WRITTEN);
	check_same(lab, writer, reader, NR);
	lab_check(lab, .what = "pages copied", LAB_EXACTLY(0),
		  .measured = lab_counted_at(lab, writer->worker->pid, writer->at, LAB_BREAKS));
	lab_check(lab, .what = "dirty entries, writer", LAB_EXACTLY(WRITTEN),
		  .measured = nr_dirty(writer, MMS_CLASS_FILE),
		  LAB_WITNESS("smaps", smaps_dirty(lab, writer)));
	lab_check(lab, .what = "dirty entries, reader", LAB_EXACTLY(0),
		  .measured = nr_dirty(reader, MMS_CLASS_FILE));
	lab_show_walk(lab, writer->target, "the writer's page 0", writer->at);
	lab_show_walk(lab, reader->target, "the reader's page 0", reader->at);

	lab_step(lab, "it calls msync()");
	lab_go(lab, writer->worker);
	lab_check(lab, .what = "dirty entries, writer", LAB_EXACTLY(0),
		  .measured = nr_dirty(writer, MMS_CLASS_FILE),
		  LAB_WITNESS("smaps", smaps_dirty(lab, writer)));
	lab_note(lab, "before the kernel writes a page to the disk it takes the dirty bit and the right to write from every entry, so that it learns of the next write");
}

/* Nobody may have a page that is to be read again from the disk. */
static void check_disk(struct lab *lab, const struct party *writer, const struct party *reader,
		       int fd)
{
	lab_step(lab, "both processes end; what is in memory of the file is dropped, and it is read again");
	lab_last(lab, writer->worker);
	kill(reader->worker->pid, SIGKILL);
	lab_wait_end(lab, reader->worker->pid);
	lab_file_drop(lab, fd);
	lab_check(lab, .what = "pages changed, on the disk", LAB_EXACTLY(WRITTEN),
		  .measured = nr_in_file(lab, fd));
}

static void check_private(struct lab *lab, const struct party *writer, const struct party *reader,
			  int fd)
{
	lab_go(lab, writer->worker);
	check_seen(lab, reader, fd, 0);
	check_same(lab, writer, reader, NR - WRITTEN);
	lab_check(lab, .what = "pages copied", LAB_EXACTLY(WRITTEN),
		  .measured = lab_counted_at(lab, writer->worker->pid, writer->at,
					     LAB_BREAKS_OF(MMS_COW_FILE)));
	lab_check(lab, .what = "anonymous pages", .unit = LAB_BYTES, LAB_EXACTLY(WRITTEN * PAGE),
		  .measured = lab_vma_sum(writer->target, writer->at, "anon"),
		  LAB_WITNESS("smaps", lab_smaps(lab, writer->worker->pid, writer->at, "Anonymous")));
	lab_check(lab, .what = "dirty pages of the file", LAB_EXACTLY(0),
		  .measured = nr_dirty(writer, MMS_CLASS_FILE),
		  LAB_WITNESS("smaps", smaps_dirty(lab, reader)));
	lab_show_walk(lab, writer->target, "the writer's page 0", writer->at);
	lab_show_walk(lab, reader->target, "the reader's page 0", reader->at);
	lab_note(lab, "pages of a private mapping that were not written stay those of the file: POSIX leaves open whether later changes of the file show there; on Linux they do");
}

static void run(struct lab *lab)
{
	struct party writer, reader;
	char path[LAB_PATH], other[LAB_PATH];
	int fd, other_fd;

	/* What is dirty stays so until it is written on request. */
	lab_set(lab, "/proc/sys/vm/dirty_writeback_centisecs", "0");
	fd = lab_file(lab, path, "map-shared", SIZE);
	other_fd = lab_file(lab, other, "map-private", SIZE);
	lab_count(lab, getpid());
	lab_step(lab, "one process maps a file of %lu pages MAP_SHARED, another one, too; the first writes to %lu pages",
		 NR, WRITTEN);
	writer = new_party(lab, writer_work, fd, lab_spoilt(lab) ? MAP_PRIVATE : MAP_SHARED);
	reader = new_party(lab, reader_work, fd, MAP_SHARED);
	check_shared(lab, &writer, &reader, fd);
	check_disk(lab, &writer, &reader, fd);

	lab_step(lab, "the same with another file, which the writer maps MAP_PRIVATE");
	writer = new_party(lab, writer_work, other_fd, MAP_PRIVATE);
	reader = new_party(lab, reader_work, other_fd, MAP_SHARED);
	check_private(lab, &writer, &reader, other_fd);
}

const struct lab_def lab_def_map_shared_private = {
	.name = "map-shared-private",
	.topic = LAB_SHARING,
	.claim = "What is written to a MAP_SHARED mapping is seen by everybody and reaches the file; what is written to a MAP_PRIVATE mapping is neither seen nor does it.",
	.spoil = "the first writer, too, maps the file MAP_PRIVATE",
	.run = run,
};
