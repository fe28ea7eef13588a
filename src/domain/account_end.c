/* SPDX-License-Identifier: ISC */
/*
 * Export and deletion.  Both reach over all tables, which no pool may do by
 * itself: the schema does it.
 */
#include "domain/account_end.h"

#include "domain/audit.h"
#include "domain/session.h"

static const struct db_query delete = {
	.name = "account_delete",
	.text = "SELECT postern.delete_account($1, $2::int)",
	.nparams = 2,
	.writes = true,
};

static const struct db_query export = {
	.name = "account_export",
	.text = "SELECT postern.export_account($1, $2)",
	.nparams = 2,
};

enum err
account_delete(struct unit *u, const struct session *s, int epoch)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &delete,
		 DB_PARAMS(db_uuid(&s->account), db_int(u->mem, epoch)), &r)) !=
	    OK)
		return e;
	if (!db_get_bool(&r, 0, 0))
		return ERR_CREDENTIALS;
	audit_log("account.deleted", &s->account, &s->id);
	return OK;
}

enum err
account_export(struct unit *u, const struct session *s, const char **json)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &export,
		 DB_PARAMS(db_uuid(&s->account), db_uuid(&s->id)), &r)) != OK)
		return e;
	if (r.nrows == 0 || db_is_null(&r, 0, 0))
		return ERR_TOKEN_INVALID;
	*json = db_get_text(&r, 0, 0);
	return OK;
}
