/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PID/translate, parsed, and its steps judged: indices by hand, entries read again through
 * /proc/kcore, frames against pagemap.
 */
#ifndef MMS_VIEWS_STEPS_H
#define MMS_VIEWS_STEPS_H

#include "tap.h"
#include "views.h"
#include "zoo.h"

struct step {
	char level[4];
	unsigned int index;
	u64 pa, raw;
	char flags[128];
};

/**
 * struct translation - the answer for one address
 * @stop: what follows "stop", "" if a frame was found instead
 * @size, @frame, @offset, @physical: if a frame was found
 * @vma: what follows "vma"
 * @class: "" outside of VMAs
 * @touch: by enum zoo_access
 */
struct translation {
	u64 addr;
	struct step step[5];
	unsigned int nr_steps;
	bool has_user_copy;
	struct step user_copy;
	char stop[64];
	u64 frame, offset, physical, size;
	char vma[128];
	char class[32];
	bool unstable;
	char touch[3][32];
};

#define STEPS_MAX 128

/* Translates these addresses, at most STEPS_MAX. Exits if the answer cannot be parsed. */
void steps_read(pid_t pid, const u64 *addr, unsigned int nr, struct translation *answer);
/* One address. */
struct translation steps_of(pid_t pid, u64 addr);

/* Paging levels, as /proc/cpuinfo and the kernel's command line have it; page-table isolation. */
unsigned int steps_levels(void);
bool steps_isolated(void);

/* Physical memory, by /proc/kcore. Return: false if the machine does not show it. */
bool steps_open_kcore(void);
bool steps_read_physical(u64 pa, u64 *value);
/* First address of the kernel's map of all memory; physical address 0. */
u64 steps_direct_map(void);

/* Everything that can be said of any answer: of the chain of steps, the frame, the copy. */
void steps_judge(const struct translation *t, struct tap_diffs *diffs);
/* The same entries by another way: /proc/kcore. */
void steps_reread(const struct translation *t, struct tap_diffs *diffs);

#endif /* MMS_VIEWS_STEPS_H */
