/* SPDX-License-Identifier: ISC */
/*
 * A table of fixed size in which each token has one slot: the newcomer takes
 * it.  Who sends many tokens of their own can push others out, and costs
 * them the time of one verification.
 */
#include "domain/token_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "platform/crypto.h"

struct slot {
	unsigned char name[SHA256_SIZE];
	struct verified_token token; /* a time of expiry of 0: empty */
};

struct token_cache {
	uint64_t generation;
	struct slot slots[TOKEN_CACHE_SLOTS];
};

struct token_cache *
token_cache_new(void)
{
	/* The pages nobody writes to are never there. */
	struct token_cache *c = calloc(1, sizeof *c);

	must(c != NULL);
	return c;
}

void
token_cache_free(struct token_cache **cp)
{
	free(*cp);
	*cp = NULL;
}

/* The token's slot, under these keys, and its name. */
static struct slot *
find_slot(struct token_cache *c, uint64_t generation, const char *text,
    size_t n, unsigned char name[SHA256_SIZE])
{
	if (c->generation != generation) {
		memset(c->slots, 0, sizeof c->slots);
		c->generation = generation;
	}
	crypto_sha256(name, text, n);
	return &c->slots[(name[0] | name[1] << 8) % TOKEN_CACHE_SLOTS];
}

bool
token_cache_find(struct token_cache *c, uint64_t generation, const char *text,
    size_t n, struct verified_token *v)
{
	unsigned char name[SHA256_SIZE];
	const struct slot *s = find_slot(c, generation, text, n, name);

	if (s->token.token.expires == 0 ||
	    !crypto_equal(s->name, name, sizeof name))
		return false;
	*v = s->token;
	return true;
}

void
token_cache_put(struct token_cache *c, uint64_t generation, const char *text,
    size_t n, const struct verified_token *v)
{
	unsigned char name[SHA256_SIZE];
	struct slot *s = find_slot(c, generation, text, n, name);

	memcpy(s->name, name, sizeof name);
	s->token = *v;
}
