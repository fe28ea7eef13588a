/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_CHANGE_H
#define DOMAIN_ACCOUNT_CHANGE_H

#include <stdbool.h>

#include "base/encode.h"
#include "domain/unit.h"

struct session;

/* What a person sees of the own account; texts in the unit's memory. */
struct account_profile {
	const char *address, *created; /* created is RFC 3339 */
	bool verified;
};

enum err account_profile(struct unit *u, const struct uuid *id,
    struct account_profile *p) MUST_USE;

/*
 * Sets the language of the account's mails (a tag, as language.h has them),
 * and of its pages too when it was chosen; until then those are in the
 * browser's.
 */
enum err account_set_language(struct unit *u, const struct uuid *id,
    const char *tag, bool chosen) MUST_USE;

/*
 * Sets a new password for who knows the present one (else ERR_CREDENTIALS).
 * The session it is done in lives on; the others end, unless end_others is
 * false.  Mails a notice.
 */
enum err account_change_password(struct unit *u, const struct session *s,
    const char *current, const char *password, bool end_others) MUST_USE;

#endif
