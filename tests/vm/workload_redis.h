/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A redis-server that saves its data in a child while it is written to, and what it is expected to
 * cost. Judges nothing.
 */
#ifndef MMS_WORKLOAD_REDIS_H
#define MMS_WORKLOAD_REDIS_H

#include "proc.h"

/**
 * struct redis - a save, in pages
 * @written: at least as many were written while the child was there
 * @broken: copied for the parent, of those shared with the child
 * @own: copied for the child, or touched by it first, when both were stopped
 * @twice: of both, the pages that each of the two has copied, by pagemap
 * @private_dirty: by the child's smaps then
 * @own_later: as @own, when the child had ended
 * @last_cow_size: by the server's own account, in bytes
 * @saves: that the server says to have ended well
 * @broken_alone: copied for the parent when it was written to again, without a child
 * @status: of the server, as waitpid() has it
 */
struct redis {
	u64 written, broken, own, twice, private_dirty, own_later, last_cow_size, saves, broken_alone;
	int status;
};

/* Bails out if it cannot be done. */
void redis_run(struct redis *redis);

#endif /* MMS_WORKLOAD_REDIS_H */
