// SPDX-License-Identifier: GPL-2.0
/*
 * Fifty processes keep one copy of libc's text, and fifty of the data that were relocated.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guard.h"
#include "labs.h"
#include "machine.h"
#include "measure.h"
#include "witness.h"
#include "worker.h"

#define PAGE	 4096UL
#define NR	 50U
#define LIBRARY	 "/libc.so.6"
/* Pages of a part of the library; more are not looked at. */
#define MAX_PAGES 1024U

/* A process, and where it has the library's text, and its data that are written to. */
struct user {
	pid_t pid;
	struct lab_target *target;
	struct lab_vma text, data;
};

static void find_library(void *data, const struct lab_vma *vma)
{
	const char *name = strrchr(vma->name, '/');
	struct user *user = data;

	if (!name || strcmp(name, LIBRARY))
		return;
	if (!strncmp(vma->perm, "r-x", 3))
		user->text = *vma;
	if (!strncmp(vma->perm, "rw-", 3))
		user->data = *vma;
}

/* A copy of the library at @path, in a directory of its own, for LD_LIBRARY_PATH. */
static void copy_library(struct lab *lab, const char *path, char *dir)
{
	char *const argv[] = { "cp", (char *)path, dir, NULL };
	const char *tmp = getenv("TMPDIR");
	char copy[LAB_PATH + sizeof(LIBRARY)];
	int status;

	snprintf(dir, LAB_PATH, "%s/mmscope-lab-library-%d", tmp && *tmp ? tmp : "/var/tmp", getpid());
	snprintf(copy, sizeof(copy), "%s" LIBRARY, dir);
	lab_guard_undo(lab, LAB_UNDO_RMDIR, dir, NULL);
	lab_guard_undo(lab, LAB_UNDO_UNLINK, copy, NULL);
	if (mkdir(dir, 0755))
		lab_broken(lab, "%s: %s", dir, strerror(errno));
	status = lab_wait_end(lab, lab_spawn(lab, argv, NULL));
	if (status)
		lab_broken(lab, "%s cannot be copied", path);
}

static void start(struct lab *lab, struct user *user)
{
	char *const argv[] = { "sleep", "infinity", NULL };

	user->pid = lab_spawn(lab, argv, NULL);
	lab_wait_state(lab, user->pid, 'S');
	user->target = lab_watch(lab, user->pid);
	lab_each_vma(user->target, find_library, user);
	if (!user->text.end || !user->data.end)
		lab_skip(lab, "sleep does not use libc.so.6 here");
}

/* Which frames are behind each page of a part of the library, over all processes. */
struct frames {
	uint64_t start;
	enum mms_class class;
	uint64_t frame[MAX_PAGES][NR];
	unsigned int nr[MAX_PAGES];	/* of different frames */
	unsigned int users[MAX_PAGES];	/* processes that have the page */
	uint64_t entries;		/* that map such a page */
};

static void take_page(void *data, uint64_t addr, const struct lab_entry *entry)
{
	struct frames *frames = data;
	size_t page = (addr - frames->start) / PAGE;
	unsigned int i;

	if (entry->class != frames->class)
		return;
	frames->entries++;
	frames->users[page]++;
	for (i = 0; i < frames->nr[page]; i++)
		if (frames->frame[page][i] == entry->pfn)
			return;
	frames->frame[page][frames->nr[page]++] = entry->pfn;
}

static void take_frames(struct frames *frames, const struct user *user, const struct lab_vma *vma)
{
	size_t nr = (vma->end - vma->start) / PAGE;

	frames->start = vma->start;
	lab_each_page(user->target, vma->start, nr < MAX_PAGES ? nr : MAX_PAGES, take_page, frames);
}

/* Pages that somebody has, and frames for them. */
static void sum(const struct frames *frames, uint64_t *pages, uint64_t *nr)
{
	unsigned int i;

	*pages = *nr = 0;
	for (i = 0; i < MAX_PAGES; i++) {
		*pages += frames->nr[i] > 0;
		*nr += frames->nr[i];
	}
}

/* Entries for pages that more than one of the processes have: these are shared, whoever else there is. */
static uint64_t nr_in_common(const struct frames *frames)
{
	uint64_t nr = 0;
	unsigned int i;

	for (i = 0; i < MAX_PAGES; i++)
		nr += frames->users[i] > 1 ? frames->users[i] : 0;
	return nr;
}

static struct frames *new_frames(struct lab *lab, enum mms_class class)
{
	struct frames *frames = calloc(1, sizeof(*frames));

	if (!frames)
		lab_broken(lab, "out of memory");
	frames->class = class;
	return frames;
}

