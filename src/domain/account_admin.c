/* SPDX-License-Identifier: ISC */
/*
 * The sysadmin's hand on an account.  Each act raises the epoch, or leaves
 * it raised, so that no session of before passes a check, and says so in
 * the sessions' rows and in the audit within the same transaction.
 */
#include "domain/account_admin.h"

#include "domain/audit.h"

#define UTC(column)                                                            \
	"coalesce(to_char(" column " AT TIME ZONE 'UTC',"                      \
	" 'YYYY-MM-DD HH24:MI \"UTC\"'), '')"

#define CREATED UTC("a.created_at")
#define VERIFIED UTC("a.verified_at")
#define DISABLED UTC("a.disabled_at")

static const struct db_query find = {
	.name = "account_admin_find",
	.text = "SELECT a.id, a.address, " CREATED ", " VERIFIED ", " DISABLED
		", coalesce(a.locale, ''),"
		" (SELECT count(*) FROM postern.session s"
		"   WHERE s.account_id = a.id AND s.ended_at IS NULL"
		"     AND s.expires_at > now() AND s.epoch = a.epoch)"
		" FROM postern.account a WHERE a.canonical = $1",
	.nparams = 1,
};

static const struct db_query disable = {
	.name = "account_admin_disable",
	.text = "UPDATE postern.account"
		" SET disabled_at = now(), epoch = epoch + 1"
		" WHERE id = $1 AND disabled_at IS NULL RETURNING 1",
	.nparams = 1,
	.writes = true,
};

static const struct db_query enable = {
	.name = "account_admin_enable",
	.text = "UPDATE postern.account SET disabled_at = NULL"
		" WHERE id = $1 AND disabled_at IS NOT NULL RETURNING 1",
	.nparams = 1,
	.writes = true,
};

static const struct db_query raise_epoch = {
	.name = "account_admin_epoch",
	.text = "UPDATE postern.account SET epoch = epoch + 1"
		" WHERE id = $1 RETURNING 1",
	.nparams = 1,
	.writes = true,
};

static const struct db_query end_sessions = {
	.name = "account_admin_end_sessions",
	.text = "UPDATE postern.session SET ended_at = now(), end_reason = $2"
		" WHERE account_id = $1 AND ended_at IS NULL",
	.nparams = 2,
	.writes = true,
};

enum err
account_admin_find(struct unit *u, const struct address *address, bool *found,
    struct account_seen *a)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &find, DB_PARAMS(db_text(address->canonical)),
		 &r)) != OK)
		return e;
	*found = r.nrows == 1;
	if (*found)
		*a = (struct account_seen){
			.id = db_get_uuid(&r, 0, 0),
			.address = db_get_text(&r, 0, 1),
			.created = db_get_text(&r, 0, 2),
			.verified = db_get_text(&r, 0, 3),
			.disabled = db_get_text(&r, 0, 4),
			.language = db_get_text(&r, 0, 5),
			.sessions = db_get_int(&r, 0, 6),
		};
	return OK;
}

/* The change, the end of the sessions unless reason is NULL, the audit. */
static enum err
act(struct unit *u, const struct uuid *id, const struct db_query *change,
    const char *reason, const char *event, bool *done)
{
	struct db_rows r;
	enum err e;

	*done = false;
	if ((e = unit_begin(u)) != OK ||
	    (e = unit_run(u, change, DB_PARAMS(db_uuid(id)), &r)) != OK)
		return unit_rollback(u, e);
	if (r.nrows == 0)
		return unit_rollback(u, OK);
	if ((reason != NULL &&
		(e = unit_send(u, &end_sessions,
		     DB_PARAMS(db_uuid(id), db_text(reason)))) != OK) ||
	    (e = audit_put(u, event, id, NULL, NULL)) != OK)
		return unit_rollback(u, e);
	e = unit_commit(u);
	*done = e == OK;
	return e;
}

enum err
account_admin_disable(struct unit *u, const struct uuid *id, bool *done)
{
	return act(u, id, &disable, "disabled", "account.disabled", done);
}

enum err
account_admin_enable(struct unit *u, const struct uuid *id, bool *done)
{
	return act(u, id, &enable, NULL, "account.enabled", done);
}

enum err
account_admin_sign_out(struct unit *u, const struct uuid *id, bool *done)
{
	return act(u, id, &raise_epoch, "admin", "account.signed_out", done);
}
