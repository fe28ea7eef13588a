/* SPDX-License-Identifier: ISC */
/*
 * Sessions: begun, looked at, refreshed, ended.  What decides is always one
 * statement on the session's row and its account's epoch, so no order of
 * events leaves a session behind that its account has done with.
 */
#include "domain/session.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "domain/access_token.h"
#include "domain/account_authenticate.h"
#include "domain/audit.h"
#include "domain/refresh_token.h"
#include "domain/signing_key.h"
#include "platform/config.h"
#include "platform/crypto.h"

#define USER_AGENT_MAX 256 /* bytes that are kept */

/*
 * FOR SHARE waits for a reset that is under way and then sees its epoch:
 * either this session is made before it, and ended by it, or not at all.
 */
static const struct db_query start = {
	.name = "session_start",
	.text = "WITH a AS (SELECT a.id, a.epoch FROM postern.account a"
		"   JOIN postern.password p ON p.account_id = a.id"
		"   WHERE a.id = $1 AND a.epoch = $2 AND p.hash = $3"
		"     AND a.disabled_at IS NULL AND a.verified_at IS NOT NULL"
		"   FOR SHARE OF a)"
		" INSERT INTO postern.session (account_id, id, kind,"
		"   secret_hash, epoch, expires_at, address, user_agent)"
		" SELECT a.id, $4, $9, $5, a.epoch,"
		"   now() + $6 * interval '1 s', $7, $8 FROM a"
		" RETURNING 1",
	.nparams = 9,
	.writes = true,
};

static const struct db_query check = {
	.name = "session_check",
	.text = "SELECT a.address, s.expires_at <= now(),"
		"   a.verified_at IS NOT NULL,"
		"   s.last_seen_at < now() - interval '1 minute'"
		" FROM postern.session s"
		" JOIN postern.account a ON a.id = s.account_id"
		" WHERE s.account_id = $1 AND s.id = $2 AND s.kind = 'api'"
		"   AND s.ended_at IS NULL AND s.epoch = a.epoch"
		"   AND a.disabled_at IS NULL",
	.nparams = 2,
};

/* The only write of a check, once a minute; of many at once one writes. */
static const struct db_query touch = {
	.name = "session_touch",
	.text = "UPDATE postern.session SET last_seen_at = now()"
		" WHERE account_id = $1 AND id = $2"
		"   AND last_seen_at < now() - interval '1 minute'",
	.nparams = 2,
	.writes = true,
};

/*
 * One row decides: the current generation (or a later one, when a failover
 * lost a commit) gives the next; the one before it, within the grace, the
 * same next; anything older ends the session as stolen, and that commits.
 * now() is when the statement began: a twin that waited for the row's lock
 * is judged by when it came.
 */
#define FRESH                                                                  \
	"($4::bigint >= s.refresh_gen OR ($4::bigint = s.refresh_gen - 1"      \
	" AND $5::bigint > 0"                                                  \
	" AND s.rotated_at > now() - $5::bigint * interval '1 s'))"

static const struct db_query refresh = {
	.name = "session_refresh",
	.text = "WITH judged AS (UPDATE postern.session s SET"
		"   refresh_gen = greatest(s.refresh_gen, $4::bigint + 1),"
		"   rotated_at = CASE WHEN $4::bigint >= s.refresh_gen"
		"     THEN clock_timestamp() ELSE s.rotated_at END,"
		"   last_seen_at = now(),"
		"   ended_at = CASE WHEN " FRESH " THEN NULL ELSE now() END,"
		"   end_reason = CASE WHEN " FRESH " THEN NULL"
		"     ELSE 'stolen' END"
		"  FROM postern.account a"
		"  WHERE s.account_id = $1 AND s.id = $2 AND s.kind = 'api'"
		"    AND s.secret_hash = $3 AND s.ended_at IS NULL"
		"    AND s.expires_at > now() AND a.id = s.account_id"
		"    AND" SESSION_EPOCH " AND a.disabled_at IS NULL"
		"  RETURNING s.account_id, s.id, a.canonical,"
		"    s.ended_at IS NOT NULL AS stolen,"
		"    ceil(extract(epoch FROM s.expires_at - now()))::bigint"
		"      AS seconds_left),"
		" audited AS (INSERT INTO postern.audit_event"
		"   (event, account_id, session_id)"
		"   SELECT 'session.stolen', account_id, id"
		"   FROM judged WHERE stolen),"
		" mailed AS (INSERT INTO postern.mail_outbox"
		"   (kind, account_id, canonical)"
		"   SELECT 'session_stolen', account_id, canonical"
		"   FROM judged WHERE stolen)"
		" SELECT stolen, seconds_left FROM judged",
	.nparams = 5,
	.writes = true,
};

