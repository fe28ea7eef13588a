/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_AUTHENTICATE_H
#define DOMAIN_ACCOUNT_AUTHENTICATE_H

#include <stdbool.h>

#include "base/encode.h"
#include "domain/unit.h"

struct address;

/* An account as its password opened it; texts in the unit's memory. */
struct account {
	struct uuid id;
	const char *address;
	int epoch; /* see session.h */
	bool verified, disabled;
	const char *hash; /* what the password was verified by; else NULL */
};

/*
 * Who this address and password belong to.  ERR_CREDENTIALS for an unknown
 * address and for a wrong password alike, at the cost of one hash each;
 * address may be NULL for one that could not exist.  Only with the right
 * password: ERR_DISABLED, ERR_UNVERIFIED (then *acc is set; ERR_CREDENTIALS
 * with registration_conflict = hide).  A hash of another cost than configured
 * is made anew.
 */
enum err account_authenticate(struct unit *u, const struct address *address,
    const char *password, struct account *acc) MUST_USE;

/*
 * Whether this is the account's password (else, and for a disabled one,
 * ERR_CREDENTIALS).  What the proof is for must be done under the epoch in
 * *acc, so that nothing which raced a reset or a ban is done after it.
 */
enum err account_reauthenticate(struct unit *u, const struct uuid *id,
    const char *password, struct account *acc) MUST_USE;

#endif
