/* SPDX-License-Identifier: ISC */
/*
 * A new password for the holder of a mailed link.  The token is judged before
 * the hash, which takes its time, and used up in the transaction that changes
 * everything: of several uses one gets through.
 */
#include "domain/account_reset.h"

#include "domain/audit.h"
#include "domain/one_time_token.h"
#include "domain/outbox.h"
#include "platform/config.h"
#include "platform/yescrypt.h"

/* What makes a reset token good: asked before hashing, and again under the
 * account's lock. */
#define GOOD_TOKEN                                                             \
	" t.account_id = $1 AND t.hash = $2 AND t.purpose = $3"                \
	" AND t.used_at IS NULL AND t.expires_at > clock_timestamp()"          \
	" AND a.id = t.account_id AND a.canonical = t.canonical"               \
	" AND a.epoch = t.epoch AND a.disabled_at IS NULL"                     \
	" AND ($3 = 'reset' OR a.verified_at IS NULL)"

static const struct db_query judge_token = {
	.name = "reset_judge",
	.text = "SELECT 1 FROM postern.one_time_token t, postern.account a"
		" WHERE" GOOD_TOKEN,
	.nparams = 3,
};

static const struct db_query lock = {
	.name = "account_lock",
	.text = "SELECT canonical FROM postern.account WHERE id = $1"
		" FOR NO KEY UPDATE",
	.nparams = 1,
};

static const struct db_query use_token = {
	.name = "reset_use",
	.text = "UPDATE postern.one_time_token t"
		" SET used_at = clock_timestamp() FROM postern.account a"
		" WHERE" GOOD_TOKEN " RETURNING 1",
	.nparams = 3,
	.writes = true,
};

static const struct db_query set_password = {
	.name = "password_set",
	.text = "INSERT INTO postern.password (account_id, hash)"
		" VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE"
		" SET hash = excluded.hash, changed_at = now()",
	.nparams = 2,
	.writes = true,
};

static const struct db_query raise_epoch = {
	.name = "account_raise_epoch",
	.text = "UPDATE postern.account SET epoch = epoch + 1,"
		" verified_at = coalesce(verified_at, now()) WHERE id = $1",
	.nparams = 1,
	.writes = true,
};

static const struct db_query end_sessions = {
	.name = "session_end_all",
	.text = "UPDATE postern.session"
		" SET ended_at = now(), end_reason = 'password_reset'"
		" WHERE account_id = $1 AND ended_at IS NULL",
	.nparams = 1,
	.writes = true,
};

/* All but the right of a former address: whoever has the mailbox of today
 * must not end it. */
static const struct db_query end_tokens = {
	.name = "one_time_token_end_all",
	.text = "UPDATE postern.one_time_token SET used_at = now()"
		" WHERE account_id = $1 AND used_at IS NULL"
		"   AND purpose <> 'take_back'",
	.nparams = 1,
	.writes = true,
};

static enum err
judge_reset(struct unit *u, const struct one_time_token *t, const char *purpose)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &judge_token,
		 DB_PARAMS(db_uuid(&t->account),
		     db_bytes(t->hash, sizeof t->hash), db_text(purpose)),
		 &r)) != OK)
		return e;
	return r.nrows == 1 ? OK : ERR_RESET_TOKEN;
}

/* Takes the account's lock, then the token: of several uses one gets it. */
static enum err
take_token(struct unit *u, const struct one_time_token *t, const char *purpose,
    const char **canonical)
{
	struct db_rows account, used;
	enum err e;

	if ((e = unit_run(u, &lock, DB_PARAMS(db_uuid(&t->account)),
		 &account)) != OK ||
	    (e = unit_run(u, &use_token,
		 DB_PARAMS(db_uuid(&t->account),
		     db_bytes(t->hash, sizeof t->hash), db_text(purpose)),
		 &used)) != OK)
		return e;
	if (account.nrows == 0 || used.nrows == 0)
		return ERR_RESET_TOKEN;
	*canonical = db_get_text(&account, 0, 0);
	return OK;
}

static enum err
apply_reset(struct unit *u, const struct uuid *id, const char *hash,
    const char *canonical)
{
	const struct db_param *account = DB_PARAMS(db_uuid(id));
	enum err e;

	if ((e = unit_send(u, &set_password,
		 DB_PARAMS(db_uuid(id), db_text(hash)))) != OK ||
	    (e = unit_send(u, &raise_epoch, account)) != OK ||
	    (e = unit_send(u, &end_sessions, account)) != OK ||
	    (e = unit_send(u, &end_tokens, account)) != OK ||
	    (e = outbox_put(u, MAIL_PASSWORD_CHANGED, id, canonical)) != OK)
		return e;
	return audit_put(u, "account.password_reset", id, NULL, NULL);
}

/* A new password for whoever holds a good token of that purpose. */
static enum err
replace_password(struct unit *u, const char *token, enum token_purpose purpose,
    const char *password)
{
	const char *name = token_purpose_name(purpose), *canonical;
	struct one_time_token t;
	char hash[YESCRYPT_MAX];
	enum err e;

	if (!one_time_token_parse(&t, token))
		return ERR_RESET_TOKEN;
	if ((e = judge_reset(u, &t, name)) != OK ||
	    (e = yescrypt_hash(hash, password, (int)conf->password_cost)) != OK)
		return e;
	if ((e = unit_begin(u)) != OK ||
	    (e = take_token(u, &t, name, &canonical)) != OK ||
	    (e = apply_reset(u, &t.account, hash, canonical)) != OK)
		return unit_rollback(u, e);
	if ((e = unit_commit(u)) == OK)
		audit_log("account.password_reset", &t.account, NULL);
	return e;
}

enum err
account_reset_password(struct unit *u, const char *token, const char *password)
{
	return replace_password(u, token, TOKEN_RESET, password);
}

enum err
account_claim_with_new_password(struct unit *u, const char *token,
    const char *password)
{
	enum err e = replace_password(u, token, TOKEN_VERIFY, password);

	return e == ERR_RESET_TOKEN ? ERR_VERIFICATION_TOKEN : e;
}
