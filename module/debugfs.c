// SPDX-License-Identifier: GPL-2.0
/*
 * The tree in debugfs: directories, who may open what, how text files are read and written. Knows
 * nothing of how a view is computed.
 *
 * Lifetimes: debugfs lets a removal wait for operations under way inside the files removed, and
 * fails later ones (debugfs_file_get()); an open file holds a reference to its target and to the
 * module. So neither detach nor rmmod can pull anything from under a reader.
 */
#include <linux/capability.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/security.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "bpfmap.h"
#include "compat.h"
#include "debugfs.h"
#include "faults.h"
#include "target.h"
#include "view.h"

static struct dentry *root;

/*
 * All files are there, loading cannot fail any more. Nothing is opened before: do_init_module() frees
 * a module whose init fails whoever has a file of it open.
 */
static bool all_there;

/* Enough for most answers to be copied out in one go; seq_file grows it for a longer row. */
#define TEXT_BUFFER (64 * 1024)

static void *read_start(struct seq_file *m, loff_t *pos)
{
	struct mms_read *read = m->private;

	if (*pos == 0) {
		int err;

		if (read->view->end)
			read->view->end(read);
		err = read->view->begin ? read->view->begin(read) : 0;
		if (err)
			return ERR_PTR(err);
		read->index = 0;
		read->part = MMS_PART_HEAD;
		read->error = 0;
	}
	/* seq_file comes back to where it was, or starts over: anything else is its error. */
	if (WARN_ON_ONCE(*pos != read->index))
		return ERR_PTR(-EIO);
	return read->part == MMS_PART_DONE ? NULL : read;
}

static void *read_next(struct seq_file *m, void *v, loff_t *pos)
{
	struct mms_read *read = v;
	int more = 0;

	read->index = ++*pos;
	if (read->part == MMS_PART_TAIL) {
		read->part = MMS_PART_DONE;
		return NULL;
	}
	if (read->view->next)
		more = read->view->next(read);
	if (more < 0)
		read->error = more;
	read->part = more > 0 ? MMS_PART_ROWS : MMS_PART_TAIL;
	return read;
}

static void read_stop(struct seq_file *m, void *v)
{
}

/* Why a reading ended before the end of what it reads. */
static const char *truncation_reason(int error)
{
	switch (error) {
	case -ESRCH: return "the process exited or executed another program";
	case -EINTR: return "interrupted";
	case -ENODEV: return "detached";
	case -ENOMEM: return "out of memory";
	default: return "error";
	}
}

static int read_show(struct seq_file *m, void *v)
{
	struct mms_read *read = v;
	const struct mms_view *view = read->view;

	if (read->part == MMS_PART_HEAD && view->head)
		view->head(m, read);
	if (read->part == MMS_PART_ROWS && view->row)
		view->row(m, read);
	if (read->part == MMS_PART_TAIL) {
		if (read->error)
			seq_printf(m, "# truncated: %s\n", truncation_reason(read->error));
		if (view->tail)
			view->tail(m, read);
	}
	return 0;
}

static const struct seq_operations read_ops = {
	.start = read_start,
	.next = read_next,
	.stop = read_stop,
	.show = read_show,
};

void mms_read_free(struct mms_read *read)
{
	if (read->view->end)
		read->view->end(read);
	mms_walk_free(read->walk);
	if (read->target)
		mms_target_put(read->target);
	kvfree(read->priv);
	kfree(read);
}

struct mms_read *mms_read_alloc(const struct mms_view *view, struct mms_target *target,
				const struct file *file)
{
	struct mms_read *read = mms_try(kzalloc(sizeof(*read), GFP_KERNEL), NULL);

	if (!read)
		return NULL;
	read->view = view;
	read->opener = file;
	if (target) {
		mms_target_get(target);
		read->target = target;
	}
	read->walk = mms_walk_alloc();
	if (view->priv_size)
		read->priv = mms_try(kvzalloc(view->priv_size, GFP_KERNEL), NULL);
	if (!read->walk || (view->priv_size && !read->priv)) {
		mms_read_free(read);
		return NULL;
	}
	return read;
}

/* Under lockdown debugfs itself refuses writing only, and lets through what is 0400. */
int mms_may_open_any(void)
{
	if (!READ_ONCE(all_there))
		return -ENODEV;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	return security_locked_down(LOCKDOWN_DEBUGFS);
}

