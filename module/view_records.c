// SPDX-License-Identifier: GPL-2.0
/*
 * PID/records: leaf runs as a stream of fixed-size binary records behind a header; see
 * uapi/mmscope.h. The stream ends with what it cost and an END record; without one it is cut off.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "faults.h"
#include "runs.h"
#include "view.h"

/* Header, runs, costs and end: which piece of the stream is in the window. */
enum part { PART_HEADER, PART_RUNS, PART_TAIL, PART_DONE };

/**
 * struct records - one open file
 * @lock: serialises its reads
 * @read: target, walk and opener
 * @runs: what the walk fills
 * @header: first piece of the stream
 * @tail: last piece of the stream
 * @more: what the last chunk returned: the walk is over unless it is 1
 * @part: what @window shows
 * @window: the piece of the stream under way
 * @window_len: its length in bytes
 * @window_pos: its position in the stream
 */
struct records {
	struct mutex lock;
	struct mms_read *read;
	struct mms_runs runs;
	struct mms_records_header header;
	struct mms_record tail[MMS_NR_COSTS + 1];
	int more;
	enum part part;
	const void *window;
	size_t window_len;
	loff_t window_pos;
};

static const struct mms_view records_view = { .name = "records" };

static void show_window(struct records *records, enum part part, const void *window, size_t len)
{
	records->window_pos += records->window_len;
	records->part = part;
	records->window = window;
	records->window_len = len;
}

static int begin(struct records *records)
{
	struct mms_read *read = records->read;
	int err;

	memset(&records->runs, 0, sizeof(records->runs));
	/* Until it has begun there is nothing to show, also of what was shown before. */
	records->window = NULL;
	err = mms_walk_begin(read->walk, read->target->pid, read->opener, &mms_runs_sink,
			     &records->runs);
	if (err)
		return err;
	records->header = (struct mms_records_header){
		.magic = MMS_RECORDS_MAGIC,
		.abi = MMS_ABI_VERSION,
		.header_size = sizeof(struct mms_records_header),
		.record_size = sizeof(struct mms_record),
		.pid = read->target->nr,
		.paging_levels = read->walk->nr_levels,
		.page_shift = PAGE_SHIFT,
		.layout = mms_layout,
	};
	records->more = 1;
	records->window_pos = 0;
	records->window_len = 0;
	show_window(records, PART_HEADER, &records->header, sizeof(records->header));
	return 0;
}

static void show_tail(struct records *records, int err)
{
	const struct mms_walk *walk = records->read->walk;
	unsigned int i;

	for (i = 0; i < MMS_NR_COSTS; i++)
		records->tail[i] = (struct mms_record){
			.class = MMS_CLASS_COST,
			.flags = i,
			.entry = walk->cost[i],
		};
	records->tail[i] = (struct mms_record){
		.class = MMS_CLASS_END,
		.addr = walk->addr,
		.entry = -err,
	};
	show_window(records, PART_TAIL, records->tail, sizeof(records->tail));
}

static void advance(struct records *records)
{
	struct mms_runs *runs = &records->runs;

	if (records->part >= PART_TAIL) {
		/* Not NULL, which would begin again: what follows the end is nothing. */
		show_window(records, PART_DONE, records->tail, 0);
		return;
	}
	runs->nr = 0;
	while (!runs->nr && records->more > 0)
		records->more = mms_read_chunk(records->read);
	if (runs->nr)
		show_window(records, PART_RUNS, runs->run, runs->nr * sizeof(runs->run[0]));
	else
		show_tail(records, records->more);
}

/* Makes the window hold @pos, walking again from the top if it lies behind. */
static int seek_window(struct records *records, loff_t pos)
{
	int err;

	if (!records->window || pos < records->window_pos) {
		err = begin(records);
		if (err)
			return err;
	}
	while (records->part != PART_DONE && pos >= records->window_pos + records->window_len)
		advance(records);
	return 0;
}

static ssize_t copy_out(struct records *records, char __user *ubuf, size_t len, loff_t *ppos)
{
	size_t done = 0;

	while (done < len) {
		size_t offset, nr;
		int err = seek_window(records, *ppos);

		if (err)
			return done ?: err;
		if (records->part == PART_DONE)
			break;
		offset = *ppos - records->window_pos;
		nr = min(len - done, records->window_len - offset);
		if (copy_to_user(ubuf + done, records->window + offset, nr))
			return done ?: -EFAULT;
		done += nr;
		*ppos += nr;
	}
	return done;
}

static ssize_t records_read(struct file *file, char __user *ubuf, size_t len, loff_t *ppos)
{
	struct records *records = file->private_data;
	ssize_t done;

	if (mutex_lock_interruptible(&records->lock))
		return -EINTR;
	done = copy_out(records, ubuf, len, ppos);
	mutex_unlock(&records->lock);
	return done;
}

static int records_open(struct inode *inode, struct file *file)
{
	struct mms_target *target = inode->i_private;
	struct records *records;
	int err;

	err = mms_may_open(target, file);
	if (err)
		return err;
	records = mms_try(kvzalloc(sizeof(*records), GFP_KERNEL), NULL);
	if (!records)
		return -ENOMEM;
	records->read = mms_read_alloc(&records_view, target, file);
	if (!records->read) {
		kvfree(records);
		return -ENOMEM;
	}
	mutex_init(&records->lock);
	file->private_data = records;
	return 0;
}

static int records_release(struct inode *inode, struct file *file)
{
	struct records *records = file->private_data;

	mms_read_free(records->read);
	kvfree(records);
	return 0;
}

const struct file_operations mms_records_fops = {
	.owner = THIS_MODULE,
	.open = records_open,
	.read = records_read,
	.release = records_release,
	.llseek = default_llseek,
};
