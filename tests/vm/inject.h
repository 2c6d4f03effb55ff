/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failing the n-th allocation of what comes next, in two ways: those of the module itself, where it
 * was built for it (module/faults.h), and all of this task's in the kernel, where the kernel can
 * (CONFIG_FAULT_INJECTION, fail-nth). Knows nothing of what is tested.
 */
#ifndef MMS_INJECT_H
#define MMS_INJECT_H

#include <stdbool.h>

enum injector { INJECT_MODULE, INJECT_KERNEL };

/*
 * Makes it ready. Return: NULL, or what this machine lacks for it. The module may be unloaded and
 * loaded again between inject_open() and inject_close().
 */
const char *inject_open(enum injector injector);
void inject_close(enum injector injector);

/* From now on the @nth allocation fails; 0: none. */
void inject_arm(enum injector injector, unsigned int nth);
/* No more failures. Return: whether one has failed. */
bool inject_disarm(enum injector injector);

/*
 * Only what a module's init function calls fails by INJECT_KERNEL, as long as @on. Loading a module
 * allocates a lot before.
 */
void inject_init_only(bool on);

#endif /* MMS_INJECT_H */
