/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading a text view: lines, a header that names the columns, rows, what it cost, and whether it
 * came to its end. Knows no particular view.
 */
#ifndef MMS_VIEWFILE_H
#define MMS_VIEWFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/mmscope.h"

#define MMS_MAX_COLUMNS 80

/* So many bytes behind the NUL of a line may be read; what they are is not said. */
#define MMS_VIEWFILE_SLACK 8

/**
 * struct mms_viewfile - an open view
 * @fd: closed by mms_viewfile_close()
 * @error: errno of a failed read, 0 if none failed
 * @buf: bytes read and not yet handed out, as are the next three: private
 * @len: bytes read into @buf
 * @pos: bytes handed out
 * @size: bytes in @buf
 * @header: names of the columns, after mms_viewfile_header()
 * @header_text: their storage
 * @nr_columns: how many
 * @field: the current row, after mms_viewfile_row() returned true; the last takes the rest
 * @comm: command name from the title line, "" if there was none
 * @cost: from the cost line
 * @has_cost: there was one
 * @truncated: why the module ended the view early, "" if it did not
 * @notes: the remaining "# key value" lines, for mms_viewfile_note()
 * @nr_notes: how many
 */
struct mms_viewfile {
	int fd;
	int error;
	char *buf;
	size_t len, pos, size;
	char *header[MMS_MAX_COLUMNS];
	char *header_text;
	unsigned int nr_columns;
	char *field[MMS_MAX_COLUMNS];
	char comm[64];
	uint64_t cost[MMS_NR_COSTS];
	bool has_cost;
	char truncated[128];
	struct {
		char key[24];
		uint64_t value;
	} notes[8];
	unsigned int nr_notes;
};

/* Takes over @fd. */
void mms_viewfile_init(struct mms_viewfile *file, int fd);
void mms_viewfile_close(struct mms_viewfile *file);

/**
 * mms_viewfile_line() - next line
 * @file: the view
 *
 * Return: the line without its newline, valid until the next call; NULL at the end, at a line
 * without newline, or at an error (@file->error).
 */
char *mms_viewfile_line(struct mms_viewfile *file);

/* Takes a "# ..." line to where it belongs; false if @line is not one. */
bool mms_viewfile_remark(struct mms_viewfile *file, char *line);

/* Reads up to the header. Return: whether there is one. */
bool mms_viewfile_header(struct mms_viewfile *file);

/* Next line that is no remark, as mms_viewfile_line(); who splits it may set @file->error to EPROTO. */
char *mms_viewfile_row_text(struct mms_viewfile *file);

/* Reads the next row into @file->field. Return: whether there is one; it has all columns. */
bool mms_viewfile_row(struct mms_viewfile *file);

/* Index of a column, -1 if this module does not have it. */
int mms_viewfile_column(const struct mms_viewfile *file, const char *name);

/* Value of a "# key value" line; false if there was none. */
bool mms_viewfile_note(const struct mms_viewfile *file, const char *key, uint64_t *value);

/**
 * mms_viewfile_finish() - whether the view was read to its end
 * @file: read until mms_viewfile_row() or mms_viewfile_line() had no more
 * @name: of the view, for the message
 *
 * Return: 0, or -1 with mms_failure() set: an error, truncated, or cut off.
 */
int mms_viewfile_finish(const struct mms_viewfile *file, const char *name);

#endif /* MMS_VIEWFILE_H */
