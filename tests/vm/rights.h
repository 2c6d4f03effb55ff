/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who asks, what for, and about whom, for tests of rights: the module's files, users with some of the
 * capabilities, and processes of several kinds. Knows nothing of who may.
 */
#ifndef MMS_RIGHTS_H
#define MMS_RIGHTS_H

#include "proc.h"

#define USER 65534
#define BIT(capability) (1ULL << (capability))
#define ALL_CAPABILITIES (~0ULL)

enum kind { SYSTEM, TARGET, CONTROL };

/* A file of the module: the system's, in each target's directory, or a control file. */
struct file {
	const char *name;
	enum kind kind;
	mode_t mode;
};

/* All there are: t_exposed sees to it. */
#define NR_FILES 19
extern const struct file rights_files[NR_FILES];

/* Its path, that of the target's where it is in its directory; in a static buffer. */
const char *rights_path(const struct file *file);
/* How it opens: to be read, written, or both. */
int rights_flags(const struct file *file);

struct who {
	uid_t uid;
	u64 capabilities;
	bool in_namespace;	/* all capabilities, but only there */
};

/* Makes the calling process one of these; exits with 100 if it cannot be. */
void rights_become(const struct who *who);
/* Gives up all capabilities but these. */
bool rights_keep(u64 capabilities);

/**
 * struct whom - a kind of process
 * @name: in words
 * @become: what the process does after fork()
 * @owned: its address space belongs to a user namespace that USER has made
 * @is_setuid: USER has started it, and it runs as root
 */
struct whom {
	const char *name;
	void (*become)(void);
	bool owned;
	bool is_setuid;
};

#define NR_WHOMS 5
extern const struct whom rights_whoms[NR_WHOMS];

/* The programs that they run, made before they are; and the way to the files, open to all. */
void rights_open(void);
void rights_close(void);

/* One that nobody but root can read. */
extern char rights_secret[64];

/* The target: a process that does this, executes a program, and is attached. Exits if it cannot. */
extern pid_t rights_target;
void rights_start(void (*become)(void));
void rights_end(void);
/* Whether USER has started it, and it runs as root. */
bool rights_is_setuid(void);

#endif /* MMS_RIGHTS_H */
