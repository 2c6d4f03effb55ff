/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this machine has of what mmscope needs, and what mends what is missing.
 */
#ifndef MMS_DOCTOR_H
#define MMS_DOCTOR_H

enum mms_health {
	MMS_HEALTH_OK,
	MMS_HEALTH_NOTE,	/* all numbers are there; some things will not be seen */
	MMS_HEALTH_LIMITED,	/* some numbers are missing */
	MMS_HEALTH_NO,
	MMS_NR_HEALTHS
};

/**
 * struct mms_finding - what came of a check
 * @health: how it is
 * @detail: what was found, in words
 * @mend: the command that mends it, or what else does; "" if nothing is to be mended
 */
struct mms_finding {
	enum mms_health health;
	char detail[640];
	char mend[320];
};

/**
 * struct mms_check - something to look at
 * @name: what
 * @look: looks; changes nothing
 */
struct mms_check {
	const char *name;
	void (*look)(struct mms_finding *finding);
};

/* In the order in which things are mended best. Ends with a name that is NULL. */
extern const struct mms_check mms_checks[];

#endif /* MMS_DOCTOR_H */
