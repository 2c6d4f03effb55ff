// SPDX-License-Identifier: GPL-2.0
/*
 * Measuring by the module's views.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "filter.h"
#include "measure.h"
#include "records.h"
#include "report.h"
#include "session.h"
#include "viewfile.h"
#include "witness.h"

#define PAGE 4096UL

struct lab_target {
	struct lab *lab;
	struct mms_session session;
};

struct lab_target *lab_watch(struct lab *lab, pid_t pid)
{
	struct lab_target *target = calloc(1, sizeof(*target));
	char who[16];

	snprintf(who, sizeof(who), "%d", pid);
	if (!target)
		lab_broken(lab, "out of memory");
	target->lab = lab;
	/* The file that holds it is closed when the lab's process ends. */
	if (mms_session_open(&target->session, lab->options->debugfs) ||
	    mms_session_hold(&target->session, who))
		lab_broken(lab, "%s", mms_failure());
	return target;
}

static void open_view(struct lab_target *target, const char *view, struct mms_viewfile *file)
{
	int fd = mms_session_view(&target->session, view, O_RDONLY);

	if (fd < 0)
		lab_broken(target->lab, "%s", mms_failure());
	mms_viewfile_init(file, fd);
}

/* What was not read to its end is no measurement. */
static void close_view(struct lab_target *target, const char *view, struct mms_viewfile *file)
{
	if (mms_viewfile_finish(file, view))
		lab_broken(target->lab, "%s", mms_failure());
	mms_viewfile_close(file);
}

bool lab_exited(struct lab_target *target)
{
	struct mms_session session = target->session;
	struct mms_viewfile file;
	char *line, dir[16], state[16] = "";
	bool exited = false;
	int fd;

	/* A view of the system, not of the process. */
	*session.target = '\0';
	fd = mms_session_view(&session, "targets", O_RDONLY);
	if (fd < 0)
		lab_broken(target->lab, "%s", mms_failure());
	mms_viewfile_init(&file, fd);
	while ((line = mms_viewfile_line(&file)))
		if (sscanf(line, "%*s %15s %15s", dir, state) == 2 &&
		    !strcmp(dir, target->session.target))
			exited = !strcmp(state, "exited");
	mms_viewfile_close(&file);
	return exited;
}

/* "NAME VALUE", perhaps after "# ". */
static bool take_line(const char *line, const char *name, uint64_t *value)
{
	size_t len = strlen(name);

	if (!strncmp(line, "# ", 2))
		line += 2;
	return !strncmp(line, name, len) && line[len] == ' ' &&
	       sscanf(line + len + 1, "%lu", value) == 1;
}

static uint64_t find_line(struct lab_target *target, const char *view, const char *name)
{
	struct mms_viewfile file;
	uint64_t value = 0;
	bool found = false;
	char *line;

	open_view(target, view, &file);
	while ((line = mms_viewfile_line(&file))) {
		found |= take_line(line, name, &value);
		mms_viewfile_remark(&file, line);
	}
	close_view(target, view, &file);
	if (!found)
		lab_broken(target->lab, "%s has no line '%s'", view, name);
	return value;
}

uint64_t lab_sum(struct lab_target *target, const char *name)
{
	bool number = !strcmp(name, "vmas") || !strcmp(name, "runs");

	return find_line(target, "summary", name) * (number ? 1 : 1024);
}

uint64_t lab_tables_line(struct lab_target *target, const char *name)
{
	return find_line(target, "tables", name);
}

static int column_of(struct lab_target *target, const struct mms_viewfile *file, const char *name)
{
	int column = mms_viewfile_column(file, name);

	if (column < 0)
		lab_broken(target->lab, "this module has no column '%s'", name);
	return column;
}

static const char *field(struct lab_target *target, const struct mms_viewfile *file,
			 const char *name)
{
	return file->field[column_of(target, file, name)];
}

uint64_t lab_tables(struct lab_target *target, unsigned int level, const char *column)
{
	struct mms_viewfile file;
	uint64_t sum = 0;

	open_view(target, "tables", &file);
	if (!mms_viewfile_header(&file))
		lab_broken(target->lab, "tables is empty");
	while (mms_viewfile_row(&file))
		if (!level || !strcmp(field(target, &file, "level"), mms_level_name(level)))
			sum += strtoull(field(target, &file, column), NULL, 10);
	close_view(target, "tables", &file);
	return sum;
}

