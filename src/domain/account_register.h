/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_REGISTER_H
#define DOMAIN_ACCOUNT_REGISTER_H

#include "base/encode.h"
#include "domain/unit.h"

struct address;

/*
 * Makes an unverified account with this password, its audit event and the
 * mail that verifies it.  The password was judged (password_judge()) and is
 * hashed before the transaction is open.  ERR_EMAIL_TAKEN: the canonical
 * address has an account; found out before anything is hashed where it can
 * be.  With registration_conflict = hide that is no error: the owner is
 * mailed instead, *id is nobody's, and it takes the same time.  Mails will be
 * in the language of that tag; NULL for none known.
 */
enum err account_register(struct unit *u, const struct address *address,
    const char *password, const char *language, struct uuid *id) MUST_USE;

#endif
