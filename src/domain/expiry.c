/* SPDX-License-Identifier: ISC */
/* Expiry: a function of the schema a table, a batch a time. */
#include "domain/expiry.h"

#include "domain/locks.h"
#include "platform/config.h"

#define BATCH 1000 /* the LIMIT of each function there */

static const struct db_query lock = {
	.name = "expiry_lock",
	.text = "SELECT pg_try_advisory_lock(" LOCK_EXPIRY ")",
};

/* What is over is for the schema to say: the janitor may delete nothing
 * else.  Each returns how many rows it deleted. */
static const struct db_query sessions = {
	.name = "expire_sessions",
	.text = "SELECT postern.expire_sessions()",
	.writes = true,
};

static const struct db_query tokens = {
	.name = "expire_one_time_tokens",
	.text = "SELECT postern.expire_one_time_tokens()",
	.writes = true,
};

static const struct db_query changes = {
	.name = "expire_address_changes",
	.text = "SELECT postern.expire_address_changes()",
	.writes = true,
};

static const struct db_query limits = {
	.name = "expire_rate_limits",
	.text = "SELECT postern.expire_rate_limits()",
	.writes = true,
};

static const struct db_query mails = {
	.name = "expire_mails",
	.text = "SELECT postern.expire_mails()",
	.writes = true,
};

static const struct db_query accounts = {
	.name = "expire_accounts",
	.text = "SELECT postern.expire_accounts($1)",
	.nparams = 1,
	.writes = true,
};

static const struct db_query partitions = {
	.name = "expiry_partitions",
	.text = "SELECT postern.audit_event_partitions()",
	.writes = true,
};

enum err
expiry_lock(struct unit *u, bool *ours)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &lock, NULL, &r)) != OK)
		return e;
	*ours = db_get_bool(&r, 0, 0);
	return OK;
}

/* A table that cannot be swept must not keep the others from it. */
enum err
expiry_run(struct unit *u, bool *more)
{
	const struct db_query *all[] = { &sessions, &tokens, &changes, &limits,
		&mails, &accounts, NULL };
	enum err e, worst = OK;
	struct db_rows r;

	*more = false;
	for (const struct db_query **q = all; *q != NULL; q++) {
		e = unit_run(u, *q,
		    DB_PARAMS(db_int(u->mem, conf->unverified_lifetime)), &r);
		if (e != OK)
			worst = e;
		else
			*more |= db_get_int(&r, 0, 0) >= BATCH;
	}
	return worst;
}

enum err
expiry_partitions(struct unit *u)
{
	return unit_run(u, &partitions, NULL, NULL);
}
