/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers as text, for rows of which there are many: seq_printf() takes a few hundred instructions
 * for each.
 */
#ifndef MMS_TEXT_H
#define MMS_TEXT_H

#include <linux/types.h>

/* Digits of the largest number, and what separates it from the one before. */
#define MMS_NUMBER_MAX 21

/* Writes @value with at least @least digits, @base 10 or 16. Return: where it ends; no NUL. */
static inline char *mms_put_number(char *to, u64 value, unsigned int base, unsigned int least)
{
	char digits[MMS_NUMBER_MAX];
	unsigned int nr = 0;

	do {
		digits[nr++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value || nr < least);
	while (nr)
		*to++ = digits[--nr];
	return to;
}

static inline char *mms_put_decimal(char *to, u64 value)
{
	return mms_put_number(to, value, 10, 1);
}

static inline char *mms_put_hex(char *to, u64 value)
{
	return mms_put_number(to, value, 16, 1);
}

#endif /* MMS_TEXT_H */
