// SPDX-License-Identifier: GPL-2.0
/*
 * mmscope doctor: what this machine can and cannot do, and why.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "doctor.h"
#include "format.h"

enum { CHECK, STATE, DETAIL, MEND, NR_COLUMNS };

static const struct mms_column columns[NR_COLUMNS] = {
	[CHECK] = { "check", "CHECK", MMS_TEXT, 11, 0, 0, "what was looked at" },
	[STATE] = { "state", "STATE", MMS_TEXT, 7, 0, 0,
		    "ok; note: some things will not be seen; limited: some numbers are missing; no" },
	[DETAIL] = { "detail", "DETAIL", MMS_TEXT, 40, 0, true, "what was found" },
	[MEND] = { "mend", "MEND", MMS_TEXT, 40, MMS_ON_REQUEST, true, "what mends it" },
};

/* Where the last column begins. */
#define INDENT (11 + 1 + 7 + 1)

static const char *health_name(enum mms_health health)
{
	static const char *const names[MMS_NR_HEALTHS] = { "ok", "note", "limited", "no" };

	return names[health];
}

/* Text in the last column, on as many lines as it takes; what stands before it is on the first. */
static void show_lines(struct mms_out *out, struct mms_value *values, const char *text,
		       unsigned int width)
{
	char line[1024];

	do {
		size_t part = mms_break_line(text, width);

		snprintf(line, sizeof(line), "%.*s", (int)part, text);
		values[DETAIL].text = line;
		mms_out_row(out, values);
		values[CHECK].text = values[STATE].text = "";
		text += part;
		text += strspn(text, " ");
	} while (*text);
}

/* For people, unless they ask for columns: broken to fit the page, and what mends it below. */
static void show_prose(struct mms_out *out, const struct mms_style *style, struct mms_value *values,
		       const struct mms_finding *finding)
{
	unsigned int width = style->width > INDENT + 20 ? style->width - INDENT : 20;
	char text[400];

	show_lines(out, values, finding->detail, width);
	if (!*finding->mend)
		return;
	snprintf(text, sizeof(text), "mend: %s", finding->mend);
	show_lines(out, values, text, width);
}

static void show(struct mms_out *out, const struct mms_style *style)
{
	bool prose = !style->json && !style->columns && !style->wide;
	struct mms_value values[NR_COLUMNS] = { 0 };
	enum mms_health worst = MMS_HEALTH_OK;
	const struct mms_check *check;

	mms_out_table(out, "checks", columns, NR_COLUMNS);
	for (check = mms_checks; check->name; check++) {
		struct mms_finding finding = { 0 };

		check->look(&finding);
		worst = finding.health > worst ? finding.health : worst;
		values[CHECK].text = check->name;
		values[STATE].text = health_name(finding.health);
		values[DETAIL].text = finding.detail;
		values[MEND] = (struct mms_value){ .absent = !*finding.mend, .text = finding.mend };
		if (prose)
			show_prose(out, style, values, &finding);
		else
			mms_out_row(out, values);
	}
	mms_out_table_end(out);
	mms_out_string(out, "verdict", health_name(worst));
	mms_out_say(out, "%s\n", worst == MMS_HEALTH_NO ? "mmscope does not work here as things are" :
				 worst == MMS_HEALTH_LIMITED ? "mmscope works here; some numbers are missing" :
				 "mmscope works here");
}

static int run(const struct mms_command *command, struct mms_options *options, int argc,
	       char **argv)
{
	struct mms_args args = { 0 };
	struct mms_out *out;

	mms_parse(command, options, &args, argc, argv);
	out = mms_out_begin(&options->style, "doctor");
	show(out, &options->style);
	return mms_out_end(out, false);
}

const struct mms_command mms_cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "what works on this machine, and what would mend it",
	.columns = columns,
	.nr_columns = NR_COLUMNS,
	.run = run,
};
