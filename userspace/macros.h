/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What C lacks.
 */
#ifndef MMS_MACROS_H
#define MMS_MACROS_H

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#ifndef __printf
#define __printf(a, b) __attribute__((format(printf, a, b)))
#endif

#endif /* MMS_MACROS_H */
