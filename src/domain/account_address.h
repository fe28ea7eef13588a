/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_ADDRESS_H
#define DOMAIN_ACCOUNT_ADDRESS_H

#include "domain/one_time_token.h"
#include "domain/unit.h"

struct address;
struct session;

/*
 * A change of address: asked for with the password, confirmed through a link
 * to the new address, and told to the old one, which stays reserved and can
 * take the account back for TAKE_BACK_LIFETIME, whatever happens meanwhile.
 */

/* ERR_EMAIL_SAME for the address the account has. */
enum err account_judge_address(const struct session *s,
    const struct address *address) MUST_USE;

/*
 * Asks for one, for whom account_reauthenticate() knew under this epoch (else
 * ERR_CREDENTIALS).  Nothing here looks whether the address is free: the
 * mailer finds out, so that no answer tells, nor its time.
 */
enum err account_ask_address(struct unit *u, const struct session *s, int epoch,
    const struct address *address) MUST_USE;

/*
 * Puts a change into force with the token that was mailed to the new address;
 * sessions live on.  ERR_ADDRESS_TOKEN for a token that is not good, and
 * where the address went to somebody else meanwhile.
 */
enum err account_confirm_address(struct unit *u, const char *token) MUST_USE;

/*
 * Gives the account back to the former address its token was mailed to: ends
 * every session, raises the epoch, leaves no password, and mails a reset link
 * there.  Changes made after that one are undone with it.  ERR_ADDRESS_TOKEN.
 */
enum err account_take_back(struct unit *u, const char *token) MUST_USE;

/*
 * The present address of the account a token belongs to, for a stranger to
 * know it by and not to learn: a…@example.org.
 */
enum err account_that_asked(struct unit *u, const char *token,
    const char **address) MUST_USE;

#endif
