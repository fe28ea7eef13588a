/* SPDX-License-Identifier: ISC */
/*
 * Tokens of mailed links.  What is hashed is the whole token, so that a hash
 * is good for one account only; reading one costs no database access, and
 * what does not decode strictly is refused before any.
 */
#include "domain/one_time_token.h"

#include <string.h>

#include "platform/config.h"
#include "platform/crypto.h"

#define VERSION 1

static const struct db_query mint = {
	.name = "one_time_token_mint",
	.text = "INSERT INTO postern.one_time_token"
		" (account_id, hash, purpose, canonical, epoch, expires_at)"
		" SELECT a.id, $2::bytea, $3::text, a.canonical, a.epoch,"
		"   clock_timestamp() + $4::bigint * interval '1 s'"
		" FROM postern.account a"
		" WHERE a.id = $1 AND a.address = $5 AND a.disabled_at IS NULL"
		"   AND ($3::text <> 'verify' OR a.verified_at IS NULL)",
	.nparams = 5,
	.writes = true,
};

/* Bound to the change: whether its link still works is said by its row in
 * address_change. */
static const struct db_query mint_change = {
	.name = "one_time_token_mint_change",
	.text = "INSERT INTO postern.one_time_token (account_id, hash,"
		"   purpose, canonical, epoch, expires_at, change_id)"
		" SELECT a.id, $2::bytea, $3::text,"
		"   CASE $3::text WHEN 'confirm' THEN c.new_canonical"
		"     ELSE c.old_canonical END, a.epoch,"
		"   CASE $3::text WHEN 'confirm' THEN clock_timestamp()"
		"     + $4::bigint * interval '1 s'"
		"     ELSE c.take_back_until END, c.id"
		" FROM postern.address_change c"
		" JOIN postern.account a ON a.id = c.account_id"
		" WHERE c.account_id = $1 AND c.id = $5",
	.nparams = 5,
	.writes = true,
};

static const struct db_query address_of_link = {
	.name = "one_time_token_address",
	.text = "SELECT postern.one_time_token_address($1, $2, $3)",
	.nparams = 3,
};

static const struct db_query address_of_change = {
	.name = "address_of_change_token",
	.text = "SELECT postern.address_of_change_token($1, $2, $3)",
	.nparams = 3,
};

const char *
token_purpose_name(enum token_purpose p)
{
	switch (p) {
	case TOKEN_NONE:
		break;
	case TOKEN_VERIFY:
		return "verify";
	case TOKEN_RESET:
		return "reset";
	case TOKEN_CONFIRM:
		return "confirm";
	case TOKEN_TAKE_BACK:
		return "take_back";
	}
	return "";
}

int64_t
one_time_token_lifetime(const struct config *c, enum token_purpose p)
{
	switch (p) {
	case TOKEN_NONE:
		return 0;
	case TOKEN_VERIFY:
	case TOKEN_CONFIRM:
		return c->verification_lifetime;
	case TOKEN_RESET:
		return c->reset_lifetime;
	case TOKEN_TAKE_BACK:
		return TAKE_BACK_LIFETIME;
	}
	return 0;
}

bool
one_time_token_parse(struct one_time_token *t, const char *text)
{
	unsigned char raw[ONE_TIME_TOKEN_RAW];
	bool ours;
	int n;

	n = base64url_decode(raw, sizeof raw, text, strlen(text));
	ours = n == (int)sizeof raw && raw[0] == VERSION;
	if (ours) {
		memcpy(t->account.b, raw + 1, sizeof t->account.b);
		crypto_sha256(t->hash, raw, sizeof raw);
	}
	explicit_bzero(raw, sizeof raw);
	return ours;
}

enum err
one_time_token_run(struct unit *u, const struct db_query *q, const char *token,
    enum err refusal, struct uuid *account, struct db_rows *r)
{
	struct one_time_token t;
	enum err e;

	if (!one_time_token_parse(&t, token))
		return refusal;
	*account = t.account;
	if ((e = unit_run(u, q,
		 DB_PARAMS(db_uuid(&t.account),
		     db_bytes(t.hash, sizeof t.hash)),
		 r)) != OK)
		return e;
	return r->nrows > 0 ? OK : refusal;
}

enum err
one_time_token_address(struct unit *u, const char *token,
    enum token_purpose purpose, const char **address)
{
	const struct db_query *q = &address_of_link;
	struct one_time_token t;
	struct db_rows r;
	enum err e;

	*address = NULL;
	if (!one_time_token_parse(&t, token))
		return OK;
	if (purpose == TOKEN_CONFIRM || purpose == TOKEN_TAKE_BACK)
		q = &address_of_change;
	if ((e = unit_run(u, q,
		 DB_PARAMS(db_uuid(&t.account), db_bytes(t.hash, sizeof t.hash),
		     db_text(token_purpose_name(purpose))),
		 &r)) != OK)
		return e;
	*address = db_get_text(&r, 0, 0);
	return OK;
}

/* A new token of this account, as text and as the hash that is kept. */
static void
make(const struct uuid *account, char out[ONE_TIME_TOKEN_TEXT],
    unsigned char hash[SHA256_SIZE])
{
	unsigned char raw[ONE_TIME_TOKEN_RAW] = { VERSION };

	memcpy(raw + 1, account->b, sizeof account->b);
	crypto_random(raw + 1 + sizeof account->b,
	    sizeof raw - 1 - sizeof account->b);
	base64url_encode(out, raw, sizeof raw);
	crypto_sha256(hash, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
}

enum err
one_time_token_mint(struct unit *u, const struct uuid *account,
    const char *address, enum token_purpose purpose,
    char out[ONE_TIME_TOKEN_TEXT])
{
	unsigned char hash[SHA256_SIZE];

	make(account, out, hash);
	return unit_send(u, &mint,
	    DB_PARAMS(db_uuid(account), db_bytes(hash, sizeof hash),
		db_text(token_purpose_name(purpose)),
		db_int(u->mem, one_time_token_lifetime(conf, purpose)),
		db_text(address)));
}

enum err
one_time_token_mint_change(struct unit *u, const struct uuid *account,
    const struct uuid *change, enum token_purpose purpose,
    char out[ONE_TIME_TOKEN_TEXT])
{
	unsigned char hash[SHA256_SIZE];

	make(account, out, hash);
	return unit_send(u, &mint_change,
	    DB_PARAMS(db_uuid(account), db_bytes(hash, sizeof hash),
		db_text(token_purpose_name(purpose)),
		db_int(u->mem, one_time_token_lifetime(conf, purpose)),
		db_uuid(change)));
}