/* Why refresh had no row: over its time, or anything else. */
static const struct db_query is_over = {
	.name = "session_is_over",
	.text = "SELECT 1 FROM postern.session"
		" WHERE account_id = $1 AND id = $2 AND secret_hash = $3"
		"   AND ended_at IS NULL AND expires_at <= now()",
	.nparams = 3,
};

static const struct db_query end = {
	.name = "session_end",
	.text = "WITH ended AS (UPDATE postern.session"
		"   SET ended_at = now(), end_reason = 'logout'"
		"   WHERE account_id = $1 AND id = $2 AND ended_at IS NULL"
		"   RETURNING account_id, id)"
		" , told AS (INSERT INTO postern.audit_event"
		"   (event, account_id, session_id)"
		"   SELECT 'session.ended', account_id, id FROM ended)"
		" SELECT 1 FROM ended",
	.nparams = 2,
	.writes = true,
};

/* Signs the access token and writes the refresh token of a session. */
static enum err
make_pair(struct unit *u, const struct refresh_token *t, int64_t seconds_left,
    struct token_pair *pair)
{
	struct access_token access = {
		.account = t->account,
		.session = t->session,
	};
	char *text = arena_alloc(u->mem, REFRESH_TOKEN_TEXT);

	pair->access_seconds = conf->access_token_lifetime;
	if (pair->access_seconds > seconds_left)
		pair->access_seconds = seconds_left;
	pair->refresh_seconds = seconds_left;
	access.expires = u->now + pair->access_seconds;
	refresh_token_write(t, u->keys, text);
	pair->refresh = text;
	return access_token_sign(u, &access, &pair->access);
}

/* What of a User-Agent is kept: its beginning, cut between characters. */
static const char *
shorten(struct arena *mem, const char *agent)
{
	size_t n;

	if (agent == NULL || utf8_length(agent, strlen(agent)) < 0)
		return NULL;
	n = strnlen(agent, USER_AGENT_MAX);
	while (n > 0 && ((unsigned char)agent[n] & 0xc0) == 0x80)
		n--;
	return arena_memdup(mem, agent, n);
}

enum err
session_insert(struct unit *u, const struct account *acc,
    const struct session_new *n)
{
	unsigned char hash[SHA256_SIZE];
	struct db_rows r;
	enum err e;

	must(acc->hash != NULL);
	crypto_sha256(hash, n->secret, SESSION_SECRET);
	if ((e = unit_begin(u)) != OK ||
	    (e = audit_put(u, "session.started", &acc->id, &n->id,
		 n->client)) != OK ||
	    (e = unit_run(u, &start,
		 DB_PARAMS(db_uuid(&acc->id), db_int(u->mem, acc->epoch),
		     db_text(acc->hash), db_uuid(&n->id),
		     db_bytes(hash, sizeof hash), db_int(u->mem, n->lifetime),
		     db_text(n->client),
		     db_text(shorten(u->mem, n->user_agent)), db_text(n->kind)),
		 &r)) != OK)
		return unit_rollback(u, e);
	if (r.nrows == 0)
		return unit_rollback(u, ERR_CREDENTIALS);
	if ((e = unit_commit(u)) == OK)
		audit_log("session.started", &acc->id, &n->id);
	return e;
}

