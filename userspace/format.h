/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers and names as people read them. Pure functions.
 */
#ifndef MMS_FORMAT_H
#define MMS_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* Longest result of the functions that format numbers, with the NUL. */
#define MMS_NUMBER_MAX 24

/*
 * A table has very many numbers, and printf() takes its time: each writes at most MMS_NUMBER_MAX bytes.
 * Return: where it ends; there is no NUL.
 */
char *mms_put_decimal(char *to, uint64_t value);
/* With at least @least digits, at most 16. */
char *mms_put_hex(char *to, uint64_t value, unsigned int least);
/* See mms_format_size(). */
char *mms_put_size(char *to, uint64_t bytes);

/**
 * mms_format_size() - bytes in at most five characters: 0, 512, 4K, 1.5M, 1023G
 * @buf: at least MMS_NUMBER_MAX bytes
 * @bytes: the value; units are powers of 1024, rounded to nearest
 *
 * Return: @buf.
 */
char *mms_format_size(char *buf, uint64_t bytes);

/* "12.3" for 123. @buf: at least MMS_NUMBER_MAX bytes. Return: @buf. */
char *mms_format_tenths(char *buf, uint64_t tenths);

/**
 * mms_shorten() - cut the middle out of a text that is too long
 * @buf: receives at most @width columns of text and a NUL; @size bytes
 * @size: bytes in @buf
 * @text: the text; control characters come out as '?'
 * @width: columns, at least 4; counted in UTF-8 characters
 *
 * Return: where it ends, at the NUL.
 */
char *mms_shorten(char *buf, size_t size, const char *text, unsigned int width);

/**
 * mms_break_line() - where to break a line that is longer than the page
 * @line: ends with a newline or a NUL
 * @width: columns of the page
 *
 * Return: the bytes up to the last blank that fits; all of them if they fit, or if there is no such
 * blank.
 */
size_t mms_break_line(const char *line, unsigned int width);

/* Columns a text takes, in UTF-8 characters. */
unsigned int mms_text_width(const char *text);

/**
 * mms_utf8() - make a text valid UTF-8
 * @text: changed in place: bytes that are not valid UTF-8 become '?'
 */
void mms_utf8(char *text);

#endif /* MMS_FORMAT_H */
