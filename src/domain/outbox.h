/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_OUTBOX_H
#define DOMAIN_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/encode.h"
#include "domain/mail_kind.h"
#include "domain/unit.h"

struct config;

/*
 * The outbox: mails that a committed change owes.  A request only enqueues;
 * the mailer leases, mints the token, sends and records.
 */

/*
 * After so many seconds in the queue a mail of that kind is ended unsent: its
 * link would be over, or its news old.
 */
int64_t outbox_lifetime(const struct config *c, enum mail_kind kind);

/*
 * Queues a mail to whoever has this canonical address; nothing says whether
 * anybody does.  account may be NULL when only the address is known.  A
 * write of the caller's transaction, or one of its own.
 */
enum err outbox_put(struct unit *u, enum mail_kind kind,
    const struct uuid *account, const char *canonical) MUST_USE;

/* A mail the mailer holds the lease of. */
struct outbox_mail {
	struct uuid id;
	enum mail_kind kind;
	struct uuid account;
	struct uuid change;              /* of a change of address */
	const char *recipient;           /* as it is stored */
	const char *locale;              /* or NULL */
	int attempts;                    /* this one counted */
	char token[ONE_TIME_TOKEN_TEXT]; /* "" for notices; wiped by caller */
};

/*
 * Leases the next mail that is due, oldest first, for lease_s seconds, and
 * mints its token, in one transaction.  Mails whose reason is gone (no such
 * account, already verified, disabled, over their time) are dropped on the
 * way and logged; one over its time that was tried before is dead.  *found is
 * false when nothing is due, or after OUTBOX_DROPS of them: then
 * outbox_next_due() says so.
 */
#define OUTBOX_DROPS 64

enum err outbox_lease(struct unit *u, int64_t lease_s, bool *found,
    struct outbox_mail *mail) MUST_USE;

/*
 * Records the end of an attempt on a leased mail.  Failures count only while
 * the lease is ours: what another mailer does with it since is its business.
 * why is kept for the operator: nothing secret, no address.
 */
enum err outbox_delivered(struct unit *u, const struct outbox_mail *m) MUST_USE;
enum err outbox_retry(struct unit *u, const struct outbox_mail *m,
    int64_t pause_s, const char *why) MUST_USE;
enum err outbox_dead(struct unit *u, const struct outbox_mail *m,
    const char *why) MUST_USE;

/* Milliseconds until the next mail is due, at most limit_ms. */
enum err outbox_next_due(struct unit *u, int64_t limit_ms,
    int64_t *ms) MUST_USE;

/* Makes db_wait() wake when a mail is queued. */
void outbox_listen(struct unit *u);

#endif
