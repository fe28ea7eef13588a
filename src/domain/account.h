/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ACCOUNT_H
#define DOMAIN_ACCOUNT_H

#include <stdbool.h>

#include "base/encode.h"
#include "domain/unit.h"

struct address;
struct session;

/*
 * Accounts: who exists, and the turning points of an account's life.  Each
 * function that changes more than one table is one transaction.
 */
struct account {
	struct uuid id;
	const char *address; /* in the unit's memory */
	int epoch;           /* see session.h */
	bool verified, disabled;
	const char *hash; /* what account_authenticate() verified; else NULL */
};

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

/*
 * Who this address and password belong to.  ERR_CREDENTIALS for an unknown
 * address and for a wrong password alike, at the cost of one hash each;
 * address may be NULL for one that could not exist.  Only with the right
 * password: ERR_DISABLED, ERR_UNVERIFIED (then *acc is set; ERR_CREDENTIALS
 * with registration_conflict = hide).  A hash of
 * another cost than configured is made anew.
 */
enum err account_authenticate(struct unit *u, const struct address *address,
    const char *password, struct account *acc) MUST_USE;

/*
 * Verifies the address a verification token was mailed to.  *already: it was
 * verified before.  ERR_VERIFICATION_TOKEN for anything not genuine or over
 * its time.
 */
enum err account_verify(struct unit *u, const char *token,
    bool *already) MUST_USE;

/*
 * Sets a new password with a reset token: ends all sessions and every other
 * one-time token, verifies the address, mails a notice.  The token is judged
 * before the password is hashed and used up in the last transaction only.
 * ERR_RESET_TOKEN.
 */
enum err account_reset_password(struct unit *u, const char *token,
    const char *password) MUST_USE;

/* What a person sees of the own account; texts in the unit's memory. */
struct account_profile {
	const char *address, *created; /* created is RFC 3339 */
	bool verified;
};

/*
 * Sets the language of the account's mails (a tag, as language.h has them),
 * and of its pages too when it was chosen; until then those are in the
 * browser's.
 */
enum err account_set_language(struct unit *u, const struct uuid *id,
    const char *tag, bool chosen) MUST_USE;

enum err account_profile(struct unit *u, const struct uuid *id,
    struct account_profile *p) MUST_USE;

/*
 * Whether this is the account's password (else ERR_CREDENTIALS), and the
 * epoch under which it is: what the proof is for must be done under the same,
 * so that nothing which raced a reset is done after it.
 */
enum err account_reauthenticate(struct unit *u, const struct uuid *id,
    const char *password, int *epoch) MUST_USE;

/*
 * Sets a new password for who knows the present one (else ERR_CREDENTIALS).
 * The session it is done in lives on; the others end, unless end_others is
 * false.  Mails a notice.
 */
enum err account_change_password(struct unit *u, const struct session *s,
    const char *current, const char *password, bool end_others) MUST_USE;

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
 * chosen (ERR_CREDENTIALS); account_claim_with_new_password() sets a new one,
 * which ends whatever the stranger had; account_disown() deletes the account.
 * Only while it is not verified yet, else ERR_VERIFICATION_TOKEN: of a verified
 * account no link tells whether a password is right.  The caller limits
 * guesses.
 */
enum err account_verify_with_password(struct unit *u, const char *token,
    const char *password, bool *already) MUST_USE;
enum err account_claim_with_new_password(struct unit *u, const char *token,
    const char *password) MUST_USE;
enum err account_disown(struct unit *u, const char *token) MUST_USE;

/*
 * The address a good one-time token belongs to, for a page to name; NULL in
 * *address when the token is not good.  purpose as in one_time_token.h.
 */
enum err account_of_token(struct unit *u, const char *token, int purpose,
    const char **address) MUST_USE;

#endif
