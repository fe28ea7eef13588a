/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_JWS_H
#define DOMAIN_JWS_H

#include "domain/unit.h"

struct json;

/*
 * Signs claims as a JWS in compact form (RFC 7515), ES256, with the current
 * key; type is its "typ", which keeps one kind of token from passing for
 * another (RFC 8725 section 3.11).  Takes *claims.  The text is in the unit's
 * memory.  ERR_UNAVAILABLE while there is no key that can sign.
 */
enum err jws_sign(struct unit *u, const char *type, struct json **claims,
    const char **text) MUST_USE;

#endif
