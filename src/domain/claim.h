/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_CLAIM_H
#define DOMAIN_CLAIM_H

#include <stdbool.h>

#include "base/encode.h"
#include "domain/unit.h"

/*
 * A claim: the proof, in a cookie, that this browser registered an account,
 * so that its verification link needs no more than a click there.
 * base64url(version 1 | account 16 | HMAC-SHA-256 tag 32); nothing is stored.
 */
#define CLAIM_RAW (1 + 16 + 32)
#define CLAIM_TEXT BASE64URL_SIZE(CLAIM_RAW)

void claim_write(const struct key_ring *keys, const struct uuid *account,
    char out[CLAIM_TEXT]);

/* Whether text is the claim of this account; constant time. */
bool claim_holds(const struct key_ring *keys, const struct uuid *account,
    const char *text);

#endif
