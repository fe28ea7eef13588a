/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_JWKS_H
#define DOMAIN_JWKS_H

struct json;
struct signing_keys;

/*
 * The JWK Set (RFC 7517 section 5) of the keys that verify: current, next,
 * retired but still valid; public halves only.  The caller frees it.
 */
struct json *jwks_describe(const struct signing_keys *keys);

#endif
