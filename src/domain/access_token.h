/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCESS_TOKEN_H
#define DOMAIN_ACCESS_TOKEN_H

#include <stdint.h>

#include "base/encode.h"
#include "domain/unit.h"

/*
 * Access tokens: JWTs of the profile in RFC 9068 (typ "at+jwt"), signed with
 * ES256 (RFC 7518) by the key that kid names.  The key decides the
 * algorithm; jwk, jku and x5u are not looked at, crit is refused.
 */
struct access_token {
	struct uuid account, session;
	int64_t expires; /* seconds since 1970 */
};

#define ACCESS_TOKEN_SKEW 30 /* seconds that clocks may differ */

/*
 * Signs one, in the unit's memory.  ERR_UNAVAILABLE while there is no key
 * that can sign.
 */
enum err access_token_sign(struct unit *u, const struct access_token *t,
    const char **text) MUST_USE;

/*
 * Verifies signature, iss, aud, typ and times.  ERR_TOKEN_INVALID, or
 * ERR_TOKEN_EXPIRED for a genuine one over its time; ERR_UNAVAILABLE when its
 * key is not among those at hand and the database cannot be asked.  What held
 * once is remembered (token_cache.h), but for the times.  Says nothing about
 * the session: session_check() does.
 */
enum err access_token_verify(struct unit *u, const char *text,
    struct access_token *t) MUST_USE;

#endif
