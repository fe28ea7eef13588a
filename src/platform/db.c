/* SPDX-License-Identifier: ISC */
/*
 * libpq, wrapped once.  The connection is always in pipeline mode and
 * non-blocking: statements are queued, a Sync (or, inside a transaction, a
 * flush request) asks for the answers, and every wait is a poll() that the
 * request's budget bounds.  Connecting and waiting are in db_link.c.
 *
 * What goes wrong leaves the connection in one of two states: usable (the
 * server answered an error and was synchronised), or gone (closed here, to be
 * opened anew by the next request).  There is no third.
 */
#include "platform/db.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/db_link.h"
#include "platform/log.h"

#define BUDGET_LEAST_MS 150 /* for a request that is late */

static const struct db_query begin = { .name = "begin", .text = "BEGIN" };
static const struct db_query commit = {
	.name = "commit",
	.text = "COMMIT",
	.writes = true,
};
static const struct db_query rollback = {
	.name = "rollback",
	.text = "ROLLBACK",
};

/* Whether q is prepared, or will be by what is on its way. */
static bool
is_prepared(const struct db *db, const struct db_query *q)
{
	for (int i = 0; i < db->nprepared; i++)
		if (db->prepared[i] == q)
			return true;
	for (int i = 0; i < db->nowed; i++)
		if (db->owed[i].preparing && db->owed[i].query == q)
			return true;
	return false;
}

static void
owe(struct db *db, const struct db_query *q, bool preparing)
{
	must(db->nowed < DB_QUEUE_MAX);
	db->owed[db->nowed++] = (struct db_owed){ q, preparing };
}

static bool
queue_prepare(struct db *db, const struct db_query *q)
{
	if (is_prepared(db, q))
		return true;
	owe(db, q, true);
	return PQsendPrepare(db->conn, q->name, q->text, q->nparams, NULL) == 1;
}

/* Queues q (and its preparation); false when the connection is gone. */
static bool
queue(struct db *db, const struct db_query *q, const struct db_param *params)
{
	const char *values[DB_PARAMS_MAX];
	int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];

	must(q->nparams <= DB_PARAMS_MAX);
	for (int i = 0; i < q->nparams; i++) {
		values[i] = params[i].data;
		lengths[i] = params[i].len;
		formats[i] = params[i].format;
	}
	db->wrote |= q->writes;
	if (db->prepare && !queue_prepare(db, q))
		return false;
	owe(db, q, false);
	if (db->prepare)
		return PQsendQueryPrepared(db->conn, q->name, q->nparams,
			   values, lengths, formats, 0) == 1;
	return PQsendQueryParams(db->conn, q->text, q->nparams, NULL, values,
		   lengths, formats, 0) == 1;
}

/*
 * Logs a server's error without what it might quote: data exceptions (class
 * 22) name the offending value, so their text stays out.
 */
static void
log_error(struct db *db, const struct db_query *q, const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);

	if (state == NULL)
		state = "none";
	if (text == NULL)
		text = PQresultErrorMessage(res);
	db_link_note(db, text);
	if (strncmp(state, "22", 2) == 0)
		text = "data exception";
	log_event(WARN, "db.error", "query=%s sqlstate=%s message=%s", q->name,
	    state, text);
}

/*
 * Whether an error means that this connection is of no more use: the server
 * shuts down (57P0x), or turned out to be a standby (25006), or has lost or
 * never had our statements (26000), or they no longer fit its tables (0A000,
 * after a migration).
 */
static bool
is_terminal(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (state == NULL)
		return true;
	return strncmp(state, "57P0", 4) == 0 || strcmp(state, "25006") == 0 ||
	    strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0;
}

/* What one answer means; only a preparation that succeeded counts. */
static enum err
judge(struct db *db, const struct db_owed *owed, const PGresult *res)
{
	switch ((int)PQresultStatus(res)) {
	case PGRES_FATAL_ERROR:
		log_error(db, owed->query, res);
		db->terminal |= is_terminal(res);
		return ERR_UNAVAILABLE;
	case PGRES_PIPELINE_ABORTED:
		return ERR_UNAVAILABLE;
	default:
		break;
	}
	if (owed->preparing) {
		must(db->nprepared < DB_PREPARED_MAX);
		db->prepared[db->nprepared++] = owed->query;
	}
	return OK;
}

/*
 * Takes the answers of everything queued.  The last one is left in *last
 * (unless NULL) when all went well.
 */
static enum err
collect(struct db *db, PGresult **last)
{
	int n = db->nowed;
	enum err e = OK, failed;

	db->nowed = 0;
	for (int i = 0; i < n; i++) {
		PGresult *res = NULL;

		if (!db_link_result(db, &res))
			return ERR_UNAVAILABLE;
		failed = judge(db, &db->owed[i], res);
		if (failed != OK)
			e = failed;
		if (e == OK && i == n - 1 && last != NULL)
			*last = res;
		else
			PQclear(res);
	}
	return e;
}

/* Sends a Sync and takes all answers up to it. */
static enum err
synchronise(struct db *db, PGresult **last)
{
	enum err e;

	if (PQpipelineSync(db->conn) != 1) {
		db_link_drop(db, "cannot send");
		return ERR_UNAVAILABLE;
	}
	e = collect(db, last);
	if (db->conn != NULL && !db_link_synced(db)) {
		e = ERR_UNAVAILABLE;
		if (last != NULL)
			PQclear(*last);
		if (last != NULL)
			*last = NULL;
	}
	if (db->conn != NULL && db->terminal)
		db_link_drop(db, "the server gave this connection up");
	return e;
}

