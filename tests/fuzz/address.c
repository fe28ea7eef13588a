/* SPDX-License-Identifier: ISC */
/*
 * E-mail addresses: one that is accepted is its own spelling, so that no
 * account has two canonical addresses, and can go to a relay as it is.
 */
#include "domain/address.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/smtp.h"
#include "tests/fuzz/fuzz.h"

/* Parsed again, text gives these two. */
static void
reads_as(struct arena *mem, const char *typed, const char *text,
    const char *canonical)
{
	struct address a;

	must(address_parse(&a, mem, typed) == OK);
	must(strcmp(a.text, text) == 0);
	must(strcmp(a.canonical, canonical) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	const char *typed = arena_memdup(mem, data, size);
	struct address a;

	if (address_parse(&a, mem, typed) != OK)
		return 0;
	must(strlen(a.text) <= ADDRESS_MAX);
	must(strcasecmp(a.text, a.canonical) == 0);
	must(strpbrk(a.canonical, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
	must(smtp_address_ok(a.text) && smtp_address_ok(a.canonical));
	reads_as(mem, a.text, a.text, a.canonical);
	reads_as(mem, a.canonical, a.canonical, a.canonical);
	reads_as(mem, arena_printf(mem, " %s\t", typed), a.text, a.canonical);
	return 0;
}
