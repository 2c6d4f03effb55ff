// SPDX-License-Identifier: GPL-2.0
/*
 * PID/translate, parsed and judged: see views_steps.h.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>

#include "views_steps.h"

static const char *const level_names[] = { "?", "PTE", "PMD", "PUD", "P4D", "PGD" };

static bool parse_step(const char *line, struct step *step)
{
	return sscanf(line, "%3s %u %llx %llx %127s", step->level, &step->index, &step->pa,
		      &step->raw, step->flags) == 5;
}

/* What follows WORD and a blank at the beginning of a line, or NULL. */
static const char *after(const char *line, const char *word)
{
	size_t len = strlen(word);

	return !strncmp(line, word, len) && line[len] == ' ' ? line + len + 1 : NULL;
}

static bool parse_line(const char *line, struct translation *t)
{
	const char *rest;

	if ((rest = after(line, "step")))
		return t->nr_steps < 5 && parse_step(rest, &t->step[t->nr_steps++]);
	if ((rest = after(line, "user_copy")))
		return t->has_user_copy = parse_step(rest, &t->user_copy);
	if ((rest = after(line, "frame")))
		return sscanf(rest, "%llx offset %llx physical %llx size %llu", &t->frame,
			      &t->offset, &t->physical, &t->size) == 4;
	if ((rest = after(line, "stop")))
		return snprintf(t->stop, sizeof(t->stop), "%s", rest) > 0;
	if ((rest = after(line, "vma")))
		return snprintf(t->vma, sizeof(t->vma), "%s", rest) > 0;
	if ((rest = after(line, "class")))
		return snprintf(t->class, sizeof(t->class), "%s", rest) > 0;
	if ((rest = after(line, "touch")))
		return sscanf(rest, "read %31s write %31s exec %31s", t->touch[0], t->touch[1],
			      t->touch[2]) == 3;
	if (!strcmp(line, "unstable"))
		return t->unstable = true;
	return *line == '#';
}

/* Each answer begins with its address. */
static unsigned int parse(char *text, struct translation *answer, unsigned int max)
{
	unsigned int nr = 0;
	char *line, *next;

	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		if (!next)
			tap_bail("half a line in translate: %s", line);
		*next++ = '\0';
		if (!strncmp(line, "address ", 8)) {
			if (nr == max)
				tap_bail("more answers than addresses");
			memset(&answer[nr], 0, sizeof(*answer));
			answer[nr++].addr = strtoull(line + 8, NULL, 16);
		} else if ((!nr && *line != '#') || (nr && !parse_line(line, &answer[nr - 1]))) {
			tap_bail("translate says: %s", line);
		}
	}
	return nr;
}

void steps_read(pid_t pid, const u64 *addr, unsigned int nr, struct translation *answer)
{
	char words[STEPS_MAX * 18] = "", *text;
	unsigned int i, len = 0;

	for (i = 0; i < nr; i++)
		len += snprintf(words + len, sizeof(words) - len, "%llx ", addr[i]);
	text = views_translate(pid, words);
	if (!text)
		tap_bail("translate of %d: %s", pid, strerror(errno));
	if (parse(text, answer, nr) != nr)
		tap_bail("translate of %d has not answered for every address", pid);
	free(text);
}

struct translation steps_of(pid_t pid, u64 addr)
{
	struct translation answer;

	steps_read(pid, &addr, 1, &answer);
	return answer;
}

static bool file_has(const char *path, const char *word)
{
	char *text = proc_read_file(path, NULL);
	bool has = text && strstr(text, word);

	free(text);
	return has;
}

unsigned int steps_levels(void)
{
	static unsigned int levels;

	if (!levels)
		levels = file_has("/proc/cpuinfo", " la57") &&
			 !file_has("/proc/cmdline", "no5lvl") ? 5 : 4;
	return levels;
}

bool steps_isolated(void)
{
	static int isolated = -1;

	if (isolated < 0)
		isolated = file_has("/proc/cpuinfo", " pti");
	return isolated;
}

static int kcore = -1;
static struct {
	u64 pa, len, va, offset;
} segment[64];
static unsigned int nr_segments;

bool steps_open_kcore(void)
{
	Elf64_Phdr phdr[64];
	Elf64_Ehdr ehdr;
	unsigned int i;

	kcore = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	if (kcore < 0 || pread(kcore, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) || ehdr.e_phnum > 64 ||
	    pread(kcore, phdr, ehdr.e_phnum * sizeof(*phdr), ehdr.e_phoff) < 0)
		return false;
	/*
	 * Of memory, kcore knows the physical address; of other kernel addresses it does not. The
	 * kernel's image, at the top, is left out: parts of it that were given back are still in
	 * its segment, but no longer mapped there.
	 */
	for (i = 0; i < ehdr.e_phnum; i++) {
		if (phdr[i].p_type != PT_LOAD || phdr[i].p_paddr == (Elf64_Addr)-1 ||
		    phdr[i].p_vaddr >= 0xffffffff80000000)
			continue;
		segment[nr_segments].pa = phdr[i].p_paddr;
		segment[nr_segments].len = phdr[i].p_memsz;
		segment[nr_segments].va = phdr[i].p_vaddr;
		segment[nr_segments++].offset = phdr[i].p_offset;
	}
	return nr_segments;
}

bool steps_read_physical(u64 pa, u64 *value)
{
	unsigned int i;

	for (i = 0; i < nr_segments; i++)
		if (pa >= segment[i].pa && pa + 8 <= segment[i].pa + segment[i].len)
			return pread(kcore, value, 8, segment[i].offset + pa - segment[i].pa) == 8;
	return false;
}

