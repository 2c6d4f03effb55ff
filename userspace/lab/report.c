// SPDX-License-Identifier: GPL-2.0
/*
 * What labs say: as text while they run, and as JSON when they have ended.
 */
#include <errno.h>
#include <json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "report.h"

/* Of a line of numbers; what is left of the page is for its name. */
enum { INDENT = 5, NUMBER = 11, WITNESS = 8, MARK = 4, LONGEST = 100 };

#define GREEN "\033[32m"
#define RED   "\033[31m"
#define BOLD  "\033[1m"
#define PLAIN "\033[0m"

static const char *const topics[LAB_NR_TOPICS] = {
	[LAB_TRANSLATION] = "translation",
	[LAB_DEMAND] = "demand paging",
	[LAB_COPYING] = "copy on write",
	[LAB_SHARING] = "sharing",
	[LAB_LAYOUT] = "layout",
	[LAB_PROTECTION] = "protection",
	[LAB_REPLACEMENT] = "replacement and swap",
	[LAB_TLB] = "TLB",
	[LAB_PLACEMENT] = "placement",
};

static int width(const struct lab_options *options)
{
	return options->style.width < LONGEST ? (int)options->style.width : LONGEST;
}

static const char *color(const struct lab *lab, const char *code)
{
	return lab->options->style.color ? code : "";
}

static bool text(const struct lab *lab)
{
	return !lab->options->style.json;
}

/* Prose, broken to fit the page; the first line after @first, the others below its text. */
static void say(const struct lab_options *options, const char *first, const char *prose)
{
	int indent = mms_text_width(first), column = indent;
	const char *word = prose;

	fputs(first, stdout);
	while (*word) {
		size_t len = strcspn(word, " ");
		char copy[512];
		int wide;

		snprintf(copy, sizeof(copy), "%.*s", (int)len, word);
		wide = mms_text_width(copy);
		if (column > indent && column + 1 + wide > width(options)) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		fputs(copy, stdout);
		column += wide;
		word += len;
		word += strspn(word, " ");
	}
	putchar('\n');
}

static void json_add_text(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, value ? json_object_new_string(value) : NULL);
}

static void json_append(struct json_object *object, const char *key, struct json_object *value)
{
	struct json_object *list;

	if (!json_object_object_get_ex(object, key, &list)) {
		list = json_object_new_array();
		json_object_object_add(object, key, list);
	}
	json_object_array_add(list, value);
}

void lab_report_begin(struct lab *lab)
{
	const struct lab_def *def = lab->def;

	if (text(lab)) {
		printf("%s%s%s\n", color(lab, BOLD), def->name, color(lab, PLAIN));
		say(lab->options, "  ", def->claim);
		if (lab->options->spoil) {
			char spoilt[512];

			snprintf(spoilt, sizeof(spoilt), "spoilt on purpose, and so must fail: %s",
				 def->spoil);
			say(lab->options, "  ", spoilt);
		}
		return;
	}
	lab->json = json_object_new_object();
	json_add_text(lab->json, "name", def->name);
	json_add_text(lab->json, "topic", topics[def->topic]);
	json_add_text(lab->json, "claim", def->claim);
	json_add_text(lab->json, "spoilt", lab->options->spoil ? def->spoil : NULL);
	json_object_object_add(lab->json, "steps", json_object_new_array());
	json_object_object_add(lab->json, "plots", json_object_new_array());
}

static void begin_json_step(struct lab *lab, const char *does)
{
	lab->step = json_object_new_object();
	json_add_text(lab->step, "does", does);
	json_object_object_add(lab->step, "checks", json_object_new_array());
	json_object_object_add(lab->step, "notes", json_object_new_array());
	json_object_object_add(lab->step, "evidence", json_object_new_array());
	json_append(lab->json, "steps", lab->step);
}

/* What is said before the first step belongs to a step without a name. */
static struct json_object *json_step(struct lab *lab)
{
	if (!lab->step)
		begin_json_step(lab, "");
	return lab->step;
}

static void wait_for_key(void)
{
	int c;

	fputs("     [Enter] ", stdout);
	fflush(stdout);
	do {
		c = getchar();
	} while (c != '\n' && c != EOF);
	if (c == EOF)
		putchar('\n');
}

