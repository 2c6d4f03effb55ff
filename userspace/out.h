/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One model, two forms: what a command has to say, as tables for people or as one JSON object.
 * Rows go out as they come, so that nothing grows with the size of what is shown.
 */
#ifndef MMS_OUT_H
#define MMS_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "macros.h"

enum mms_type {
	MMS_TEXT,	/* as it is */
	MMS_COUNT,	/* a number */
	MMS_SIZE,	/* bytes; in tables scaled */
	MMS_ADDR,	/* hexadecimal; a string in JSON */
	MMS_RAW,	/* hexadecimal, all 16 digits; a string in JSON */
	MMS_PERCENT,	/* tenths of a percent; a number in JSON */
	MMS_TENTHS,	/* tenths; a number in JSON */
	MMS_SECONDS,	/* milliseconds, shown in seconds; a number in JSON */
	MMS_PAIRS,	/* "1:12,8:4"; [[1,12],[8,4]] in JSON */
	MMS_PAIRS_KB,	/* the same, the second of each in kB; in JSON in bytes */
};

/**
 * struct mms_column - a column of a table, a key of its rows in JSON
 * @key: in JSON and for --columns
 * @head: above the column
 * @type: of its values
 * @width: columns it takes; longer values push the rest aside
 * @rank: 0: always shown; else the higher, the sooner it is left out for lack of room;
 *	MMS_ON_REQUEST: only with --columns or --wide
 * @flex: takes the room that is left, shortened in the middle; for one column, the last
 * @help: what it means, in a few words
 */
struct mms_column {
	const char *key;
	const char *head;
	enum mms_type type;
	unsigned int width;
	unsigned int rank;
	bool flex;
	const char *help;
};

#define MMS_ON_REQUEST 1000

struct mms_value {
	bool absent;		/* "-", null */
	bool blank;		/* nothing belongs here: empty, no key */
	uint64_t number;
	const char *text;	/* MMS_TEXT, MMS_PAIRS, MMS_PAIRS_KB */
};

/**
 * struct mms_style - how to write
 * @json: JSON, not tables
 * @color: with terminal colours
 * @wide: all columns, nothing shortened
 * @bytes: sizes in bytes, not scaled
 * @no_pfn: leave out frames and raw entries
 * @fixed: there is no --columns for these tables
 * @width: columns of the page
 * @columns: keys to show, comma separated; NULL for the usual
 */
struct mms_style {
	bool json;
	bool color;
	bool wide;
	bool bytes;
	bool no_pfn;
	bool fixed;
	unsigned int width;
	const char *columns;
};

/* Everything goes to standard output. Between begin and end; not nested, but for objects. */
struct mms_out;

/* Return: the output of a command, for mms_out_end(). Does not fail. */
struct mms_out *mms_out_begin(const struct mms_style *style, const char *command);

/**
 * mms_out_end() - finish the output
 * @out: the output; gone after the call
 * @failed: the command failed: JSON gets the message under "error"
 *
 * Return: 0, or -1 with mms_failure() set if not all could be written. A closed pipe is nobody's
 * failure.
 */
int mms_out_end(struct mms_out *out, bool failed);

/* Facts besides tables: in JSON a key of the object under way, in text nothing. */
void mms_out_number(struct mms_out *out, const char *key, uint64_t value);
void mms_out_string(struct mms_out *out, const char *key, const char *value);
void mms_out_address(struct mms_out *out, const char *key, uint64_t value);
void mms_out_seconds(struct mms_out *out, const char *key, uint64_t ms);
void mms_out_null(struct mms_out *out, const char *key);
void mms_out_object(struct mms_out *out, const char *key);
void mms_out_object_end(struct mms_out *out);
/* A list of objects: begin, for each mms_out_object(out, NULL) and its end, end. */
void mms_out_list(struct mms_out *out, const char *key);
void mms_out_list_end(struct mms_out *out);

/* Whole lines of prose: in text, broken to fit the page; in JSON nothing. At most 2,000 bytes. */
void mms_out_say(struct mms_out *out, const char *format, ...) __printf(2, 3);

/* For text within a sentence. Return: @out's style's way to write @bytes. */
const char *mms_out_size(struct mms_out *out, uint64_t bytes);

/**
 * mms_out_table() - begin a table
 * @out: the output
 * @key: of the list of rows in JSON
 * @columns: its columns; must live until mms_out_table_end()
 * @nr: how many, at most 80
 *
 * What --columns asks for must have been checked.
 */
void mms_out_table(struct mms_out *out, const char *key, const struct mms_column *columns,
		  unsigned int nr);

/* @values: one for each column. */
void mms_out_row(struct mms_out *out, const struct mms_value *values);

/*
 * A last row, set apart; in JSON an object @key beside the list. Before mms_out_table_end().
 */
void mms_out_total(struct mms_out *out, const char *key, const struct mms_value *values);

/**
 * mms_out_check_columns() - look at what --columns asks for, before anything is done
 * @style: how to write
 * @columns: the columns of the table to come
 * @nr: how many
 *
 * Return: 0, 1 if it asks for help, which has been given, or -1 with mms_failure() set if it names a
 * column that is not there.
 */
int mms_out_check_columns(const struct mms_style *style, const struct mms_column *columns,
			  unsigned int nr);

/* Says which columns there was no room for. */
void mms_out_table_end(struct mms_out *out);

#endif /* MMS_OUT_H */
