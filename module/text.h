/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers as text, for rows of which there are many: seq_printf() takes a few hundred instructions
 * for each.
 */
#ifndef MMS_TEXT_H
#define MMS_TEXT_H

#include <linux/bitops.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/seq_file.h>
#include <linux/types.h>

/* Digits of the largest number, and what separates it from the one before. */
#define MMS_NUMBER_MAX 21

/* Writes @value. Return: where it ends; no NUL. */
static inline char *mms_put_decimal(char *to, u64 value)
{
	char *end = to + 1, *digit;
	u64 rest;

	for (rest = value; rest >= 10; rest /= 10)
		end++;
	for (digit = end; digit > to; value /= 10)
		*--digit = '0' + value % 10;
	return end;
}

/* The same in hexadecimal, with at least @least digits, at most 16. */
static inline char *mms_put_hex(char *to, u64 value, unsigned int least)
{
	unsigned int nr = max_t(unsigned int, DIV_ROUND_UP(fls64(value), 4), least);

	for (; nr; nr--)
		*to++ = "0123456789abcdef"[value >> (4 * nr - 4) & 15];
	return to;
}

/**
 * mms_text_begin() - write straight into a seq_file's buffer
 * @m: the file; mms_text_end() follows
 * @most: bytes that will be written at most
 *
 * Return: where to write, or NULL: seq_file will ask for the row again, with more room.
 */
static inline char *mms_text_begin(struct seq_file *m, size_t most)
{
	char *to;

	if (seq_get_buf(m, &to) >= most)
		return to;
	seq_commit(m, -1);
	return NULL;
}

/* What was written from @begin on ends at @end. */
static inline void mms_text_end(struct seq_file *m, const char *begin, const char *end)
{
	seq_commit(m, end - begin);
}

#endif /* MMS_TEXT_H */
