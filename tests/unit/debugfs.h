/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A directory that looks like debugfs with the module's files in it. Knows nothing of who reads them.
 */
#ifndef MMS_UNIT_DEBUGFS_H
#define MMS_UNIT_DEBUGFS_H

#include <sys/stat.h>

#include "unit.h"

/* What debugfs is mounted on. */
static char root[64];

/* Makes, or makes anew, a file of the module's. */
static inline void put(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/mmscope/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* A setup of cmocka: the module is there, and nobody attached. */
static inline int make_debugfs(void **state)
{
	char path[256];

	(void)state;
	strcpy(root, "/tmp/mmscope-unit-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(path, sizeof(path), "%s/mmscope", root);
	if (mkdir(path, 0700))
		return -1;
	put("version", "version 0.1.0\nabi 1\n");
	return 0;
}

/* The teardown. */
static inline int remove_debugfs(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

#define DEBUGFS_TEST(name) cmocka_unit_test_setup_teardown(name, make_debugfs, remove_debugfs)

#endif /* MMS_UNIT_DEBUGFS_H */
