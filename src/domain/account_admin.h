/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_ADMIN_H
#define DOMAIN_ACCOUNT_ADMIN_H

#include "domain/address.h"
#include "domain/unit.h"

/*
 * What the sysadmin may see of an account and do to it, as postern_admin.
 * Neither hashes nor tokens are within that role's reach.
 */
struct account_seen {
	struct uuid id;
	const char *address, *created, *verified, *disabled; /* "" for no */
	const char *language;                                /* likewise */
	int64_t sessions;                                    /* alive */
};

/* The account of that address; *found tells whether there is one. */
enum err account_admin_find(struct unit *u, const struct address *address,
    bool *found, struct account_seen *a) MUST_USE;

/*
 * Disables the account: all of its sessions are over with the commit, and it
 * opens none until it is enabled.  *done is false where it was so already.
 */
enum err account_admin_disable(struct unit *u, const struct uuid *id,
    bool *done) MUST_USE;

/* Lets it sign in again; what sessions it had are not revived. */
enum err account_admin_enable(struct unit *u, const struct uuid *id,
    bool *done) MUST_USE;

/* Ends all of its sessions, as account_admin_disable() does, and only that. */
enum err account_admin_sign_out(struct unit *u, const struct uuid *id,
    bool *done) MUST_USE;

#endif
