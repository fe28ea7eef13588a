/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_AUDIT_H
#define DOMAIN_AUDIT_H

#include "base/encode.h"
#include "domain/unit.h"

/*
 * Queues a security event, a write of the caller's transaction.  event is a
 * constant ("account.created"); account, session and client may be NULL.
 */
enum err audit_put(struct unit *u, const char *event,
    const struct uuid *account, const struct uuid *session,
    const char *client) MUST_USE;

/*
 * Tells the log of an event that has committed, under the same name; account
 * and session may be NULL.
 */
void audit_log(const char *event, const struct uuid *account,
    const struct uuid *session);

#endif