/* 0 if the opener may see the target as it is now; an exited one hides nothing. */
int mms_may_open(const struct mms_target *target, const struct file *file)
{
	struct mm_struct *mm;
	int err = mms_may_open_any();
	bool may;

	if (err)
		return err;
	if (!target)
		return capable(CAP_SYS_PTRACE) ? 0 : -EPERM;
	mm = mms_pid_mm(target->pid);
	if (!mm)
		return 0;
	may = mms_may_read(file, mm);
	mmput(mm);
	return may ? 0 : -EPERM;
}

int mms_view_open(struct inode *inode, struct file *file)
{
	const struct mms_view *view = container_of(mms_debugfs_fops(file), struct mms_view, fops);
	struct mms_target *target = inode->i_private;
	struct mms_read *read;
	struct seq_file *m;
	int err;

	err = mms_may_open(target, file);
	if (err)
		return err;
	read = mms_read_alloc(view, target, file);
	if (!read)
		return -ENOMEM;
	err = mms_try(seq_open(file, &read_ops), -ENOMEM);
	if (err) {
		mms_read_free(read);
		return err;
	}
	m = file->private_data;
	m->private = read;
	/* Without it seq_file begins with a small one. */
	m->buf = mms_try(kvmalloc(TEXT_BUFFER, GFP_KERNEL), NULL);
	if (m->buf)
		m->size = TEXT_BUFFER;
	return 0;
}

int mms_view_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	mms_read_free(m->private);
	return seq_release(inode, file);
}

ssize_t mms_view_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	struct seq_file *m = file->private_data;
	struct mms_read *read = m->private;
	char *text;
	int err;

	if (!read->view->write)
		return -EINVAL;
	text = mms_copy_text(ubuf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&m->lock);
	err = read->view->write(read, text);
	/* What was read before is no part of what is read from now on, not even for pread(). */
	if (!err)
		m->index = m->count = m->read_pos = 0;
	mutex_unlock(&m->lock);
	kfree(text);
	if (err)
		return err;
	/* The next read answers this write, from its beginning. */
	*ppos = 0;
	return len;
}

char *mms_copy_text(const char __user *ubuf, size_t len)
{
	char *text;

	if (!len || len > MMS_WRITE_MAX)
		return ERR_PTR(-EINVAL);
	text = mms_try(memdup_user_nul(ubuf, len), ERR_PTR(-ENOMEM));
	if (IS_ERR(text))
		return text;
	if (strlen(text) != len) {
		kfree(text);
		return ERR_PTR(-EINVAL);
	}
	if (text[len - 1] == '\n')
		text[len - 1] = '\0';
	return text;
}

int mms_parse_pid(const char *text, pid_t *nr)
{
	/* kstrtoint() takes a newline. */
	if (*text < '0' || *text > '9' || strchr(text, '\n') || kstrtoint(text, 10, nr))
		return -EINVAL;
	return 0;
}

static int control_open(struct inode *inode, struct file *file)
{
	file->private_data = NULL;
	return mms_may_open_any();
}

/* "hold PID" keeps a process attached until this file is closed; one per open file. */
static int hold(struct file *file, const char *text)
{
	struct mms_target *held;
	pid_t nr;
	int err;

	err = mms_parse_pid(text, &nr);
	if (err)
		return err;
	if (READ_ONCE(file->private_data))
		return -EBUSY;
	err = mms_target_hold(nr, file, &held);
	if (err)
		return err;
	/* Another write to the same open file may have been faster. */
	if (cmpxchg(&file->private_data, NULL, held)) {
		mms_target_unhold(held);
		return -EBUSY;
	}
	return 0;
}

static int attach(struct file *file, const char *text)
{
	pid_t nr;

	if (str_has_prefix(text, "hold "))
		return hold(file, text + strlen("hold "));
	return mms_parse_pid(text, &nr) ?: mms_target_attach(nr, file);
}

static int detach(struct file *file, const char *text)
{
	pid_t nr;

	return mms_parse_pid(text, &nr) ?: mms_target_detach(nr);
}

static ssize_t control_write(const char __user *ubuf, size_t len, struct file *file,
			     int (*action)(struct file *file, const char *text))
{
	char *text = mms_copy_text(ubuf, len);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = action(file, text);
	kfree(text);
	return err ?: len;
}

static ssize_t attach_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	return control_write(ubuf, len, file, attach);
}

