/* SPDX-License-Identifier: ISC */
/*
 * Verification links: what one does by itself, and the claim rule, which is
 * what it may do in a browser that did not register.
 */
#include "domain/account_verify.h"

#include <string.h>

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
	.text = "SELECT hash FROM postern.password"
		" WHERE account_id = (SELECT a.id" GENUINE " AND" UNUSED ")",
	.nparams = 2,
};

static const struct db_query verify = {
	.name = "account_verify",
	.text = "SELECT outcome FROM postern.verify_email($1, $2) AS outcome"
		" WHERE outcome IS NOT NULL",
	.nparams = 2,
	.writes = true,
};

static const struct db_query disown = {
	.name = "account_disown",
	.text = "SELECT 1 FROM postern.disown_account($1, $2) AS done"
		" WHERE done",
	.nparams = 2,
	.writes = true,
};

enum err
account_judge_verification(struct unit *u, const char *token,
    const char **canonical, bool *already)
{
	struct uuid account;
	struct db_rows r;
	enum err e;

	if ((e = one_time_token_run(u, &judge, token, ERR_VERIFICATION_TOKEN,
		 &account, &r)) != OK)
		return e;
	*canonical = db_get_text(&r, 0, 0);
	*already = db_get_bool(&r, 0, 1);
	return OK;
}

enum err
account_verify(struct unit *u, const char *token, bool *already)
{
	struct uuid account;
	struct db_rows r;
	enum err e;

	if ((e = one_time_token_run(u, &verify, token, ERR_VERIFICATION_TOKEN,
		 &account, &r)) != OK)
		return e;
	*already = strcmp(db_get_text(&r, 0, 0), "already") == 0;
	if (!*already)
		audit_log("account.verified", &account, NULL);
	return OK;
}

enum err
account_verify_with_password(struct unit *u, const char *token,
    const char *password, bool *already)
{
	struct uuid account;
	struct db_rows r;
	bool right = false;
	enum err e;

	if ((e = one_time_token_run(u, &hash_of, token, ERR_VERIFICATION_TOKEN,
		 &account, &r)) != OK ||
	    (e = yescrypt_verify(db_get_text(&r, 0, 0), password, &right)) !=
		OK)
		return e;
	return right ? account_verify(u, token, already) : ERR_CREDENTIALS;
}

enum err
account_disown(struct unit *u, const char *token)
{
	struct uuid account;
	struct db_rows r;
	enum err e;

	if ((e = one_time_token_run(u, &disown, token, ERR_VERIFICATION_TOKEN,
		 &account, &r)) != OK)
		return e;
	audit_log("account.disowned", &account, NULL);
	return OK;
}
