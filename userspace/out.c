// SPDX-License-Identifier: GPL-2.0
/*
 * Tables and JSON from one model. Knows no command.
 */
#include <errno.h>
#include <json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "format.h"
#include "out.h"

#define MAX_COLUMNS 80
/* A flexible column shrinks to this before lines get longer than the page. */
#define FLEX_LEAST  8
#define INDENT	    "  "
/* No cell is longer, in bytes; so long are file names at most. */
#define CELL_MAX    4096

struct mms_out {
	struct mms_style style;
	char open[8];		/* brackets of the JSON objects and lists under way */
	unsigned int depth;	/* how many */
	bool first;		/* nothing in the innermost yet */
	const struct mms_column *columns;
	unsigned int nr_columns;
	bool shown[MAX_COLUMNS];
	struct place {
		unsigned int column, width;
		bool left;	/* aligned */
	} places[MAX_COLUMNS];	/* of the columns shown */
	unsigned int nr_places;
	unsigned int flex_width;
	struct json_object *total;
	const char *total_key;
	struct mms_value totals[MAX_COLUMNS];	/* in text, for what there was no room for */
	bool has_totals;
	char size[4][MMS_NUMBER_MAX];
	unsigned int next_size;
};

/* JSON */

static void print_json(struct json_object *value)
{
	fputs(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
						    JSON_C_TO_STRING_NOSLASHESCAPE), stdout);
	json_object_put(value);
}

static struct json_object *json_text(const char *text)
{
	char *copy = strdup(text);
	struct json_object *value;

	if (!copy)
		return NULL;
	mms_utf8(copy);
	value = json_object_new_string(copy);
	free(copy);
	return value;
}

static struct json_object *json_hex(uint64_t number, int digits)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*lx", digits, number);
	return json_object_new_string(text);
}

static char *format_seconds(char *buf, uint64_t ms)
{
	snprintf(buf, MMS_NUMBER_MAX, "%lu.%03lu", ms / 1000, ms % 1000);
	return buf;
}

static struct json_object *json_seconds(uint64_t ms)
{
	char buf[MMS_NUMBER_MAX];

	return json_object_new_double_s(ms / 1000.0, format_seconds(buf, ms));
}

/* "1:12,8:4", the second numbers times @unit; a part that is no number is null. */
static struct json_object *json_pairs(const char *text, unsigned int unit)
{
	struct json_object *list = json_object_new_array();

	while (*text && *text != '-') {
		struct json_object *pair = json_object_new_array();
		char *end;
		unsigned long left = strtoul(text, &end, 10);

		json_object_array_add(pair, end > text ? json_object_new_uint64(left) : NULL);
		text = strchr(text, ':');
		if (!text) {
			json_object_put(pair);
			break;
		}
		json_object_array_add(pair,
				      json_object_new_uint64(strtoul(text + 1, &end, 10) * unit));
		json_object_array_add(list, pair);
		text = *end ? end + 1 : end;
	}
	return list;
}

static struct json_object *json_value(const struct mms_column *column,
				      const struct mms_value *value)
{
	char buf[MMS_NUMBER_MAX];

	if (value->absent)
		return NULL;
	switch (column->type) {
	case MMS_TEXT: return json_text(value->text);
	case MMS_PAIRS: return json_pairs(value->text, 1);
	case MMS_PAIRS_KB: return json_pairs(value->text, 1024);
	case MMS_ADDR: return json_hex(value->number, 0);
	case MMS_RAW: return json_hex(value->number, 16);
	case MMS_PERCENT:
	case MMS_TENTHS:
		return json_object_new_double_s(value->number / 10.0,
						mms_format_tenths(buf, value->number));
	case MMS_SECONDS: return json_seconds(value->number);
	default: return json_object_new_uint64(value->number);
	}
}

static struct json_object *json_row(const struct mms_out *out, const struct mms_value *values)
{
	struct json_object *row = json_object_new_object();
	unsigned int i;

	for (i = 0; i < out->nr_columns; i++)
		if (!values[i].blank)
			json_object_object_add(
				row, out->columns[i].key,
				json_value(&out->columns[i], &values[i]));
	return row;
}

static void indent(const struct mms_out *out)
{
	unsigned int i;

	putchar('\n');
	for (i = 0; i < out->depth; i++)
		fputs(INDENT, stdout);
}

static void json_key(struct mms_out *out, const char *key)
{
	if (!out->first)
		putchar(',');
	out->first = false;
	indent(out);
	if (key)
		printf("\"%s\": ", key);
}