uint64_t lab_tables_below(struct lab_target *target)
{
	return lab_tables(target, MMS_PTE, "bytes") + lab_tables(target, MMS_PMD, "bytes") +
	       lab_tables(target, MMS_PUD, "bytes") + lab_tables_line(target, "deposited") * PAGE;
}

static void take_vma(struct lab_target *target, const struct mms_viewfile *file,
		     struct lab_vma *vma)
{
	vma->start = strtoull(field(target, file, "start"), NULL, 16);
	vma->end = strtoull(field(target, file, "end"), NULL, 16);
	snprintf(vma->perm, sizeof(vma->perm), "%s", field(target, file, "perm"));
	snprintf(vma->kind, sizeof(vma->kind), "%s", field(target, file, "kind"));
	snprintf(vma->name, sizeof(vma->name), "%s", field(target, file, "name"));
	if (!strcmp(vma->name, "-"))
		*vma->name = '\0';
}

void lab_each_vma(struct lab_target *target, void (*each)(void *data, const struct lab_vma *vma),
		  void *data)
{
	struct mms_viewfile file;
	struct lab_vma vma;

	open_view(target, "vmas", &file);
	if (!mms_viewfile_header(&file))
		lab_broken(target->lab, "vmas is empty");
	while (mms_viewfile_row(&file)) {
		take_vma(target, &file, &vma);
		each(data, &vma);
	}
	close_view(target, "vmas", &file);
}

/* The row of @addr; with @column also a number of it. */
static bool find_vma(struct lab_target *target, uint64_t addr, struct lab_vma *vma,
		     const char *column, uint64_t *value)
{
	struct mms_viewfile file;
	struct lab_vma row;
	bool found = false;

	open_view(target, "vmas", &file);
	if (!mms_viewfile_header(&file))
		lab_broken(target->lab, "vmas is empty");
	while (mms_viewfile_row(&file)) {
		take_vma(target, &file, &row);
		if (addr < row.start || addr >= row.end)
			continue;
		found = true;
		*vma = row;
		if (column)
			*value = strtoull(field(target, &file, column), NULL, 10);
	}
	close_view(target, "vmas", &file);
	return found;
}

bool lab_vma_at(struct lab_target *target, uint64_t addr, struct lab_vma *vma)
{
	return find_vma(target, addr, vma, NULL, NULL);
}

uint64_t lab_vma_sum(struct lab_target *target, uint64_t addr, const char *column)
{
	struct lab_vma vma;
	uint64_t kb = 0;

	find_vma(target, addr, &vma, column, &kb);
	return strcmp(column, "runs") ? kb * 1024 : kb;
}

static void open_records(struct lab_target *target, struct mms_records *records)
{
	int fd = mms_session_view(&target->session, "records", O_RDONLY);

	if (fd < 0 || mms_records_open(records, fd))
		lab_broken(target->lab, "%s", mms_failure());
}

static struct lab_entry entry_of(const struct mms_records *records, const struct mms_record *run)
{
	const struct mms_layout *layout = &records->header.layout;
	struct lab_entry entry = { .class = run->class, .level = run->level, .raw = run->entry };

	entry.present = mms_entry_present(run->entry, run->level);
	if (entry.present)
		entry.pfn = mms_entry_pfn(layout, run->entry, run->level,
					  records->header.paging_levels);
	else if (run->class == MMS_CLASS_SWAP)
		entry.pfn = mms_swp_offset(run->entry);
	return entry;
}

/* The pages of a run that lie in [@addr, @end). */
static void each_of_run(const struct mms_records *records, struct mms_record run, uint64_t addr,
			uint64_t end, lab_each_fn each, void *data)
{
	unsigned int levels = records->header.paging_levels, e;
	uint64_t pages = 1ULL << (mms_level_shift(run.level, levels) - MMS_PAGE_SHIFT);
	uint64_t step = mms_run_step(&run, levels), at, i;

	for (e = 0; e < run.nr; e++, run.entry += step, run.addr += pages * PAGE) {
		struct lab_entry entry = entry_of(records, &run);

		for (i = 0; i < pages; i++) {
			at = run.addr + i * PAGE;
			if (at >= addr && at < end)
				each(data, at, &entry);
			entry.pfn++;
		}
	}
}

