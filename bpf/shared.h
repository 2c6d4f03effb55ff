/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the eBPF programs and the tracer that loads them agree on, and nobody else sees: options,
 * losses, and the maps of the detail. The records themselves are ABI: uapi/mmscope_events.h.
 */
#ifndef MMS_BPF_SHARED_H
#define MMS_BPF_SHARED_H

#include <linux/types.h>

/* Set before loading, read-only then: the verifier removes what is off. */
struct mms_config {
	__u32 nr_slots;		/* entries of the records map */
	__u32 everyone;		/* every process counts */
	__u32 follow;		/* children of selected processes count */
	__u32 by_vma;
	__u32 user_stacks;
	__u32 kernel_stacks;
	__u32 preempt_count;	/* where this variable is in a CPU's memory; 0: unknown */
};

/* What could not be counted, or not in full detail. */
struct mms_lost {
	__u64 events;		/* of the question itself: no context could be kept for a thread */
	__u64 vmas;		/* counted, but not by VMA: its map is full */
	__u64 stacks;		/* counted, but not by stack: its maps are full, or two hashes met */
	__u64 processes;	/* children not followed: the map of processes is full */
};

/* A process, for good: a PID may be used again, but not with the same start. */
struct mms_process {
	__u32 tgid;		/* in the initial PID namespace */
	__u32 pad;
	__u64 start_time;	/* task_struct.start_time of the leader */
};

/* What it has: the same slot in every question. */
struct mms_slot {
	__u32 slot;
	__u32 parent;		/* tgid of the parent when forked under the tracer, else 0 */
};

struct mms_vma_key {
	__u32 slot;
	__u32 counter;
	__u64 start;
};

#define MMS_VMA_NAME 32

struct mms_vma_count {
	__u64 count;
	__u64 end;
	__u64 flags;		/* vm_flags */
	char name[MMS_VMA_NAME]; /* last component of the file's name, or empty */
};

struct mms_stack_key {
	__u32 slot;
	__u32 counter;
	__s32 user;		/* id in the map "stacks", or negative: none */
	__s32 kernel;
};

#define MMS_STACK_DEPTH 127
#define MMS_MAX_STACKS 16384
#define MMS_MAX_VMAS 16384
#define MMS_MAX_PROCESSES (1 << 16)

#endif /* MMS_BPF_SHARED_H */
