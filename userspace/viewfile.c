// SPDX-License-Identifier: GPL-2.0
/*
 * Reading a text view of the module.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "leaf.h"
#include "macros.h"
#include "viewfile.h"

#define FIRST_SIZE (128 * 1024)

void mms_viewfile_init(struct mms_viewfile *file, int fd)
{
	*file = (struct mms_viewfile){ .fd = fd };
}

void mms_viewfile_close(struct mms_viewfile *file)
{
	close(file->fd);
	free(file->buf);
	free(file->header_text);
}

/* Reads more behind what is left in the buffer. Return: false at the end or at an error. */
static bool fill(struct mms_viewfile *file)
{
	ssize_t got;

	if (file->pos) {
		memmove(file->buf, file->buf + file->pos, file->len - file->pos);
		file->len -= file->pos;
		file->pos = 0;
	}
	if (file->len == file->size) {
		size_t size = file->size ? file->size * 2 : FIRST_SIZE;
		char *buf = realloc(file->buf, size + MMS_VIEWFILE_SLACK);

		if (!buf) {
			file->error = ENOMEM;
			return false;
		}
		file->buf = buf;
		file->size = size;
	}
	do
		got = read(file->fd, file->buf + file->len, file->size - file->len);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		file->error = errno;
	if (got <= 0)
		return false;
	file->len += got;
	return true;
}

char *mms_viewfile_line(struct mms_viewfile *file)
{
	size_t seen = 0, left;
	char *line, *end;

	for (;;) {
		left = file->len - file->pos;
		end = left > seen ? memchr(file->buf + file->pos + seen, '\n', left - seen) : NULL;
		if (end)
			break;
		seen = left;
		if (file->error || !fill(file))
			return NULL;
	}
	line = file->buf + file->pos;
	*end = '\0';
	file->pos = end + 1 - file->buf;
	return line;
}

static void take_cost(struct mms_viewfile *file, const char *text)
{
	unsigned int key;

	for (key = 0; key < MMS_NR_COSTS; key++) {
		const char *name = mms_cost_name(key), *at = strstr(text, name);

		/* The name of one may end that of another: it must follow a blank. */
		while (at && (at[-1] != ' ' || at[strlen(name)] != '='))
			at = strstr(at + 1, name);
		if (at)
			file->cost[key] = strtoull(at + strlen(name) + 1, NULL, 10);
	}
	file->has_cost = true;
}

bool mms_viewfile_remark(struct mms_viewfile *file, char *line)
{
	const char *comm;
	unsigned int n = file->nr_notes;

	if (line[0] != '#')
		return false;
	comm = strstr(line, " comm=");
	if (comm)
		snprintf(file->comm, sizeof(file->comm), "%s", comm + strlen(" comm="));
	else if (!strncmp(line, "# cost", 6))
		take_cost(file, line + 6);
	else if (!strncmp(line, "# truncated: ", 13))
		snprintf(file->truncated, sizeof(file->truncated), "%s", line + 13);
	else if (n < ARRAY_SIZE(file->notes) &&
		 sscanf(line, "# %23s %lu", file->notes[n].key, &file->notes[n].value) == 2)
		file->nr_notes++;
	return true;
}

bool mms_viewfile_header(struct mms_viewfile *file)
{
	char *line = mms_viewfile_row_text(file), *word, *save = NULL;

	if (!line)
		return false;
	file->header_text = strdup(line);
	if (!file->header_text) {
		file->error = ENOMEM;
		return false;
	}
	for (word = strtok_r(file->header_text, " ", &save);
	     word && file->nr_columns < MMS_MAX_COLUMNS; word = strtok_r(NULL, " ", &save))
		file->header[file->nr_columns++] = word;
	return file->nr_columns > 0;
}

/* Splits @line into one field per column, the last taking the rest. */
static bool split(struct mms_viewfile *file, char *line)
{
	unsigned int i;

	for (i = 0; i < file->nr_columns; i++) {
		char *end;

		file->field[i] = line;
		if (i + 1 == file->nr_columns)
			return true;
		end = strchr(line, ' ');
		if (!end)
			return false;
		*end = '\0';
		line = end + 1;
	}
	return false;
}

char *mms_viewfile_row_text(struct mms_viewfile *file)
{
	char *line;

	do
		line = mms_viewfile_line(file);
	while (line && mms_viewfile_remark(file, line));
	return line;
}

bool mms_viewfile_row(struct mms_viewfile *file)
{
	char *line = mms_viewfile_row_text(file);

	if (!line)
		return false;
	if (!split(file, line)) {
		file->error = EPROTO;
		return false;
	}
	return true;
}

int mms_viewfile_column(const struct mms_viewfile *file, const char *name)
{
	unsigned int i;

	for (i = 0; i < file->nr_columns; i++)
		if (!strcmp(file->header[i], name))
			return i;
	return -1;
}

bool mms_viewfile_note(const struct mms_viewfile *file, const char *key, uint64_t *value)
{
	unsigned int i;

	for (i = 0; i < file->nr_notes; i++) {
		if (!strcmp(file->notes[i].key, key)) {
			*value = file->notes[i].value;
			return true;
		}
	}
	return false;
}

int mms_viewfile_finish(const struct mms_viewfile *file, const char *name)
{
	if (file->error == ESRCH)
		return mms_fail("the process has exited");
	if (file->error == EPROTO)
		return mms_fail("%s: a row does not match its header", name);
	if (file->error)
		return mms_fail("%s: %s", name, strerror(file->error));
	if (*file->truncated)
		return mms_fail("%s: cut short: %s", name, file->truncated);
	if (!file->has_cost || file->pos != file->len)
		return mms_fail("%s: cut off before its end", name);
	return 0;
}
