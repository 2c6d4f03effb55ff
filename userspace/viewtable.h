/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a view's rows to a table's: a column takes the view's column of the same name.
 */
#ifndef MMS_VIEWTABLE_H
#define MMS_VIEWTABLE_H

#include "out.h"
#include "viewfile.h"

/**
 * struct mms_viewtable - a view being shown as a table
 * @file: the view; its header has been read
 * @columns: the table's columns
 * @nr: how many
 * @column: by the view's columns: the table's column of the same name, @nr if it has none
 * @values: the current row; the one behind the last takes what has no column
 * @zeros: a row of zeros
 * @total: sums over the rows so far; likewise
 */
struct mms_viewtable {
	struct mms_viewfile *file;
	const struct mms_column *columns;
	unsigned int nr;
	unsigned int column[MMS_MAX_COLUMNS];
	struct mms_value values[MMS_MAX_COLUMNS + 1];
	struct mms_value zeros[MMS_MAX_COLUMNS + 1];
	uint64_t total[MMS_MAX_COLUMNS + 1];
};

/**
 * mms_viewtable_init() - match columns
 * @table: to be filled in
 * @file: an open view; the header is read here
 * @columns: the table's columns
 * @nr: how many
 *
 * Sizes are taken from kB, addresses and raw entries from hexadecimal.
 *
 * Return: 0, or -1 with mms_failure() set if the view has no header.
 */
int mms_viewtable_init(struct mms_viewtable *table, struct mms_viewfile *file,
		       const struct mms_column *columns, unsigned int nr);

/* Reads the next row into @table->values and adds it to the totals. Return: whether there is one. */
bool mms_viewtable_next(struct mms_viewtable *table);

/* The column of this key, which must be there. */
unsigned int mms_viewtable_find(const struct mms_viewtable *table, const char *key);

/* Shows what the read cost: in JSON an object "cost", in text a sentence. */
void mms_show_cost(struct mms_out *out, const uint64_t cost[MMS_NR_COSTS]);

#endif /* MMS_VIEWTABLE_H */
