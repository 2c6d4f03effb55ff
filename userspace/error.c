// SPDX-License-Identifier: GPL-2.0
/*
 * The message of the failure under way.
 */
#include <stdarg.h>
#include <stdio.h>

#include "error.h"

static char message[1024];

int mms_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return -1;
}

const char *mms_failure(void)
{
	return message;
}
