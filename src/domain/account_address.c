/* SPDX-License-Identifier: ISC */
/*
 * Changes of address.  What a link may do is decided in the schema, where the
 * web pool can do nothing else (0002_own_account.sql).
 */
#include "domain/account_address.h"

#include <strings.h>

#include "domain/address.h"
#include "domain/audit.h"
#include "domain/session.h"

/*
 * FOR SHARE waits for a reset that is under way and then sees its epoch.  The
 * request, its mail and its event are one statement, whoever has the address.
 */
static const struct db_query ask = {
	.name = "account_ask_address",
	.text = "WITH a AS (SELECT id FROM postern.account"
		"   WHERE id = $1 AND epoch = $2::int AND disabled_at IS NULL"
		"   FOR SHARE),"
		" asked AS (INSERT INTO postern.address_change"
		"   (account_id, id, new_address, new_canonical, epoch)"
		"   SELECT id, $3::uuid, $4, $5::text, $2::int FROM a),"
		" mailed AS (INSERT INTO postern.mail_outbox"
		"   (kind, account_id, canonical, change_id)"
		"   SELECT 'confirm_address', id, $5::text, $3::uuid FROM a),"
		" audited AS (INSERT INTO postern.audit_event"
		"   (event, account_id, session_id)"
		"   SELECT 'account.address_change_asked', id, $6 FROM a)"
		" SELECT 1 FROM a",
	.nparams = 6,
	.writes = true,
};

static const struct db_query confirm = {
	.name = "account_confirm_address",
	.text = "SELECT 1 FROM postern.confirm_address($1, $2) AS done"
		" WHERE done",
	.nparams = 2,
	.writes = true,
};

static const struct db_query take_back = {
	.name = "account_take_back",
	.text = "SELECT 1 FROM postern.take_back_address($1, $2) AS done"
		" WHERE done",
	.nparams = 2,
	.writes = true,
};

static const struct db_query asked_by = {
	.name = "account_that_asked",
	.text = "SELECT left(address, 1) || '…' || substring(address FROM"
		" '@[^@]*$') FROM postern.account WHERE id = $1",
	.nparams = 1,
};

enum err
account_judge_address(const struct session *s, const struct address *address)
{
	bool is_own = strcasecmp(s->email, address->canonical) == 0;

	return is_own ? ERR_EMAIL_SAME : OK;
}

enum err
account_ask_address(struct unit *u, const struct session *s, int epoch,
    const struct address *address)
{
	const struct uuid id = unit_uuid(u);
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &ask,
		 DB_PARAMS(db_uuid(&s->account), db_int(u->mem, epoch),
		     db_uuid(&id), db_text(address->text),
		     db_text(address->canonical), db_uuid(&s->id)),
		 &r)) != OK)
		return e;
	if (r.nrows == 0)
		return ERR_CREDENTIALS;
	audit_log("account.address_change_asked", &s->account, &s->id);
	return OK;
}

static enum err
use_token(struct unit *u, const struct db_query *q, const char *event,
    const char *token)
{
	struct uuid account;
	struct db_rows r;
	enum err e;

	if ((e = one_time_token_run(u, q, token, ERR_ADDRESS_TOKEN, &account,
		 &r)) != OK)
		return e;
	audit_log(event, &account, NULL);
	return OK;
}

enum err
account_confirm_address(struct unit *u, const char *token)
{
	return use_token(u, &confirm, "account.address_changed", token);
}

enum err
account_take_back(struct unit *u, const char *token)
{
	return use_token(u, &take_back, "account.address_taken_back", token);
}

enum err
account_that_asked(struct unit *u, const char *token, const char **address)
{
	struct one_time_token t;
	struct db_rows r;
	enum err e;

	*address = "";
	if (!one_time_token_parse(&t, token))
		return OK;
	if ((e = unit_run(u, &asked_by, DB_PARAMS(db_uuid(&t.account)), &r)) !=
	    OK)
		return e;
	if (r.nrows > 0)
		*address = db_get_text(&r, 0, 0);
	return OK;
}
