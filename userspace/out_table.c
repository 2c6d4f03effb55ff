// SPDX-License-Identifier: GPL-2.0
/*
 * The output as tables and prose that fit the page. Which columns there is room for, how wide the
 * last one is, and a row, put together in one piece, for there may be a million.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "out_forms.h"

/* A flexible column shrinks to this before lines get longer than the page. */
#define FLEX_LEAST  8
/* No cell is longer, in bytes; so long are file names at most. */
#define CELL_MAX    4096

void mms_out_say(struct mms_out *out, const char *format, ...)
{
	char text[2048], *line = text;
	va_list args;

	if (out->style.json)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	while (*line) {
		size_t len = strcspn(line, "\n");
		size_t part = out->style.wide ? len : mms_break_line(line, out->style.width);

		printf("%.*s\n", (int)part, line);
		line += part + (line[part] != '\0');
	}
}

char *mms_format_seconds(char *buf, uint64_t ms)
{
	snprintf(buf, MMS_NUMBER_MAX, "%lu.%03lu", ms / 1000, ms % 1000);
	return buf;
}

static char *put_size(const struct mms_out *out, char *to, uint64_t bytes)
{
	return out->style.bytes ? mms_put_decimal(to, bytes) : mms_put_size(to, bytes);
}

const char *mms_out_size(struct mms_out *out, uint64_t bytes)
{
	char *text = out->size[out->next_size++ % 4];

	*put_size(out, text, bytes) = '\0';
	return text;
}

static bool left_aligned(const struct mms_column *column)
{
	return column->type == MMS_TEXT || column->type == MMS_PAIRS ||
	       column->type == MMS_PAIRS_KB;
}

/* Sizes in bytes take up to 15 digits. */
static unsigned int column_width(const struct mms_out *out, unsigned int i)
{
	const struct mms_column *column = &out->columns[i];

	return column->type == MMS_SIZE && out->style.bytes && column->width < 12 ? 12 :
										     column->width;
}

static bool listed(const char *list, const char *key)
{
	size_t len = strlen(key);

	for (;;) {
		if (!strncmp(list, key, len) && (!list[len] || list[len] == ','))
			return true;
		list = strchr(list, ',');
		if (!list)
			return false;
		list++;
	}
}

static unsigned int table_width(const struct mms_out *out)
{
	unsigned int i, width = 0;

	for (i = 0; i < out->nr_columns; i++)
		if (out->shown[i])
			width += column_width(out, i) + (width > 0);
	return width;
}

/* Leaves out columns, highest rank first, until the rest fits. */
static void fit(struct mms_out *out)
{
	while (table_width(out) > out->style.width) {
		unsigned int i, worst = out->nr_columns;

		for (i = 0; i < out->nr_columns; i++)
			if (out->shown[i] && out->columns[i].rank &&
			    (worst == out->nr_columns ||
			     out->columns[i].rank > out->columns[worst].rank))
				worst = i;
		if (worst == out->nr_columns)
			return;
		out->shown[worst] = false;
	}
}

/* Return: the last one shown. */
static unsigned int place_columns(struct mms_out *out)
{
	struct place *place = out->places;
	unsigned int i;

	for (i = 0; i < out->nr_columns; i++)
		if (out->shown[i])
			*place++ = (struct place){
				.column = i,
				.width = column_width(out, i),
				.left = left_aligned(&out->columns[i]),
			};
	out->nr_places = place - out->places;
	place--;
	/* Nothing follows. */
	if (place->left)
		place->width = 0;
	return place->column;
}

static void choose_columns(struct mms_out *out)
{
	const struct mms_style *style = &out->style;
	unsigned int i, width;

	for (i = 0; i < out->nr_columns; i++)
		out->shown[i] = style->columns ? listed(style->columns, out->columns[i].key) :
				style->wide   ? true :
						out->columns[i].rank < MMS_ON_REQUEST;
	if (!style->wide && !style->columns)
		fit(out);
	width = table_width(out);
	out->flex_width = out->columns[place_columns(out)].width;
	if (style->wide)
		out->flex_width = 1024;
	else if (width < style->width)
		out->flex_width += style->width - width;
	else if (width - style->width < out->flex_width - FLEX_LEAST)
		out->flex_width -= width - style->width;
	else
		out->flex_width = FLEX_LEAST;
}

/* Blanks are set and numbers copied by this many bytes: that takes an instruction or two. */
#define FEW MMS_NUMBER_MAX

