/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_SIGNING_KEY_H
#define DOMAIN_SIGNING_KEY_H

#include <stdbool.h>

#include "base/encode.h"
#include "domain/unit.h"

struct es256;

/*
 * The keys that sign access tokens: ES256, named by kid, the private half
 * sealed under the key file (AAD: kid and algorithm).  A process keeps the
 * ones that unsealed, and only those sign or verify: a row somebody slipped
 * into the table is worth nothing.  key_rotation.h makes and retires them.
 */
struct signing_keys;

#define SIGNING_KID_BYTES 16
#define SIGNING_KID_TEXT BASE64URL_SIZE(SIGNING_KID_BYTES)

/* How old a reading of the table may be, in milliseconds. */
#define SIGNING_KEYS_STALE_MS 60000 /* to serve a request with */
#define SIGNING_KEYS_SOON_MS 30000  /* between requests, so that none waits */

struct signing_keys *signing_keys_new(void);
void signing_keys_free(struct signing_keys **kp);

/*
 * Adds a key, which it takes; the first that signs is the current one.  kid
 * is at most 22 characters.  Keys that were handed in so are never read from
 * the table again.
 */
void signing_keys_add(struct signing_keys *k, const char *kid,
    struct es256 *key, bool signs);

/*
 * Ends the keys whose time has come, and reads the table again when the last
 * reading is at least age_ms ago; while no key signs, sooner.  Keeps what it
 * has when the database does not answer (ERR_UNAVAILABLE), and does not ask
 * it again for a second.
 */
enum err signing_keys_refresh(struct unit *u, struct signing_keys *keys,
    int64_t age_ms) MUST_USE;

/*
 * For whoever is about to sign or to verify: refreshes the unit's keys when
 * they are stale, as those of a worker are that nobody asked for an hour, or
 * none of them signs.  Those at hand do while the database is away.
 */
void signing_keys_freshen(struct unit *u);

/* The key that signs now, and its kid; NULL when there is none. */
const struct es256 *signing_keys_current(const struct signing_keys *keys,
    const char **kid);

/* Since how many seconds the current key signs; -1 when there is none. */
int64_t signing_keys_age(const struct signing_keys *keys);

/* The kid of a key that is published and will sign; NULL when none waits. */
const char *signing_keys_next(const struct signing_keys *keys);

/*
 * The key of that name, of the unit's keys.  A name that is not among them
 * has the table read again, at most once a second, however many ask: another
 * process may have signed with a key that is new.  *over: it verifies no
 * more and is kept for as long as a session may sleep, to tell its tokens,
 * which are over too, from forged ones.
 * ERR_TOKEN_INVALID when there is none, ERR_UNAVAILABLE when that cannot be
 * told.
 */
enum err signing_keys_find(struct unit *u, const char *kid,
    const struct es256 **key, bool *over) MUST_USE;

/*
 * The i-th of the keys that verify (current, next, retired but still valid),
 * and its kid; NULL after the last.
 */
const struct es256 *signing_keys_at(const struct signing_keys *keys, int i,
    const char **kid);

/* Another number whenever the keys that verify are others. */
uint64_t signing_keys_generation(const struct signing_keys *keys);

/*
 * Makes a key that signs in delay_s seconds and verifies at once; its name
 * goes to kid.  A write of the caller's transaction.
 */
enum err signing_key_make(struct unit *u, int64_t delay_s,
    char kid[SIGNING_KID_TEXT]) MUST_USE;

#endif