u64 steps_direct_map(void)
{
	return nr_segments ? segment[0].va - segment[0].pa : 0;
}

/* Bits of an entry that hold an address: as many as the processor has address lines. */
static u64 frame_mask(void)
{
	static unsigned int bits;
	char *text, *at;

	if (!bits) {
		text = proc_read_file("/proc/cpuinfo", NULL);
		at = text ? strstr(text, "address sizes\t: ") : NULL;
		bits = at ? strtoul(at + strlen("address sizes\t: "), NULL, 10) : 52;
		free(text);
	}
	return ((1ULL << bits) - 1) & ~0xfffULL;
}

/* With four levels the entry of the PGD covers what with five one of the P4D does. */
static unsigned int shift_of(unsigned int level)
{
	if (level == 5 && steps_levels() == 4)
		level = 4;
	return 12 + 9 * (level - 1);
}

/* The level of a step: from the top, the P4D left out with four levels. */
static unsigned int level_of(unsigned int step)
{
	unsigned int level = 5 - step;

	return steps_levels() == 4 && step ? level - 1 : level;
}

static void judge_step(const struct translation *t, unsigned int i, struct tap_diffs *diffs)
{
	const struct step *step = &t->step[i];
	unsigned int level = level_of(i), index = t->addr >> shift_of(level) & 511;
	u64 table = i ? t->step[i - 1].raw & frame_mask() : step->pa & ~0xfffULL;

	diffs->nr_compared++;
	if (strcmp(step->level, level_names[level]) || step->index != index)
		tap_differs(diffs, "%llx: step %u expected %s %u, got %s %u", t->addr, i,
			    level_names[level], index, step->level, step->index);
	if (step->pa != table + 8 * index)
		tap_differs(diffs, "%llx: %s: expected the entry at %llx, got %llx", t->addr,
			    step->level, table + 8 * index, step->pa);
	/* All but the last one are tables. */
	if (i + 1 < t->nr_steps && (step->raw & 0x81) != 0x01)
		tap_differs(diffs, "%llx: %s: %llx is not a table", t->addr, step->level, step->raw);
}

static void judge_end(const struct translation *t, struct tap_diffs *diffs)
{
	const struct step *last = &t->step[t->nr_steps - 1];
	unsigned int shift = shift_of(level_of(t->nr_steps - 1));
	u64 offset = t->addr & ((1ULL << shift) - 1), base = last->raw;

	if (*t->stop)
		return;
	if (!(base & 1))
		base = ~base;	/* no access: stored inverted */
	base &= frame_mask() & ~((1ULL << shift) - 1);
	if (t->size != 1ULL << shift || t->offset != offset || t->frame != base >> 12 ||
	    t->physical != base + offset)
		tap_differs(diffs, "%llx: expected frame %llx offset %llx physical %llx size %llx, "
			    "got %llx %llx %llx %llx", t->addr, base >> 12, offset, base + offset,
			    1ULL << shift, t->frame, t->offset, t->physical, t->size);
}

/*
 * The user's table is the page after the kernel's. Of an entry of the user half the kernel's
 * copy has NX set, so that a forgotten switch of tables is noticed (__pti_set_user_pgtbl()).
 */
static void judge_copy(const struct translation *t, struct tap_diffs *diffs)
{
	const struct step *top = &t->step[0], *copy = &t->user_copy;
	u64 nx = 1ULL << 63;

	if (t->has_user_copy != steps_isolated())
		tap_differs(diffs, "%llx: user copy shown: %d, isolation: %d", t->addr,
			    t->has_user_copy, steps_isolated());
	if (!t->has_user_copy)
		return;
	if (copy->pa != top->pa + PAGE || copy->index != top->index)
		tap_differs(diffs, "%llx: the user copy's entry is at %llx, not %llx", t->addr,
			    copy->pa, top->pa + PAGE);
	if (!(t->addr >> 63) && (copy->raw | nx) != (top->raw | nx) && (top->raw & 1))
		tap_differs(diffs, "%llx: the user copy's entry is %llx, the kernel's %llx", t->addr,
			    copy->raw, top->raw);
}

void steps_judge(const struct translation *t, struct tap_diffs *diffs)
{
	unsigned int i;

	diffs->nr_compared++;
	if (t->unstable || !t->nr_steps) {
		tap_differs(diffs, "%llx: unstable, or no step", t->addr);
		return;
	}
	for (i = 0; i < t->nr_steps; i++)
		judge_step(t, i, diffs);
	judge_end(t, diffs);
	judge_copy(t, diffs);
}

void steps_reread(const struct translation *t, struct tap_diffs *diffs)
{
	unsigned int i;
	u64 value;

	for (i = 0; i < t->nr_steps; i++) {
		value = 0;
		diffs->nr_compared++;
		if (!steps_read_physical(t->step[i].pa, &value) || value != t->step[i].raw)
			tap_differs(diffs, "%llx: %s at %llx is %llx, memory holds %llx", t->addr,
				    t->step[i].level, t->step[i].pa, t->step[i].raw, value);
	}
	if (!t->has_user_copy)
		return;
	diffs->nr_compared++;
	if (!steps_read_physical(t->user_copy.pa, &value) || value != t->user_copy.raw)
		tap_differs(diffs, "%llx: user copy at %llx is %llx, memory holds %llx", t->addr,
			    t->user_copy.pa, t->user_copy.raw, value);
}
