/* SPDX-License-Identifier: ISC */
/*
 * The claim rule: what a verification link may do in a browser that did not
 * register.  account_claim_with_new_password() is in account_reset.c, beside
 * the reset whose twin it is.
 */
#include <string.h>

#include "domain/account.h"
#include "domain/audit.h"
#include "domain/one_time_token.h"
#include "platform/yescrypt.h"

/*
 * What postern.verify_email() takes for good, and nothing it would refuse: a
 * link must not be a way to try an account's password.
 */
#define GENUINE                                                                \
	" FROM postern.one_time_token t"                                       \
	" JOIN postern.account a ON a.id = t.account_id"                       \
	" WHERE t.account_id = $1 AND t.hash = $2"                             \
	"   AND t.purpose = 'verify' AND t.canonical = a.canonical"            \
	"   AND t.expires_at > clock_timestamp()"
#define UNUSED                                                                 \
	" a.verified_at IS NULL AND t.used_at IS NULL"                         \
	" AND t.epoch = a.epoch AND a.disabled_at IS NULL"

static const struct db_query judge = {
	.name = "verification_judge",
	.text = "SELECT a.canonical, a.verified_at IS NOT NULL" GENUINE
		" AND (a.verified_at IS NOT NULL OR" UNUSED ")",
	.nparams = 2,
};

static const struct db_query hash_of = {
	.name = "account_claim_hash",
	.text = "SELECT (SELECT hash FROM postern.password"
		"   WHERE account_id = a.id)" GENUINE " AND" UNUSED,
	.nparams = 2,
};

static const struct db_query disown = {
	.name = "account_disown",
	.text = "SELECT postern.disown_account($1, $2)",
	.nparams = 2,
	.writes = true,
};

enum err
account_judge_verification(struct unit *u, const char *token,
    const char **canonical, bool *already)
{
	struct one_time_token t;
	struct db_rows r;
	enum err e;

	if (!one_time_token_parse(&t, token))
		return ERR_VERIFICATION_TOKEN;
	if ((e = unit_run(u, &judge,
		 DB_PARAMS(db_uuid(&t.account),
		     db_bytes(t.hash, sizeof t.hash)),
		 &r)) != OK)
		return e;
	if (r.nrows == 0)
		return ERR_VERIFICATION_TOKEN;
	*canonical = db_get_text(&r, 0, 0);
	*already = db_get_bool(&r, 0, 1);
	return OK;
}

enum err
account_verify_with_password(struct unit *u, const char *token,
    const char *password, bool *already)
{
	struct one_time_token t;
	struct db_rows r;
	bool right = false;
	enum err e;

	if (!one_time_token_parse(&t, token))
		return ERR_VERIFICATION_TOKEN;
	if ((e = unit_run(u, &hash_of,
		 DB_PARAMS(db_uuid(&t.account),
		     db_bytes(t.hash, sizeof t.hash)),
		 &r)) != OK)
		return e;
	if (r.nrows == 0 || db_is_null(&r, 0, 0))
		return ERR_VERIFICATION_TOKEN;
	e = yescrypt_verify(db_get_text(&r, 0, 0), password, &right);
	if (e != OK)
		return e;
	return right ? account_verify(u, token, already) : ERR_CREDENTIALS;
}

enum err
account_disown(struct unit *u, const char *token)
{
	struct one_time_token t;
	struct db_rows r;
	enum err e;

	if (!one_time_token_parse(&t, token))
		return ERR_VERIFICATION_TOKEN;
	if ((e = unit_run(u, &disown,
		 DB_PARAMS(db_uuid(&t.account),
		     db_bytes(t.hash, sizeof t.hash)),
		 &r)) != OK)
		return e;
	if (!db_get_bool(&r, 0, 0))
		return ERR_VERIFICATION_TOKEN;
	audit_log("account.disowned", &t.account, NULL);
	return OK;
}
