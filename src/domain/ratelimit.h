/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_RATELIMIT_H
#define DOMAIN_RATELIMIT_H

#include <stdint.h>

#include "domain/unit.h"

/*
 * Rate limits: GCRA (the leaky bucket of ITU-T I.371 as a meter) on rows of
 * the database, its clock, so that they are exact however many nodes and
 * workers count at once.  "N per period" lets N through at once and then one
 * each period/N.
 */
enum limit {
	LIMIT_NONE,
	LIMIT_OTHER, /* everything that has none of its own */
	LIMIT_LOGIN, /* client's minute and hour, then client and account */
	LIMIT_REGISTER,
	LIMIT_FORGOT,
	LIMIT_RESEND,
	LIMIT_FORGOT_MAILBOX, /* by account alone */
	LIMIT_RESEND_MAILBOX,
	LIMIT_CHANGE_EMAIL, /* by account alone */
};

/* What a refused client is told (429). */
struct limit_refusal {
	const char *name;      /* of the limit, a constant */
	int64_t count, period; /* its quota, calls in seconds */
	int64_t retry_after;   /* seconds, at least 1 */
};

/*
 * Takes one call of limit for this client (an IP address as text) and
 * account (canonical address or what was typed for one; NULL where the limit
 * has no account).  IPv6 counts by /64 and, ten times wider, by /48;
 * IPv4-mapped as IPv4.  The buckets are taken in order, and the first that
 * refuses keeps the rest from being spent; a refused bucket is not written.
 * ERR_LIMITED sets *refusal; a database that does not answer is
 * ERR_UNAVAILABLE, never a free pass.
 */
enum err ratelimit_take(struct unit *u, enum limit limit, const char *client,
    const char *account, struct limit_refusal *refusal) MUST_USE;

#endif
