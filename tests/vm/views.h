/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's files in debugfs, as a test reads them: attach, detach, read, parse. Knows nothing
 * of what is right.
 */
#ifndef MMS_VIEWS_H
#define MMS_VIEWS_H

#include "leaf.h"
#include "proc.h"

#define VIEWS_DIR "/sys/kernel/debug/mmscope"

/* Return: 0 or -errno. */
int views_attach(pid_t pid);
int views_detach(pid_t pid);
/* One write of @len bytes to a file below VIEWS_DIR. Return: bytes or -errno. */
long views_write(const char *file, const void *text, size_t len);

/* The path of a target's view, with @pid 0 the system's; in a static buffer. */
const char *views_path(pid_t pid, const char *view);
/* The whole of a target's view. Return: for free(), or NULL with errno. */
char *views_read(pid_t pid, const char *view, size_t *len);
/* Writes addresses to PID/translate and reads the answer, through one open file. Likewise. */
char *views_translate(pid_t pid, const char *addresses);

/**
 * struct views_table - a view of rows, parsed
 * @name: column names; @nr_columns of them
 * @field: @nr rows of @nr_columns fields; the last one may hold blanks
 * @remark: lines that begin with '#', without the first; @nr_remarks of them
 */
struct views_table {
	char **name;
	size_t nr_columns;
	char **field;
	size_t nr;
	char **remark;
	size_t nr_remarks;
	char *text;
};

/*
 * Parses what views_read() returned, and takes it over. Return: false if it is no table: a row
 * with fewer fields than columns, or no end of line at the end.
 */
bool views_parse(char *text, struct views_table *table);
void views_table_free(struct views_table *table);
/* views_read() and views_parse(). Return: 0 or -errno; -EBADMSG if it cannot be parsed. */
int views_table(pid_t pid, const char *view, struct views_table *table);

/* A field by the name of its column; exits if there is no such column. */
const char *views_field(const struct views_table *table, size_t row, const char *column);
u64 views_u64(const struct views_table *table, size_t row, const char *column);
u64 views_hex(const struct views_table *table, size_t row, const char *column);

/* A column of the row of a CPU, or "all", and a reason in a view of flushes; UINT64_MAX: none. */
u64 views_flushes(const struct views_table *table, const char *cpu, unsigned int reason,
		  const char *column);

/* "# cost key=N ...": a number of the cost line, or "# KEY N"; UINT64_MAX if there is none. */
u64 views_cost(const struct views_table *table, const char *key);
u64 views_remark(const struct views_table *table, const char *key);

/*
 * A target's row in targets, by the name of its directory, without its last field, comm: "PID DIR
 * STATE ATTACHED HOLDS", or "no row". In a static buffer.
 */
const char *views_target(pid_t dir);

/* The value of a "KEY VALUE" line of a summary or of the version; NULL if there is none. */
const char *views_value(const char *text, const char *key);
u64 views_number(const char *text, const char *key);

/**
 * struct views_records - PID/records, read to its end
 * @rec: the runs; @nr of them
 * @cost: by enum mms_cost_key
 * @end: the END record
 * @complete: the stream has its header, its costs and its end, and nothing after
 */
struct views_records {
	struct mms_records_header header;
	struct mms_record *rec;
	size_t nr;
	u64 cost[MMS_NR_COSTS];
	struct mms_record end;
	bool complete;
	char *data;
};

/* Return: 0 or -errno. */
int views_records(pid_t pid, struct views_records *records);
/* The same from bytes that were read; takes @data over. */
void views_records_parse(char *data, size_t len, struct views_records *records);
void views_records_free(struct views_records *records);

/* Bytes that one entry of a run maps, with the paging levels of the header. */
u64 views_entry_bytes(const struct views_records *records, const struct mms_record *rec);

#endif /* MMS_VIEWS_H */
