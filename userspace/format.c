// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers and names as people read them.
 */
#include <stdio.h>
#include <string.h>

#include "format.h"

char *mms_format_size(char *buf, uint64_t bytes)
{
	static const char units[] = " KMGTPE";
	uint64_t unit = 1;
	unsigned int i = 0, tenths;

	while (bytes / unit >= 1024) {
		unit <<= 10;
		i++;
	}
	tenths = ((__uint128_t)bytes * 10 + unit / 2) / unit;
	if (!i)
		snprintf(buf, MMS_NUMBER_MAX, "%u", (unsigned int)bytes);
	else if (tenths >= 100 || bytes % unit == 0)
		snprintf(buf, MMS_NUMBER_MAX, "%u%c",
			 (unsigned int)(bytes / unit + (bytes % unit >= unit / 2)), units[i]);
	else
		snprintf(buf, MMS_NUMBER_MAX, "%u.%u%c", tenths / 10, tenths % 10, units[i]);
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
