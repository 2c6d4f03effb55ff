/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One message per failure: set where it is known what went wrong, printed once, in main.
 */
#ifndef MMS_ERROR_H
#define MMS_ERROR_H

#include "macros.h"

/**
 * mms_fail() - set the message of this failure
 * @format: printf-like, without a newline, naming what and why
 *
 * A later call replaces an earlier one. Return: -1, to be returned.
 */
int mms_fail(const char *format, ...) __printf(1, 2);

/* The message last set, "" if none. */
const char *mms_failure(void);

#endif /* MMS_ERROR_H */
