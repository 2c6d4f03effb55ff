// SPDX-License-Identifier: GPL-2.0
/*
 * The module's files in debugfs: see views.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event_names.h"
#include "views.h"

long views_write(const char *file, const void *text, size_t len)
{
	char path[128];
	long result;
	int fd;

	snprintf(path, sizeof(path), VIEWS_DIR "/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	result = write(fd, text, len);
	if (result < 0)
		result = -errno;
	close(fd);
	return result;
}

static int write_pid(const char *file, pid_t pid)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", pid);
	long result = views_write(file, text, len);

	return result < 0 ? result : 0;
}

int views_attach(pid_t pid)
{
	return write_pid("attach", pid);
}

int views_detach(pid_t pid)
{
	return write_pid("detach", pid);
}

const char *views_path(pid_t pid, const char *view)
{
	static char path[128];

	if (pid)
		snprintf(path, sizeof(path), VIEWS_DIR "/%d/%s", pid, view);
	else
		snprintf(path, sizeof(path), VIEWS_DIR "/%s", view);
	return path;
}

char *views_read(pid_t pid, const char *view, size_t *len)
{
	return proc_read_file(views_path(pid, view), len);
}

char *views_translate(pid_t pid, const char *addresses)
{
	int fd = open(views_path(pid, "translate"), O_RDWR | O_CLOEXEC);
	size_t room = 1 << 18, done = 0;
	char *text = malloc(room + 1);
	ssize_t nr = -1;

	if (fd >= 0 && text && write(fd, addresses, strlen(addresses)) > 0)
		while (done < room && (nr = read(fd, text + done, room - done)) > 0)
			done += nr;
	if (fd >= 0)
		close(fd);
	if (nr != 0) {
		free(text);
		return NULL;
	}
	text[done] = '\0';
	return text;
}

/* Appends to an array of pointers whose room doubles. */
static void append(char ***array, size_t *nr, char *item)
{
	if (!(*nr & (*nr - 1))) {
		*array = realloc(*array, (*nr ? *nr * 2 : 1) * sizeof(**array));
		if (!*array)
			abort();
	}
	(*array)[(*nr)++] = item;
}

/* The next field of @line up to a blank, or all that is left; NULL if there is none. */
static char *cut_field(char **line, bool last)
{
	char *field = *line, *blank;

	if (!field)
		return NULL;
	blank = last ? NULL : strchr(field, ' ');
	if (blank)
		*blank++ = '\0';
	*line = blank;
	return field;
}

static bool parse_row(char *line, struct views_table *table)
{
	size_t nr_fields = table->nr * table->nr_columns, i;
	char *field;

	for (i = 0; i < table->nr_columns; i++) {
		field = cut_field(&line, i + 1 == table->nr_columns);
		if (!field)
			return false;
		append(&table->field, &nr_fields, field);
	}
	table->nr++;
	return true;
}

bool views_parse(char *text, struct views_table *table)
{
	size_t len = strlen(text);
	char *line, *next, *field;

	*table = (struct views_table){ .text = text };
	if (!len || text[len - 1] != '\n')
		return false;
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		*next++ = '\0';
		if (*line == '#') {
			append(&table->remark, &table->nr_remarks, line + 1);
		} else if (!table->nr_columns) {
			while ((field = cut_field(&line, false)))
				append(&table->name, &table->nr_columns, field);
		} else if (!parse_row(line, table)) {
			return false;
		}
	}
	return table->nr_columns;
}

void views_table_free(struct views_table *table)
{
	free(table->name);
	free(table->field);
	free(table->remark);
	free(table->text);
	*table = (struct views_table){};
}

int views_table(pid_t pid, const char *view, struct views_table *table)
{
	char *text = views_read(pid, view, NULL);

	*table = (struct views_table){};
	if (!text)
		return -errno;
	return views_parse(text, table) ? 0 : -EBADMSG;
}

const char *views_field(const struct views_table *table, size_t row, const char *column)
{
	size_t i;

	for (i = 0; i < table->nr_columns; i++)
		if (!strcmp(table->name[i], column))
			return table->field[row * table->nr_columns + i];
	printf("Bail out! no column \"%s\"\n", column);
	exit(2);
}

u64 views_u64(const struct views_table *table, size_t row, const char *column)
{
	return strtoull(views_field(table, row, column), NULL, 10);
}

u64 views_hex(const struct views_table *table, size_t row, const char *column)
{
	return strtoull(views_field(table, row, column), NULL, 16);
}