/* The row under way. The program has one thread. */
static char line[MMS_MAX_COLUMNS * (CELL_MAX + 2 * FEW)];

static char *put_blanks(char *to, unsigned int nr)
{
	memset(to, ' ', FEW);
	if (nr > FEW)
		memset(to + FEW, ' ', nr - FEW);
	return to + nr;
}

static unsigned int width_left(const struct place *place, unsigned int taken)
{
	return taken < place->width ? place->width - taken : 0;
}

static char *put_text(const struct place *place, char *to, const char *text, unsigned int most)
{
	char *end;

	if (!place->left)
		to = put_blanks(to, width_left(place, mms_text_width(text)));
	end = mms_shorten(to, CELL_MAX, text, most);
	return place->left ? put_blanks(end, width_left(place, mms_text_width(to))) : end;
}

static char *put_digits(const struct mms_out *out, char *to, enum mms_type type, uint64_t number)
{
	switch (type) {
	case MMS_SIZE: return put_size(out, to, number);
	case MMS_ADDR: return mms_put_hex(to, number, 1);
	case MMS_RAW: return mms_put_hex(to, number, 16);
	case MMS_PERCENT:
	case MMS_TENTHS: return strchr(mms_format_tenths(to, number), '\0');
	case MMS_SECONDS: return strchr(mms_format_seconds(to, number), '\0');
	default: return mms_put_decimal(to, number);
	}
}

static char *put_number(const struct mms_out *out, const struct place *place, char *to,
			uint64_t number)
{
	char digits[FEW];
	unsigned int len = put_digits(out, digits, out->columns[place->column].type, number) -
			   digits;

	to = put_blanks(to, width_left(place, len));
	memcpy(to, digits, FEW);
	return to + len;
}

static char *put_value(const struct mms_out *out, const struct place *place, char *to,
		       const struct mms_value *value)
{
	if (value->blank || value->absent)
		return put_text(place, to, value->blank ? "" : "-", CELL_MAX);
	if (!place->left)
		return put_number(out, place, to, value->number);
	return put_text(place, to, value->text, out->columns[place->column].flex ? out->flex_width :
										  CELL_MAX / 4);
}

/* The line ends with a blank, in place of which it is to end. */
static void print_line(char *end)
{
	end[-1] = '\n';
	fwrite_unlocked(line, 1, end - line, stdout);
}

void mms_table_row(const struct mms_out *out, const struct mms_value *values)
{
	const struct place *place = out->places, *end = place + out->nr_places;
	char *to = line;

	for (; place < end; place++) {
		to = put_value(out, place, to, &values[place->column]);
		*to++ = ' ';
	}
	print_line(to);
}

static void print_heads(const struct mms_out *out)
{
	const struct place *place = out->places, *end = place + out->nr_places;
	char *to = line;

	for (; place < end; place++) {
		to = put_text(place, to, out->columns[place->column].head, CELL_MAX);
		*to++ = ' ';
	}
	print_line(to);
}

static void bold(const struct mms_out *out, bool on)
{
	if (out->style.color)
		fputs(on ? "\033[1m" : "\033[0m", stdout);
}

void mms_table_head(struct mms_out *out)
{
	choose_columns(out);
	bold(out, true);
	print_heads(out);
	bold(out, false);
}

void mms_table_total(struct mms_out *out, const struct mms_value *values)
{
	memcpy(out->totals, values, out->nr_columns * sizeof(values[0]));
	out->has_totals = true;
	bold(out, true);
	mms_table_row(out, values);
	bold(out, false);
}

/* With their totals, so that nothing is overlooked for want of room. */
void mms_table_end(struct mms_out *out)
{
	char text[1024];
	unsigned int i;
	size_t len = 0;

	if (out->style.columns)
		return;
	for (i = 0; i < out->nr_columns && len < sizeof(text); i++) {
		if (out->shown[i] || out->columns[i].rank == MMS_ON_REQUEST)
			continue;
		len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "",
				out->columns[i].key);
		if (len < sizeof(text) && out->has_totals && out->columns[i].type == MMS_SIZE)
			len += snprintf(text + len, sizeof(text) - len, " %s",
					mms_out_size(out, out->totals[i].number));
	}
	if (len)
		mms_out_say(out, "(no room for %s; --wide shows all%s)\n", text,
			    out->style.fixed ? "" : ", --columns LIST some");
}
