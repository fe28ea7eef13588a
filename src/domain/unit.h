/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_UNIT_H
#define DOMAIN_UNIT_H

#include <stdint.h>

#include "base/err.h"
#include "platform/db.h"

struct arena;

/*
 * The unit of work: what every function of the domain needs, handed in by
 * its caller, so that tests can set it.  Stored times are all of the
 * database's clock; now is this machine's, for what is signed and never
 * stored.
 */
struct unit {
	struct arena *mem;
	struct db *db;
	int64_t now;                  /* seconds since 1970 */
	const struct key_ring *keys;  /* NULL where a process has none */
	struct signing_keys *signing; /* likewise */
	struct token_cache *verified; /* likewise */
	struct identity_tokens *identity_tokens; /* likewise: signed lately */
};

/*
 * The keys derived from the key file: one a use, so that none can be turned
 * against another.  Only the processes that need it have one.
 */
struct key_ring {
	unsigned char refresh[32]; /* tags of refresh tokens */
	unsigned char limit[32];   /* names in rate_limit */
	unsigned char seal[32];    /* private signing keys at rest */
	unsigned char claim[32];   /* claim cookies */
};

/*
 * Reads the key file into k; NULL, or a sentence that says what is wrong
 * with it and what to do (a constant string).
 */
const char *key_ring_read(struct key_ring *k, const char *path);

/* db_run(), db_send() … on the unit's database and memory. */
enum err unit_run(struct unit *u, const struct db_query *q,
    const struct db_param *params, struct db_rows *r) MUST_USE;
enum err unit_send(struct unit *u, const struct db_query *q,
    const struct db_param *params) MUST_USE;

/*
 * A transaction: begin, any of the above, commit.  unit_rollback() gives
 * back the error it is handed, so that a chain of steps can end in it.
 */
enum err unit_begin(struct unit *u) MUST_USE;
enum err unit_commit(struct unit *u) MUST_USE;
enum err unit_rollback(struct unit *u, enum err e) MUST_USE;

/* A new UUID version 7 of the unit's time. */
struct uuid unit_uuid(const struct unit *u);

#endif
