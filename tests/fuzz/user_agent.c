/* SPDX-License-Identifier: ISC */
/*
 * User-Agent: what is made of it is a name of ours, short and plain, or
 * nothing; and what is said first in the tables counts, whatever else there
 * is.
 */
#include "render/device.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

#define LONGEST 20

static void
judge_name(const char *name)
{
	if (name == NULL)
		return;
	must(*name != '\0' && strlen(name) <= LONGEST);
	for (; *name != '\0'; name++)
		must(isalpha((unsigned char)*name) || *name == ' ');
}

/* Text without a mark changes nothing where it ends or begins a field. */
static void
is_same(const char *a, const char *b)
{
	must((a == NULL) == (b == NULL));
	must(a == NULL || strcmp(a, b) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	const char *field = arena_memdup(mem, data, size);
	struct device d = device_of(field), padded, edge;

	judge_name(d.browser);
	judge_name(d.system);
	padded = device_of(arena_printf(mem, "(%s)", field));
	is_same(d.browser, padded.browser);
	is_same(d.system, padded.system);
	edge = device_of(arena_printf(mem, "%s Windows Phone Edg/1", field));
	is_same(edge.browser, "Edge");
	is_same(edge.system, "Windows Phone");
	return 0;
}
