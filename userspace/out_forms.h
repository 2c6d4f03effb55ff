/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two forms of the output share: out.c is the model, out_json.c and out_table.c write it.
 * For these three only.
 */
#ifndef MMS_OUT_FORMS_H
#define MMS_OUT_FORMS_H

#include "format.h"
#include "out.h"

#define MMS_MAX_COLUMNS 80

struct mms_out {
	struct mms_style style;
	char open[8];		/* brackets of the JSON objects and lists under way */
	unsigned int depth;	/* how many */
	bool first;		/* nothing in the innermost yet */
	const struct mms_column *columns;
	unsigned int nr_columns;
	bool shown[MMS_MAX_COLUMNS];
	struct place {
		unsigned int column, width;
		bool left;	/* aligned */
	} places[MMS_MAX_COLUMNS];	/* of the columns shown */
	unsigned int nr_places;
	unsigned int flex_width;
	struct json_object *total;
	const char *total_key;
	struct mms_value totals[MMS_MAX_COLUMNS];	/* in text, for what there was no room for */
	bool has_totals;
	char size[4][MMS_NUMBER_MAX];
	unsigned int next_size;
};

/* out_json.c: only when @out's style is JSON. */

/* An element of the list under way. */
void mms_json_row(struct mms_out *out, const struct mms_value *values);
/* A row to be written after the list, with mms_json_total(), as @key. */
void mms_json_keep_total(struct mms_out *out, const char *key, const struct mms_value *values);
void mms_json_total(struct mms_out *out);
void mms_json_begin(struct mms_out *out, const char *command);
/* Closes whatever is open; with @error as the last key if it is not NULL. */
void mms_json_end(struct mms_out *out, const char *error);

/* out_table.c: only when it is not. */

/* Which columns are shown, how wide, and the line of their names. */
void mms_table_head(struct mms_out *out);
void mms_table_row(const struct mms_out *out, const struct mms_value *values);
/* Set apart; kept for mms_table_end(). */
void mms_table_total(struct mms_out *out, const struct mms_value *values);
/* Names the columns that there was no room for. */
void mms_table_end(struct mms_out *out);

/* @buf: MMS_NUMBER_MAX bytes. Return: @buf. */
char *mms_format_seconds(char *buf, uint64_t ms);

#endif /* MMS_OUT_FORMS_H */
