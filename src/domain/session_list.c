/* SPDX-License-Identifier: ISC */
/* An account's sessions, as its owner sees and ends them. */
#include "domain/session_list.h"

#include "base/arena.h"
#include "domain/audit.h"
#include "domain/session.h"
#include "platform/config.h"

/* Neither ended nor over, by whatever; $2 is session_idle. */
#define LIVE                                                                   \
	" s.ended_at IS NULL AND s.expires_at > now() AND" SESSION_EPOCH       \
	" AND (s.kind <> 'browser' OR"                                         \
	"   s.last_seen_at > now() - $2::bigint * interval '1 s')"

/* clang-format off */
static const struct db_query list_live = {
	.name = "session_list",
	.text = "SELECT s.id, s.kind, " DB_RFC3339("s.created_at") ","
		"   " DB_RFC3339("s.last_seen_at") ", " DB_RFC3339("s.expires_at") ","
		"   s.address, coalesce(s.user_agent, ''),"
		"   floor(extract(epoch FROM now() - s.last_seen_at))::bigint"
		" FROM postern.session s"
		" JOIN postern.account a ON a.id = s.account_id"
		" WHERE s.account_id = $1 AND" LIVE
		" ORDER BY s.last_seen_at DESC, s.id LIMIT $3::bigint",
	.nparams = 3,
};
/* clang-format on */

#define ENDED                                                                  \
	" RETURNING s.account_id, s.id)"                                       \
	" , told AS (INSERT INTO postern.audit_event"                          \
	"   (event, account_id, session_id)"                                   \
	"   SELECT 'session.ended', account_id, id FROM ended)"                \
	" SELECT id FROM ended LIMIT 1000"

#define END                                                                    \
	"WITH ended AS (UPDATE postern.session s"                              \
	"   SET ended_at = now(), end_reason = 'ended_by_owner'"               \
	"   FROM postern.account a"                                            \
	"   WHERE a.id = s.account_id AND s.account_id = $1"

/* What ends leaves its event. */
static const struct db_query end_one = {
	.name = "session_end_one",
	.text = END " AND s.id = $3 AND" LIVE ENDED,
	.nparams = 3,
	.writes = true,
};

/* $2 is the one that stays, or NULL.  One that lay idle ends too: with
 * another session_idle it would be live again. */
static const struct db_query end_all = {
	.name = "session_end_others",
	.text = END
	" AND s.ended_at IS NULL AND s.expires_at > now() AND" SESSION_EPOCH
	"   AND ($2::uuid IS NULL OR s.id <> $2)" ENDED,
	.nparams = 2,
	.writes = true,
};

enum err
session_list(struct unit *u, const struct uuid *account,
    struct session_info **list, int *n)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &list_live,
		 DB_PARAMS(db_uuid(account), db_int(u->mem, conf->session_idle),
		     db_int(u->mem, SESSION_LIST_MAX)),
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

	if ((e = unit_run(u, &end_one,
		 DB_PARAMS(db_uuid(account), db_int(u->mem, conf->session_idle),
		     db_uuid(id)),
		 &r)) != OK)
		return e;
	*found = r.nrows > 0;
	if (*found)
		audit_log("session.ended", account, id);
	return OK;
}

enum err
session_end_all(struct unit *u, const struct uuid *account,
    const struct uuid *keep)
{
	struct uuid id;
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &end_all,
		 DB_PARAMS(db_uuid(account), db_uuid(keep)), &r)) != OK)
		return e;
	for (int row = 0; row < r.nrows; row++) {
		id = db_get_uuid(&r, row, 0);
		audit_log("session.ended", account, &id);
	}
	return OK;
}
