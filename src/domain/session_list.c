/* SPDX-License-Identifier: ISC */
/* An account's sessions, as its owner sees and ends them. */
#include "domain/session_list.h"

#include "base/arena.h"
#include "platform/config.h"

#define RFC3339(column)                                                        \
	"to_char(" column                                                      \
	" AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

/* clang-format off */
static const struct db_query list_live = {
	.name = "session_list",
	.text = "SELECT s.id, s.kind, " RFC3339("s.created_at") ","
		"   " RFC3339("s.last_seen_at") ", " RFC3339("s.expires_at") ","
		"   s.address, coalesce(s.user_agent, ''),"
		"   floor(extract(epoch FROM now() - s.last_seen_at))::bigint"
		" FROM postern.session s"
		" JOIN postern.account a ON a.id = s.account_id"
		" WHERE s.account_id = $1 AND s.ended_at IS NULL"
		"   AND s.expires_at > now() AND s.epoch = a.epoch"
		"   AND (s.kind <> 'browser' OR"
		"     s.last_seen_at > now() - $2::bigint * interval '1 s')"
		" ORDER BY s.last_seen_at DESC, s.id LIMIT 200",
	.nparams = 2,
};
/* clang-format on */

/* What ends leaves its event.  $2 is the one to end, or NULL for all; $3 the
 * one that stays, or NULL. */
static const struct db_query end_some = {
	.name = "session_end_some",
	.text = "WITH ended AS (UPDATE postern.session"
		"   SET ended_at = now(), end_reason = 'ended_by_owner'"
		"   WHERE account_id = $1 AND ended_at IS NULL"
		"     AND ($2::uuid IS NULL OR id = $2)"
		"     AND ($3::uuid IS NULL OR id <> $3)"
		"   RETURNING account_id, id)"
		" , told AS (INSERT INTO postern.audit_event"
		"   (event, account_id, session_id)"
		"   SELECT 'session.ended', account_id, id FROM ended)"
		" SELECT id FROM ended",
	.nparams = 3,
	.writes = true,
};

enum err
session_list(struct unit *u, const struct uuid *account,
    struct session_info **list, int *n)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &list_live,
		 DB_PARAMS(db_uuid(account),
		     db_int(u->mem, conf->session_idle)),
		 &r)) != OK)
		return e;
	*list = arena_alloc(u->mem, sizeof **list * ((size_t)r.nrows + 1));
	for (int row = 0; row < r.nrows; row++)
		(*list)[row] = (struct session_info){
			.id = db_get_uuid(&r, row, 0),
			.kind = db_get_text(&r, row, 1),
			.created = db_get_text(&r, row, 2),
			.last_seen = db_get_text(&r, row, 3),
			.expires = db_get_text(&r, row, 4),
			.client = db_get_text(&r, row, 5),
			.user_agent = db_get_text(&r, row, 6),
			.unused = db_get_int(&r, row, 7),
		};
	*n = r.nrows;
	return OK;
}

enum err
session_end_one(struct unit *u, const struct uuid *account,
    const struct uuid *id, bool *found)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &end_some,
		 DB_PARAMS(db_uuid(account), db_uuid(id), db_uuid(NULL)),
		 &r)) != OK)
		return e;
	*found = r.nrows > 0;
	return OK;
}

enum err
session_end_all(struct unit *u, const struct uuid *account,
    const struct uuid *keep)
{
	return unit_run(u, &end_some,
	    DB_PARAMS(db_uuid(account), db_uuid(NULL), db_uuid(keep)), NULL);
}