/* Like synchronise() inside a transaction, which a Sync would not end but
 * an error must be able to stop. */
static enum err
flush(struct db *db, PGresult **last)
{
	if (PQsendFlushRequest(db->conn) != 1) {
		db_link_drop(db, "cannot send");
		return ERR_UNAVAILABLE;
	}
	return collect(db, last);
}

static void
copy_rows(struct arena *mem, const PGresult *res, struct db_rows *r)
{
	r->nrows = PQntuples(res);
	r->ncols = PQnfields(res);
	r->cells = arena_alloc(mem,
	    sizeof *r->cells * (size_t)(r->nrows * r->ncols + 1));
	for (int row = 0; row < r->nrows; row++)
		for (int col = 0; col < r->ncols; col++) {
			if (PQgetisnull(res, row, col))
				continue;
			r->cells[row * r->ncols + col] =
			    arena_memdup(mem, PQgetvalue(res, row, col),
				(size_t)PQgetlength(res, row, col));
		}
}

static enum err
run_once(struct db *db, const struct db_query *q, const struct db_param *params,
    PGresult **res)
{
	enum err e;

	if (db->budget_ms <= 0 || (db->in_transaction && db->conn == NULL))
		return ERR_UNAVAILABLE;
	if ((e = db_link_ready(db)) != OK)
		return e;
	if (!queue(db, q, params)) {
		db_link_drop(db, "cannot send");
		return ERR_UNAVAILABLE;
	}
	return db->in_transaction ? flush(db, res) : synchronise(db, res);
}

/* Once more, where nothing can have been done: see db.h. */
static bool
may_repeat(const struct db *db)
{
	return db->conn == NULL && !db->in_transaction && !db->wrote &&
	    !db->reconnected && db->budget_ms > 0;
}

enum err
db_run(struct db *db, struct arena *mem, const struct db_query *q,
    const struct db_param *params, struct db_rows *r)
{
	PGresult *res = NULL;
	enum err e;

	e = run_once(db, q, params, &res);
	if (e != OK && may_repeat(db))
		e = run_once(db, q, params, &res);
	if (e != OK)
		return e;
	if (r != NULL)
		copy_rows(mem, res, r);
	PQclear(res);
	return OK;
}

enum err
db_begin(struct db *db)
{
	enum err e;

	must(!db->in_transaction);
	if ((e = db_link_ready(db)) != OK)
		return e;
	db->in_transaction = true;
	return db_send(db, &begin, NULL);
}

enum err
db_send(struct db *db, const struct db_query *q, const struct db_param *params)
{
	PGresult *res = NULL;
	enum err e;

	if (!db->in_transaction) {
		e = run_once(db, q, params, &res);
		PQclear(res);
		return e;
	}
	if (db->conn == NULL)
		return ERR_UNAVAILABLE;
	if (queue(db, q, params))
		return OK;
	db_link_drop(db, "cannot send");
	return ERR_UNAVAILABLE;
}

enum err
db_commit(struct db *db)
{
	PGresult *res = NULL;
	enum err e;

	must(db->in_transaction);
	if ((e = db_send(db, &commit, NULL)) != OK ||
	    (e = synchronise(db, &res)) != OK)
		return e;
	/* A COMMIT of a failed transaction succeeds as ROLLBACK. */
	if (strcmp(PQcmdStatus(res), "COMMIT") != 0)
		e = ERR_UNAVAILABLE;
	PQclear(res);
	db->in_transaction = false;
	return e;
}

void
db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	/* Past the error first, then out of the transaction. */
	if (db->conn != NULL)
		(void)synchronise(db, NULL);
	if (db->conn != NULL &&
	    !(queue(db, &rollback, NULL) && synchronise(db, NULL) == OK))
		db_link_drop(db, "cannot roll back");
	db->in_transaction = false;
}

void
db_request(struct db *db)
{
	must(!db->in_transaction);
	db->budget_ms = db_link_budget(db);
	db->reconnected = false;
	db->wrote = false;
	db_link_probe(db);
}

void
db_late(struct db *db, int64_t ms)
{
	int64_t left = db->budget_whole - ms;

	if (left < BUDGET_LEAST_MS)
		left = db->silent ? 0 : BUDGET_LEAST_MS;
	if (left < db->budget_ms)
		db->budget_ms = (int)left;
}

bool
db_blocked(const struct db *db)
{
	return db->blocked;
}

static bool
is_blocked(const PGresult *res)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	return state != NULL &&
	    (strcmp(state, "55P03") == 0 || strcmp(state, "40P01") == 0);
}

enum err
db_script(struct db *db, struct arena *mem, const char *sql, const char **why)
{
	PGresult *res;
	enum err e;

	*why = db->message;
	if ((e = db_link_ready(db)) != OK) {
		db->blocked = false;
		return e;
	}
	must(PQexitPipelineMode(db->conn) == 1);
	must(PQsetnonblocking(db->conn, 0) == 0);
	res = PQexec(db->conn, sql);
	if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
		*why = arena_strdup(mem, PQresultErrorMessage(res));
		db->blocked = is_blocked(res);
		e = ERR_UNAVAILABLE;
	}
	PQclear(res);
	if (PQstatus(db->conn) != CONNECTION_OK) {
		db_link_drop(db, "lost while a script ran");
		return ERR_UNAVAILABLE;
	}
	must(PQsetnonblocking(db->conn, 1) == 0);
	must(PQenterPipelineMode(db->conn) == 1);
	return e;
}
