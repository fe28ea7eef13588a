/* SPDX-License-Identifier: ISC */
/*
 * Origins: what is one is written in one way only, so that two of them are
 * the same where they read the same.
 */
#include "platform/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

static void
reads_as(const char *text, const char *origin)
{
	char *again = url_origin(text);

	must(again != NULL && strcmp(again, origin) == 0);
	free(again);
}

/* Written so, or in capitals, or with a slash: the same origin. */
static void
judge_origin(struct arena *mem, const char *text, const char *origin)
{
	char *shout = arena_strdup(mem, origin);
	const char *host = strstr(origin, "://");

	must(strlen(origin) <= strlen(text));
	must(strncmp(origin, "http", 4) == 0 && host != NULL);
	must(host[3] != '\0' && strpbrk(host + 3, "/?#@\\% \t\r\n") == NULL);
	for (char *c = shout; *c != '\0'; c++) {
		must(!isupper((unsigned char)*c));
		*c = (char)toupper((unsigned char)*c);
	}
	reads_as(origin, origin);
	reads_as(shout, origin);
	reads_as(arena_printf(mem, "%s/", text), origin);
	must(!url_is_local_http(origin) || strncmp(origin, "http:", 5) == 0);
}

/* What may stand as a cookie's Domain is a host, and within itself. */
static void
judge_domain(struct arena *mem, const char *name)
{
	char *origin = url_origin(arena_printf(mem, "https://%s:443//", name));

	must(origin != NULL && url_host_is_within(origin, name));
	must(strlen(origin) == strlen("https://") + strlen(name));
	must(!url_host_is_loopback(name));
	free(origin);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	const char *text = arena_memdup(mem, data, size);
	char *origin = url_origin(text);

	if (url_is_domain(text))
		judge_domain(mem, text);
	if (origin == NULL)
		return 0;
	judge_origin(mem, text, origin);
	free(origin);
	return 0;
}
