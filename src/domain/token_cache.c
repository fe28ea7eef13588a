/* SPDX-License-Identifier: ISC */
/*
 * A table of fixed size, in sets of a few slots: a newcomer takes, in its
 * set, the place of the token that ends first.  Who sends many tokens of
 * their own can push others out, and costs them the time of a verification.
 */
#include "domain/token_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "platform/crypto.h"

#define WAYS 8 /* slots of a set: with one, half of the table collides */
#define SETS (TOKEN_CACHE_SLOTS / WAYS)

_Static_assert(SETS <= 65536, "two bytes of the name choose the set");

struct slot {
	unsigned char name[SHA256_SIZE];
	struct verified_token token; /* a time of expiry of 0: empty */
};

struct token_cache {
	uint64_t generation;
	bool used; /* under this generation */
	struct slot sets[SETS][WAYS];
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

/* The token's set, under these keys, and its name. */
static struct slot *
find_set(struct token_cache *c, uint64_t generation, const char *text, size_t n,
    unsigned char name[SHA256_SIZE])
{
	if (c->generation != generation && c->used) {
		memset(c->sets, 0, sizeof c->sets);
		c->used = false;
	}
	c->generation = generation;
	crypto_sha256(name, text, n);
	return c->sets[(name[0] | name[1] << 8) % SETS];
}

bool
token_cache_find(struct token_cache *c, uint64_t generation, const char *text,
    size_t n, struct verified_token *v)
{
	unsigned char name[SHA256_SIZE];
	const struct slot *set = find_set(c, generation, text, n, name);

	for (int i = 0; i < WAYS; i++)
		if (set[i].token.token.expires != 0 &&
		    crypto_equal(set[i].name, name, sizeof name)) {
			*v = set[i].token;
			return true;
		}
	return false;
}

void
token_cache_put(struct token_cache *c, uint64_t generation, const char *text,
    size_t n, const struct verified_token *v)
{
	unsigned char name[SHA256_SIZE];
	struct slot *set = find_set(c, generation, text, n, name), *s = set;

	/* An empty one, which ended at 0, is the first to go. */
	for (int i = 1; i < WAYS; i++)
		if (set[i].token.token.expires < s->token.token.expires)
			s = &set[i];
	memcpy(s->name, name, sizeof name);
	s->token = *v;
	c->used = true;
}
