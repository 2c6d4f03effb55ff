/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tree under /sys/kernel/debug/mmscope: directories, files, who may open them.
 */
#ifndef MMS_DEBUGFS_H
#define MMS_DEBUGFS_H

struct mms_target;

/* Return: 0 or a negative errno; on error nothing is left behind. May sleep. */
int mms_debugfs_init(void);
void mms_debugfs_exit(void);

/**
 * mms_debugfs_add_target() - make a target's directory with all its views
 * @target: the target; the files keep its address, so it must outlive the directory
 *
 * Stores the directory in @target->dir. May sleep.
 *
 * Return: 0 or a negative errno; what was made until then mms_debugfs_remove_target() removes.
 */
int mms_debugfs_add_target(struct mms_target *target);

/* Removes the directory, or what there is of it; waits for operations under way inside. May sleep. */
void mms_debugfs_remove_target(struct mms_target *target);

#endif /* MMS_DEBUGFS_H */
