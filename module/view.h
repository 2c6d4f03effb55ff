/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a view is: rows of text, made as they are read. debugfs.c drives it and knows how files
 * behave; a view knows what to walk and what to print.
 */
#ifndef MMS_VIEW_H
#define MMS_VIEW_H

#include <linux/fs.h>
#include <linux/seq_file.h>

#include "target.h"
#include "walk.h"

/**
 * struct mms_read - one open file of a view
 * @view: which
 * @target: whose, or NULL for the views of the whole system; a reference is held
 * @opener: the open file
 * @walk: for the view's passes
 * @priv: the view's own state, priv_size bytes, zeroed at open
 * @index: row of seq_file the reading is at; for debugfs.c, as the next two
 * @part: part of the view it is in
 * @error: why it ended early, or 0
 */
struct mms_read {
	const struct mms_view *view;
	struct mms_target *target;
	const struct file *opener;
	struct mms_walk *walk;
	void *priv;
	loff_t index;
	enum { MMS_PART_HEAD, MMS_PART_ROWS, MMS_PART_TAIL, MMS_PART_DONE } part;
	int error;
};

/**
 * struct mms_view - a view
 * @fops: MMS_VIEW_FOPS, by which an open file finds its view
 * @name: the file's name
 * @mode: the file's mode
 * @priv_size: bytes of state
 * @begin: a reading starts (again) from the top. Return: 0 or the errno the read answers.
 * @head: print what comes before the rows
 * @next: produce the next row. Return: 1 there is one, 0 there is none, or a negative errno,
 *	which ends the reading as truncated.
 * @row: print the row; must print the same if called again
 * @tail: print what comes after the rows
 * @end: the reading is over or abandoned: give back what it holds. May be called twice.
 * @write: take what was written to the file; @text ends with a NUL. Return: 0 or an errno.
 *
 * Reads and writes of one open file are serialised. All may sleep; none is called with a lock.
 * @head, @row, @tail, @end and @write may be NULL, @next and @begin too.
 */
struct mms_view {
	struct file_operations fops;
	const char *name;
	umode_t mode;
	size_t priv_size;
	int (*begin)(struct mms_read *read);
	void (*head)(struct seq_file *m, struct mms_read *read);
	int (*next)(struct mms_read *read);
	void (*row)(struct seq_file *m, struct mms_read *read);
	void (*tail)(struct seq_file *m, struct mms_read *read);
	void (*end)(struct mms_read *read);
	int (*write)(struct mms_read *read, char *text);
};

int mms_view_open(struct inode *inode, struct file *file);
int mms_view_release(struct inode *inode, struct file *file);
ssize_t mms_view_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos);

#define MMS_VIEW_FOPS                                                                              \
	{                                                                                          \
		.owner = THIS_MODULE, .open = mms_view_open, .release = mms_view_release,          \
		.read = seq_read, .llseek = seq_lseek, .write = mms_view_write,                    \
	}

/* Views of the whole system. */
extern const struct mms_view mms_view_version;
extern const struct mms_view mms_view_targets;
extern const struct mms_view mms_view_processes;

/* Views of events: of the whole system, and of a target. */
extern const struct mms_view mms_view_tlb;
extern const struct mms_view mms_view_cow;
extern const struct mms_view mms_view_faults;

/* Views of a target. */
extern const struct mms_view mms_view_summary;
extern const struct mms_view mms_view_vmas;
extern const struct mms_view mms_view_tables;
extern const struct mms_view mms_view_pages;
extern const struct mms_view mms_view_translate;

/* The control file "count". */
extern const struct file_operations mms_count_fops;

/* PID/records is binary and has operations of its own; its i_private is the target. */
extern const struct file_operations mms_records_fops;

/* Return: NULL without memory. Takes a reference to @target, which may be NULL. May sleep. */
struct mms_read *mms_read_alloc(const struct mms_view *view, struct mms_target *target,
				const struct file *file);
void mms_read_free(struct mms_read *read);

/* What every file asks when it is opened. Return: 0, -EPERM, also locked down, or -ENODEV: loading is not complete. */
int mms_may_open_any(void);

/* The same, and the permission check of every file that shows a target; NULL stands for the whole system. */
int mms_may_open(const struct mms_target *target, const struct file *file);

/**
 * mms_read_chunk() - mms_walk_chunk() for a view
 * @read: the open file; its walk has begun
 *
 * Return: as mms_walk_chunk(), also -ENODEV: detached.
 */
int mms_read_chunk(struct mms_read *read);

/* Chunks up to the end. Return: 0 or a negative errno, as mms_read_chunk(). */
int mms_read_all(struct mms_read *read);

/* "# cost time_ns=...": the last line of every view that walks. */
void mms_show_cost(struct seq_file *m, const u64 cost[MMS_NR_COSTS]);

/* "# mmscope VIEW abi=1 pid=... comm=...": the first line of a view; no PID without a target. */
void mms_show_title(struct seq_file *m, struct mms_read *read);

/* A command name, escaped as in /proc/PID/status; may hold spaces, so it comes last in a line. */
void mms_show_comm(struct seq_file *m, const char *comm);

/* Most bytes a control file takes in one write. */
#define MMS_WRITE_MAX 4096

/**
 * mms_copy_text() - take one write to a control file as text
 * @ubuf: from user space
 * @len: bytes there
 *
 * A trailing newline is dropped. May sleep.
 *
 * Return: the text, for kfree(), or -EINVAL for nothing, more than MMS_WRITE_MAX or a NUL inside,
 * -EFAULT, -ENOMEM.
 */
char *mms_copy_text(const char __user *ubuf, size_t len);

/* A PID in decimal, and nothing else. Return: 0, or -EINVAL also for what no PID can be. */
int mms_parse_pid(const char *text, pid_t *nr);

struct mms_events;

/* The table of TLB flushes: all CPUs, then each that is online or has flushed; NULL: the system's. */
void mms_show_flushes(struct seq_file *m, const struct mms_events *events);

#endif /* MMS_VIEW_H */