void lab_each_page(struct lab_target *target, uint64_t addr, size_t nr, lab_each_fn each, void *data)
{
	const struct mms_record *run, *end;
	struct mms_records records;
	int more;

	open_records(target, &records);
	while ((more = mms_records_next(&records, &run, &end)) > 0)
		for (; run < end; run++)
			each_of_run(&records, *run, addr, addr + nr * PAGE, each, data);
	if (more < 0)
		lab_broken(target->lab, "%s", mms_failure());
	mms_records_close(&records);
}

static void take_entry(void *data, uint64_t addr, const struct lab_entry *entry)
{
	(void)addr;
	*(struct lab_entry *)data = *entry;
}

struct lab_entry lab_entry(struct lab_target *target, uint64_t addr)
{
	struct lab_entry entry = { 0 };

	lab_each_page(target, addr & ~(PAGE - 1), 1, take_entry, &entry);
	return entry;
}

struct counted_pages {
	enum mms_class class;
	uint64_t set, clear, nr;
};

static void count_page(void *data, uint64_t addr, const struct lab_entry *entry)
{
	struct counted_pages *counted = data;

	(void)addr;
	counted->nr += entry->class == counted->class &&
		       (entry->raw & counted->set) == counted->set && !(entry->raw & counted->clear);
}

uint64_t lab_pages(struct lab_target *target, uint64_t addr, size_t nr, enum mms_class class,
		   uint64_t set, uint64_t clear)
{
	struct counted_pages counted = { class, set, clear, 0 };

	lab_each_page(target, addr, nr, count_page, &counted);
	return counted.nr;
}

/* The frames of some pages, 0 for those without; frame 0 is the firmware's. */
struct frames {
	uint64_t addr, *pfn;
};

static void take_frame(void *data, uint64_t addr, const struct lab_entry *entry)
{
	const struct frames *frames = data;

	if (entry->present)
		frames->pfn[(addr - frames->addr) / PAGE] = entry->pfn;
}

static uint64_t *frames_of(struct lab_target *target, uint64_t addr, size_t nr)
{
	struct frames frames = { addr, calloc(nr, sizeof(uint64_t)) };

	if (!frames.pfn)
		lab_broken(target->lab, "out of memory");
	lab_each_page(target, addr, nr, take_frame, &frames);
	return frames.pfn;
}

uint64_t lab_same_frames(struct lab_target *a, uint64_t addr_a, struct lab_target *b, uint64_t addr_b,
			 size_t nr, uint64_t *both)
{
	uint64_t *of_a = frames_of(a, addr_a, nr), *of_b = frames_of(b, addr_b, nr);
	uint64_t same = 0, present = 0;
	size_t i;

	for (i = 0; i < nr; i++) {
		present += of_a[i] && of_b[i];
		same += of_a[i] && of_a[i] == of_b[i];
	}
	free(of_a);
	free(of_b);
	if (both)
		*both = present;
	return same;
}

static void take_walk_line(struct lab_walk *walk, const char *line)
{
	struct lab_step *step = &walk->step[walk->nr];

	if (walk->nr < LAB_MAX_STEPS &&
	    sscanf(line, "step %7s %u %lx %lx %127s", step->level, &step->index, &step->at,
		   &step->raw, step->flags) == 5)
		walk->nr++;
	else if (sscanf(line, "user_copy %*s %*u %*x %lx", &walk->user_copy) == 1)
		walk->has_user_copy = true;
	else if (sscanf(line, "frame %lx offset %lx physical %lx size %lu", &walk->pfn,
			&walk->offset, &walk->physical, &walk->size) == 4)
		walk->has_frame = true;
	else
		sscanf(line, "touch read %23s write %23s exec %23s", walk->touch[0], walk->touch[1],
		       walk->touch[2]);
}

