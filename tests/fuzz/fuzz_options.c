// SPDX-License-Identifier: GPL-2.0
/*
 * The options of the commands that count: words between NULs. Wrong ones end the program with status
 * 2 and --help with 0, which is where the harness takes over again.
 */
#include <argp.h>
#include <setjmp.h>

#include "command.h"
#include "fuzz.h"
#include "selectors.h"

#define MAX_WORDS 32

static const struct mms_command command = { .name = "cow", .args = "[-- CMD...]", .summary = "fuzzed" };
static jmp_buf again;
static int status = -1;

/* The last that was registered runs first, and before anything is torn down. */
static void on_end(int code, void *arg)
{
	(void)arg;
	if (status != -1)
		return;
	status = code;
	longjmp(again, 1);
}

static int split(char *text, size_t size, char **words)
{
	char *end = text + size;
	int nr = 1;

	words[0] = "mmscope cow";
	for (; text < end && nr < MAX_WORDS; text += strlen(text) + 1)
		words[nr++] = text;
	words[nr] = NULL;
	return nr;
}

/* argp's own --HANG, an hour of sleep that it does not tell of. */
static int hangs(char **words)
{
	for (; *words; words++)
		if (!strncmp(*words, "--H", 3))
			return 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *words[MAX_WORDS + 1];
	struct mms_selectors selectors = { 0 };
	struct mms_options options = { 0 };
	char *text = fuzz_text(data, size);
	int nr = split(text, size, words);

	argp_err_exit_status = 2;
	status = -1;
	if (hangs(words)) {
		free(text);
		return 0;
	}
	if (!setjmp(again)) {
		on_exit(on_end, NULL);
		mms_selectors_parse(&command, &options, &selectors, true, nr, words);
		status = 0;
		FUZZ_ASSERT(selectors.everyone || selectors.nr_pids || selectors.command);
		FUZZ_ASSERT(!selectors.everyone || !selectors.nr_pids);
		mms_selectors_free(&selectors);
	} else {
		FUZZ_ASSERT(status == 0 || status == 2);
	}
	free(text);
	return 0;
}
