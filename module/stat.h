/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counts over leaf entries and their frames: what vmas, summary and processes print.
 */
#ifndef MMS_STAT_H
#define MMS_STAT_H

#include "leaf.h"
#include "walk.h"

/* Counters after the classes and attributes, in pages of 4 KiB unless said otherwise. */
enum mms_stat_key {
	MMS_STAT_CLASS = 0,				/* + enum mms_class */
	MMS_STAT_ATTR = MMS_STAT_CLASS + MMS_NR_CLASSES, /* + enum mms_attr */
	MMS_STAT_SIZE = MMS_STAT_ATTR + MMS_NR_ATTRS,	/* address space */
	MMS_STAT_SHARED,	/* of the resident: mapped more than once */
	MMS_STAT_REFERENCED,	/* of the resident: accessed by entry or by frame */
	MMS_STAT_HUGE_ANON,	/* of the resident: mapped by a PMD, not hugetlb */
	MMS_STAT_HUGE_SHMEM,
	MMS_STAT_HUGE_FILE,
	MMS_STAT_HUGETLB_SHARED,
	MMS_STAT_PMD,		/* present and mapped by a PMD leaf of any class */
	MMS_STAT_PUD,		/* likewise by a PUD leaf */
	MMS_STAT_SHMEM_SWAP,	/* without an entry, swapped out in the shmem object */
	MMS_STAT_TABLES,	/* page-table pages first reached here, deposited ones included */

	/* Sums of the above, valid after mms_stat_derive(). */
	MMS_STAT_ANON,
	MMS_STAT_RSS,		/* what the kernel counts as RSS */
	MMS_STAT_PRIVATE,	/* of the resident: mapped once */
	MMS_STAT_UNTOUCHED,
	MMS_STAT_DEVICE,
	MMS_STAT_MARKER,
	MMS_STAT_RUNS,		/* not pages: physically contiguous runs */
	MMS_STAT_RUN_MAX,
	MMS_NR_STATS,
};

/* NUMA nodes told apart in one set of counts; pages beyond go to @other. */
#define MMS_MAX_NODES 16

struct mms_nodes {
	unsigned int nr;
	u16 id[MMS_MAX_NODES];
	u64 pages[MMS_MAX_NODES];
	u64 other;
};

struct mms_stat {
	u64 v[MMS_NR_STATS];
	struct mms_contig contig;
	struct mms_nodes nodes;
};

/* Upper estimate for struct mms_sink. */
#define MMS_STAT_COST_VMA 500

/* For struct mms_sink.vma_begin of a sink that uses mms_stat_span(). */
void mms_stat_vma(struct mms_walk *walk, struct vm_area_struct *vma);
/* Counts a span; for struct mms_sink.span. Same rules. */
void mms_stat_span(struct mms_stat *stat, struct mms_walk *walk, struct mms_span *span);

/* Resident pages counted so far, as the kernel counts RSS. */
u64 mms_stat_rss(const struct mms_stat *stat);

/* Ends the contiguous run under way and computes the sums. May be called again. */
void mms_stat_derive(struct mms_stat *stat);

/**
 * struct mms_stat_field - one published number
 * @name: column or key
 * @key: index in mms_stat.v
 * @pages: it is in pages, and published in kB; else a plain count
 */
struct mms_stat_field {
	const char *name;
	unsigned int key;
	bool pages;
};

extern const struct mms_stat_field mms_stat_fields[];
extern const unsigned int mms_nr_stat_fields;

/* A field of derived counts, in the unit in which it is published. */
static inline u64 mms_stat_published(const struct mms_stat *stat, const struct mms_stat_field *field)
{
	u64 value = stat->v[field->key];

	return field->pages ? value << (MMS_PAGE_SHIFT - 10) : value;
}

struct seq_file;
/* " NAME NAME ...": every field's name, in order */
void mms_stat_show_names(struct seq_file *m);
/* " N N N ...": every field, in order */
void mms_stat_show_fields(struct seq_file *m, const struct mms_stat *stat);
/* " 1:12,8:4": runs of 1 page, of 8 to 15 pages ... ; " -" for none */
void mms_stat_show_contig(struct seq_file *m, const struct mms_contig *contig);
/* " 0:128,1:4": kB by node; "?" is all nodes beyond MMS_MAX_NODES; " -" for none */
void mms_stat_show_nodes(struct seq_file *m, const struct mms_nodes *nodes);

#endif /* MMS_STAT_H */