void lab_walk(struct lab_target *target, uint64_t addr, struct lab_walk *walk)
{
	struct mms_viewfile file;
	char text[32], *line;
	int fd = mms_session_view(&target->session, "translate", O_RDWR), len;

	if (fd < 0)
		lab_broken(target->lab, "%s", mms_failure());
	len = snprintf(text, sizeof(text), "%lx\n", addr);
	if (write(fd, text, len) != len)
		lab_broken(target->lab, "translate: %s", strerror(errno));
	*walk = (struct lab_walk){ 0 };
	mms_viewfile_init(&file, fd);
	while ((line = mms_viewfile_line(&file)))
		if (!mms_viewfile_remark(&file, line))
			take_walk_line(walk, line);
	close_view(target, "translate", &file);
}

void lab_show_walk(struct lab *lab, struct lab_target *target, const char *what, uint64_t addr)
{
	struct lab_walk walk;
	unsigned int i;

	lab_walk(target, addr, &walk);
	lab_evidence(lab, "%s: 0x%lx", what, addr);
	for (i = 0; i < walk.nr; i++)
		if (lab_tells_frames(lab))
			lab_evidence(lab, "  %s[%u] at 0x%lx: %016lx %s", walk.step[i].level,
				     walk.step[i].index, walk.step[i].at, walk.step[i].raw,
				     walk.step[i].flags);
		else
			lab_evidence(lab, "  %s[%u]: %s", walk.step[i].level, walk.step[i].index,
				     walk.step[i].flags);
	if (walk.has_frame && !lab_tells_frames(lab))
		lab_evidence(lab, "  a frame");
	else if (walk.has_frame)
		lab_evidence(lab, "  frame 0x%lx, physical address 0x%lx", walk.pfn, walk.physical);
	else
		lab_evidence(lab, "  no frame");
}

/* A view of the whole machine. */
static void open_machine(struct lab *lab, const char *view, struct mms_viewfile *file)
{
	struct mms_session session;
	int fd = -1;

	if (!mms_session_open(&session, lab->options->debugfs)) {
		fd = mms_session_view(&session, view, O_RDONLY);
		mms_session_close(&session);
	}
	if (fd < 0)
		lab_broken(lab, "%s", mms_failure());
	mms_viewfile_init(file, fd);
}

void lab_each_process(struct lab *lab, const char *column,
		      void (*each)(void *data, pid_t pid, const char *comm, uint64_t bytes),
		      void *data)
{
	struct mms_viewfile file;
	int pid, comm, value;

	open_machine(lab, "processes", &file);
	if (!mms_viewfile_header(&file))
		lab_broken(lab, "processes is empty");
	pid = mms_viewfile_column(&file, "pid");
	comm = mms_viewfile_column(&file, "comm");
	value = mms_viewfile_column(&file, column);
	if (pid < 0 || comm < 0 || value < 0)
		lab_broken(lab, "this module has no column '%s'", column);
	while (mms_viewfile_row(&file))
		each(data, atoi(file.field[pid]), file.field[comm],
		     strtoull(file.field[value], NULL, 10) * 1024);
	if (mms_viewfile_finish(&file, "processes"))
		lab_broken(lab, "%s", mms_failure());
	mms_viewfile_close(&file);
}

/* Return: what follows the name, in @word. */
static void machine_word(struct lab *lab, const char *name, char word[32])
{
	struct mms_viewfile file;
	size_t len = strlen(name);
	char *line;

	*word = '\0';
	open_machine(lab, "version", &file);
	while ((line = mms_viewfile_line(&file)))
		if (!strncmp(line, name, len) && line[len] == ' ')
			snprintf(word, 32, "%s", line + len + 1);
	mms_viewfile_close(&file);
	if (!*word)
		lab_broken(lab, "the module says nothing of '%s'", name);
}

uint64_t lab_machine(struct lab *lab, const char *name)
{
	char word[32];

	machine_word(lab, name, word);
	return strtoull(word, NULL, 10);
}

bool lab_machine_has(struct lab *lab, const char *name)
{
	char word[32];

	machine_word(lab, name, word);
	return !strcmp(word, "yes");
}

uint64_t lab_debugfs_number(struct lab *lab, const char *name)
{
	const char *debugfs = lab->options->debugfs;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", debugfs ? debugfs : "/sys/kernel/debug", name);
	return lab_file_number(lab, path);
}
