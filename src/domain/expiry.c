/* SPDX-License-Identifier: ISC */
/* Expiry: one statement a table, a batch a time. */
#include "domain/expiry.h"

#include "platform/config.h"

#define BATCH 1000

static const struct db_query lock = {
	.name = "expiry_lock",
	.text = "SELECT pg_try_advisory_lock(7810212001)",
};

/* Ended and expired sessions stay a week: their refresh tokens are told
 * "expired", and a person sees what happened. */
static const struct db_query expired_sessions = {
	.name = "expiry_expired_sessions",
	.text = "DELETE FROM postern.session"
		" WHERE (account_id, id) IN (SELECT account_id, id"
		"   FROM postern.session"
		"   WHERE expires_at < now() - interval '7 days' LIMIT 1000)"
		" RETURNING 1",
	.writes = true,
};

static const struct db_query ended_sessions = {
	.name = "expiry_ended_sessions",
	.text = "DELETE FROM postern.session"
		" WHERE (account_id, id) IN (SELECT account_id, id"
		"   FROM postern.session"
		"   WHERE ended_at < now() - interval '7 days' LIMIT 1000)"
		" RETURNING 1",
	.writes = true,
};

static const struct db_query tokens = {
	.name = "expiry_tokens",
	.text = "DELETE FROM postern.one_time_token"
		" WHERE (account_id, hash) IN (SELECT account_id, hash"
		"   FROM postern.one_time_token"
		"   WHERE expires_at < now() - interval '1 day' LIMIT 1000)"
		" RETURNING 1",
	.writes = true,
};

/* A week longer than their right lasts; the unconfirmed, than any link. */
static const struct db_query changes = {
	.name = "expiry_changes",
	.text = "DELETE FROM postern.address_change"
		" WHERE (account_id, id) IN (SELECT account_id, id"
		"   FROM postern.address_change"
		"   WHERE coalesce(take_back_until,"
		"     created_at + interval '60 days')"
		"     < now() - interval '7 days' LIMIT 1000)"
		" RETURNING 1",
	.writes = true,
};

static const struct db_query limits = {
	.name = "expiry_limits",
	.text = "DELETE FROM postern.rate_limit WHERE key IN (SELECT key"
		"   FROM postern.rate_limit WHERE tat < now() LIMIT 1000)"
		" AND tat < now() RETURNING 1",
	.writes = true,
};

static const struct db_query mails = {
	.name = "expiry_mails",
	.text = "DELETE FROM postern.mail_outbox WHERE id IN (SELECT id"
		"   FROM postern.mail_outbox WHERE state <> 'queued'"
		"     AND ended_at < now() - CASE state WHEN 'dead'"
		"       THEN interval '30 days' ELSE interval '7 days' END"
		"   LIMIT 1000)"
		" RETURNING 1",
	.writes = true,
};

static const struct db_query accounts = {
	.name = "expiry_accounts",
	.text = "DELETE FROM postern.account WHERE id IN (SELECT id"
		"   FROM postern.account WHERE verified_at IS NULL"
		"     AND created_at < now() - $1 * interval '1 s' LIMIT 1000)"
		" AND verified_at IS NULL RETURNING 1",
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
	const struct db_query *all[] = { &expired_sessions, &ended_sessions,
		&tokens, &changes, &limits, &mails, &accounts, NULL };
	enum err e, worst = OK;
	struct db_rows r;

	*more = false;
	for (const struct db_query **q = all; *q != NULL; q++) {
		e = unit_run(u, *q,
		    DB_PARAMS(db_int(u->mem, conf->unverified_lifetime)), &r);
		if (e != OK)
			worst = e;
		else
			*more |= r.nrows >= BATCH;
	}
	return worst;
}

enum err
expiry_partitions(struct unit *u)
{
	return unit_run(u, &partitions, NULL, NULL);
}