u64 views_remark(const struct views_table *table, const char *key)
{
	size_t len = strlen(key), i;

	for (i = 0; i < table->nr_remarks; i++) {
		const char *remark = table->remark[i];

		if (*remark == ' ' && !strncmp(remark + 1, key, len) && remark[1 + len] == ' ')
			return strtoull(remark + 2 + len, NULL, 10);
	}
	return UINT64_MAX;
}

u64 views_flushes(const struct views_table *table, const char *cpu, unsigned int reason,
		  const char *column)
{
	size_t row;

	for (row = 0; row < table->nr; row++)
		if (!strcmp(views_field(table, row, "cpu"), cpu) &&
		    !strcmp(views_field(table, row, "reason"), mms_tlb_reason_name(reason)))
			return views_u64(table, row, column);
	return UINT64_MAX;
}

u64 views_cost(const struct views_table *table, const char *key)
{
	char word[40];
	size_t i;

	snprintf(word, sizeof(word), " %s=", key);
	for (i = 0; i < table->nr_remarks; i++) {
		const char *remark = table->remark[i], *at;

		if (strncmp(remark, " cost ", 6))
			continue;
		at = strstr(remark, word);
		if (at)
			return strtoull(at + strlen(word), NULL, 10);
	}
	return UINT64_MAX;
}

const char *views_target(pid_t dir)
{
	char *text = proc_read_file(VIEWS_DIR "/targets", NULL), *line, *end;
	static char row[128];
	int in, len;

	snprintf(row, sizeof(row), "no row");
	for (line = text; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		len = 0;
		if (sscanf(line, "%*d %d %*s %*s %*d %n", &in, &len) == 1 && len && in == dir)
			snprintf(row, sizeof(row), "%.*s", len - 1, line);
	}
	free(text);
	return row;
}

const char *views_value(const char *text, const char *key)
{
	static char value[256];
	size_t len = strlen(key);
	const char *line = text;

	while (line && *line) {
		const char *end = strchr(line, '\n');

		if (end && !strncmp(line, key, len) && line[len] == ' ') {
			snprintf(value, sizeof(value), "%.*s", (int)(end - line - len - 1),
				 line + len + 1);
			return value;
		}
		line = end ? end + 1 : NULL;
	}
	return NULL;
}

u64 views_number(const char *text, const char *key)
{
	const char *value = views_value(text, key);

	return value ? strtoull(value, NULL, 10) : UINT64_MAX;
}

u64 views_entry_bytes(const struct views_records *records, const struct mms_record *rec)
{
	return 1ULL << mms_level_shift(rec->level, records->header.paging_levels);
}

/* Costs in their order, then the end, then nothing. */
static bool parse_tail(struct views_records *records, const struct mms_record *rec, size_t left)
{
	unsigned int i;

	if (left != MMS_NR_COSTS + 1)
		return false;
	for (i = 0; i < MMS_NR_COSTS; i++) {
		if (rec[i].class != MMS_CLASS_COST || rec[i].flags != i)
			return false;
		records->cost[i] = rec[i].entry;
	}
	records->end = rec[i];
	return rec[i].class == MMS_CLASS_END;
}

void views_records_parse(char *data, size_t len, struct views_records *records)
{
	size_t nr;

	*records = (struct views_records){ .data = data };
	if (len < sizeof(records->header))
		return;
	memcpy(&records->header, data, sizeof(records->header));
	if (records->header.magic != MMS_RECORDS_MAGIC || records->header.abi != MMS_ABI_VERSION ||
	    records->header.header_size != sizeof(records->header) ||
	    records->header.record_size != sizeof(struct mms_record))
		return;
	records->rec = (struct mms_record *)(data + sizeof(records->header));
	nr = (len - sizeof(records->header)) / sizeof(struct mms_record);
	while (records->nr < nr && records->rec[records->nr].class < MMS_CLASS_COST)
		records->nr++;
	records->complete = !((len - sizeof(records->header)) % sizeof(struct mms_record)) &&
			    parse_tail(records, records->rec + records->nr, nr - records->nr);
}

int views_records(pid_t pid, struct views_records *records)
{
	size_t len;
	char *data = views_read(pid, "records", &len);

	*records = (struct views_records){};
	if (!data)
		return -errno;
	views_records_parse(data, len, records);
	return 0;
}

void views_records_free(struct views_records *records)
{
	free(records->data);
	*records = (struct views_records){};
}
