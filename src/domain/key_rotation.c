/* SPDX-License-Identifier: ISC */
/*
 * Signing keys made, replaced and ended.  What decides about the present key
 * is always a key that unsealed: rows that somebody slipped into the table
 * retire nothing.
 */
#include "domain/key_rotation.h"

#include <string.h>

#include "base/arena.h"
#include "domain/locks.h"
#include "platform/config.h"

/* One change at a time, on all nodes; ends with the transaction. */
static const struct db_query lock = {
	.name = "key_rotation_lock",
	.text = "SELECT pg_advisory_xact_lock(" LOCK_KEY_ROTATION ")",
};

/*
 * The longest life that access_token_lifetime allows (it may have been longer
 * than today when they were signed), and what a worker may take to hear of
 * its new key.
 */
static const struct db_query retire_replaced = {
	.name = "key_rotation_retire_replaced",
	.text = "UPDATE postern.signing_key SET retired_at = now(),"
		"   expires_at = now() + interval '1 day 10 minutes'"
		" WHERE retired_at IS NULL AND kid <> $1 AND active_at <="
		"   (SELECT active_at FROM postern.signing_key"
		"     WHERE kid = $1)"
		" RETURNING 1",
	.nparams = 1,
	.writes = true,
};

/*
 * As long as a session may sleep: whoever comes back with a token of it is
 * told that it is over.  A week at least, for `posternctl key list` to tell.
 */
static const struct db_query delete_over = {
	.name = "key_rotation_delete_over",
	.text = "DELETE FROM postern.signing_key"
		" WHERE expires_at < now() - greatest(interval '7 days',"
		"   $1 * interval '1 s') RETURNING 1",
	.nparams = 1,
	.writes = true,
};

/*
 * Whether the key that is to end is the only one that signs, or is about to
 * (KEY_ROTATION_HASTE).  "infinity" stands for a key without an end.
 */
static const struct db_query is_only = {
	.name = "key_rotation_is_only",
	.text = "SELECT k.active_at <= now() AND k.retired_at IS NULL"
		"   AND NOT EXISTS (SELECT FROM postern.signing_key o"
		"     WHERE o.kid <> k.kid AND o.retired_at IS NULL"
		"       AND coalesce(o.expires_at, 'infinity') > now()"
		"       AND o.active_at <= now() + interval '2 s')"
		" FROM postern.signing_key k"
		" WHERE k.kid = $1"
		"   AND coalesce(k.expires_at, 'infinity') > now()",
	.nparams = 1,
};

static const struct db_query retire = {
	.name = "key_rotation_retire",
	.text = "UPDATE postern.signing_key SET expires_at = now(),"
		"   retired_at = coalesce(retired_at, now())"
		" WHERE kid = $1",
	.nparams = 1,
	.writes = true,
};

#define TIME(time) "coalesce(" DB_RFC3339(time) ", '')"

/* Of the keys that are active and not retired the newest signs. */
#define STATE                                                                  \
	"CASE WHEN expires_at <= now() THEN 'over'"                            \
	" WHEN retired_at IS NOT NULL THEN 'retired'"                          \
	" WHEN active_at > now() THEN 'next'"                                  \
	" WHEN row_number() OVER (PARTITION BY active_at <= now()"             \
	"   AND retired_at IS NULL"                                            \
	"   AND coalesce(expires_at, 'infinity') > now()"                      \
	"   ORDER BY active_at DESC, kid) = 1 THEN 'signs'"                    \
	" ELSE 'retired' END"

#define TIMES                                                                  \
	TIME("created_at")                                                     \
	", " TIME("active_at") ", " TIME("expires_at")

static const struct db_query list_keys = {
	.name = "key_rotation_list",
	.text = "SELECT kid, " STATE ", " TIMES " FROM postern.signing_key"
		" ORDER BY active_at DESC, kid LIMIT $1::bigint",
	.nparams = 1,
};

/* Begins a change: from here on nobody else makes one. */
static enum err
begin(struct unit *u)
{
	enum err e;

	if ((e = unit_begin(u)) != OK ||
	    (e = unit_run(u, &lock, NULL, NULL)) != OK)
		return unit_rollback(u, e);
	return OK;
}