void lab_step(struct lab *lab, const char *format, ...)
{
	char does[512], first[16];
	va_list args;

	va_start(args, format);
	vsnprintf(does, sizeof(does), format, args);
	va_end(args);
	lab->nr_steps++;
	lab->heading = false;
	if (!text(lab)) {
		begin_json_step(lab, does);
		return;
	}
	snprintf(first, sizeof(first), "%3u. ", lab->nr_steps);
	putchar('\n');
	say(lab->options, first, does);
	if (lab->options->step)
		wait_for_key();
	fflush(stdout);
}

#define VALUE_MAX 40

/* 1234567 as "1,234,567". */
static void with_commas(char *buf, uint64_t value)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lu", value), i;

	for (i = 0; i < len; i++) {
		*buf++ = digits[i];
		if ((len - i) % 3 == 1 && i + 1 < len)
			*buf++ = ',';
	}
	*buf = '\0';
}

static const char *format_value(char buf[VALUE_MAX], const struct lab *lab, enum lab_unit unit,
				uint64_t value)
{
	char tenths[MMS_NUMBER_MAX];

	switch (unit) {
	case LAB_BYTES:
		if (!lab->options->style.bytes)
			return mms_format_size(buf, value);
		break;
	case LAB_PHYSICAL:
		if (!lab_tells_frames(lab)) {
			snprintf(buf, VALUE_MAX, "-");
			return buf;
		}
		/* fall through */
	case LAB_HEX:
		snprintf(buf, VALUE_MAX, "0x%lx", value);
		return buf;
	case LAB_PERCENT:
		snprintf(buf, VALUE_MAX, "%s %%", mms_format_tenths(tenths, value));
		return buf;
	case LAB_COUNT:
		break;
	}
	with_commas(buf, value);
	return buf;
}

static const char *format_predicted(char buf[3 * VALUE_MAX], const struct lab *lab,
				    const struct lab_check *check)
{
	char min[VALUE_MAX], max[VALUE_MAX];

	format_value(min, lab, check->unit, check->min);
	format_value(max, lab, check->unit, check->max);
	/* Rounded, a narrow range looks like one number. */
	if (!strcmp(min, max))
		snprintf(buf, 3 * VALUE_MAX, "%s", min);
	else if (check->max == UINT64_MAX)
		snprintf(buf, 3 * VALUE_MAX, ">= %s", min);
	else if (!check->min)
		snprintf(buf, 3 * VALUE_MAX, "<= %s", max);
	else
		snprintf(buf, 3 * VALUE_MAX, "%s-%s", min, max);
	return buf;
}

static void print_heading(struct lab *lab, int name)
{
	if (lab->heading)
		return;
	printf("%*s%-*s %*s %*s %*s\n", INDENT, "", name, "", NUMBER, "PREDICTED", NUMBER, "MMSCOPE",
	       NUMBER, "WITNESS");
	lab->heading = true;
}

static void print_name(const char *what, int name)
{
	if ((int)mms_text_width(what) <= name)
		printf("%*s%s%*s", INDENT, "", what, name - (int)mms_text_width(what), "");
	else
		printf("%*s%s\n%*s", INDENT, "", what, INDENT + name, "");
}

/* Sizes are rounded, so that two that differ may look the same. */
static void print_difference(const struct lab *lab, const struct lab_check *check)
{
	if (check->unit != LAB_BYTES || lab->options->style.bytes)
		return;
	printf("%*spredicted %lu", INDENT + 2, "", check->min);
	if (check->max == UINT64_MAX)
		fputs(" bytes at least", stdout);
	else
		printf(" to %lu bytes", check->max);
	printf(", measured %lu", check->measured);
	if (check->by)
		printf(", %s %lu", check->by, check->witness);
	putchar('\n');
}

static int name_width(const struct lab *lab)
{
	return width(lab->options) - INDENT - 3 * (NUMBER + 1) - 1 - WITNESS - 1 - MARK;
}

static void print_mark(const struct lab *lab, bool ok)
{
	printf(" %s%s%s\n", color(lab, ok ? GREEN : RED), ok ? "ok" : "FAIL", color(lab, PLAIN));
}

