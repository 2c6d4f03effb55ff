/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module as a file and as a loaded module.
 */
#ifndef MMS_MODULE_FILE_H
#define MMS_MODULE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/**
 * mms_module_find() - the module built for the running kernel
 * @path: receives its file
 * @size: bytes there
 *
 * First the one in the build tree this program is in, then the installed one.
 *
 * Return: whether there is one.
 */
bool mms_module_find(char *path, size_t size);

/**
 * mms_module_fact() - what a module's file tells of itself
 * @path: the file
 * @key: such as "vermagic", or "signer" of a signature
 * @value: receives it
 * @size: bytes there
 *
 * Return: false if it does not tell, or is no module.
 */
bool mms_module_fact(const char *path, const char *key, char *value, size_t size);

/* Return: 0, or -1 with mms_failure() set. Loading what is loaded is no failure. */
int mms_module_load(const char *path);

/* Return: 0, or -1 with mms_failure() set. Unloading what is not loaded is no failure. */
int mms_module_unload(void);

bool mms_module_loaded(void);

#endif /* MMS_MODULE_FILE_H */
