/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_SIGNING_KEY_H
#define DOMAIN_SIGNING_KEY_H

#include <stdbool.h>

#include "domain/unit.h"

struct es256;

/*
 * The keys that sign access tokens: ES256, named by kid, the private half
 * sealed under the key file (AAD: kid and algorithm).  A process keeps the
 * ones that unsealed, and only those sign or verify: a row somebody slipped
 * into the table is worth nothing.
 */
struct signing_keys;

struct signing_keys *signing_keys_new(void);
void signing_keys_free(struct signing_keys **kp);

/*
 * Adds a key, which it takes; the first that signs is the current one.  kid
 * is at most 22 characters.
 */
void signing_keys_add(struct signing_keys *k, const char *kid,
    struct es256 *key, bool signs);

/*
 * Reads the table again when the last reading is over 60 seconds ago, or
 * when none of the keys at hand can sign, or when force is set.  Keeps what
 * it has when the database does not answer (ERR_UNAVAILABLE).
 */
enum err signing_keys_refresh(struct unit *u, struct signing_keys *keys,
    bool force) MUST_USE;

/* The key that signs now, and its kid; NULL when there is none. */
const struct es256 *signing_keys_current(const struct signing_keys *keys,
    const char **kid);

/* The key of that name, current or retired but still valid; or NULL. */
const struct es256 *signing_keys_find(const struct signing_keys *keys,
    const char *kid);

/*
 * The i-th of the keys that verify (current, next, retired but still valid),
 * and its kid; NULL after the last.
 */
const struct es256 *signing_keys_at(const struct signing_keys *keys, int i,
    const char **kid);

/*
 * Makes the first key when the table has none that can sign and unseals:
 * the janitor does, under its advisory lock.  *made tells.
 */
enum err signing_key_ensure(struct unit *u, bool *made) MUST_USE;

#endif
