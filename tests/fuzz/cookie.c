/* SPDX-License-Identifier: ISC */
/*
 * Cookies: whatever others a browser sends along, ours is found, and theirs
 * never pass for it; what we set comes back as it went.
 */
#include "http/cookie.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "http/response.h"
#include "tests/fuzz/fuzz.h"

#define NAME "postern_reset"
#define OURS "0123456789abcdef"
#define SET_COOKIE "Set-Cookie: "

static const char *const prefixes[] = { "__Host-", "", "__Secure-" };
enum kind {
	OF_HOST,
	LOCAL_HTTP,
	SHARED,
	KINDS,
};

static const char *
get(struct arena *mem, const char *header, enum kind kind)
{
	if (kind == SHARED)
		return cookie_get_shared(mem, header, NAME);
	return cookie_get(mem, header, NAME, kind == LOCAL_HTTP);
}

static void
set(struct response *res, const char *value, enum kind kind)
{
	if (kind == SHARED)
		cookie_set_shared(res, NAME, value, 600, "example.org");
	else
		cookie_set(res, NAME, value, 600, kind == LOCAL_HTTP);
}

/* The first cookie of our name counts, wherever the foreign ones stand. */
static void
first_counts(struct arena *mem, const char *foreign, enum kind kind)
{
	const char *name = arena_printf(mem, "%s" NAME, prefixes[kind]);
	const char *before, *after, *alone = get(mem, foreign, kind);

	before = arena_printf(mem, "%s=" OURS "; %s", name, foreign);
	after = arena_printf(mem, "%s; %s=" OURS, foreign, name);
	before = get(mem, before, kind);
	after = get(mem, after, kind);
	must(before != NULL && strcmp(before, OURS) == 0);
	must(after != NULL);
	must(strcmp(after, alone == NULL ? OURS : alone) == 0);
	if (alone == NULL)
		return;
	must(strpbrk(alone, "; \t") == NULL);
	must(strstr(foreign, name) != NULL);
}

/* The input as a value that may be set. */
static const char *
make_value(struct arena *mem, const uint8_t *data, size_t size)
{
	char *value = arena_alloc(mem, size + 1);

	for (size_t i = 0; i < size; i++) {
		value[i] = (char)('!' + data[i] % 94);
		if (strchr("\",;\\", value[i]) != NULL)
			value[i] = '-';
	}
	return value;
}

static void
set_comes_back(struct arena *mem, const char *value, enum kind kind)
{
	struct response res;
	const char *line, *got;

	response_init(&res, mem);
	set(&res, value, kind);
	line = res.headers.data;
	must(strncmp(line, SET_COOKIE, strlen(SET_COOKIE)) == 0);
	must(strchr(line, '\r') == line + res.headers.len - 2);
	got = get(mem, line + strlen(SET_COOKIE), kind);
	must(got != NULL && strcmp(got, value) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	const char *foreign = arena_memdup(mem, data, size);
	const char *value = make_value(mem, data, size);

	for (enum kind kind = 0; kind < KINDS; kind++) {
		first_counts(mem, foreign, kind);
		set_comes_back(mem, value, kind);
	}
	return 0;
}