static void print_check(struct lab *lab, const struct lab_check *check, bool ok)
{
	char predicted[3 * VALUE_MAX], measured[VALUE_MAX], witness[VALUE_MAX] = "";
	int name = name_width(lab);

	print_heading(lab, name);
	format_predicted(predicted, lab, check);
	format_value(measured, lab, check->unit, check->measured);
	if (check->by)
		format_value(witness, lab, check->unit, check->witness);
	print_name(check->what, name);
	printf(" %*s %*s %*s %-*s", NUMBER, predicted, NUMBER, measured, NUMBER, witness, WITNESS,
	       check->by ? check->by : "");
	print_mark(lab, ok);
	if (!ok)
		print_difference(lab, check);
	fflush(stdout);
}

static struct json_object *json_number(const struct lab *lab, enum lab_unit unit, uint64_t value)
{
	bool told = unit != LAB_PHYSICAL || lab_tells_frames(lab);

	return told && value != UINT64_MAX ? json_object_new_uint64(value) : NULL;
}

static void add_json_check(struct lab *lab, const struct lab_check *check, bool ok)
{
	static const char *const units[] = { "count", "bytes", "address", "tenths_of_percent",
					     "address" };
	struct json_object *object = json_object_new_object();

	json_add_text(object, "what", check->what);
	json_add_text(object, "unit", units[check->unit]);
	json_object_object_add(object, "predicted_min", json_number(lab, check->unit, check->min));
	json_object_object_add(object, "predicted_max", json_number(lab, check->unit, check->max));
	json_object_object_add(object, "measured", json_number(lab, check->unit, check->measured));
	json_add_text(object, "witness_name", check->by);
	json_object_object_add(object, "witness",
			       check->by ? json_number(lab, check->unit, check->witness) : NULL);
	json_object_object_add(object, "ok", json_object_new_boolean(ok));
	json_append(json_step(lab), "checks", object);
}

void lab_check_one(struct lab *lab, const struct lab_check *check)
{
	uint64_t apart = check->measured > check->witness ? check->measured - check->witness :
							    check->witness - check->measured;
	bool ok = check->measured >= check->min && check->measured <= check->max &&
		  (!check->by || apart <= check->slack);

	lab->nr_checks++;
	lab->nr_wrong += !ok;
	if (text(lab))
		print_check(lab, check, ok);
	else
		add_json_check(lab, check, ok);
}

void lab_check_that(struct lab *lab, const char *what, bool holds)
{
	int room = width(lab->options) - INDENT - MARK - 1;

	lab->nr_checks++;
	lab->nr_wrong += !holds;
	if (text(lab)) {
		print_name(what, room);
		print_mark(lab, holds);
		fflush(stdout);
		return;
	}
	add_json_check(lab, &(const struct lab_check){ .what = what, LAB_EXACTLY(1),
						       .measured = holds }, holds);
}

void lab_note(struct lab *lab, const char *format, ...)
{
	char note[2000];
	va_list args;

	va_start(args, format);
	vsnprintf(note, sizeof(note), format, args);
	va_end(args);
	if (text(lab))
		say(lab->options, "     note: ", note);
	else
		json_append(json_step(lab), "notes", json_object_new_string(note));
}

void lab_evidence(struct lab *lab, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (!text(lab))
		json_append(json_step(lab), "evidence", json_object_new_string(line));
	else if (lab->options->explain)
		printf("     | %s\n", line);
}

static void add_json_plot(struct lab *lab, const char *x, const char *y,
			  const struct lab_point *points, unsigned int nr)
{
	struct json_object *plot = json_object_new_object(), *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct json_object *point = json_object_new_array();

		json_object_array_add(point, json_object_new_string(points[i].label));
		json_object_array_add(point, json_object_new_uint64(points[i].y));
		json_object_array_add(list, point);
	}
	json_add_text(plot, "x", x);
	json_add_text(plot, "y", y);
	json_object_object_add(plot, "points", list);
	json_append(lab->json, "plots", plot);
}

