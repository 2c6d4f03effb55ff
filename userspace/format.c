// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers and names as people read them.
 */
#include <stdio.h>
#include <string.h>

#include "format.h"

char *mms_put_decimal(char *to, uint64_t value)
{
	char *end = to + 1, *digit;
	uint64_t rest;

	for (rest = value; rest >= 10; rest /= 10)
		end++;
	for (digit = end; digit > to; value /= 10)
		*--digit = '0' + value % 10;
	return end;
}

char *mms_put_hex(char *to, uint64_t value, unsigned int least)
{
	unsigned int nr = (67 - __builtin_clzll(value | 1)) / 4;

	for (nr = nr < least ? least : nr; nr; nr--)
		*to++ = "0123456789abcdef"[value >> (4 * nr - 4) & 15];
	return to;
}

char *mms_put_size(char *to, uint64_t bytes)
{
	unsigned int unit = bytes < 1024 ? 0 : (63 - __builtin_clzll(bytes)) / 10, tenths;
	uint64_t whole = bytes >> (10 * unit), rest = bytes - (whole << (10 * unit)), half;

	if (!unit)
		return mms_put_decimal(to, bytes);
	half = 1ULL << (10 * unit - 1);
	tenths = whole * 10 + ((rest * 10 + half) >> (10 * unit));
	if (tenths >= 100 || !rest) {
		to = mms_put_decimal(to, whole + (rest >= half));
	} else {
		*to++ = '0' + tenths / 10;
		*to++ = '.';
		*to++ = '0' + tenths % 10;
	}
	*to++ = " KMGTPE"[unit];
	return to;
}

char *mms_format_size(char *buf, uint64_t bytes)
{
	*mms_put_size(buf, bytes) = '\0';
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

/* Copies up to @width columns, up to the NUL or below @end. Return: where they end. */
static char *put_printable(char *to, const char *end, const char *text, unsigned int width)
{
	for (; *text && to < end; text++) {
		const unsigned char c = *text;

		if ((c & 0xc0) != 0x80 && !width--)
			break;
		*to++ = c < 0x20 || c == 0x7f ? '?' : c;
	}
	return to;
}

char *mms_shorten(char *buf, size_t size, const char *text, unsigned int width)
{
	const char *end = buf + size - 1;
	char *to = put_printable(buf, end, text, width);

	if (text[to - buf] && to < end) {
		/* The end tells more of a path than its beginning. */
		const unsigned int head = (width - 2) / 3, tail = width - 2 - head;

		to = put_printable(buf, end, text, head);
		to = put_printable(to, end, "..", 2);
		text += prefix(text, mms_text_width(text) - tail);
		to = put_printable(to, end, text, tail);
	}
	*to = '\0';
	return to;
}

size_t mms_break_line(const char *line, unsigned int width)
{
	size_t len = strcspn(line, "\n"), cut = width;

	if (len <= width)
		return len;
	while (cut && line[cut] != ' ')
		cut--;
	return cut ? cut : len;
}
