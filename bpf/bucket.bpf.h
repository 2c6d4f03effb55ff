/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bucket of a histogram that a time belongs in: see MMS_HISTOGRAM.
 */
#ifndef MMS_BUCKET_BPF_H
#define MMS_BUCKET_BPF_H

#include "types.bpf.h"
#include "uapi/mmscope_events.h"

#define LOG_2(n) n, n
#define LOG_4(n) LOG_2(n), LOG_2(n)
#define LOG_8(n) LOG_4(n), LOG_4(n)
#define LOG_16(n) LOG_8(n), LOG_8(n)
#define LOG_32(n) LOG_16(n), LOG_16(n)
#define LOG_64(n) LOG_32(n), LOG_32(n)
#define LOG_128(n) LOG_64(n), LOG_64(n)

static const volatile u8 log_of_byte[256] = {
	0, 0, LOG_2(1), LOG_4(2), LOG_8(3), LOG_16(4), LOG_32(5), LOG_64(6), LOG_128(7),
};

static __always_inline u32 bucket_of(u64 ns)
{
	if (ns < 1 << 8)
		return log_of_byte[ns];
	if (ns < 1 << 16)
		return 8 + log_of_byte[ns >> 8];
	if (ns < 1 << 24)
		return 16 + log_of_byte[ns >> 16];
	if (ns < 1ULL << 32)
		return 24 + log_of_byte[ns >> 24 & 0xff];
	return MMS_HISTOGRAM - 1;
}

#endif /* MMS_BUCKET_BPF_H */
