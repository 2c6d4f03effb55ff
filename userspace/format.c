// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers and names as people read them.
 */
#include <stdio.h>
#include <string.h>

#include "format.h"

/* Return: where it ends; no NUL. A table has very many numbers, and printf() takes its time. */
static char *put_digits(char *to, uint64_t value)
{
	char digits[MMS_NUMBER_MAX];
	unsigned int nr = 0;

	do {
		digits[nr++] = '0' + value % 10;
		value /= 10;
	} while (value);
	while (nr)
		*to++ = digits[--nr];
	return to;
}

char *mms_format_number(char *buf, uint64_t value)
{
	*put_digits(buf, value) = '\0';
	return buf;
}

char *mms_format_size(char *buf, uint64_t bytes)
{
	static const char units[] = " KMGTPE";
	uint64_t unit = 1;
	unsigned int i = 0, tenths;
	char *end;

	while (bytes / unit >= 1024) {
		unit <<= 10;
		i++;
	}
	tenths = ((__uint128_t)bytes * 10 + unit / 2) / unit;
	if (!i) {
		end = put_digits(buf, bytes);
	} else if (tenths >= 100 || bytes % unit == 0) {
		end = put_digits(buf, bytes / unit + (bytes % unit >= unit / 2));
		*end++ = units[i];
	} else {
		end = put_digits(buf, tenths / 10);
		*end++ = '.';
		end = put_digits(end, tenths % 10);
		*end++ = units[i];
	}
	*end = '\0';
	return buf;
}

char *mms_format_tenths(char *buf, uint64_t tenths)
{
	snprintf(buf, MMS_NUMBER_MAX, "%lu.%lu", tenths / 10, tenths % 10);
	return buf;
}

/* Length of the valid UTF-8 sequence at @s, 0 if there is none. */
static unsigned int sequence(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int len, i;
	uint32_t c;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
	if (!len || s[0] > 0xf4)
		return 0;
	c = s[0] & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

void mms_utf8(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s) {
		unsigned int len = sequence(s);

		if (!len)
			*s = '?';
		s += len ? len : 1;
	}
}

unsigned int mms_text_width(const char *text)
{
	unsigned int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

/* Bytes of the first @width characters of @text. */
static size_t prefix(const char *text, unsigned int width)
{
	const char *s = text;

	while (*s && width--) {
		s++;
		while ((*s & 0xc0) == 0x80)
			s++;
	}
	return s - text;
}

void mms_shorten(char *buf, size_t size, const char *text, unsigned int width)
{
	unsigned int full = mms_text_width(text), head, tail;
	char *s;

	if (full <= width) {
		snprintf(buf, size, "%s", text);
	} else {
		/* The end tells more of a path than its beginning. */
		head = (width - 2) / 3;
		tail = width - 2 - head;
		snprintf(buf, size, "%.*s..%s", (int)prefix(text, head), text,
			 text + prefix(text, full - tail));
	}
	for (s = buf; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}
