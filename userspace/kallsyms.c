// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's symbols, from /proc/kallsyms.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "kallsyms.h"

#define KALLSYMS "/proc/kallsyms"
/* No function is longer: what lies further behind one belongs to nobody who is listed. */
#define LONGEST	 (1 << 20)

struct mms_kallsyms {
	char *text;			/* the whole file, cut into strings */
	struct mms_kallsym *list;	/* by address */
	size_t nr;
};

static int compare(const void *a, const void *b)
{
	const struct mms_kallsym *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Files in /proc have no size. */
static char *read_all(const char *path)
{
	size_t len = 0, size = 1 << 20;
	char *text = malloc(size), *more;
	FILE *file = fopen(path, "re");

	if (!file)
		mms_fail("%s: %s", path, strerror(errno));
	while (file && text) {
		len += fread(text + len, 1, size - len - 1, file);
		if (len < size - 1)
			break;
		size *= 2;
		more = realloc(text, size);
		if (!more)
			free(text);
		text = more;
	}
	if (file && !text)
		mms_fail("out of memory");
	if (file)
		fclose(file);
	if (text)
		text[len] = '\0';
	if (!file) {
		free(text);
		text = NULL;
	}
	return text;
}

static int add(struct mms_kallsyms *symbols, size_t *room, const struct mms_kallsym *symbol)
{
	if (symbols->nr == *room) {
		size_t more = *room ? *room * 2 : 1 << 16;
		struct mms_kallsym *list = realloc(symbols->list, more * sizeof(*list));

		if (!list)
			return mms_fail("out of memory");
		symbols->list = list;
		*room = more;
	}
	symbols->list[symbols->nr++] = *symbol;
	return 0;
}

/*
 * "ffffffff81000000 T _text" or "ffffffffc0000000 t name<TAB>[module]", cut in place. Return: false if
 * it is no function.
 */
static bool parse(char *line, struct mms_kallsym *symbol)
{
	char *end, *module;

	symbol->addr = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || !strchr("tTwW", end[1]) || end[2] != ' ')
		return false;
	symbol->name = end + 3;
	symbol->module = "";
	module = strchr(end + 3, '\t');
	if (module) {
		*module++ = '\0';
		if (*module == '[') {
			module[strcspn(module, "]")] = '\0';
			symbol->module = module + 1;
		}
	}
	return true;
}

static int parse_all(struct mms_kallsyms *symbols)
{
	char *line = symbols->text, *next;
	struct mms_kallsym symbol;
	size_t room = 0;
	bool shown = false;

	for (; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!parse(line, &symbol))
			continue;
		shown |= symbol.addr != 0;
		if (add(symbols, &room, &symbol))
			return -1;
	}
	if (!shown)
		return mms_fail("the kernel hides its symbols' addresses (CAP_SYSLOG is missing, or kernel.kptr_restrict is 2)");
	qsort(symbols->list, symbols->nr, sizeof(*symbols->list), compare);
	return 0;
}

struct mms_kallsyms *mms_kallsyms_open(const char *path)
{
	struct mms_kallsyms *symbols = calloc(1, sizeof(*symbols));

	if (!symbols) {
		mms_fail("out of memory");
		return NULL;
	}
	symbols->text = read_all(path ? path : KALLSYMS);
	if (!symbols->text || parse_all(symbols)) {
		mms_kallsyms_close(symbols);
		return NULL;
	}
	return symbols;
}

void mms_kallsyms_close(struct mms_kallsyms *symbols)
{
	if (!symbols)
		return;
	free(symbols->list);
	free(symbols->text);
	free(symbols);
}

const struct mms_kallsym *mms_kallsyms_find(const struct mms_kallsyms *symbols, uint64_t addr)
{
	size_t low = 0, high = symbols->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->list[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr - symbols->list[low - 1].addr > LONGEST)
		return NULL;
	return &symbols->list[low - 1];
}
