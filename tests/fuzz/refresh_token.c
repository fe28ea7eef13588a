/* SPDX-License-Identifier: ISC */
/*
 * Refresh tokens: what is read was written by us under this key, every
 * token comes back, and none with a character changed does.
 */
#include "domain/refresh_token.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/crypto.h"
#include "tests/fuzz/fuzz.h"

/* The seeds have tokens of this one. */
static const struct key_ring ring = { .refresh =
					  "a key of thirty-two octets, or s" };
/* Nobody has tokens of this one: made anew in each process. */
static struct key_ring fresh;

/* A text that is read is the one its content is written as. */
static void
only_ours(const char *text)
{
	char own[REFRESH_TOKEN_TEXT];
	struct refresh_token t;

	must(!refresh_token_read(&t, &fresh, text));
	if (!refresh_token_read(&t, &ring, text))
		return;
	refresh_token_write(&t, &ring, own);
	must(strcmp(text, own) == 0);
}

/* Bytes for one member, as far as the input goes. */
static void
fill(void *member, size_t n, const uint8_t **data, size_t *size)
{
	size_t take = n < *size ? n : *size;

	memset(member, 0, n);
	memcpy(member, *data, take);
	*data += take;
	*size -= take;
}

static void
comes_back(struct arena *mem, const uint8_t *data, size_t size)
{
	struct refresh_token in, out;
	char text[REFRESH_TOKEN_TEXT];
	const char *changed;

	fill(&in.account, sizeof in.account, &data, &size);
	fill(&in.session, sizeof in.session, &data, &size);
	fill(&in.generation, sizeof in.generation, &data, &size);
	fill(in.secret, sizeof in.secret, &data, &size);
	refresh_token_write(&in, &fresh, text);
	must(refresh_token_read(&out, &fresh, text));
	must(memcmp(&in, &out, sizeof in) == 0);
	changed = fuzz_overwrite(mem, text, data, size);
	must(refresh_token_read(&out, &fresh, changed) ==
	    (strcmp(changed, text) == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct key_ring none;
	struct arena *mem = fuzz_arena();

	if (memcmp(&fresh, &none, sizeof fresh) == 0)
		crypto_random(&fresh, sizeof fresh);
	only_ours(arena_memdup(mem, data, size));
	comes_back(mem, data, size);
	return 0;
}
