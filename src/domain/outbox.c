/* SPDX-License-Identifier: ISC */
/*
 * The outbox.  Whoever queues a mail never looks whether there is an account:
 * that is found out here, by the mailer, so that no request can tell by its
 * time.  A mail is sent at least once: a lease that ran out (a mailer that
 * died) makes it due again.
 *
 * Statements compare with statement_timestamp(), which can use the index;
 * times are stored by clock_timestamp().
 */
#include "domain/outbox.h"

#include <string.h>

#include "base/must.h"
#include "platform/config.h"
#include "platform/json.h"
#include "platform/log.h"

#define NOTICE_LIFETIME 259200 /* three days: older news is none */

static const struct db_query put = {
	.name = "outbox_put",
	.text = "INSERT INTO postern.mail_outbox (kind, account_id, canonical)"
		" VALUES ($1, $2, $3)",
	.nparams = 3,
	.writes = true,
};

/* Whose a mail is: by its account, or by who has the address now. */
#define OWNER                                                                  \
	"CASE WHEN m.change_id IS NULL THEN"                                   \
	" (SELECT o.id FROM postern.account o WHERE o.canonical = m.canonical" \
	"   AND (m.account_id IS NULL OR m.account_id = o.id))"                \
	" ELSE m.account_id END"

/* Why the mail of a change of address c is not to be sent. */
#define CHANGE_REASONS                                                         \
	" WHEN m.change_id IS NOT NULL AND c.id IS NULL THEN 'no change'"      \
	" WHEN m.kind = 'confirm_address' AND (c.confirmed_at IS NOT NULL"     \
	"   OR c.epoch <> a.epoch) THEN 'overtaken'"                           \
	" WHEN m.kind = 'confirm_address' AND (EXISTS (SELECT"                 \
	"     FROM postern.account o WHERE o.canonical = c.new_canonical)"     \
	"   OR postern.address_is_reserved(c.new_canonical, a.id))"            \
	"   THEN 'address taken'"                                              \
	" WHEN m.kind = 'address_changed' AND (c.taken_back_at IS NOT NULL"    \
	"   OR c.take_back_until <= statement_timestamp())"                    \
	"   THEN 'overtaken'"

/*
 * The next mail, whose it is now, and why it is not to be sent (or NULL).  $1
 * has the kinds of this version; of another, as a newer one queues beside an
 * older mailer, the newer mailer takes care.
 */
static const struct db_query next = {
	.name = "outbox_next",
	.text = "SELECT m.id, m.kind, m.attempts, coalesce(a.id, m.account_id),"
		" CASE m.kind WHEN 'address_changed' THEN c.old_address"
		"  WHEN 'confirm_address' THEN c.new_address"
		"  WHEN 'address_taken_back' THEN c.new_address"
		"  ELSE coalesce(m.recipient, a.address) END,"
		" coalesce(m.locale, a.locale), m.change_id,"
		" CASE WHEN a.id IS NULL AND m.recipient IS NULL"
		"   THEN 'no account'"
		"  WHEN a.disabled_at IS NOT NULL AND m.kind NOT IN"
		"   ('address_changed', 'address_taken_back') THEN "
		"'disabled'" CHANGE_REASONS
		"  WHEN m.kind = 'verify' AND a.verified_at IS NOT NULL"
		"   THEN 'verified'"
		"  WHEN m.created_at < statement_timestamp()"
		"    - ($1::jsonb ->> m.kind)::bigint * interval '1 s'"
		"   THEN 'too old' END"
		" FROM postern.mail_outbox m"
		" LEFT JOIN postern.account a ON a.id = " OWNER
		" LEFT JOIN postern.address_change c"
		"  ON c.account_id = m.account_id AND c.id = m.change_id"
		" WHERE m.state = 'queued' AND $1::jsonb ? m.kind"
		"  AND m.due_at <= statement_timestamp()"
		"  AND (m.leased_until IS NULL"
		"   OR m.leased_until <= statement_timestamp())"
		" ORDER BY m.due_at, m.created_at LIMIT 1"
		" FOR UPDATE OF m SKIP LOCKED",
	.nparams = 1,
};
enum {
	ID,
	KIND,
	ATTEMPTS,
	ACCOUNT,
	ADDRESS,
	LOCALE,
	CHANGE,
	REASON
};