static enum err
replace_by(struct unit *u, const char *kid, int *retired)
{
	struct db_rows r;
	enum err e;

	e = unit_run(u, &retire_replaced, DB_PARAMS(db_text(kid)), &r);
	*retired = e == OK ? r.nrows : 0;
	return e;
}

static enum err
sweep(struct unit *u, int *deleted)
{
	struct db_rows r;
	enum err e;

	e = unit_run(u, &delete_over,
	    DB_PARAMS(db_int(u->mem, conf->refresh_token_lifetime)), &r);
	*deleted = e == OK ? r.nrows : 0;
	return e;
}

/* The round, its transaction open. */
static enum err
rotate(struct unit *u, struct signing_keys *k, struct key_rotation *done)
{
	const char *kid;
	enum err e;

	if ((e = signing_keys_refresh(u, k, 0)) != OK)
		return e;
	if (signing_keys_current(k, &kid) == NULL)
		return signing_key_make(u, 0, done->first);
	if (signing_keys_next(k) == NULL &&
	    signing_keys_age(k) >= conf->key_rotation - KEY_ROTATION_LEAD &&
	    (e = signing_key_make(u, KEY_ROTATION_LEAD, done->next)) != OK)
		return e;
	if ((e = replace_by(u, kid, &done->retired)) != OK)
		return e;
	return sweep(u, &done->deleted);
}

enum err
key_rotation_run(struct unit *u, struct key_rotation *done)
{
	struct signing_keys *k;
	enum err e;

	*done = (struct key_rotation){ .retired = 0 };
	if ((e = begin(u)) != OK)
		return e;
	k = signing_keys_new();
	e = rotate(u, k, done);
	signing_keys_free(&k);
	return e == OK ? unit_commit(u) : unit_rollback(u, e);
}

enum err
key_rotation_next(struct unit *u, bool at_once, bool *waits,
    char kid[SIGNING_KID_TEXT])
{
	struct signing_keys *k;
	const char *waiting = NULL;
	enum err e;

	if ((e = begin(u)) != OK)
		return e;
	k = signing_keys_new();
	if ((e = signing_keys_refresh(u, k, 0)) == OK && !at_once)
		waiting = signing_keys_next(k);
	*waits = waiting != NULL;
	if (waiting != NULL)
		memcpy(kid, waiting, strlen(waiting) + 1);
	else if (e == OK)
		e = signing_key_make(u,
		    at_once ? KEY_ROTATION_HASTE : KEY_ROTATION_LEAD, kid);
	signing_keys_free(&k);
	return e == OK ? unit_commit(u) : unit_rollback(u, e);
}

enum err
key_rotation_retire(struct unit *u, const char *kid,
    enum key_retirement *result)
{
	struct db_rows r;
	enum err e;

	*result = KEY_RETIRED;
	if ((e = begin(u)) != OK)
		return e;
	if ((e = unit_run(u, &is_only, DB_PARAMS(db_text(kid)), &r)) != OK)
		return unit_rollback(u, e);
	if (r.nrows == 0)
		*result = KEY_UNKNOWN;
	else if (db_get_bool(&r, 0, 0))
		*result = KEY_ONLY;
	else
		e = unit_run(u, &retire, DB_PARAMS(db_text(kid)), NULL);
	return e == OK ? unit_commit(u) : unit_rollback(u, e);
}

enum err
key_rotation_list(struct unit *u, struct key_listed **list, int *n)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &list_keys,
		 DB_PARAMS(db_int(u->mem, KEY_LIST_MAX)), &r)) != OK)
		return e;
	*n = r.nrows;
	*list = arena_alloc(u->mem, sizeof **list * ((size_t)r.nrows + 1));
	for (int i = 0; i < r.nrows; i++)
		(*list)[i] = (struct key_listed){
			.kid = db_get_text(&r, i, 0),
			.state = db_get_text(&r, i, 1),
			.created = db_get_text(&r, i, 2),
			.signs_from = db_get_text(&r, i, 3),
			.verifies_until = db_get_text(&r, i, 4),
		};
	return OK;
}
