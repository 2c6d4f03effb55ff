/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Labs leave nothing behind: each runs in a process of its own, and what it has changed is undone when
 * that process has ended, however it did. Knows no lab.
 */
#ifndef LAB_GUARD_H
#define LAB_GUARD_H

#include "report.h"

/**
 * lab_guard_run() - run a lab and clean up after it
 * @def: the lab
 * @options: how to run it
 * @json: receives what it said, with --json; for json_object_put()
 * @interrupted: set to the signal's number if this was interrupted
 *
 * Return: its verdict. One whose process dies has failed.
 */
enum lab_verdict lab_guard_run(const struct lab_def *def, const struct lab_options *options,
			       struct json_object **json, int *interrupted);

enum lab_undo {
	LAB_UNDO_WRITE,		/* write @text to @path */
	LAB_UNDO_UNLINK,
	LAB_UNDO_RMDIR,
	LAB_UNDO_SWAPOFF,
	LAB_UNDO_UMOUNT,
	LAB_UNDO_RMMOD,		/* @path is the module's name */
};

/**
 * lab_guard_undo() - have something undone when the lab has ended
 * @lab: the lab
 * @how: in which way
 * @path: of what
 * @text: for LAB_UNDO_WRITE, else NULL
 *
 * To be called before it is done. All processes of the lab are gone when it is undone; the last comes
 * first.
 */
void lab_guard_undo(struct lab *lab, enum lab_undo how, const char *path, const char *text);

/**
 * lab_guard_write() - write to a file, as a setting is undone
 * @path: the file, which there must be
 * @text: all that is written
 *
 * Return: 0, or -1 with errno.
 */
int lab_guard_write(const char *path, const char *text);

#endif /* LAB_GUARD_H */
