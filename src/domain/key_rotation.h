/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_KEY_ROTATION_H
#define DOMAIN_KEY_ROTATION_H

#include <stdbool.h>

#include "domain/signing_key.h"
#include "domain/unit.h"

/*
 * The life of a signing key: it is published a day before it signs, so that
 * everybody who keeps the JWK Set has it by then; when the next one signs it
 * is retired, and verifies until the last token it can have signed is over.
 * All changes are made under one advisory lock.
 */

/* Seconds that a key is published before it signs. */
#define KEY_ROTATION_LEAD 86400

/*
 * The same where nobody can wait: longer than a worker may go without looking
 * for a name it does not know (signing_keys_find()), so that none of ours
 * refuses the first token.
 */
#define KEY_ROTATION_HASTE 2

/* What a round of the janitor did; an empty kid is none. */
struct key_rotation {
	char first[SIGNING_KID_TEXT]; /* made because none could sign */
	char next[SIGNING_KID_TEXT];  /* made because it is time */
	int retired, deleted;
};

/*
 * The janitor's round: makes the first key when the table has none that can
 * sign and unseals, the next one key_rotation after the present one began,
 * retires the ones that were replaced, deletes what verifies nothing any
 * more.
 */
enum err key_rotation_run(struct unit *u, struct key_rotation *done) MUST_USE;

/*
 * Makes the next key: it signs after KEY_ROTATION_LEAD or, with at_once, after
 * KEY_ROTATION_HASTE.  Without at_once, one that waits already is left
 * to wait: *waits then, and kid is its.
 */
enum err key_rotation_next(struct unit *u, bool at_once, bool *waits,
    char kid[SIGNING_KID_TEXT]) MUST_USE;

/* What became of a key that was to verify no more. */
enum key_retirement {
	KEY_RETIRED,
	KEY_UNKNOWN, /* there is none of that name that verifies */
	KEY_ONLY,    /* no other key signs: nobody could sign in */
};

/* Ends a key at once: for one that leaked.  Needs no key file. */
enum err key_rotation_retire(struct unit *u, const char *kid,
    enum key_retirement *result) MUST_USE;

/* A key as `posternctl key list` shows it; texts in the unit's memory. */
struct key_listed {
	const char *kid, *state;
	const char *created, *signs_from, *verifies_until; /* RFC 3339 or "" */
};

#define KEY_LIST_MAX 100

/* The newest first, at most KEY_LIST_MAX. */
enum err key_rotation_list(struct unit *u, struct key_listed **list,
    int *n) MUST_USE;

#endif