static const struct db_query lease = {
	.name = "outbox_lease",
	.text = "UPDATE postern.mail_outbox SET attempts = attempts + 1,"
		"  leased_until = clock_timestamp()"
		"   + $2::bigint * interval '1 s'"
		" WHERE id = $1",
	.nparams = 2,
	.writes = true,
};

/* An end without an attempt: of a row that is locked. */
static const struct db_query drop = {
	.name = "outbox_drop",
	.text = "UPDATE postern.mail_outbox SET state = $2,"
		"  ended_at = clock_timestamp(), leased_until = NULL,"
		"  last_error = coalesce(last_error, $3)"
		" WHERE id = $1",
	.nparams = 3,
	.writes = true,
};

static const struct db_query delivered = {
	.name = "outbox_delivered",
	.text = "UPDATE postern.mail_outbox SET state = 'sent',"
		"  ended_at = clock_timestamp(), leased_until = NULL,"
		"  last_error = NULL"
		" WHERE id = $1 AND state = 'queued'",
	.nparams = 1,
	.writes = true,
};

static const struct db_query retry = {
	.name = "outbox_retry",
	.text = "UPDATE postern.mail_outbox SET leased_until = NULL,"
		"  due_at = clock_timestamp() + $3::bigint * interval '1 s',"
		"  last_error = $4"
		" WHERE id = $1 AND state = 'queued' AND attempts = $2::int",
	.nparams = 4,
	.writes = true,
};

static const struct db_query dead = {
	.name = "outbox_dead",
	.text = "UPDATE postern.mail_outbox SET state = 'dead',"
		"  ended_at = clock_timestamp(), leased_until = NULL,"
		"  last_error = $3"
		" WHERE id = $1 AND state = 'queued' AND attempts = $2::int",
	.nparams = 3,
	.writes = true,
};

/* least() passes over NULL, so with nothing queued the limit stays. */
static const struct db_query next_due = {
	.name = "outbox_next_due",
	.text = "SELECT greatest(0, least($1::bigint, ceil(1000 *"
		"  extract(epoch FROM d.at - clock_timestamp()))))::bigint"
		" FROM (SELECT least("
		"  (SELECT min(due_at) FROM postern.mail_outbox"
		"    WHERE state = 'queued' AND leased_until IS NULL"
		"      AND $2::jsonb ? kind),"
		"  (SELECT min(leased_until) FROM postern.mail_outbox"
		"    WHERE state = 'queued' AND $2::jsonb ? kind)) AS at) d",
	.nparams = 2,
};

static const struct db_query listen = {
	.name = "outbox_listen",
	.text = "LISTEN postern_mail",
};

int64_t
outbox_lifetime(const struct config *c, enum mail_kind kind)
{
	enum token_purpose purpose = mail_kinds[kind].purpose;

	if (purpose == TOKEN_NONE)
		return NOTICE_LIFETIME;
	return one_time_token_lifetime(c, purpose);
}

enum err
outbox_put(struct unit *u, enum mail_kind kind, const struct uuid *account,
    const char *canonical)
{
	return unit_send(u, &put,
	    DB_PARAMS(db_text(mail_kinds[kind].name), db_uuid(account),
		db_text(canonical)));
}

/*
 * Ends a mail that is not to be sent any more: dropped, as if it had never
 * been queued, or dead when somebody waits for it in vain.
 */
static enum err
end_unsent(struct unit *u, const struct db_rows *r)
{
	const char *reason = db_get_text(r, 0, REASON);
	bool is_dead =
	    strcmp(reason, "too old") == 0 && db_get_int(r, 0, ATTEMPTS) > 0;
	struct uuid id = db_get_uuid(r, 0, ID);
	char text[UUID_TEXT];

	log_event(is_dead ? WARN : INFO, is_dead ? "mail.dead" : "mail.dropped",
	    "id=%s kind=%s reason=%s", uuid_text(text, &id),
	    db_get_text(r, 0, KIND), reason);
	return unit_send(u, &drop,
	    DB_PARAMS(db_uuid(&id), db_text(is_dead ? "dead" : "dropped"),
		db_text(reason)));
}

/* {"verify":86400, …}: the kinds there are, and what outbox_lifetime() says
 * of each. */
