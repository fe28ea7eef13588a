/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_SESSION_H
#define DOMAIN_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/encode.h"
#include "domain/unit.h"

struct account;

/*
 * A session is one sign-in: one row, one secret, one end.  It carries the
 * epoch of its account when it began; reset, password change, ban and
 * deletion raise account.epoch, and from that commit on no token of an
 * earlier epoch buys anything.
 */
struct session {
	struct uuid account, id;
	const char *email;  /* of the account */
	bool verified;      /* is it? */
	const char *locale; /* the language its owner chose for pages, or
			     * NULL; of browsers' sessions alone */
};

/*
 * That session s is not of an earlier epoch than its account a, in SQL.  It
 * is ahead of it only to a statement that waited for a change of password:
 * that sees anew the session that was lifted, but not the account.
 */
#define SESSION_EPOCH " s.epoch >= a.epoch"

/* A session that is about to begin. */
struct session_new {
	struct uuid id;
	const char *kind;                /* "api" or "browser" */
	const unsigned char *secret;     /* SESSION_SECRET bytes */
	int64_t lifetime;                /* seconds */
	const char *client, *user_agent; /* for the person to see */
};

/*
 * Inserts a session for the account that was just authenticated, while it
 * still has the epoch and hash that were verified: so nothing that raced a
 * reset survives it (ERR_CREDENTIALS then).
 */
enum err session_insert(struct unit *u, const struct account *acc,
    const struct session_new *n) MUST_USE;

/* What a client is handed at sign-in and refresh; in the unit's memory. */
struct token_pair {
	const char *access, *refresh;
	int64_t access_seconds; /* until each is over */
	int64_t refresh_seconds;
};

/*
 * Starts a session of the API; as session_insert().  user_agent may be NULL.
 */
enum err session_start(struct unit *u, const struct account *acc,
    const char *client, const char *user_agent,
    struct token_pair *pair) MUST_USE;

/*
 * The live session an access token belongs to, read from the database:
 * ERR_TOKEN_INVALID for one that ended, by whatever, and all that
 * access_token_verify() says.
 */
enum err session_check(struct unit *u, const char *access_token,
    struct session *s) MUST_USE;

/*
 * Notes that a session is in use, at most once a minute.  A failure changes
 * no answer: a check needs nothing written.
 */
void session_touch(struct unit *u, const struct session *s);

/*
 * The next pair for a refresh token.  The token just before the current one
 * gives the same next one within refresh_grace; an older one is theft: the
 * session ends, the account is told.
 * ERR_TOKEN_INVALID, ERR_TOKEN_EXPIRED.
 */
enum err session_refresh(struct unit *u, const char *refresh_token,
    struct token_pair *pair) MUST_USE;

/* Ends this session, at once. */
enum err session_end(struct unit *u, const struct session *s) MUST_USE;

#endif
