/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The oracle: what /proc says of a process and of its frames. Read as it is; knows nothing of
 * mmscope.
 */
#ifndef MMS_PROC_H
#define MMS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <stdint.h>
#include <sys/types.h>

typedef __u64 u64;

#define PAGE 4096UL
#define MIB (1UL << 20)
#define GIB (1UL << 30)
#define HUGE_2M (2 * MIB)

/* Bits of an entry of pagemap (Documentation/admin-guide/mm/pagemap.rst). */
#define PM_FRAME ((1ULL << 55) - 1)
#define PM_SOFT_DIRTY (1ULL << 55)
#define PM_EXCLUSIVE (1ULL << 56)
#define PM_UFFD_WP (1ULL << 57)
#define PM_FILE (1ULL << 61)
#define PM_SWAP (1ULL << 62)
#define PM_PRESENT (1ULL << 63)
/* Of a swapped page: type in the low bits of the frame, offset above. */
#define PM_SWAP_TYPE_BITS 5

/* Bits of kpageflags. */
#define KPF_REFERENCED (1ULL << 2)
#define KPF_ANON (1ULL << 12)
#define KPF_SWAPBACKED (1ULL << 14)
#define KPF_COMPOUND_HEAD (1ULL << 15)
#define KPF_COMPOUND_TAIL (1ULL << 16)
#define KPF_HUGE (1ULL << 17)
#define KPF_HWPOISON (1ULL << 19)
#define KPF_NOPAGE (1ULL << 20)
#define KPF_KSM (1ULL << 21)
#define KPF_THP (1ULL << 22)
#define KPF_ZERO_PAGE (1ULL << 24)
#define KPF_RESERVED (1ULL << 32)

/* The lines of smaps that are in kB. */
enum smaps_key {
	SMAPS_SIZE,
	SMAPS_RSS,
	SMAPS_SHARED_CLEAN,
	SMAPS_SHARED_DIRTY,
	SMAPS_PRIVATE_CLEAN,
	SMAPS_PRIVATE_DIRTY,
	SMAPS_REFERENCED,
	SMAPS_ANONYMOUS,
	SMAPS_KSM,
	SMAPS_ANON_HUGE,
	SMAPS_SHMEM_PMD,
	SMAPS_FILE_PMD,
	SMAPS_SHARED_HUGETLB,
	SMAPS_PRIVATE_HUGETLB,
	SMAPS_SWAP,
	SMAPS_NR_KEYS,
};

#define SMAPS_ABSENT UINT64_MAX

/**
 * struct proc_vma - a VMA as maps and smaps show it
 * @name: what maps has after the inode, "" for nothing
 * @kb: the lines of smaps; SMAPS_ABSENT for one this kernel does not have
 * @flags: VmFlags, two letters and a blank each
 */
struct proc_vma {
	u64 start, end, offset, inode;
	unsigned int major, minor;
	char perm[5];
	char *name;
	u64 kb[SMAPS_NR_KEYS];
	char flags[192];
};

struct proc_vmas {
	struct proc_vma *vma;
	size_t nr;
	char *text;
};

/* Whether VmFlags has @flag, such as "sd". */
bool proc_vma_flag(const struct proc_vma *vma, const char *flag);

/* All of a file, with a NUL after it. Return: for free(), or NULL with errno. */
char *proc_read_file(const char *path, size_t *len);

/* Without the gate page. Return: 0 or -1 with errno. Undone with proc_vmas_free(). */
int proc_smaps(pid_t pid, struct proc_vmas *vmas);
int proc_maps(pid_t pid, struct proc_vmas *vmas);
void proc_vmas_free(struct proc_vmas *vmas);

/* The VMA that holds @addr, or NULL. */
const struct proc_vma *proc_vma_at(const struct proc_vmas *vmas, u64 addr);

/* A number from /proc/PID/status, such as "VmPTE"; -1 if there is none. */
long proc_status(pid_t pid, const char *key);
/* The same from a file of "KEY NUMBER" or "KEY: NUMBER" lines, such as /proc/vmstat. */
long proc_number(const char *path, const char *key);

/* A line of /proc/interrupts, such as "TLB:", the sum over all CPUs; -1 if there is none. */
long proc_interrupts(const char *name);

/* Transparent huge pages: not with CONFIG_PREEMPT_RT. */
bool proc_have_thp(void);
/* MADV_NOHUGEPAGE, where it means anything. */
int proc_no_thp(void *addr, size_t len);

/* The whole content of a file that holds one number; -1 if it cannot be read. */
long proc_value(const char *path);
/* Return: 0 or -errno. */
int proc_write(const char *path, const char *text);

/*
 * Takes pages out of the batches in which CPUs keep new ones for a while (lru_add): a page in that of
 * another CPU has a reference more, so that a write copies it where it could be reused
 * (do_wp_page(), wp_can_reuse_anon_folio()). A worker of each CPU does it: waits for ever while threads
 * that run first keep one busy. Return: 0, or -errno and errno.
 */
int proc_empty_batches(void);

/* An open pagemap, kpageflags or kpagecount; -1 with errno. */
int proc_open_pagemap(pid_t pid);
int proc_open_kpage(const char *name);

/* Entries from @index on; what lies beyond the end reads as @beyond. */
void proc_entries(int fd, u64 index, size_t nr, u64 *entries, u64 beyond);
/* One pagemap entry of one address. */
u64 proc_pagemap(pid_t pid, const void *addr);

/* All processes that have memory: ends with 0, for free(). */
pid_t *proc_processes(size_t *nr);

/* Times a process has been switched away from; the same value twice: it did not run. -1: gone. */
long proc_switches(pid_t pid);

/* Waits until @pid sleeps or is stopped. Return: false if it has not after @seconds. */
bool proc_wait_idle(pid_t pid, unsigned int seconds);

#endif /* MMS_PROC_H */
