/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_TOKEN_CACHE_H
#define DOMAIN_TOKEN_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/access_token.h"

/*
 * Access tokens this process has verified already: signature, header and
 * claims need no second look while the keys are the same.  Times do, and the
 * session's row: nobody stays signed in because of this.  Known by the
 * SHA-256 of the whole token, so one changed character is another token, and
 * the memory holds nothing that could be sent to us.
 */
struct token_cache;

#define TOKEN_CACHE_SLOTS 2048 /* all there ever are; about 150 KiB */

struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache **cp);

/* What a token said, as far as it stays true. */
struct verified_token {
	struct access_token token;
	int64_t issued;
};

/*
 * Finds a token of n bytes that was put under the same generation of keys
 * (signing_keys_generation()).  Another generation empties the cache.
 */
bool token_cache_find(struct token_cache *c, uint64_t generation,
    const char *text, size_t n, struct verified_token *v);

/* Remembers one, in the place of one that ends sooner. */
void token_cache_put(struct token_cache *c, uint64_t generation,
    const char *text, size_t n, const struct verified_token *v);

#endif