static ssize_t detach_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	return control_write(ubuf, len, file, detach);
}

static int attach_release(struct inode *inode, struct file *file)
{
	if (file->private_data)
		mms_target_unhold(file->private_data);
	return 0;
}

static const struct file_operations attach_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.write = attach_write,
	.release = attach_release,
	.llseek = noop_llseek,
};

static const struct file_operations detach_fops = {
	.owner = THIS_MODULE,
	.open = control_open,
	.write = detach_write,
	.llseek = noop_llseek,
};

static int tracer_open(struct inode *inode, struct file *file)
{
	int err = mms_may_open_any();

	if (err)
		return err;
	file->private_data = mms_tracer_open();
	return file->private_data ? 0 : -ENOMEM;
}

static ssize_t tracer_write(struct file *file, const char __user *ubuf, size_t len, loff_t *ppos)
{
	char *text = mms_copy_text(ubuf, len);
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = mms_tracer_take(file->private_data, text);
	kfree(text);
	return err ?: len;
}

static int tracer_release(struct inode *inode, struct file *file)
{
	mms_tracer_close(file->private_data);
	return 0;
}

static const struct file_operations tracer_fops = {
	.owner = THIS_MODULE,
	.open = tracer_open,
	.write = tracer_write,
	.release = tracer_release,
	.llseek = noop_llseek,
};

/* debugfs makes directories 0755; the promise is that nothing here is seen by others. */
static struct dentry *create_dir(const char *name, struct dentry *parent)
{
	struct dentry *dir = mms_try(debugfs_create_dir(name, parent), ERR_PTR(-ENOMEM));

	if (!IS_ERR(dir))
		d_inode(dir)->i_mode = S_IFDIR | 0700;
	return dir;
}

static int create_file(const char *name, umode_t mode, struct dentry *dir,
		       struct mms_target *target, const struct file_operations *fops)
{
	return PTR_ERR_OR_ZERO(mms_try(mms_debugfs_create(name, mode, dir, target, fops),
				       ERR_PTR(-ENOMEM)));
}

static int create_view(const struct mms_view *view, struct dentry *dir, struct mms_target *target)
{
	return create_file(view->name, view->mode, dir, target, &view->fops);
}

int mms_debugfs_add_target(struct mms_target *target)
{
	static const struct mms_view *const views[] = {
		&mms_view_summary, &mms_view_vmas,	&mms_view_tables,
		&mms_view_pages,   &mms_view_translate, &mms_view_tlb,
		&mms_view_cow,	   &mms_view_faults,
	};
	char name[12];
	unsigned int i;
	int err;

	snprintf(name, sizeof(name), "%d", target->nr);
	target->dir = create_dir(name, root);
	if (IS_ERR(target->dir))
		return PTR_ERR(target->dir);
	for (i = 0; i < ARRAY_SIZE(views); i++) {
		err = create_view(views[i], target->dir, target);
		if (err)
			return err;
	}
	return create_file("records", 0400, target->dir, target, &mms_records_fops);
}

void mms_debugfs_remove_target(struct mms_target *target)
{
	debugfs_remove(target->dir);
}

int mms_debugfs_init(void)
{
	static const struct mms_view *const views[] = {
		&mms_view_version, &mms_view_targets, &mms_view_processes,
		&mms_view_tlb,	   &mms_view_cow,     &mms_view_faults,
	};
	static const struct {
		const char *name;
		umode_t mode;
		const struct file_operations *fops;
	} controls[] = {
		{ "attach", 0200, &attach_fops },
		{ "detach", 0200, &detach_fops },
		{ "count", 0600, &mms_count_fops },
		{ "tracer", 0600, &tracer_fops },
	};
	unsigned int i;
	int err;

	root = create_dir("mmscope", NULL);
	if (IS_ERR(root))
		return PTR_ERR(root);
	for (i = 0; i < ARRAY_SIZE(views); i++) {
		err = create_view(views[i], root, NULL);
		if (err)
			goto out_remove;
	}
	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		err = create_file(controls[i].name, controls[i].mode, root, NULL, controls[i].fops);
		if (err)
			goto out_remove;
	}
	WRITE_ONCE(all_there, true);
	return 0;
out_remove:
	debugfs_remove(root);
	return err;
}

void mms_debugfs_exit(void)
{
	debugfs_remove(root);
}
