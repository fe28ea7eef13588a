/* SPDX-License-Identifier: ISC */
/* Sessions of browsers: the cookie's form, and the one look at its row. */
#include "domain/browser_session.h"

#include <string.h>

#include "domain/account_authenticate.h"
#include "platform/config.h"
#include "platform/crypto.h"

#define VERSION 1

enum offset {
	AT_ACCOUNT = 1,
	AT_SESSION = AT_ACCOUNT + 16,
	AT_SECRET = AT_SESSION + 16,
};

_Static_assert(AT_SECRET + SESSION_SECRET == BROWSER_SESSION_RAW, "layout");

static const struct db_query check = {
	.name = "browser_session_check",
	.text = "SELECT s.secret_hash, a.address,"
		"   s.last_seen_at < now() - interval '1 minute',"
		"   a.verified_at IS NOT NULL,"
		"   CASE WHEN a.locale_chosen THEN a.locale END"
		" FROM postern.session s"
		" JOIN postern.account a ON a.id = s.account_id"
		" WHERE s.account_id = $1 AND s.id = $2 AND s.kind = 'browser'"
		"   AND s.ended_at IS NULL AND s.expires_at > now()"
		"   AND s.last_seen_at > now() - $3::bigint * interval '1 s'"
		"   AND s.epoch = a.epoch AND a.disabled_at IS NULL",
	.nparams = 3,
};

#define CREATED DB_RFC3339("s.created_at") ", " DB_RFC3339("a.created_at")

static const struct db_query describe = {
	.name = "browser_session_describe",
	.text = "SELECT " CREATED ", s.address, coalesce(s.user_agent, '')"
		" FROM postern.session s"
		" JOIN postern.account a ON a.id = s.account_id"
		" WHERE s.account_id = $1 AND s.id = $2",
	.nparams = 2,
};

enum err
browser_session_start(struct unit *u, const struct account *acc,
    const char *client, const char *user_agent,
    char cookie[BROWSER_SESSION_TEXT])
{
	unsigned char raw[BROWSER_SESSION_RAW] = { VERSION };
	struct session_new n = {
		.id = unit_uuid(u),
		.kind = "browser",
		.secret = raw + AT_SECRET,
		.lifetime = conf->session_lifetime,
		.client = client,
		.user_agent = user_agent,
	};
	enum err e;

	memcpy(raw + AT_ACCOUNT, acc->id.b, 16);
	memcpy(raw + AT_SESSION, n.id.b, 16);
	crypto_random(raw + AT_SECRET, SESSION_SECRET);
	e = session_insert(u, acc, &n);
	if (e == OK)
		base64url_encode(cookie, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
	return e;
}

/* The parts of a cookie: whose it says it is, and the hash of its secret. */
static bool
parse(const char *cookie, struct session *s, unsigned char hash[SHA256_SIZE])
{
	unsigned char raw[BROWSER_SESSION_RAW];
	bool ours;

	ours = base64url_decode(raw, sizeof raw, cookie, strlen(cookie)) ==
		BROWSER_SESSION_RAW &&
	    raw[0] == VERSION;
	if (ours) {
		memcpy(s->account.b, raw + AT_ACCOUNT, 16);
		memcpy(s->id.b, raw + AT_SESSION, 16);
		crypto_sha256(hash, raw + AT_SECRET, SESSION_SECRET);
	}
	explicit_bzero(raw, sizeof raw);
	return ours;
}

enum err
browser_session_check(struct unit *u, const char *cookie, struct session *s)
{
	unsigned char hash[SHA256_SIZE], kept[SHA256_SIZE];
	struct db_rows r;
	enum err e;

	if (!parse(cookie, s, hash))
		return ERR_SIGNED_OUT;
	if ((e = unit_run(u, &check,
		 DB_PARAMS(db_uuid(&s->account), db_uuid(&s->id),
		     db_int(u->mem, conf->session_idle)),
		 &r)) != OK)
		return e;
	if (r.nrows == 0)
		return ERR_SIGNED_OUT;
	db_get_bytes(&r, 0, 0, kept, sizeof kept);
	if (!crypto_equal(hash, kept, sizeof hash))
		return ERR_SIGNED_OUT;
	s->email = db_get_text(&r, 0, 1);
	s->verified = db_get_bool(&r, 0, 3);
	s->locale = db_get_text(&r, 0, 4);
	if (db_get_bool(&r, 0, 2))
		session_touch(u, s);
	return OK;
}

enum err
browser_session_describe(struct unit *u, const struct session *s,
    struct session_details *d)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &describe,
		 DB_PARAMS(db_uuid(&s->account), db_uuid(&s->id)), &r)) != OK)
		return e;
	if (r.nrows == 0)
		return ERR_SIGNED_OUT;
	*d = (struct session_details){
		.created = db_get_text(&r, 0, 0),
		.account_created = db_get_text(&r, 0, 1),
		.client = db_get_text(&r, 0, 2),
		.user_agent = db_get_text(&r, 0, 3),
	};
	return OK;
}