static void json_open(struct mms_out *out, const char *key, char bracket)
{
	if (!out->style.json)
		return;
	json_key(out, key);
	putchar(bracket);
	out->open[out->depth++] = bracket;
	out->first = true;
}

static void json_close(struct mms_out *out)
{
	if (!out->style.json)
		return;
	out->depth--;
	if (!out->first)
		indent(out);
	putchar(out->open[out->depth] == '{' ? '}' : ']');
	out->first = false;
}

static void json_add(struct mms_out *out, const char *key, struct json_object *value)
{
	json_key(out, key);
	print_json(value);
}

void mms_out_number(struct mms_out *out, const char *key, uint64_t value)
{
	if (out->style.json)
		json_add(out, key, json_object_new_uint64(value));
}

void mms_out_string(struct mms_out *out, const char *key, const char *value)
{
	if (out->style.json)
		json_add(out, key, json_text(value));
}

void mms_out_address(struct mms_out *out, const char *key, uint64_t value)
{
	if (out->style.json)
		json_add(out, key, json_hex(value, 0));
}

void mms_out_seconds(struct mms_out *out, const char *key, uint64_t ms)
{
	if (out->style.json)
		json_add(out, key, json_seconds(ms));
}

void mms_out_null(struct mms_out *out, const char *key)
{
	if (out->style.json)
		json_add(out, key, NULL);
}

void mms_out_object(struct mms_out *out, const char *key)
{
	json_open(out, key, '{');
}

void mms_out_object_end(struct mms_out *out)
{
	json_close(out);
}

void mms_out_list(struct mms_out *out, const char *key)
{
	json_open(out, key, '[');
}

void mms_out_list_end(struct mms_out *out)
{
	json_close(out);
}

/* Text */

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
static char line[MAX_COLUMNS * (CELL_MAX + 2 * FEW)];

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
	case MMS_SECONDS: return strchr(format_seconds(to, number), '\0');
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

static void print_row(const struct mms_out *out, const struct mms_value *values)
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

void mms_out_table(struct mms_out *out, const char *key, const struct mms_column *columns,
		   unsigned int nr)
{
	out->columns = columns;
	out->nr_columns = nr;
	out->total = NULL;
	out->has_totals = false;
	if (out->style.json) {
		mms_out_list(out, key);
		return;
	}
	choose_columns(out);
	bold(out, true);
	print_heads(out);
	bold(out, false);
}

void mms_out_row(struct mms_out *out, const struct mms_value *values)
{
	if (!out->style.json) {
		print_row(out, values);
		return;
	}
	json_key(out, NULL);
	print_json(json_row(out, values));
}

void mms_out_total(struct mms_out *out, const char *key, const struct mms_value *values)
{
	if (out->style.json) {
		out->total = json_row(out, values);
		out->total_key = key;
		return;
	}
	memcpy(out->totals, values, out->nr_columns * sizeof(values[0]));
	out->has_totals = true;
	bold(out, true);
	print_row(out, values);
	bold(out, false);
}

/* With their totals, so that nothing is overlooked for want of room. */
static void name_missing_columns(struct mms_out *out)
{
	char text[1024];
	unsigned int i;
	size_t len = 0;

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

void mms_out_table_end(struct mms_out *out)
{
	if (!out->style.json) {
		if (!out->style.columns)
			name_missing_columns(out);
		return;
	}
	mms_out_list_end(out);
	if (out->total)
		json_add(out, out->total_key, out->total);
}

struct mms_out *mms_out_begin(const struct mms_style *style, const char *command)
{
	static struct mms_out out;
	char schema[64];

	out = (struct mms_out){ .style = *style, .first = true };
	if (style->json) {
		snprintf(schema, sizeof(schema), "mmscope/%s/1", command);
		putchar('{');
		out.open[out.depth++] = '{';
		mms_out_string(&out, "schema", schema);
	}
	return &out;
}

int mms_out_end(struct mms_out *out, bool failed)
{
	if (out->style.json) {
		/* Whatever was open when it failed. */
		while (out->depth > 1)
			json_close(out);
		if (failed)
			mms_out_string(out, "error", mms_failure());
		json_close(out);
		putchar('\n');
	}
	errno = 0;
	if (fflush(stdout) || ferror(stdout)) {
		if (errno == EPIPE)
			return 0;
		return mms_fail("standard output: %s", strerror(errno ? errno : EIO));
	}
	return 0;
}