/* Frames behind a page of text, by pagemap; 0 if not all processes have it. */
static uint64_t frames_by_pagemap(struct lab *lab, const struct user *users, size_t page)
{
	uint64_t frame[NR], entry, nr = 0;
	unsigned int i, k;

	for (i = 0; i < NR; i++) {
		entry = lab_pagemap(lab, users[i].pid, users[i].text.start + page * PAGE);
		if (!(entry & LAB_PAGEMAP_PRESENT))
			return 0;
		for (k = 0; k < nr && frame[k] != (entry & LAB_PAGEMAP_FRAME); k++)
			;
		if (k == nr)
			frame[nr++] = entry & LAB_PAGEMAP_FRAME;
	}
	return nr;
}

static void check_text(struct lab *lab, const struct user *users)
{
	struct frames *frames = new_frames(lab, MMS_CLASS_FILE);
	uint64_t pages, nr, shared = 0, rss = 0, by_smaps = 0, by_pagemap = 0;
	unsigned int i;

	for (i = 0; i < NR; i++) {
		take_frames(frames, &users[i], &users[i].text);
		shared += lab_vma_sum(users[i].target, users[i].text.start, "shared");
		rss += lab_vma_sum(users[i].target, users[i].text.start, "rss");
		/* What is still to be written to the disk of a new library is told apart there. */
		by_smaps += lab_smaps(lab, users[i].pid, users[i].text.start, "Shared_Clean") +
			    lab_smaps(lab, users[i].pid, users[i].text.start, "Shared_Dirty");
	}
	sum(frames, &pages, &nr);
	for (i = 0; i < MAX_PAGES && !by_pagemap; i++)
		by_pagemap = frames_by_pagemap(lab, users, i);
	lab_step(lab, "the pages of libc's text that they have in memory");
	lab_check_that(lab, "there is one that all have", by_pagemap > 0);
	lab_check(lab, .what = "frames for this page", LAB_EXACTLY(1),
		  .measured = i ? frames->nr[i - 1] : 0, LAB_WITNESS("pagemap", by_pagemap));
	lab_check(lab, .what = "frames for all pages", LAB_EXACTLY(pages), .measured = nr);
	/* A page that one of them alone has may be shared with another program, or with none. */
	lab_check(lab, .what = "shared, summed", .unit = LAB_BYTES,
		  LAB_BETWEEN(nr_in_common(frames) * PAGE, rss),
		  .measured = shared, LAB_WITNESS("smaps", by_smaps));
	lab_evidence(lab, "%lu entries of %u processes map %lu pages of text, which are in %lu frames",
		     frames->entries, NR, pages, nr);
	lab_evidence(lab, "each with a copy of its own would need %lu kB; there are %lu kB",
		     frames->entries * 4, nr * 4);
	lab_show_walk(lab, users[0].target, "the first process's text", users[0].text.start);
	lab_show_walk(lab, users[NR - 1].target, "the last one's", users[NR - 1].text.start);
	free(frames);
}

static void check_data(struct lab *lab, const struct user *users)
{
	struct frames *frames = new_frames(lab, MMS_CLASS_ANON);
	uint64_t pages, nr, by_smaps = 0;
	unsigned int i;

	for (i = 0; i < NR; i++) {
		take_frames(frames, &users[i], &users[i].data);
		by_smaps += lab_smaps(lab, users[i].pid, users[i].data.start, "Anonymous");
	}
	sum(frames, &pages, &nr);
	lab_step(lab, "the pages of its data that they have written to");
	lab_check_that(lab, "each process has some", frames->entries >= NR);
	lab_check(lab, .what = "frames for these pages", LAB_EXACTLY(frames->entries), .measured = nr,
		  LAB_WITNESS("smaps", by_smaps / PAGE));
	lab_note(lab, "the loader writes addresses into a library's data (relocation), which the process then has as copies of its own; text has no addresses to be filled in (it is position independent), so that it can be shared wherever it is mapped");
	free(frames);
}

static void run(struct lab *lab)
{
	static struct user users[NR];
	char dir[LAB_PATH];
	unsigned int i;

	lab_step(lab, "%u processes are started, each of a program that uses libc", NR);
	for (i = 0; i < NR; i++) {
		if (i == NR - 1 && lab_spoilt(lab)) {
			copy_library(lab, users[0].text.name, dir);
			setenv("LD_LIBRARY_PATH", dir, 1);
		}
		start(lab, &users[i]);
	}
	check_text(lab, users);
	check_data(lab, users);
}

const struct lab_def lab_def_shared_library = {
	.name = "shared-library",
	.topic = LAB_SHARING,
	.claim = "Fifty processes keep one copy of libc's text in memory, but each its own copy of the data that it writes to.",
	.spoil = "one process uses a copy of the library, another file",
	.run = run,
};