enum err
session_start(struct unit *u, const struct account *acc, const char *client,
    const char *user_agent, struct token_pair *pair)
{
	struct refresh_token t = { .account = acc->id };
	struct session_new n = {
		.kind = "api",
		.secret = t.secret,
		.lifetime = conf->refresh_token_lifetime,
		.client = client,
		.user_agent = user_agent,
	};
	enum err e;

	t.session = n.id = unit_uuid(u);
	crypto_random(t.secret, sizeof t.secret);
	/* The pair first: what cannot be signed must not begin. */
	e = make_pair(u, &t, n.lifetime, pair);
	if (e == OK)
		e = session_insert(u, acc, &n);
	explicit_bzero(&t, sizeof t);
	return e;
}

void
session_touch(struct unit *u, const struct session *s)
{
	enum err e = unit_run(u, &touch,
	    DB_PARAMS(db_uuid(&s->account), db_uuid(&s->id)), NULL);

	(void)e; /* the log has it; whose session it is was found out before */
}

enum err
session_check(struct unit *u, const char *access_token, struct session *s)
{
	struct access_token t;
	struct db_rows r;
	enum err e;

	if ((e = access_token_verify(u, access_token, &t)) != OK ||
	    (e = unit_run(u, &check,
		 DB_PARAMS(db_uuid(&t.account), db_uuid(&t.session)), &r)) !=
		OK)
		return e;
	if (r.nrows == 0)
		return ERR_TOKEN_INVALID;
	if (db_get_bool(&r, 0, 1))
		return ERR_TOKEN_EXPIRED;
	s->account = t.account;
	s->id = t.session;
	s->email = db_get_text(&r, 0, 0);
	s->verified = db_get_bool(&r, 0, 2);
	if (db_get_bool(&r, 0, 3))
		session_touch(u, s);
	return OK;
}

/* The token is genuine; what does its row say? */
static enum err
rotate(struct unit *u, const struct refresh_token *t, int64_t *seconds_left)
{
	unsigned char hash[SHA256_SIZE];
	struct db_rows r;
	enum err e;

	crypto_sha256(hash, t->secret, sizeof t->secret);
	if ((e = unit_run(u, &refresh,
		 DB_PARAMS(db_uuid(&t->account), db_uuid(&t->session),
		     db_bytes(hash, sizeof hash), db_int(u->mem, t->generation),
		     db_int(u->mem, conf->refresh_grace)),
		 &r)) != OK)
		return e;
	if (r.nrows == 1) {
		*seconds_left = db_get_int(&r, 0, 1);
		if (!db_get_bool(&r, 0, 0))
			return OK;
		audit_log("session.stolen", &t->account, &t->session);
		return ERR_TOKEN_INVALID;
	}
	if ((e = unit_run(u, &is_over,
		 DB_PARAMS(db_uuid(&t->account), db_uuid(&t->session),
		     db_bytes(hash, sizeof hash)),
		 &r)) != OK)
		return e;
	return r.nrows == 1 ? ERR_TOKEN_EXPIRED : ERR_TOKEN_INVALID;
}

enum err
session_refresh(struct unit *u, const char *refresh_token,
    struct token_pair *pair)
{
	int64_t seconds_left = 0;
	struct refresh_token t;
	const char *kid;
	enum err e;

	if (!refresh_token_read(&t, u->keys, refresh_token) ||
	    t.generation == UINT32_MAX)
		return ERR_TOKEN_INVALID;
	/* A generation must not be spent on an answer that cannot be made. */
	signing_keys_freshen(u);
	if (signing_keys_current(u->signing, &kid) == NULL)
		return ERR_UNAVAILABLE;
	e = rotate(u, &t, &seconds_left);
	t.generation++;
	if (e == OK)
		e = make_pair(u, &t, seconds_left, pair);
	explicit_bzero(&t, sizeof t);
	return e;
}

enum err
session_end(struct unit *u, const struct session *s)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &end,
		 DB_PARAMS(db_uuid(&s->account), db_uuid(&s->id)), &r)) != OK)
		return e;
	if (r.nrows == 1)
		audit_log("session.ended", &s->account, &s->id);
	return OK;
}
