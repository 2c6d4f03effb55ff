// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope tables: a process's page tables as a resource.
 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "macros.h"
#include "session.h"
#include "viewtable.h"

static const struct mms_column columns[] = {
	{ "level", "LEVEL", MMS_TEXT, 5, 0, 0, "level of the tables" },
	{ "tables", "TABLES", MMS_COUNT, 8, 0, 0, "page-table pages" },
	{ "bytes", "BYTES", MMS_SIZE, 5, 0, 0, "memory they take" },
	{ "used", "USED", MMS_COUNT, 10, 0, 0, "entries in use" },
	{ "capacity", "OF", MMS_COUNT, 10, 0, 0, "entries there are (user half of the PGD)" },
	{ "fill_percent", "FILL%", MMS_PERCENT, 5, 0, 0, "entries in use" },
	{ "children", "CHILDREN", MMS_COUNT, 8, 1, 0, "entries that lead to tables" },
	{ "leaves", "LEAVES", MMS_COUNT, 10, 2, 0, "entries that map memory" },
	{ "nonpresent", "NOTPRES", MMS_COUNT, 7, 3, 0, "entries for swap, migration, markers" },
	{ "accessed", "ACC", MMS_COUNT, 10, 6, 0, "leaves with the accessed bit" },
	{ "dirty", "DIRTY", MMS_COUNT, 10, 5, 0, "leaves with the dirty bit" },
	{ "wx", "W+X", MMS_COUNT, 5, 4, 0, "leaves writable and executable at once" },
	{ "writable", "WRITE", MMS_COUNT, 10, MMS_ON_REQUEST, 0, "writable leaves" },
	{ "exec", "EXEC", MMS_COUNT, 10, MMS_ON_REQUEST, 0, "executable leaves" },
	{ "soft_dirty", "SOFTDIRTY", MMS_COUNT, 10, MMS_ON_REQUEST, 0, "soft-dirty leaves" },
	{ "uffd_wp", "UFFD-WP", MMS_COUNT, 10, MMS_ON_REQUEST, 0,
	  "leaves write-protected for userfaultfd" },
	{ "protnone", "NONE", MMS_COUNT, 10, MMS_ON_REQUEST, 0, "present, no access allowed" },
	{ "swap", "SWAP", MMS_COUNT, 10, MMS_ON_REQUEST, 0, "entries for swapped pages" },
};

#define NR_COLUMNS (ARRAY_SIZE(columns))

/* The view has bytes, not kB, and leaves the division to the reader. */
static void fill(struct mms_viewtable *table)
{
	struct mms_value *bytes = &table->values[mms_viewtable_find(table, "bytes")];
	struct mms_value *fill = &table->values[mms_viewtable_find(table, "fill_percent")];
	uint64_t used = table->values[mms_viewtable_find(table, "used")].number;
	uint64_t capacity = table->values[mms_viewtable_find(table, "capacity")].number;

	bytes->number /= 1024;
	*fill = (struct mms_value){ .absent = !capacity };
	if (capacity)
		fill->number = used * 1000 / capacity;
}

static const char *const notes[] = { "deposited", "total_bytes", "kernel_bytes", "flat_bytes" };

static void show_sums(struct mms_out *out, const struct mms_viewfile *file)
{
	uint64_t value[4];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (!mms_viewfile_note(file, notes[i], &value[i]))
			return;
		mms_out_number(out, notes[i], value[i]);
	}
	if (value[0])
		mms_out_say(out, "%lu more PTE tables are set aside, one for each anonymous huge page that may be split\n", value[0]);
	mms_out_say(out, "%s in all; the kernel accounts for %s (VmPTE: without PGD and P4D)\n",
		    mms_out_size(out, value[1]), mms_out_size(out, value[2]));
	mms_out_say(out, "a flat table would take %s: 8 bytes for each page of the user half\n",
		    mms_out_size(out, value[3]));
}

static int show(struct mms_out *out, const struct mms_session *session, struct mms_viewfile *file)
{
	struct mms_viewtable table;

	if (mms_viewtable_init(&table, file, columns, NR_COLUMNS))
		return -1;
	mms_out_number(out, "pid", session->pid);
	mms_out_string(out, "command", file->comm);
	mms_out_say(out, "PID %d, %s\n", session->pid, file->comm);
	mms_out_table(out, "levels", columns, NR_COLUMNS);
	while (mms_viewtable_next(&table)) {
		fill(&table);
		mms_out_row(out, table.values);
	}
	mms_out_table_end(out);
	show_sums(out, file);
	mms_show_cost(out, file->cost);
	return mms_viewfile_finish(file, "tables");
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	struct mms_args args = { .min = 1, .max = 1 };

	mms_parse(command, options, &args, argc, argv);
	return mms_run_view(options, args.argv[0], "tables", "tables", show);
}

const struct mms_command mms_cmd_tables = {
	.name = "tables",
	.args = "PID",
	.summary = "its page tables as a resource, level by level",
	.columns = columns,
	.nr_columns = NR_COLUMNS,
	.run = run,
};
