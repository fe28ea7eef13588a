/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_BROWSER_SESSION_H
#define DOMAIN_BROWSER_SESSION_H

#include "domain/refresh_token.h"
#include "domain/session.h"

/*
 * A browser's session, in a cookie: base64url(version 1 | account 16 |
 * session 16 | secret 32).  The row keeps SHA-256 of the secret, so a dump of
 * the database signs nobody in.
 */
#define BROWSER_SESSION_RAW (1 + 16 + 16 + SESSION_SECRET)
#define BROWSER_SESSION_TEXT BASE64URL_SIZE(BROWSER_SESSION_RAW)

/* What the dashboard says of a session; texts are in the unit's memory. */
struct session_details {
	const char *created, *account_created; /* RFC 3339, in UTC */
	const char *client, *user_agent;       /* user_agent may be "" */
};

/*
 * Starts one for the account that was just authenticated; as
 * session_insert().  cookie is the caller's to wipe.
 */
enum err browser_session_start(struct unit *u, const struct account *acc,
    const char *client, const char *user_agent,
    char cookie[BROWSER_SESSION_TEXT]) MUST_USE;

/*
 * The live session of a cookie: one statement, the hash compared in constant
 * time.  ERR_SIGNED_OUT for one that is none, ended, over its lifetime or not
 * used for session_idle.  Notes the use at most once a minute.
 */
enum err browser_session_check(struct unit *u, const char *cookie,
    struct session *s) MUST_USE;

enum err browser_session_describe(struct unit *u, const struct session *s,
    struct session_details *d) MUST_USE;

#endif
