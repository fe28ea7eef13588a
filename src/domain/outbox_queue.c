/* SPDX-License-Identifier: ISC */
/* Looking into the outbox, and the two things one may do about what is
 * found. */
#include "domain/outbox_queue.h"

#include "base/arena.h"

#define COLUMNS                                                                \
	"SELECT id, kind, state, canonical, attempts,"                         \
	"   date_trunc('second', created_at)::text,"                           \
	"   date_trunc('second', due_at)::text, coalesce(last_error, ''),"     \
	"   extract(epoch FROM clock_timestamp() - created_at)::bigint"        \
	" FROM postern.mail_outbox"

static const struct db_query list_state = {
	.name = "outbox_list",
	.text = COLUMNS " WHERE CASE WHEN $1::text IS NULL"
			"   THEN state IN ('queued', 'dead')"
			"   ELSE state = $1 END"
			" ORDER BY created_at LIMIT $2::bigint",
	.nparams = 2,
};

static const struct db_query find = {
	.name = "outbox_find",
	.text = COLUMNS " WHERE id = $1",
	.nparams = 1,
};

#define IDLE                                                                   \
	" WHERE id = $1 AND state IN ('queued', 'dead')"                       \
	" AND (leased_until IS NULL OR leased_until < clock_timestamp())"      \
	" RETURNING 1"

static const struct db_query requeue = {
	.name = "outbox_requeue",
	.text = "UPDATE postern.mail_outbox SET state = 'queued',"
		" due_at = clock_timestamp(), leased_until = NULL,"
		" ended_at = NULL" IDLE,
	.nparams = 1,
	.writes = true,
};

static const struct db_query wake = {
	.name = "outbox_wake",
	.text = "NOTIFY postern_mail",
	.writes = true,
};

static const struct db_query drop = {
	.name = "outbox_take_out",
	.text = "UPDATE postern.mail_outbox SET state = 'dropped',"
		" ended_at = clock_timestamp(), leased_until = NULL" IDLE,
	.nparams = 1,
	.writes = true,
};

static void
read_row(const struct db_rows *r, int row, struct queued_mail *m)
{
	*m = (struct queued_mail){
		.id = db_get_uuid(r, row, 0),
		.kind = db_get_text(r, row, 1),
		.state = db_get_text(r, row, 2),
		.address = db_get_text(r, row, 3),
		.attempts = db_get_int(r, row, 4),
		.created = db_get_text(r, row, 5),
		.due = db_get_text(r, row, 6),
		.error = db_get_text(r, row, 7),
		.age = db_get_int(r, row, 8),
	};
}

enum err
outbox_list(struct unit *u, const char *state, struct queued_mail **list,
    int *n)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &list_state,
		 DB_PARAMS(db_text(state), db_int(u->mem, OUTBOX_LIST_MAX)),
		 &r)) != OK)
		return e;
	*list = arena_alloc(u->mem, sizeof **list * ((size_t)r.nrows + 1));
	for (int row = 0; row < r.nrows; row++)
		read_row(&r, row, &(*list)[row]);
	*n = r.nrows;
	return OK;
}

enum err
outbox_find(struct unit *u, const struct uuid *id, bool *found,
    struct queued_mail *mail)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &find, DB_PARAMS(db_uuid(id)), &r)) != OK)
		return e;
	*found = r.nrows == 1;
	if (*found)
		read_row(&r, 0, mail);
	return OK;
}

/* Runs q on one mail; *done tells whether it was there to be changed. */
static enum err
change(struct unit *u, const struct db_query *q, const struct uuid *id,
    bool *done)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, q, DB_PARAMS(db_uuid(id)), &r)) != OK)
		return e;
	*done = r.nrows == 1;
	return OK;
}

enum err
outbox_requeue(struct unit *u, const struct uuid *id, bool *done)
{
	enum err e;

	if ((e = change(u, &requeue, id, done)) != OK || !*done)
		return e;
	return unit_run(u, &wake, NULL, NULL);
}

enum err
outbox_drop(struct unit *u, const struct uuid *id, bool *done)
{
	return change(u, &drop, id, done);
}
