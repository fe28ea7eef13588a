/* SPDX-License-Identifier: ISC */
/*
 * What a signed-in person sees and changes of the account.  A new password
 * raises the epoch like a reset; the sessions that shall live on are lifted
 * to it in the same transaction.
 */
#include "domain/account_change.h"

#include "domain/account_authenticate.h"
#include "domain/audit.h"
#include "domain/outbox.h"
#include "domain/session.h"
#include "platform/config.h"
#include "platform/yescrypt.h"

#define CREATED DB_RFC3339("created_at")

static const struct db_query profile = {
	.name = "account_profile",
	.text = "SELECT address, verified_at IS NOT NULL, " CREATED
		" FROM postern.account WHERE id = $1",
	.nparams = 1,
};

static const struct db_query set_language = {
	.name = "account_set_language",
	.text = "UPDATE postern.account SET locale = $2,"
		"   locale_chosen = $3::bool WHERE id = $1",
	.nparams = 3,
	.writes = true,
};

static const struct db_query raise_epoch = {
	.name = "account_change_epoch",
	.text = "UPDATE postern.account SET epoch = epoch + 1"
		" WHERE id = $1 AND epoch = $2::int RETURNING canonical",
	.nparams = 2,
	.writes = true,
};

static const struct db_query replace = {
	.name = "password_replace",
	.text = "UPDATE postern.password SET hash = $3, changed_at = now()"
		" WHERE account_id = $1 AND hash = $2 RETURNING 1",
	.nparams = 3,
	.writes = true,
};

static const struct db_query lift_sessions = {
	.name = "session_lift",
	.text = "UPDATE postern.session s SET epoch = a.epoch"
		" FROM postern.account a WHERE a.id = $1"
		"   AND s.account_id = a.id AND s.ended_at IS NULL"
		"   AND s.epoch = a.epoch - 1 AND (s.id = $2 OR NOT $3::bool)",
	.nparams = 3,
	.writes = true,
};

static const struct db_query end_rest = {
	.name = "session_end_rest",
	.text = "UPDATE postern.session s"
		" SET ended_at = now(), end_reason = 'password_change'"
		" FROM postern.account a WHERE a.id = $1"
		"   AND s.account_id = a.id AND s.ended_at IS NULL"
		"   AND s.epoch <> a.epoch",
	.nparams = 1,
	.writes = true,
};

enum err
account_profile(struct unit *u, const struct uuid *id,
    struct account_profile *p)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &profile, DB_PARAMS(db_uuid(id)), &r)) != OK)
		return e;
	if (r.nrows == 0)
		return ERR_TOKEN_INVALID;
	p->address = db_get_text(&r, 0, 0);
	p->verified = db_get_bool(&r, 0, 1);
	p->created = db_get_text(&r, 0, 2);
	return OK;
}

enum err
account_set_language(struct unit *u, const struct uuid *id, const char *tag,
    bool chosen)
{
	return unit_run(u, &set_language,
	    DB_PARAMS(db_uuid(id), db_text(tag), db_text(chosen ? "t" : "f")),
	    NULL);
}

/*
 * In the transaction: the account's lock first, as everywhere, then the
 * password, if both are still what was verified.
 */
static enum err
replace_hash(struct unit *u, const struct account *acc, const char *hash,
    const char **canonical)
{
	struct db_rows account, changed;
	enum err e;

	if ((e = unit_run(u, &raise_epoch,
		 DB_PARAMS(db_uuid(&acc->id), db_int(u->mem, acc->epoch)),
		 &account)) != OK ||
	    (e = unit_run(u, &replace,
		 DB_PARAMS(db_uuid(&acc->id), db_text(acc->hash),
		     db_text(hash)),
		 &changed)) != OK)
		return e;
	if (account.nrows == 0 || changed.nrows == 0)
		return ERR_CREDENTIALS;
	*canonical = db_get_text(&account, 0, 0);
	return OK;
}

static enum err
settle_sessions(struct unit *u, const struct session *s, bool end_others)
{
	enum err e;

	if ((e = unit_send(u, &lift_sessions,
		 DB_PARAMS(db_uuid(&s->account), db_uuid(&s->id),
		     db_text(end_others ? "t" : "f")))) != OK)
		return e;
	return unit_send(u, &end_rest, DB_PARAMS(db_uuid(&s->account)));
}

enum err
account_change_password(struct unit *u, const struct session *s,
    const char *current, const char *password, bool end_others)
{
	const char *canonical = NULL;
	struct account acc;
	char hash[YESCRYPT_MAX];
	enum err e;

	if ((e = account_reauthenticate(u, &s->account, current, &acc)) != OK ||
	    (e = yescrypt_hash(hash, password, (int)conf->password_cost)) != OK)
		return e;
	if ((e = unit_begin(u)) != OK ||
	    (e = replace_hash(u, &acc, hash, &canonical)) != OK ||
	    (e = settle_sessions(u, s, end_others)) != OK ||
	    (e = outbox_put(u, MAIL_PASSWORD_CHANGED, &s->account,
		 canonical)) != OK ||
	    (e = audit_put(u, "account.password_changed", &s->account, &s->id,
		 NULL)) != OK)
		return unit_rollback(u, e);
	if ((e = unit_commit(u)) == OK)
		audit_log("account.password_changed", &s->account, &s->id);
	return e;
}
