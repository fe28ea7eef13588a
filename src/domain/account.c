/* SPDX-License-Identifier: ISC */
/*
 * Accounts from registration to reset.  Hashing, which takes tens of
 * milliseconds, always happens between transactions, never inside one; what
 * was read before it is asked again, in the statement that writes.
 */
#include "domain/account.h"

#include <string.h>

#include "base/arena.h"
#include "domain/address.h"
#include "domain/audit.h"
#include "domain/one_time_token.h"
#include "domain/outbox.h"
#include "domain/ratelimit.h"
#include "platform/config.h"
#include "platform/yescrypt.h"

/* Registration ------------------------------------------------------------ */

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
furnish(struct unit *u, const struct address *address, const struct uuid *id,
    const char *hash)
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
		    furnish(u, address, &fresh, hash);
	if (e != OK)
		return unit_rollback(u, e);
	if ((e = unit_commit(u)) != OK)
		return e;
	audit_log(taken ? "registration.taken" : "account.created",
	    taken ? NULL : &fresh, NULL);
	*id = fresh;
	return OK;
}

/* Authentication ---------------------------------------------------------- */

static const struct db_query by_address = {
	.name = "account_by_address",
	.text = "SELECT a.id, a.address, a.epoch, a.verified_at IS NOT NULL,"
		"   a.disabled_at IS NOT NULL, p.hash"
		" FROM postern.account a"
		" JOIN postern.password p ON p.account_id = a.id"
		" WHERE a.canonical = $1",
	.nparams = 1,
};

static const struct db_query upgrade = {
	.name = "password_upgrade",
	.text = "UPDATE postern.password SET hash = $3"
		" WHERE account_id = $1 AND hash = $2 RETURNING 1",
	.nparams = 3,
	.writes = true,
};

static const struct db_query hash_under_epoch = {
	.name = "password_under_epoch",
	.text = "SELECT p.hash FROM postern.account a"
		" JOIN postern.password p ON p.account_id = a.id"
		" WHERE a.id = $1 AND a.epoch = $2::int",
	.nparams = 2,
};

static enum err
find(struct unit *u, const struct address *address, struct account *acc)
{
	struct db_rows r;
	enum err e;

	if (address == NULL)
		return ERR_CREDENTIALS;
	if ((e = unit_run(u, &by_address,
		 DB_PARAMS(db_text(address->canonical)), &r)) != OK)
		return e;
	if (r.nrows == 0)
		return ERR_CREDENTIALS;
	acc->id = db_get_uuid(&r, 0, 0);
	acc->address = db_get_text(&r, 0, 1);
	acc->epoch = (int)db_get_int(&r, 0, 2);
	acc->verified = db_get_bool(&r, 0, 3);
	acc->disabled = db_get_bool(&r, 0, 4);
	acc->hash = db_get_text(&r, 0, 5);
	return OK;
}

/* An unknown address costs what a known one does. */
static enum err
refuse_unknown(const char *password)
{
	enum err e = yescrypt_waste(password, (int)conf->password_cost);

	return e == OK ? ERR_CREDENTIALS : e;
}

/* … also where its hash is from before the cost was raised. */
static enum err
refuse_known(const struct account *acc, const char *password)
{
	enum err e;

	e = yescrypt_waste_rest(acc->hash, password, (int)conf->password_cost);
	return e == OK ? ERR_CREDENTIALS : e;
}

/*
 * A login at the same moment was faster to make the hash anew.  Under the
 * same epoch that is the only way it changes: it is the same password's.
 */
static enum err
reread_hash(struct unit *u, struct account *acc)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &hash_under_epoch,
		 DB_PARAMS(db_uuid(&acc->id), db_int(u->mem, acc->epoch)),
		 &r)) != OK)
		return e;
	if (r.nrows == 0)
		return ERR_CREDENTIALS;
	acc->hash = db_get_text(&r, 0, 0);
	return OK;
}

/* Makes the hash anew at today's cost, if it is still the one verified. */
static enum err
bring_up_to_date(struct unit *u, struct account *acc, const char *password)
{
	char hash[YESCRYPT_MAX];
	struct db_rows r;
	enum err e;

	if (!yescrypt_outdated(acc->hash, (int)conf->password_cost))
		return OK;
	if ((e = yescrypt_hash(hash, password, (int)conf->password_cost)) !=
		OK ||
	    (e = unit_run(u, &upgrade,
		 DB_PARAMS(db_uuid(&acc->id), db_text(acc->hash),
		     db_text(hash)),
		 &r)) != OK)
		return e;
	if (r.nrows == 1) {
		acc->hash = arena_strdup(u->mem, hash);
		return OK;
	}
	return reread_hash(u, acc);
}

static enum err
authenticate(struct unit *u, const struct address *address,
    const char *password, struct account *acc)
{
	bool right = false;
	enum err e;

	e = find(u, address, acc);
	if (e == ERR_CREDENTIALS)
		return refuse_unknown(password);
	if (e != OK || (e = yescrypt_verify(acc->hash, password, &right)) != OK)
		return e;
	if (!right)
		return refuse_known(acc, password);
	if (acc->disabled)
		return ERR_DISABLED;
	/* Whoever registered would learn here whether the address was free. */
	if (!acc->verified && hides_conflicts())
		return refuse_known(acc, password);
	if (!acc->verified)
		return ERR_UNVERIFIED;
	return bring_up_to_date(u, acc, password);
}

enum err
account_authenticate(struct unit *u, const struct address *address,
    const char *password, struct account *acc)
{
	enum err e = authenticate(u, address, password, acc);

	if (e != OK)
		acc->hash = NULL; /* nothing that a session could begin with */
	return e;
}

/* One-time tokens --------------------------------------------------------- */

static const struct db_query verify = {
	.name = "account_verify",
	.text = "SELECT postern.verify_email($1, $2)",
	.nparams = 2,
	.writes = true,
};

static const struct db_query of_token = {
	.name = "account_of_token",
	.text = "SELECT postern.one_time_token_address($1, $2, $3)",
	.nparams = 3,
};

enum err
account_verify(struct unit *u, const char *token, bool *already)
{
	struct one_time_token t;
	struct db_rows r;
	enum err e;

	if (!one_time_token_parse(&t, token))
		return ERR_VERIFICATION_TOKEN;
	if ((e = unit_run(u, &verify,
		 DB_PARAMS(db_uuid(&t.account),
		     db_bytes(t.hash, sizeof t.hash)),
		 &r)) != OK)
		return e;
	if (db_is_null(&r, 0, 0))
		return ERR_VERIFICATION_TOKEN;
	*already = strcmp(db_get_text(&r, 0, 0), "already") == 0;
	if (!*already)
		audit_log("account.verified", &t.account, NULL);
	return OK;
}

enum err
account_of_token(struct unit *u, const char *token, int purpose,
    const char **address)
{
	struct one_time_token t;
	struct db_rows r;
	enum err e;

	*address = NULL;
	if (!one_time_token_parse(&t, token))
		return OK;
	if ((e = unit_run(u, &of_token,
		 DB_PARAMS(db_uuid(&t.account), db_bytes(t.hash, sizeof t.hash),
		     db_text(token_purpose_name(purpose))),
		 &r)) != OK)
		return e;
	*address = db_get_text(&r, 0, 0);
	return OK;
}
