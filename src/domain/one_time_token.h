/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_ONE_TIME_TOKEN_H
#define DOMAIN_ONE_TIME_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/encode.h"
#include "domain/unit.h"

struct config;

/*
 * The token of a mailed link: base64url(version 1 | account 16 | secret 32).
 * The database keeps SHA-256 of the whole, bound to purpose, address and
 * epoch; only the mailer mints one, and the mail is the only place that ever
 * holds it.
 */
enum token_purpose {
	TOKEN_NONE,      /* of a mail without one */
	TOKEN_VERIFY,    /* "verify" in the database */
	TOKEN_RESET,     /* "reset" */
	TOKEN_CONFIRM,   /* "confirm": a change of address */
	TOKEN_TAKE_BACK, /* "take_back": undoes one */
};

/* Seconds in which a former address can be taken back: confirm_address() of
 * the schema says so too. */
#define TAKE_BACK_LIFETIME 259200

#define ONE_TIME_TOKEN_RAW (1 + 16 + 32)
#define ONE_TIME_TOKEN_TEXT BASE64URL_SIZE(ONE_TIME_TOKEN_RAW)

/* A token as it was handed in: whose, and what the database may know. */
struct one_time_token {
	struct uuid account;
	unsigned char hash[32];
};

/* Reads the text form; false if it is none. */
bool one_time_token_parse(struct one_time_token *t, const char *text);

/*
 * Runs q, which judges a token as it was handed in and may use it up: $1 is
 * its account, $2 its hash.  The refusal where q gives no row, and for a text
 * that is no token, of which nothing is asked.  *account is whose it is.
 */
enum err one_time_token_run(struct unit *u, const struct db_query *q,
    const char *token, enum err refusal, struct uuid *account,
    struct db_rows *r) MUST_USE;

/*
 * The address a good token of that purpose was mailed to, for a page to name,
 * in the unit's memory; NULL in *address when the token is not good.
 */
enum err one_time_token_address(struct unit *u, const char *token,
    enum token_purpose purpose, const char **address) MUST_USE;

/* The database's word for a purpose. */
const char *token_purpose_name(enum token_purpose p);

/* For how many seconds one works; 0 for TOKEN_NONE. */
int64_t one_time_token_lifetime(const struct config *c, enum token_purpose p);

/*
 * Mints a token for the account's present epoch and writes its text form to
 * out (the caller wipes it); inside a transaction.  It is good while the
 * account has this address, to which it is about to be mailed.  The table
 * keeps five live ones a purpose and ends the oldest.
 */
enum err one_time_token_mint(struct unit *u, const struct uuid *account,
    const char *address, enum token_purpose purpose,
    char out[ONE_TIME_TOKEN_TEXT]) MUST_USE;

/*
 * The same for a change of address (account_address.h), where purpose is
 * TOKEN_CONFIRM or TOKEN_TAKE_BACK.  The latter ends with the right itself,
 * and no number of others ends it before.
 */
enum err one_time_token_mint_change(struct unit *u, const struct uuid *account,
    const struct uuid *change, enum token_purpose purpose,
    char out[ONE_TIME_TOKEN_TEXT]) MUST_USE;

#endif
