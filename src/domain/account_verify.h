/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_VERIFY_H
#define DOMAIN_ACCOUNT_VERIFY_H

#include <stdbool.h>

#include "domain/unit.h"

/*
 * Verifies the address a verification token was mailed to.  *already: it was
 * verified before.  ERR_VERIFICATION_TOKEN for anything not genuine or over
 * its time.
 */
enum err account_verify(struct unit *u, const char *token,
    bool *already) MUST_USE;

/*
 * Judges a verification token as account_verify() will, and changes nothing:
 * before a password is asked for, or hashed.  *canonical is the account's, by
 * which guesses are limited.
 */
enum err account_judge_verification(struct unit *u, const char *token,
    const char **canonical, bool *already) MUST_USE;

/*
 * The three ways to answer a verification link where the browser that
 * registered is not at hand (the claim rule): a stranger who registered
 * somebody's address must gain nothing by that person's click.
 *
 * account_verify_with_password() verifies for who knows the password that was
 * chosen (ERR_CREDENTIALS); account_claim_with_new_password() of
 * account_reset.h sets a new one; account_disown() deletes the account.  Only
 * while it is not verified yet, else ERR_VERIFICATION_TOKEN: of a verified
 * account no link tells whether a password is right.  The caller limits
 * guesses.
 */
enum err account_verify_with_password(struct unit *u, const char *token,
    const char *password, bool *already) MUST_USE;
enum err account_disown(struct unit *u, const char *token) MUST_USE;

#endif
