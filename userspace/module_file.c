// SPDX-License-Identifier: GPL-2.0
/*
 * Finding, loading and unloading the module, with libkmod.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libkmod.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "error.h"
#include "module_file.h"

#define NAME "mmscope"

/* libkmod's own messages would come beside ours. */
static void say_nothing(void *data, int priority, const char *file, int line, const char *function,
			const char *format, va_list args)
{
	(void)data;
	(void)priority;
	(void)file;
	(void)line;
	(void)function;
	(void)format;
	(void)args;
}

static struct kmod_ctx *new_context(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (ctx)
		kmod_set_log_fn(ctx, say_nothing, NULL);
	return ctx;
}

static bool find_built(char *path, size_t size)
{
	char self[PATH_MAX], *directory;
	struct utsname kernel;
	ssize_t len;

	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (len < 0 || uname(&kernel))
		return false;
	self[len] = '\0';
	directory = dirname(self);
	snprintf(path, size, "%s/../module-%s/%s.ko", directory, kernel.release, NAME);
	return !access(path, F_OK);
}

static bool find_installed(char *path, size_t size)
{
	struct kmod_ctx *ctx = new_context();
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	bool found = false;

	if (ctx && !kmod_module_new_from_lookup(ctx, NAME, &list) && list) {
		module = kmod_module_get_module(list);
		found = kmod_module_get_path(module);
		if (found)
			snprintf(path, size, "%s", kmod_module_get_path(module));
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return found;
}

bool mms_module_find(char *path, size_t size)
{
	return find_built(path, size) || find_installed(path, size);
}

bool mms_module_fact(const char *path, const char *key, char *value, size_t size)
{
	struct kmod_list *list = NULL, *item;
	struct kmod_ctx *ctx = new_context();
	struct kmod_module *module = NULL;
	bool found = false;

	if (ctx && !kmod_module_new_from_path(ctx, path, &module) &&
	    kmod_module_get_info(module, &list) > 0) {
		kmod_list_foreach(item, list) {
			if (found || strcmp(kmod_module_info_get_key(item), key))
				continue;
			snprintf(value, size, "%s", kmod_module_info_get_value(item));
			found = true;
		}
	}
	kmod_module_info_free_list(list);
	kmod_module_unref(module);
	kmod_unref(ctx);
	return found;
}

static int load_failed(const char *path, int error)
{
	switch (error) {
	case ENOENT: return mms_fail("%s: no such file", path);
	case EPERM:
	case EACCES: return mms_fail("%s: not permitted (root is needed; lockdown and kernel.modules_disabled forbid it)", path);
	case ENOEXEC:
	case EINVAL: return mms_fail("%s: refused, probably built for another kernel (dmesg tells)", path);
	case EKEYREJECTED: return mms_fail("%s: not signed with a key this kernel trusts", path);
	default: return mms_fail("%s: %s", path, strerror(error));
	}
}

int mms_module_load(const char *path)
{
	struct kmod_ctx *ctx = new_context();
	struct kmod_module *module = NULL;
	int err;

	if (!ctx)
		return mms_fail("out of memory");
	err = kmod_module_new_from_path(ctx, path, &module);
	if (!err)
		err = kmod_module_insert_module(module, 0, "");
	kmod_module_unref(module);
	kmod_unref(ctx);
	return err && err != -EEXIST ? load_failed(path, -err) : 0;
}

int mms_module_unload(void)
{
	struct kmod_ctx *ctx = new_context();
	struct kmod_module *module = NULL;
	int err;

	if (!ctx)
		return mms_fail("out of memory");
	err = kmod_module_new_from_name(ctx, NAME, &module);
	if (!err)
		err = kmod_module_remove_module(module, O_NONBLOCK);
	kmod_module_unref(module);
	kmod_unref(ctx);
	switch (-err) {
	case 0:
	case ENOENT: return 0;
	case EAGAIN:
	case EBUSY: return mms_fail("the module is in use: its files are open");
	case EPERM:
	case EACCES: return mms_fail("unloading needs root");
	default: return mms_fail("unloading the module: %s", strerror(-err));
	}
}

bool mms_module_loaded(void)
{
	return !access("/sys/module/" NAME, F_OK);
}