void lab_plot(struct lab *lab, const char *x, const char *y, enum lab_unit unit,
	      const struct lab_point *points, unsigned int nr)
{
	int label = mms_text_width(x), bar, length;
	uint64_t most = 1;
	char value[VALUE_MAX];
	unsigned int i;

	if (!text(lab)) {
		add_json_plot(lab, x, y, points, nr);
		return;
	}
	for (i = 0; i < nr; i++) {
		most = points[i].y > most ? points[i].y : most;
		label = (int)mms_text_width(points[i].label) > label ?
				(int)mms_text_width(points[i].label) : label;
	}
	bar = width(lab->options) - INDENT - label - 2 - NUMBER - 1;
	printf("\n%*s%*s  %s\n", INDENT, "", label, x, y);
	for (i = 0; i < nr; i++) {
		length = (__uint128_t)points[i].y * bar / most;
		printf("%*s%*s  ", INDENT, "", label, points[i].label);
		while (length-- > 0)
			putchar('#');
		printf(" %s\n", format_value(value, lab, unit, points[i].y));
	}
}

static const char *verdict_name(enum lab_verdict verdict)
{
	return verdict == LAB_PASS ? "pass" : verdict == LAB_SKIP ? "skip" : "fail";
}

void lab_report_end(struct lab *lab, enum lab_verdict verdict, const char *reason)
{
	static const char *const words[] = { "PASS", "FAIL", "SKIP" };
	const char *word = words[verdict == LAB_PASS ? 0 : verdict == LAB_SKIP ? 2 : 1];
	char line[600];

	if (!text(lab)) {
		json_add_text(lab->json, "verdict", verdict_name(verdict));
		json_add_text(lab->json, "reason", verdict == LAB_PASS ? NULL : reason);
		return;
	}
	if (verdict == LAB_PASS)
		snprintf(line, sizeof(line), "all %u numbers as predicted", lab->nr_checks);
	else
		snprintf(line, sizeof(line), "%s", reason);
	printf("\n  %s%s%s  ", color(lab, verdict == LAB_FAIL ? RED : GREEN), word, color(lab, PLAIN));
	say(lab->options, "", line);
	putchar('\n');
}

/* The lab's process has said all. */
static void leave(struct lab *lab, enum lab_verdict verdict, const char *reason)
{
	lab_report_end(lab, verdict, reason);
	if (lab->json)
		puts(json_object_to_json_string_ext(lab->json, JSON_C_TO_STRING_PLAIN));
	/* Nobody reads any more: the signal that this is was ignored for the pipes to workers. */
	if (fflush(stdout) && errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	exit(verdict);
}

void lab_report_finish(struct lab *lab)
{
	char reason[100];

	if (!lab->nr_checks)
		lab_broken(lab, "nothing was checked");
	snprintf(reason, sizeof(reason), "%u of %u are not as predicted", lab->nr_wrong,
		 lab->nr_checks);
	leave(lab, lab->nr_wrong ? LAB_FAIL : LAB_PASS, reason);
	abort();
}

static void end_for(struct lab *lab, enum lab_verdict verdict, const char *format, va_list args)
{
	char reason[512];

	vsnprintf(reason, sizeof(reason), format, args);
	leave(lab, verdict, reason);
}

void lab_skip(struct lab *lab, const char *format, ...)
{
	va_list args;

	if (lab->nr_wrong)
		lab_report_finish(lab);
	va_start(args, format);
	end_for(lab, LAB_SKIP, format, args);
	va_end(args);
	abort();
}

void lab_broken(struct lab *lab, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	end_for(lab, LAB_FAIL, format, args);
	va_end(args);
	abort();
}

bool lab_spoilt(const struct lab *lab)
{
	return lab->options->spoil;
}

bool lab_tells_frames(const struct lab *lab)
{
	return !lab->options->style.no_pfn;
}

void lab_report_list(const struct lab_options *options)
{
	const struct lab_def *const *def;
	char first[32];
	unsigned int i;

	for (i = 0; i < LAB_NR_TOPICS; i++) {
		printf("%s\n", topics[i]);
		for (def = lab_defs; *def; def++) {
			if ((*def)->topic != i)
				continue;
			snprintf(first, sizeof(first), "  %-18s ", (*def)->name);
			say(options, first, (*def)->claim);
		}
	}
	printf("\n'mmscope lab NAME...' runs some, 'mmscope lab --all' all of them.\n");
}
