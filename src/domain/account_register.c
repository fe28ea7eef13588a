/* SPDX-License-Identifier: ISC */
/*
 * Registration.  Hashing, which takes tens of milliseconds, happens before
 * the transaction, never inside it; what was read before is asked again, in
 * the statement that writes.
 */
#include "domain/account_register.h"

#include "domain/address.h"
#include "domain/audit.h"
#include "domain/outbox.h"
#include "domain/ratelimit.h"
#include "platform/config.h"
#include "platform/yescrypt.h"

static const struct db_query exists = {
	.name = "account_exists",
	.text = "SELECT 1 WHERE EXISTS (SELECT FROM postern.account"
		"   WHERE canonical = $1)"
		" OR postern.address_is_reserved($1, NULL)",
	.nparams = 1,
};

static const struct db_query insert_account = {
	.name = "account_insert",
	.text = "INSERT INTO postern.account (id, address, canonical, locale)"
		" SELECT $1::uuid, $2, $3::text, $4"
		" WHERE NOT postern.address_is_reserved($3::text, NULL)"
		" ON CONFLICT (canonical) DO NOTHING"
		" RETURNING 1",
	.nparams = 4,
	.writes = true,
};

static const struct db_query insert_password = {
	.name = "password_insert",
	.text = "INSERT INTO postern.password (account_id, hash)"
		" VALUES ($1, $2)",
	.nparams = 2,
	.writes = true,
};

/*
 * Instead of an answer, what the owner of a taken address gets: a notice; or
 * once more the verification mail, which whoever registered first may have
 * lost.  Where there is nothing to mail, or nobody, as for an address that
 * is only reserved, the event alone is written: a commit that waits for the
 * disk, as that of a free address does.
 */
static const struct db_query tell_owner = {
	.name = "account_tell_owner",
	.text = "WITH a AS (SELECT id, canonical, verified_at"
		"   FROM postern.account WHERE canonical = $1),"
		" mailed AS (INSERT INTO postern.mail_outbox"
		"   (kind, account_id, canonical)"
		"   SELECT CASE WHEN verified_at IS NULL THEN 'verify'"
		"     ELSE 'address_taken' END, id, canonical"
		"   FROM a WHERE $2::bool)"
		" INSERT INTO postern.audit_event (event, account_id)"
		" SELECT 'registration.taken', (SELECT id FROM a)",
	.nparams = 2,
	.writes = true,
};

static bool
hides_conflicts(void)
{
	return conf->registration_conflict == CONFLICT_HIDE;
}

static enum err
is_free(struct unit *u, const struct address *address)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &exists, DB_PARAMS(db_text(address->canonical)),
		 &r)) != OK)
		return e;
	return r.nrows == 0 ? OK : ERR_EMAIL_TAKEN;
}

/*
 * What can be found out before anything is hashed: that the address is taken
 * or, where nobody is to hear that, whether its mailbox had its share of
 * mails.
 */
static enum err
look_ahead(struct unit *u, const struct address *address, bool *may_mail)
{
	struct limit_refusal unsaid;
	enum err e;

	*may_mail = true;
	if (!hides_conflicts())
		return is_free(u, address);
	e = ratelimit_take(u, LIMIT_RESEND_MAILBOX, "", address->canonical,
	    &unsaid);
	*may_mail = e == OK;
	return e == ERR_LIMITED ? OK : e;
}

/* The account's own row; twins that registered at once meet here. */
static enum err
insert(struct unit *u, const struct address *address, const char *language,
    const struct uuid *id, bool *taken)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &insert_account,
		 DB_PARAMS(db_uuid(id), db_text(address->text),
		     db_text(address->canonical), db_text(language)),
		 &r)) != OK)
		return e;
	*taken = r.nrows == 0;
	return *taken && !hides_conflicts() ? ERR_EMAIL_TAKEN : OK;
}

/* All else that belongs to a new account. */
static enum err
insert_rest(struct unit *u, const struct address *address,
    const struct uuid *id, const char *hash)
{
	enum err e;

	if ((e = unit_send(u, &insert_password,
		 DB_PARAMS(db_uuid(id), db_text(hash)))) != OK ||
	    (e = outbox_put(u, MAIL_VERIFY, id, address->canonical)) != OK)
		return e;
	return audit_put(u, "account.created", id, NULL, NULL);
}

enum err
account_register(struct unit *u, const struct address *address,
    const char *password, const char *language, struct uuid *id)
{
	const struct uuid fresh = unit_uuid(u);
	char hash[YESCRYPT_MAX];
	bool may_mail, taken;
	enum err e;

	if ((e = look_ahead(u, address, &may_mail)) != OK ||
	    (e = yescrypt_hash(hash, password, (int)conf->password_cost)) != OK)
		return e;
	if ((e = unit_begin(u)) != OK ||
	    (e = insert(u, address, language, &fresh, &taken)) != OK)
		return unit_rollback(u, e);
	e = taken ? unit_send(u, &tell_owner,
			DB_PARAMS(db_text(address->canonical),
			    db_text(may_mail ? "true" : "false"))) :
		    insert_rest(u, address, &fresh, hash);
	if (e != OK)
		return unit_rollback(u, e);
	if ((e = unit_commit(u)) != OK)
		return e;
	audit_log(taken ? "registration.taken" : "account.created",
	    taken ? NULL : &fresh, NULL);
	*id = fresh;
	return OK;
}
