/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading the views of processes that never rest, and what must be true of every answer: it is whole, in
 * order and adds up; of the part that never changes it is always the same.
 */
#ifndef MMS_CHURN_JUDGE_H
#define MMS_CHURN_JUDGE_H

#include "proc_churn.h"
#include "tap.h"

/* What a view said of the part that never changes, the first time. */
struct churn_steady {
	char *vmas, *pages, *records, *translate;
};

/* What was found so far, by this process. */
extern struct tap_diffs churn_whole, churn_same, churn_sane;
extern u64 churn_retries, churn_changed, churn_truncated;

/* Reads all views of one that is attached and judges them; @steady is kept between calls. */
void churn_read(const struct churn *churn, struct churn_steady *steady);
void churn_free_steady(struct churn_steady *steady);

/*
 * Judges a text view that was read otherwise, NULL with errno if it could not be. Return: whether it is
 * whole.
 */
bool churn_check_text(const struct churn *churn, const char *view, const char *text);

#endif /* MMS_CHURN_JUDGE_H */
