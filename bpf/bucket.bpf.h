/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bucket of a histogram that a time belongs in: see MMS_HISTOGRAM.
 */
#ifndef MMS_BUCKET_BPF_H
#define MMS_BUCKET_BPF_H

#include "types.bpf.h"
#include "uapi/mmscope_events.h"

/* clang-format off */
static const u8 log_of_byte[256] = {
	[2 ... 3] = 1, [4 ... 7] = 2, [8 ... 15] = 3, [16 ... 31] = 4, [32 ... 63] = 5,
	[64 ... 127] = 6, [128 ... 255] = 7,
};
/* clang-format on */

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
