// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope pages: leaf runs, from the binary record stream.
 */
#include <fcntl.h>
#include <stdio.h>

#include "command.h"
#include "error.h"
#include "filter.h"
#include "leaf.h"
#include "records.h"
#include "session.h"
#include "viewtable.h"

enum { START, END, LEVEL, NR, FRAME, RAW, CLASS, FLAGS, SWAP_TYPE, SWAP_OFFSET, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	[START] = { "start", "START", MMS_ADDR, 12, 0, 0, "first address" },
	[END] = { "end", "END", MMS_ADDR, 12, 0, 0, "address behind the last" },
	[LEVEL] = { "level", "LVL", MMS_TEXT, 3, 0, 0, "level of the entries" },
	[NR] = { "entries", "NR", MMS_COUNT, 5, 0, 0, "entries of that level" },
	[FRAME] = { "pfn", "FRAME", MMS_ADDR, 6, 0, 0, "first frame number; the others follow" },
	[RAW] = { "raw", "RAW", MMS_RAW, 16, 1, 0, "first entry as it stands in the table" },
	[CLASS] = { "class", "CLASS", MMS_TEXT, 6, 0, 0, "what is mapped, or where it is instead" },
	[FLAGS] = { "flags", "FLAGS", MMS_TEXT, 20, 0, true, "bits of the entries, by name" },
	[SWAP_TYPE] = { "swap_type", "SWAP", MMS_COUNT, 4, MMS_ON_REQUEST, 0, "swap area" },
	[SWAP_OFFSET] = { "swap_offset", "OFFSET", MMS_ADDR, 8, MMS_ON_REQUEST, 0,
			  "first page in the swap area" },
};

static struct {
	struct mms_filter filter;
	__u64 start, end;
} wanted = { .end = ~0ULL };

static void fill_place(struct mms_value *values, const struct mms_records *records,
		       const struct mms_record *run)
{
	unsigned int nr_levels = records->header.paging_levels;

	if (mms_entry_present(run->entry, run->level))
		values[FRAME].number = mms_entry_pfn(&records->header.layout, run->entry,
						     run->level, nr_levels);
	else if (mms_class_has_pfn(run->class))
		values[FRAME].number = mms_swp_pfn(&records->header.layout, run->entry);
	else
		values[FRAME].absent = true;
	values[SWAP_TYPE].absent = values[SWAP_OFFSET].absent = run->class != MMS_CLASS_SWAP;
	values[SWAP_TYPE].number = mms_swp_type(run->entry);
	values[SWAP_OFFSET].number = mms_swp_offset(run->entry);
}

static void show_run(struct mms_out *out, const struct mms_records *records,
		     const struct mms_record *run, const char *flags, bool no_pfn)
{
	unsigned int shift = mms_level_shift(run->level, records->header.paging_levels);
	struct mms_value values[NR_COLUMNS] = {
		[START] = { .number = run->addr },
		[END] = { .number = run->addr + ((__u64)run->nr << shift) },
		[LEVEL] = { .text = mms_level_name(run->level) },
		[NR] = { .number = run->nr },
		[RAW] = { .number = run->entry, .absent = no_pfn },
		[CLASS] = { .text = mms_class_name(run->class) },
		[FLAGS] = { .text = flags },
	};

	fill_place(values, records, run);
	values[FRAME].absent |= no_pfn;
	mms_out_row(out, values);
}

/* Of a run, what is wanted. */
static void consider(struct mms_out *out, const struct mms_records *records, struct mms_record run,
		     bool no_pfn)
{
	char flags[MMS_FLAG_NAMES_MAX];

	if (!mms_run_clip(&run, wanted.start, wanted.end, records->header.paging_levels))
		return;
	mms_flag_names(flags, sizeof(flags), &records->header.layout, run.entry, run.level);
	if (mms_filter_match(&wanted.filter, &run, flags))
		show_run(out, records, &run, flags, no_pfn);
}

static int show_runs(struct mms_out *out, struct mms_records *records, bool no_pfn)
{
	const struct mms_record *run, *end;
	int more;

	while ((more = mms_records_next(records, &run, &end)) > 0)
		for (; run < end; run++)
			consider(out, records, *run, no_pfn);
	return more;
}

static int show(const struct mms_options *options, const struct mms_session *session,
		struct mms_records *records)
{
	struct mms_out *out = mms_out_begin(&options->style, "pages");
	int err;

	mms_out_number(out, "pid", session->pid);
	mms_out_number(out, "paging_levels", records->header.paging_levels);
	mms_out_table(out, "runs", columns, NR_COLUMNS);
	err = show_runs(out, records, options->style.no_pfn);
	mms_out_table_end(out);
	if (!err)
		mms_show_cost(out, records->cost);
	return mms_out_end(out, err) ? -1 : err;
}

static int pages(const struct mms_options *options, const char *who)
{
	struct mms_session session;
	struct mms_records records;
	int fd, err = -1;

	if (mms_session_open(&session, options->debugfs))
		return -1;
	if (mms_session_hold(&session, who))
		goto out_session;
	fd = mms_session_view(&session, "records", O_RDONLY);
	if (fd < 0)
		goto out_session;
	err = mms_records_open(&records, fd);
	if (!err)
		err = show(options, &session, &records);
	mms_records_close(&records);
out_session:
	mms_session_close(&session);
	return err;
}

enum { KEY_RANGE = 'r', KEY_FILTER = 'f' };

static const struct argp_option pages_options[] = {
	{ "range", KEY_RANGE, "A-B", 0, "only addresses from A up to B, hexadecimal", 0 },
	{ "filter", KEY_FILTER, "LIST", 0, "only runs for which all of LIST holds: classes, levels, flags, '!' negates (anon,!A  swap  PMD  RW,!NX)", 0 },
	{ 0 },
};

static error_t take(int key, char *arg, struct argp_state *state, void *input)
{
	(void)input;
	switch (key) {
	case KEY_RANGE:
		if (mms_range_parse(arg, &wanted.start, &wanted.end))
			argp_error(state, "%s", mms_failure());
		return 0;
	case KEY_FILTER:
		if (mms_filter_parse(&wanted.filter, arg))
			argp_error(state, "%s", mms_failure());
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	struct mms_args args = { .min = 1, .max = 1, .extra = pages_options, .take = take };

	mms_parse(command, options, &args, argc, argv);
	return pages(options, args.argv[0]);
}

const struct mms_command mms_cmd_pages = {
	.name = "pages",
	.args = "PID",
	.summary = "its pages, in runs: frames, raw entries, flags",
	.columns = columns,
	.nr_columns = NR_COLUMNS,
	.run = run,
};
