/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_OUTBOX_QUEUE_H
#define DOMAIN_OUTBOX_QUEUE_H

#include <stdbool.h>

#include "base/encode.h"
#include "domain/unit.h"

/*
 * The outbox as the sysadmin sees it (posternctl mail), as role
 * postern_admin.  Texts are in the unit's memory.
 */
struct queued_mail {
	struct uuid id;
	const char *kind, *state, *address;
	int64_t attempts, age;     /* age in seconds */
	const char *created, *due; /* "2026-01-02 03:04:05+00" */
	const char *error;         /* of the last attempt; "" for none */
};

#define OUTBOX_LIST_MAX 1000

/*
 * The mails of a state, or (NULL) those that wait and those that died,
 * oldest first, at most OUTBOX_LIST_MAX.
 */
enum err outbox_list(struct unit *u, const char *state,
    struct queued_mail **list, int *n) MUST_USE;

/* One of them; *found is false when there is none. */
enum err outbox_find(struct unit *u, const struct uuid *id, bool *found,
    struct queued_mail *mail) MUST_USE;

/*
 * Makes a queued or dead mail due now; *done is false when it is neither, or
 * is being sent at this moment.
 */
enum err outbox_requeue(struct unit *u, const struct uuid *id,
    bool *done) MUST_USE;

/* Takes a queued or dead mail out of the queue; *done as above. */
enum err outbox_drop(struct unit *u, const struct uuid *id,
    bool *done) MUST_USE;

#endif
