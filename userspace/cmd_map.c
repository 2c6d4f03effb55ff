// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope map: the VMAs of a process and what is really behind them.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "error.h"
#include "macros.h"
#include "session.h"
#include "viewtable.h"

static const struct mms_column columns[] = {
	{ "start", "START", MMS_ADDR, 12, 0, 0, "first address" },
	{ "end", "END", MMS_ADDR, 12, 0, 0, "address behind the last" },
	{ "perm", "PERM", MMS_TEXT, 4, 0, 0, "permissions of the VMA; s shared, p private" },
	{ "kind", "KIND", MMS_TEXT, 7, 0, 0, "text data bss heap stack tstack mmap file shm ..." },
	{ "size", "SIZE", MMS_SIZE, 5, 0, 0, "address space" },
	{ "rss", "RSS", MMS_SIZE, 5, 0, 0, "resident, as the kernel counts RSS" },
	{ "anon", "ANON", MMS_SIZE, 5, 1, 0, "resident anonymous pages" },
	{ "file", "FILE", MMS_SIZE, 5, 2, 0, "resident pages of files" },
	{ "shmem", "SHMEM", MMS_SIZE, 5, 10, 0, "resident pages of shmem objects" },
	{ "private", "PRIV", MMS_SIZE, 5, 7, 0, "resident pages mapped once" },
	{ "shared", "SHRD", MMS_SIZE, 5, 3, 0, "resident pages mapped more than once" },
	{ "swap", "SWAP", MMS_SIZE, 5, 4, 0, "swapped out, by entries" },
	{ "untouched", "NEVER", MMS_SIZE, 5, 5, 0, "never touched, or given back: no entry" },
	{ "accessed", "ACC", MMS_SIZE, 5, 9, 0, "entries with the accessed bit" },
	{ "dirty", "DIRTY", MMS_SIZE, 5, 8, 0, "entries with the dirty bit" },
	{ "huge", "HUGE", MMS_SIZE, 5, 6, 0, "mapped by 2 MiB or 1 GiB entries" },
	{ "tables", "TABL", MMS_SIZE, 5, 12, 0, "page tables first reached here" },
	{ "wx", "W+X", MMS_SIZE, 5, 11, 0, "entries writable and executable at once" },
	{ "offset", "OFFSET", MMS_ADDR, 8, MMS_ON_REQUEST, 0, "offset in the file" },
	{ "dev", "DEV", MMS_TEXT, 5, MMS_ON_REQUEST, 0, "device of the file" },
	{ "inode", "INODE", MMS_COUNT, 8, MMS_ON_REQUEST, 0, "inode number of the file" },
	{ "ksm", "KSM", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "merged by KSM; part of anon" },
	{ "shmem_swap", "SHSWP", MMS_SIZE, 5, MMS_ON_REQUEST, 0,
	  "no entry, but swapped out in the shmem object" },
	{ "referenced", "REF", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "accessed by entry or frame" },
	{ "soft_dirty", "SDIRT", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "soft-dirty entries" },
	{ "uffd_wp", "UFFD", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "write-protected for userfaultfd" },
	{ "writable", "WRITE", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "writable entries" },
	{ "exec", "EXEC", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "executable entries" },
	{ "protnone", "NONE", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "present, no access allowed" },
	{ "zero", "ZERO", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "mapped to the zero page" },
	{ "huge_zero", "HZERO", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "mapped to the huge zero page" },
	{ "thp_anon", "THPA", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "anonymous huge pages" },
	{ "thp_shmem", "THPS", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "huge pages of shmem" },
	{ "thp_file", "THPF", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "huge pages of files" },
	{ "hugetlb", "HTLB", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "hugetlb pages" },
	{ "hugetlb_shared", "HTSHR", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "shared hugetlb pages" },
	{ "pmd_mapped", "PMD", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "mapped by 2 MiB entries" },
	{ "pud_mapped", "PUD", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "mapped by 1 GiB entries" },
	{ "pfnmap", "PFN", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "frames without a struct page" },
	{ "devmap", "DEVM", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "ZONE_DEVICE frames" },
	{ "migration", "MIGR", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "being moved" },
	{ "hwpoison", "HWPSN", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "broken frames" },
	{ "device", "DEVP", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "in device memory" },
	{ "marker", "MARK", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "markers, no page" },
	{ "bad", "BAD", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "entries the kernel should not hold" },
	{ "runs", "RUNS", MMS_COUNT, 6, MMS_ON_REQUEST, 0, "physically contiguous runs" },
	{ "run_max", "RUNMX", MMS_SIZE, 5, MMS_ON_REQUEST, 0, "longest of them" },
	{ "contig", "CONTIG", MMS_PAIRS, 16, MMS_ON_REQUEST, 0,
	  "runs by length: pages (power of two):runs" },
	{ "nodes", "NODES", MMS_PAIRS_KB, 10, MMS_ON_REQUEST, 0, "by NUMA node, node:kB" },
	{ "state", "STATE", MMS_TEXT, 7, MMS_ON_REQUEST, 0, "ok, or changed while it was read" },
	{ "name", "NAME", MMS_TEXT, 19, 0, true, "file or other name" },
};

