// SPDX-License-Identifier: GPL-2.0
/*
 * count: a control file that counts the TLB flushes of whoever is written to it, together, until it is
 * closed. It is read any number of times. Who counts so needs no target, and is in nobody's way.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "events.h"
#include "faults.h"
#include "target.h"
#include "view.h"

/*
 * As many as are counted at a time: 900 KiB of entries for each open file. "unfollowed" is how many
 * children more there were.
 */
#define MAX_PROCESSES 16384

static int count_show(struct seq_file *m, void *v)
{
	const struct mms_events *events = m->private;

	seq_printf(m, "# mmscope count abi=%d\n", MMS_ABI_VERSION);
	seq_printf(m, "# since_ns %llu\n", events->since_ns);
	seq_printf(m, "# execs %lld\n", atomic64_read(&events->execs));
	mms_show_flushes(m, events);
	/* Last, so that who reads it knows that nothing is missing. */
	seq_printf(m, "# unfollowed %lld\n", atomic64_read(&events->unfollowed));
	return 0;
}

static int count_open(struct inode *inode, struct file *file)
{
	struct mms_events *events;
	int err = mms_may_open_any();

	if (err)
		return err;
	events = mms_events_start(MAX_PROCESSES);
	if (IS_ERR(events))
		return PTR_ERR(events);
	err = mms_try(single_open(file, count_show, events), -ENOMEM);
	if (err) {
		mms_events_stop(events);
		mms_events_free(events);
	}
	return err;
}

static int add_process(struct mms_events *events, const char *text, bool follow,
		       const struct file *opener)
{
	struct pid *pid;
	pid_t nr;
	int err;

	err = mms_parse_pid(text, &nr);
	if (err)
		return err;
	pid = mms_find_process(nr, opener);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	err = mms_events_add(events, pid, follow);
	put_pid(pid);
	return err;
}

/* "PID"; "follow PID": the children it forks from now on, too; "all": everyone, and nobody else. */
static int add(struct mms_events *events, const char *text, const struct file *opener)
{
	if (!strcmp(text, "all"))
		return mms_events_add_everyone(events);
	if (str_has_prefix(text, "follow "))
		return add_process(events, text + strlen("follow "), true, opener);
	return add_process(events, text, false, opener);
}

static ssize_t count_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	char *text = mms_copy_text(ubuf, len);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&m->lock);
	err = add(m->private, text, file);
	mutex_unlock(&m->lock);
	kfree(text);
	return err ?: len;
}

static int count_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	mms_events_stop(m->private);
	mms_events_free(m->private);
	return single_release(inode, file);
}

const struct file_operations mms_count_fops = {
	.owner = THIS_MODULE,
	.open = count_open,
	.read = seq_read,
	.write = count_write,
	.llseek = seq_lseek,
	.release = count_release,
};
