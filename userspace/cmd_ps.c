// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope ps: every process, from its page tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "macros.h"
#include "session.h"
#include "viewtable.h"

static const struct mms_column columns[] = {
	{ "pid", "PID", MMS_COUNT, 7, 0, 0, "process ID" },
	{ "threads", "THR", MMS_COUNT, 4, 9, 0, "threads" },
	{ "vmas", "VMAS", MMS_COUNT, 6, 8, 0, "VMAs" },
	{ "size", "VIRT", MMS_SIZE, 5, 0, 0, "address space" },
	{ "rss", "RSS", MMS_SIZE, 5, 0, 0, "resident, as the kernel counts RSS" },
	{ "anon", "ANON", MMS_SIZE, 5, 4, 0, "resident anonymous pages" },
	{ "file", "FILE", MMS_SIZE, 5, 5, 0, "resident pages of files" },
	{ "shmem", "SHMEM", MMS_SIZE, 5, 7, 0, "resident pages of shmem objects" },
	{ "shared", "SHRD", MMS_SIZE, 5, 0, 0, "resident pages mapped more than once" },
	{ "swap", "SWAP", MMS_SIZE, 5, 1, 0, "swapped out" },
	{ "tables", "TABL", MMS_SIZE, 5, 2, 0, "page tables" },
	{ "huge_percent", "HUGE%", MMS_PERCENT, 5, 3, 0, "share of memory mapped by huge entries" },
	{ "private", "PRIV", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "resident pages mapped once" },
	{ "untouched", "NEVER", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "never touched, or given back" },
	{ "accessed", "ACC", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "entries with the accessed bit" },
	{ "dirty", "DIRTY", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "entries with the dirty bit" },
	{ "wx", "W+X", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "writable and executable at once" },
	{ "ksm", "KSM", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "merged by KSM" },
	{ "zero", "ZERO", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "mapped to the zero page" },
	{ "hugetlb", "HTLB", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "hugetlb pages" },
	{ "pmd_mapped", "PMD", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "mapped by 2 MiB entries" },
	{ "pud_mapped", "PUD", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "mapped by 1 GiB entries" },
	{ "comm", "COMMAND", MMS_TEXT, 12, 0, true, "command name" },
};

#define NR_COLUMNS (ARRAY_SIZE(columns))

/* Column to sort by, NULL for the order of PIDs. */
static const char *sort_key;

struct process {
	struct mms_value values[NR_COLUMNS];
	char comm[64];
};

static unsigned int sort_column;

/* Largest first; names and PIDs ascending. */
static int compare(const void *a, const void *b)
{
	const struct mms_value *x = &((const struct process *)a)->values[sort_column];
	const struct mms_value *y = &((const struct process *)b)->values[sort_column];

	if (columns[sort_column].type == MMS_TEXT)
		return strcmp(((const struct process *)a)->comm, ((const struct process *)b)->comm);
	if (x->number == y->number)
		return 0;
	return (x->number < y->number) == (sort_column > 0) ? 1 : -1;
}

/* Columns of which the share of huge entries is made, looked up once. */
struct share {
	unsigned int percent, pmd, pud, rss, hugetlb, zero;
};

static struct share find_share(const struct mms_viewtable *table)
{
	return (struct share){
		.percent = mms_viewtable_find(table, "huge_percent"),
		.pmd = mms_viewtable_find(table, "pmd_mapped"),
		.pud = mms_viewtable_find(table, "pud_mapped"),
		.rss = mms_viewtable_find(table, "rss"),
		.hugetlb = mms_viewtable_find(table, "hugetlb"),
		.zero = mms_viewtable_find(table, "zero"),
	};
}

/* Of all memory that is mapped: huge entries may map hugetlb pages, which RSS leaves out. */
static void fill_share(struct mms_value *values, const struct share *share)
{
	uint64_t huge = values[share->pmd].number + values[share->pud].number;
	uint64_t all = values[share->rss].number + values[share->hugetlb].number +
		       values[share->zero].number;

	values[share->percent] = (struct mms_value){
		.absent = !all,
		.number = all ? huge * 1000 / (all > huge ? all : huge) : 0,
	};
}

static int read_all(struct mms_viewtable *table, struct process **list, size_t *nr)
{
	size_t room = 0;
	unsigned int comm = mms_viewtable_find(table, "comm");
	const struct share share = find_share(table);

	while (mms_viewtable_next(table)) {
		struct process *process;

		if (*nr == room) {
			room = room ? room * 2 : 256;
			process = realloc(*list, room * sizeof(**list));
			if (!process)
				return mms_fail("out of memory");
			*list = process;
		}
		fill_share(table->values, &share);
		process = &(*list)[(*nr)++];
		memcpy(process->values, table->values, sizeof(process->values));
		snprintf(process->comm, sizeof(process->comm), "%s", table->values[comm].text);
	}
	return 0;
}

static int show_sorted(struct mms_out *out, struct mms_viewtable *table, size_t *nr)
{
	struct process *list = NULL;
	int err;
	size_t i;

	sort_column = mms_viewtable_find(table, sort_key);
	err = read_all(table, &list, nr);
	if (err || !list)
		goto out_free;
	qsort(list, *nr, sizeof(*list), compare);
	for (i = 0; i < *nr; i++) {
		list[i].values[NR_COLUMNS - 1].text = list[i].comm;
		mms_out_row(out, list[i].values);
	}
out_free:
	free(list);
	return err;
}

static void show_in_order(struct mms_out *out, struct mms_viewtable *table, size_t *nr)
{
	const struct share share = find_share(table);

	while (mms_viewtable_next(table)) {
		fill_share(table->values, &share);
		mms_out_row(out, table->values);
		(*nr)++;
	}
}

static int show(struct mms_out *out, const struct mms_session *session, struct mms_viewfile *file)
{
	struct mms_viewtable table;
	size_t nr = 0;

	(void)session;
	if (mms_viewtable_init(&table, file, columns, NR_COLUMNS))
		return -1;
	mms_out_table(out, "processes", columns, NR_COLUMNS);
	if (!sort_key)
		show_in_order(out, &table, &nr);
	else if (show_sorted(out, &table, &nr))
		return -1;
	mms_out_table_end(out);
	mms_out_say(out, "%zu processes\n", nr);
	mms_show_cost(out, file->cost);
	return mms_viewfile_finish(file, "processes");
}

static const struct argp_option ps_options[] = {
	{ "sort", 's', "COLUMN", 0, "sort by a column, largest first", 0 },
	{ 0 },
};

static error_t take(int key, char *arg, struct argp_state *state, void *input)
{
	size_t i;

	(void)input;
	if (key != 's')
		return ARGP_ERR_UNKNOWN;
	for (i = 0; i < NR_COLUMNS; i++)
		if (!strcmp(columns[i].key, arg))
			sort_key = columns[i].key;
	if (!sort_key)
		argp_error(state, "no column '%s' to sort by (--columns help lists them)", arg);
	return 0;
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	struct mms_args args = { .extra = ps_options, .take = take };

	mms_parse(command, options, &args, argc, argv);
	return mms_run_view(options, NULL, "processes", "ps", show);
}

const struct mms_command mms_cmd_ps = {
	.name = "ps",
	.args = "",
	.summary = "every process, measured by its page tables",
	.columns = columns,
	.nr_columns = NR_COLUMNS,
	.run = run,
};