static const char *
lifetimes(struct unit *u)
{
	struct json *j = json_object();
	const char *text;

	for (enum mail_kind k = 0; k < MAIL_KINDS; k++)
		json_put_int(j, mail_kinds[k].name, outbox_lifetime(conf, k));
	text = json_text(j, u->mem, NULL);
	json_free(&j);
	return text;
}

/* Locks the next mail that is to be sent; r has no row when there is none. */
static enum err
find_next(struct unit *u, struct db_rows *r)
{
	const struct db_param *params = DB_PARAMS(db_text(lifetimes(u)));
	enum err e;

	for (int drops = 0; drops < OUTBOX_DROPS; drops++) {
		if ((e = unit_run(u, &next, params, r)) != OK)
			return e;
		if (r->nrows == 0 || db_is_null(r, 0, REASON))
			return OK;
		if ((e = end_unsent(u, r)) != OK)
			return e;
	}
	r->nrows = 0;
	return OK;
}

static enum err
mint_token(struct unit *u, struct outbox_mail *m)
{
	enum token_purpose purpose = mail_kinds[m->kind].purpose;

	switch (purpose) {
	case TOKEN_NONE:
		m->token[0] = '\0';
		return OK;
	case TOKEN_VERIFY:
	case TOKEN_RESET:
		return one_time_token_mint(u, &m->account, m->recipient,
		    purpose, m->token);
	case TOKEN_CONFIRM:
	case TOKEN_TAKE_BACK:
		return one_time_token_mint_change(u, &m->account, &m->change,
		    purpose, m->token);
	}
	return OK;
}

static enum mail_kind
kind_named(const char *name)
{
	enum mail_kind kind;
	bool known = mail_kind_by_name(&kind, name);

	must(known);
	return kind;
}

/* Takes the lease of the mail in r, which is locked. */
static enum err
take(struct unit *u, const struct db_rows *r, int64_t lease_s,
    struct outbox_mail *m)
{
	enum err e;

	*m = (struct outbox_mail){
		.id = db_get_uuid(r, 0, ID),
		.kind = kind_named(db_get_text(r, 0, KIND)),
		.account = db_get_uuid(r, 0, ACCOUNT),
		.recipient = db_get_text(r, 0, ADDRESS),
		.locale = db_get_text(r, 0, LOCALE),
		.attempts = (int)db_get_int(r, 0, ATTEMPTS) + 1,
	};
	if (!db_is_null(r, 0, CHANGE))
		m->change = db_get_uuid(r, 0, CHANGE);
	if ((e = mint_token(u, m)) != OK)
		return e;
	return unit_send(u, &lease,
	    DB_PARAMS(db_uuid(&m->id), db_int(u->mem, lease_s)));
}

enum err
outbox_lease(struct unit *u, int64_t lease_s, bool *found,
    struct outbox_mail *mail)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_begin(u)) != OK || (e = find_next(u, &r)) != OK)
		return unit_rollback(u, e);
	if (r.nrows > 0 && (e = take(u, &r, lease_s, mail)) != OK)
		return unit_rollback(u, e);
	if ((e = unit_commit(u)) != OK)
		return e;
	*found = r.nrows > 0;
	return OK;
}

enum err
outbox_delivered(struct unit *u, const struct outbox_mail *m)
{
	return unit_run(u, &delivered, DB_PARAMS(db_uuid(&m->id)), NULL);
}

enum err
outbox_retry(struct unit *u, const struct outbox_mail *m, int64_t pause_s,
    const char *why)
{
	return unit_run(u, &retry,
	    DB_PARAMS(db_uuid(&m->id), db_int(u->mem, m->attempts),
		db_int(u->mem, pause_s), db_text(why)),
	    NULL);
}

enum err
outbox_dead(struct unit *u, const struct outbox_mail *m, const char *why)
{
	return unit_run(u, &dead,
	    DB_PARAMS(db_uuid(&m->id), db_int(u->mem, m->attempts),
		db_text(why)),
	    NULL);
}

enum err
outbox_next_due(struct unit *u, int64_t limit_ms, int64_t *ms)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &next_due,
		 DB_PARAMS(db_int(u->mem, limit_ms), db_text(lifetimes(u))),
		 &r)) != OK)
		return e;
	*ms = db_get_int(&r, 0, 0);
	return OK;
}

void
outbox_listen(struct unit *u)
{
	db_listen(u->db, &listen);
}
