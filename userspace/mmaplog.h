/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What processes map while they are counted: the kernel's own log of it, as perf reads it. So stacks
 * have names also when their process is gone.
 */
#ifndef MMS_MMAPLOG_H
#define MMS_MMAPLOG_H

#include <stdint.h>

struct mms_mmaplog;
struct mms_symbols;

/* Return: for mms_mmaplog_close(), or NULL with mms_failure() set. From here on everything is logged. */
struct mms_mmaplog *mms_mmaplog_open(void);

/**
 * mms_mmaplog_read() - take what has been logged
 * @log: open
 * @symbols: is added to: code that was mapped, children that were forked
 *
 * Return: 0, or -1 with mms_failure() set: out of memory, or the log is damaged.
 */
int mms_mmaplog_read(struct mms_mmaplog *log, struct mms_symbols *symbols);

/* Entries that were lost, for nobody read them in time. */
uint64_t mms_mmaplog_lost(const struct mms_mmaplog *log);

void mms_mmaplog_close(struct mms_mmaplog *log);

/* Adds what all processes have mapped now. Return: 0, or -1 with mms_failure() set, out of memory. */
int mms_mmaplog_read_everyone(struct mms_symbols *symbols);

#endif /* MMS_MMAPLOG_H */
