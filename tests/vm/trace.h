/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel's tracer says the calling thread does: a witness that is not the module.
 */
#ifndef MMS_TRACE_H
#define MMS_TRACE_H

#include "proc.h"

/* Whether the kernel has all of @events, such as "kmem/kmalloc"; a list that ends with NULL. */
bool trace_has(const char *const *events);

/* Records @events of the calling thread from now on. Exits if that cannot be. */
void trace_begin(const char *const *events);
/* Ends it. Return: the text, for free(); @nr_lost receives how many events it has not. */
char *trace_end(u64 *nr_lost);

/**
 * trace_next() - the next event of a text
 * @line: where to look; moves on
 * @name: receives the event's name
 * @ns: receives when it was, by CLOCK_MONOTONIC, in microseconds' steps
 *
 * Return: the event's fields, up to the end of the line; NULL: there is none.
 */
const char *trace_next(const char **line, char name[40], u64 *ns);

/* The value of " KEY=" in an event's fields, in any base; 0 if there is none. */
u64 trace_field(const char *fields, const char *key);

#endif /* MMS_TRACE_H */
