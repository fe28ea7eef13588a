/* SPDX-License-Identifier: ISC */
/*
 * Who an address and a password belong to, at the same cost whether there is
 * such an account or not.
 */
#include "domain/account_authenticate.h"

#include "base/arena.h"
#include "domain/address.h"
#include "platform/config.h"
#include "platform/yescrypt.h"

#define ACCOUNT                                                                \
	"SELECT a.id, a.address, a.epoch, a.verified_at IS NOT NULL,"          \
	"   a.disabled_at IS NOT NULL, p.hash"                                 \
	" FROM postern.account a"                                              \
	" JOIN postern.password p ON p.account_id = a.id"

static const struct db_query by_address = {
	.name = "account_by_address",
	.text = ACCOUNT " WHERE a.canonical = $1",
	.nparams = 1,
};

static const struct db_query by_id = {
	.name = "account_by_id",
	.text = ACCOUNT " WHERE a.id = $1 AND a.disabled_at IS NULL",
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

/* ERR_CREDENTIALS when there is none. */
static enum err
find(struct unit *u, const struct db_query *q, struct db_param key,
    struct account *acc)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, q, DB_PARAMS(key), &r)) != OK)
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

/* A known address with an older, cheaper hash must cost as much, too. */
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

	e = address == NULL ?
	    ERR_CREDENTIALS :
	    find(u, &by_address, db_text(address->canonical), acc);
	if (e == ERR_CREDENTIALS)
		return refuse_unknown(password);
	if (e != OK || (e = yescrypt_verify(acc->hash, password, &right)) != OK)
		return e;
	if (!right)
		return refuse_known(acc, password);
	if (acc->disabled)
		return ERR_DISABLED;
	/* Whoever registered would learn here whether the address was free. */
	if (!acc->verified && conf->registration_conflict == CONFLICT_HIDE)
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

enum err
account_reauthenticate(struct unit *u, const struct uuid *id,
    const char *password, struct account *acc)
{
	bool right = false;
	enum err e;

	if ((e = find(u, &by_id, db_uuid(id), acc)) != OK ||
	    (e = yescrypt_verify(acc->hash, password, &right)) != OK)
		return e;
	return right ? OK : ERR_CREDENTIALS;
}
