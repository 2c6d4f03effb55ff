// SPDX-License-Identifier: GPL-2.0
/*
 * What a command has to say, handed to whichever form is wanted. Knows no command.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "out_forms.h"

static const struct mms_column *find_column(const struct mms_column *columns, unsigned int nr,
					    const char *key, size_t len)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (strlen(columns[i].key) == len && !strncmp(columns[i].key, key, len))
			return &columns[i];
	return NULL;
}

int mms_out_check_columns(const struct mms_style *style, const struct mms_column *columns,
			  unsigned int nr)
{
	const char *list = style->columns;
	unsigned int i;

	if (!list)
		return 0;
	if (!strcmp(list, "help")) {
		for (i = 0; i < nr; i++)
			printf("%-16s %s\n", columns[i].key, columns[i].help);
		return 1;
	}
	for (;;) {
		size_t len = strcspn(list, ",");

		if (!find_column(columns, nr, list, len))
			return mms_fail("no column '%.*s' (--columns help lists them)", (int)len,
					list);
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

void mms_out_table(struct mms_out *out, const char *key, const struct mms_column *columns,
		   unsigned int nr)
{
	out->columns = columns;
	out->nr_columns = nr;
	out->total = NULL;
	out->has_totals = false;
	if (out->style.json)
		mms_out_list(out, key);
	else
		mms_table_head(out);
}

void mms_out_row(struct mms_out *out, const struct mms_value *values)
{
	if (out->style.json)
		mms_json_row(out, values);
	else
		mms_table_row(out, values);
}

void mms_out_total(struct mms_out *out, const char *key, const struct mms_value *values)
{
	if (out->style.json)
		mms_json_keep_total(out, key, values);
	else
		mms_table_total(out, values);
}

void mms_out_table_end(struct mms_out *out)
{
	if (!out->style.json) {
		mms_table_end(out);
		return;
	}
	mms_out_list_end(out);
	mms_json_total(out);
}

struct mms_out *mms_out_begin(const struct mms_style *style, const char *command)
{
	static struct mms_out out;

	out = (struct mms_out){ .style = *style, .first = true };
	if (style->json)
		mms_json_begin(&out, command);
	return &out;
}

int mms_out_end(struct mms_out *out, bool failed)
{
	if (out->style.json)
		mms_json_end(out, failed ? mms_failure() : NULL);
	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		if (errno == EPIPE)
			return 0;
		return mms_fail("standard output: %s", strerror(errno ? errno : EIO));
	}
	return 0;
}
