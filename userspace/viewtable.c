// SPDX-License-Identifier: GPL-2.0
/*
 * From a view's rows to a table's.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "leaf.h"
#include "viewtable.h"

int mms_viewtable_init(struct mms_viewtable *table, struct mms_viewfile *file,
		       const struct mms_column *columns, unsigned int nr)
{
	unsigned int i;

	*table = (struct mms_viewtable){ .file = file, .columns = columns, .nr = nr };
	if (!mms_viewfile_header(file))
		return mms_viewfile_finish(file, "view") ? -1 : mms_fail("the view is empty");
	for (i = 0; i < nr; i++)
		table->index[i] = mms_viewfile_column(file, columns[i].key);
	return 0;
}

/* Up to what is no digit. Views write nothing else, and strtoull() takes its time. */
static uint64_t parse_decimal(const char *text)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (*text++ - '0');
	return value;
}

static uint64_t parse_hex(const char *text)
{
	uint64_t value = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9')
			value = value << 4 | (*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			value = value << 4 | (*text - 'a' + 10);
		else
			return value;
	}
}

static void parse(struct mms_value *value, const struct mms_column *column, const char *text)
{
	uint64_t number = 0;

	switch (column->type) {
	case MMS_COUNT:
		number = parse_decimal(text);
		break;
	case MMS_SIZE:
		number = parse_decimal(text) * 1024;
		break;
	case MMS_ADDR:
	case MMS_RAW:
		number = parse_hex(text);
		break;
	default:
		break;
	}
	*value = (struct mms_value){ .text = text, .number = number };
}

bool mms_viewtable_next(struct mms_viewtable *table)
{
	unsigned int i;

	if (!mms_viewfile_row(table->file))
		return false;
	for (i = 0; i < table->nr; i++) {
		if (table->index[i] < 0)
			table->values[i] = (struct mms_value){ .absent = true };
		else
			parse(&table->values[i], &table->columns[i],
			      table->file->field[table->index[i]]);
		table->total[i] += table->values[i].number;
	}
	return true;
}

unsigned int mms_viewtable_find(const struct mms_viewtable *table, const char *key)
{
	unsigned int i;

	for (i = 0; i < table->nr; i++)
		if (!strcmp(table->columns[i].key, key))
			return i;
	assert(!"no such column");
	return 0;
}

void mms_show_cost(struct mms_out *out, const uint64_t cost[MMS_NR_COSTS])
{
	unsigned int i;

	mms_out_object(out, "cost");
	for (i = 0; i < MMS_NR_COSTS; i++)
		mms_out_number(out, mms_cost_name(i), cost[i]);
	mms_out_object_end(out);
	mms_out_say(out, "cost: %.3f ms; %lu tables and %lu entries read; mmap_lock holds: %lu, longest %.3f ms\n",
		    cost[MMS_COST_TIME_NS] / 1e6, cost[MMS_COST_TABLES],
		    cost[MMS_COST_ENTRIES], cost[MMS_COST_HOLDS], cost[MMS_COST_HOLD_MAX_NS] / 1e6);
	if (cost[MMS_COST_CHANGED])
		mms_out_say(out, "%lu VMAs changed while they were read\n",
			    cost[MMS_COST_CHANGED]);
}
