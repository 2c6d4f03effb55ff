// SPDX-License-Identifier: GPL-2.0
/*
 * From a view's rows to a table's.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "leaf.h"
#include "viewtable.h"

int mms_viewtable_init(struct mms_viewtable *table, struct mms_viewfile *file,
		       const struct mms_column *columns, unsigned int nr)
{
	unsigned int i;
	int at;

	*table = (struct mms_viewtable){ .file = file, .columns = columns, .nr = nr };
	if (!mms_viewfile_header(file))
		return mms_viewfile_finish(file, "view") ? -1 : mms_fail("the view is empty");
	for (i = 0; i < file->nr_columns; i++)
		table->column[i] = nr;
	for (i = 0; i < nr; i++) {
		at = mms_viewfile_column(file, columns[i].key);
		table->zeros[i] = (struct mms_value){ .text = "0", .absent = at < 0 };
		if (at >= 0)
			table->column[at] = i;
	}
	return 0;
}

/* Up to what is no digit. Views write nothing else, and strtoull() takes its time. */
static char *parse_decimal(uint64_t *number, char *text)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (*text++ - '0');
	*number = value;
	return text;
}

static char *parse_hex(uint64_t *number, char *text)
{
	uint64_t value = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9')
			value = value << 4 | (*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			value = value << 4 | (*text - 'a' + 10);
		else
			break;
	}
	*number = value;
	return text;
}

/* Takes the field at @text as column @i. Return: the blank behind it, or the end of the row. */
static char *take(struct mms_viewtable *table, unsigned int i, char *text)
{
	struct mms_value *value = &table->values[i];

	value->text = text;
	switch (i < table->nr ? table->columns[i].type : MMS_TEXT) {
	case MMS_COUNT:
		text = parse_decimal(&value->number, text);
		break;
	case MMS_SIZE:
		text = parse_decimal(&value->number, text);
		value->number *= 1024;
		break;
	case MMS_ADDR:
	case MMS_RAW:
		text = parse_hex(&value->number, text);
		break;
	default:
		break;
	}
	table->total[i] += value->number;
	/* Fields are short, so that strchr() would mostly begin and end. */
	while (*text && *text != ' ')
		text++;
	return text;
}

/*
 * Converts a row while it is split. Most fields are 0: these are passed over, four at a time.
 * Return: whether it has all fields.
 */
static bool take_row(struct mms_viewtable *table, char *text)
{
	const unsigned int last = table->file->nr_columns - 1;
	unsigned int i = 0;

	memcpy(table->values, table->zeros, table->nr * sizeof(table->values[0]));
	for (;; i++) {
		if (i + 4 <= last && !memcmp(text, "0 0 0 0 ", 8)) {
			text += 8;
			i += 3;
			continue;
		}
		if (text[0] == '0' && text[1] == ' ' && i < last) {
			text += 2;
			continue;
		}
		text = take(table, table->column[i], text);
		if (i == last)
			return true;
		if (!*text)
			return false;
		*text++ = '\0';
	}
}

bool mms_viewtable_next(struct mms_viewtable *table)
{
	char *text = mms_viewfile_row_text(table->file);

	if (!text)
		return false;
	if (!take_row(table, text)) {
		table->file->error = EPROTO;
		return false;
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
