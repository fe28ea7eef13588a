/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_RESET_H
#define DOMAIN_ACCOUNT_RESET_H

#include "domain/unit.h"

/*
 * Sets a new password with a reset token: ends all sessions and every other
 * one-time token, verifies the address, mails a notice.  The token is judged
 * before the password is hashed and used up in the last transaction only.
 * ERR_RESET_TOKEN.
 */
enum err account_reset_password(struct unit *u, const char *token,
    const char *password) MUST_USE;

/*
 * The same with the verification token of an account that is not verified
 * yet, which ends whatever a stranger who registered it had (account_verify.h).
 * ERR_VERIFICATION_TOKEN.
 */
enum err account_claim_with_new_password(struct unit *u, const char *token,
    const char *password) MUST_USE;

#endif
