/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_SESSION_LIST_H
#define DOMAIN_SESSION_LIST_H

#include <stdbool.h>

#include "domain/session.h"

/*
 * The live sessions of an account, for its owner to see and to end.  Times
 * are RFC 3339, UTC; texts are in the unit's memory.
 */
struct session_info {
	struct uuid id;
	const char *kind; /* "browser" or "api" */
	const char *created, *last_seen, *expires;
	const char *client, *user_agent; /* user_agent may be "" */
	int64_t unused;                  /* seconds since it was last seen */
};

#define SESSION_LIST_MAX 200 /* the latest ones */

enum err session_list(struct unit *u, const struct uuid *account,
    struct session_info **list, int *n) MUST_USE;

/* Ends one of the account's; *found is false when there is no live one. */
enum err session_end_one(struct unit *u, const struct uuid *account,
    const struct uuid *id, bool *found) MUST_USE;

/* Ends all of the account's, but keep unless it is NULL. */
enum err session_end_all(struct unit *u, const struct uuid *account,
    const struct uuid *keep) MUST_USE;

#endif
