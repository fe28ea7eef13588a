/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_REFRESH_TOKEN_H
#define DOMAIN_REFRESH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/encode.h"
#include "domain/unit.h"

/*
 * Refresh tokens: "prt_" and base64url(version 1 | key 1 | account 16 |
 * session 16 | generation 4 | secret 32 | tag 32).  The tag is HMAC-SHA-256
 * over all before it under a key derived from the key file, so a forged
 * token costs no database access; the secret is known to the token's holder
 * alone, so neither a dump of the database nor the key file makes one.
 */
#define REFRESH_TOKEN_RAW (1 + 1 + 16 + 16 + 4 + 32 + 32)
#define REFRESH_TOKEN_TEXT (4 + BASE64URL_SIZE(REFRESH_TOKEN_RAW))
#define SESSION_SECRET 32

struct refresh_token {
	struct uuid account, session;
	uint32_t generation;
	unsigned char secret[SESSION_SECRET];
};

/* The text form; deterministic. */
void refresh_token_write(const struct refresh_token *t,
    const struct key_ring *keys, char out[REFRESH_TOKEN_TEXT]);

/* Reads and checks the tag in constant time; false if it is not ours. */
bool refresh_token_read(struct refresh_token *t, const struct key_ring *keys,
    const char *text);

#endif
