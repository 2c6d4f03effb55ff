// SPDX-License-Identifier: GPL-2.0
/*
 * The output as one JSON object, written as it comes: only a row, or a value, is ever held in memory.
 */
#include <json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out_forms.h"

#define INDENT "  "

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

static struct json_object *json_seconds(uint64_t ms)
{
	char buf[MMS_NUMBER_MAX];

	return json_object_new_double_s(ms / 1000.0, mms_format_seconds(buf, ms));
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

void mms_json_row(struct mms_out *out, const struct mms_value *values)
{
	json_add(out, NULL, json_row(out, values));
}

void mms_json_keep_total(struct mms_out *out, const char *key, const struct mms_value *values)
{
	out->total = json_row(out, values);
	out->total_key = key;
}

void mms_json_total(struct mms_out *out)
{
	if (out->total)
		json_add(out, out->total_key, out->total);
	out->total = NULL;
}

void mms_json_begin(struct mms_out *out, const char *command)
{
	char schema[64];

	snprintf(schema, sizeof(schema), "mmscope/%s/1", command);
	putchar('{');
	out->open[out->depth++] = '{';
	mms_out_string(out, "schema", schema);
}

void mms_json_end(struct mms_out *out, const char *error)
{
	while (out->depth > 1)
		json_close(out);
	if (error)
		mms_out_string(out, "error", error);
	json_close(out);
	putchar('\n');
}