#define NR_COLUMNS (ARRAY_SIZE(columns))

/* Columns of huge mappings, looked up once: there may be very many rows. */
struct huge {
	unsigned int sum, pmd, pud;
};

static struct huge find_huge(const struct mms_viewtable *table)
{
	return (struct huge){
		.sum = mms_viewtable_find(table, "huge"),
		.pmd = mms_viewtable_find(table, "pmd_mapped"),
		.pud = mms_viewtable_find(table, "pud_mapped"),
	};
}

static void fill_huge(struct mms_viewtable *table, const struct huge *huge)
{
	struct mms_value *values = table->values;

	values[huge->sum] = (struct mms_value){
		.number = values[huge->pmd].number + values[huge->pud].number,
	};
	table->total[huge->sum] += values[huge->sum].number;
}

static bool summed(const struct mms_column *column)
{
	return (column->type == MMS_SIZE && strcmp(column->key, "run_max")) ||
	       !strcmp(column->key, "runs");
}

static void show_total(struct mms_out *out, const struct mms_viewtable *table, unsigned int nr_vmas)
{
	struct mms_value values[NR_COLUMNS];
	char name[32];
	unsigned int i;

	snprintf(name, sizeof(name), "total, %u VMAs", nr_vmas);
	for (i = 0; i < NR_COLUMNS; i++)
		values[i] = (struct mms_value){
			.blank = !summed(&columns[i]),
			.number = table->total[i],
		};
	values[NR_COLUMNS - 1] = (struct mms_value){ .text = name };
	mms_out_total(out, "total", values);
}

static int show(struct mms_out *out, const struct mms_session *session, struct mms_viewfile *file)
{
	struct mms_viewtable table;
	unsigned int nr_vmas = 0;
	struct huge huge;
	uint64_t wx;

	if (mms_viewtable_init(&table, file, columns, NR_COLUMNS))
		return -1;
	mms_out_number(out, "pid", session->pid);
	mms_out_string(out, "command", file->comm);
	mms_out_say(out, "PID %d, %s\n", session->pid, file->comm);
	mms_out_table(out, "vmas", columns, NR_COLUMNS);
	huge = find_huge(&table);
	while (mms_viewtable_next(&table)) {
		fill_huge(&table, &huge);
		mms_out_row(out, table.values);
		nr_vmas++;
	}
	show_total(out, &table, nr_vmas);
	mms_out_table_end(out);
	wx = table.total[mms_viewtable_find(&table, "wx")];
	if (wx)
		mms_out_say(out, "writable and executable at once: %s\n", mms_out_size(out, wx));
	mms_show_cost(out, file->cost);
	return mms_viewfile_finish(file, "vmas");
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	struct mms_args args = { .min = 1, .max = 1 };

	mms_parse(command, options, &args, argc, argv);
	return mms_run_view(options, args.argv[0], "vmas", "map", show);
}

const struct mms_command mms_cmd_map = {
	.name = "map",
	.args = "PID",
	.summary = "its VMAs: what each is, what is really behind it",
	.columns = columns,
	.nr_columns = NR_COLUMNS,
	.run = run,
};
