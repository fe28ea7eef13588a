/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_DB_H
#define PLATFORM_DB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/encode.h"
#include "base/err.h"

struct arena;

/*
 * One PostgreSQL connection, in pipeline mode, with its prepared statements.
 *
 * It connects when first used and again when the connection is found lost,
 * at most once a request and never after a statement that writes was sent in
 * it: what may have happened is not done twice.  All waiting is bounded by a
 * budget a request (db_request()), so that a dead, hanging or overloaded
 * server is ERR_UNAVAILABLE when the budget is spent: a second for whoever
 * answers requests, more for those that nobody waits for.
 *
 * Every failure is logged here, with its SQLSTATE, and comes back as
 * ERR_UNAVAILABLE; parameters are never logged.  Wrong SQL, a refused
 * permission and a violated constraint are bugs of ours or an operator's
 * mistake and come back the same way: the caller expects data or nothing.
 */
struct db;

/*
 * A statement.  Static, one a text: its address is its identity when it is
 * prepared.  Parameters are $1 … $nparams.
 */
struct db_query {
	const char *name; /* unique; the prepared statement's name */
	const char *text;
	int nparams;
	bool writes; /* never sent again after a lost connection */
};

/* One parameter; points to the caller's bytes until the call returns. */
struct db_param {
	const char *data; /* NULL is SQL NULL */
	int len;
	int format; /* 0 text, 1 binary */
};

#define DB_PARAMS(...) ((const struct db_param[]){ __VA_ARGS__ })

/* A NUL-terminated text, or NULL. */
struct db_param db_text(const char *s);

/* A bytea. */
struct db_param db_bytes(const void *p, size_t n);

/* A uuid; NULL is SQL NULL. */
struct db_param db_uuid(const struct uuid *id);

/*
 * A number, as text made in mem.  Cast in the SQL where its type is not
 * clear ($1::int).
 */
struct db_param db_int(struct arena *mem, int64_t n);

/* A time of the database's as text, in SQL: RFC 3339, in UTC, to the second. */
#define DB_RFC3339_FORM "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'"
#define DB_RFC3339(time)                                                       \
	"to_char(" time " AT TIME ZONE 'UTC', " DB_RFC3339_FORM ")"

/* Rows of a result, all in the arena they were asked into. */
struct db_rows {
	int nrows, ncols;
	char **cells; /* row by row; NULL is SQL NULL */
};

/*
 * Readers of one cell.  They must() that row and column exist and that the
 * cell has the form asked for and, but for db_get_text() and db_is_null(),
 * is not NULL.
 */
bool db_is_null(const struct db_rows *r, int row, int col);
const char *db_get_text(const struct db_rows *r, int row, int col);
int64_t db_get_int(const struct db_rows *r, int row, int col);
bool db_get_bool(const struct db_rows *r, int row, int col);
struct uuid db_get_uuid(const struct db_rows *r, int row, int col);
void db_get_bytes(const struct db_rows *r, int row, int col, void *out,
    size_t n);

struct db_options {
	const char *conninfo; /* of the operator, user and password apart */
	const char *user;
	const char *password; /* or NULL; copied, wiped by db_close() */
	bool prepare;         /* false behind a transaction pooler */
	int budget_ms;        /* waiting a request may do in all */
};

/*
 * Whether an operator's connection string, or URI, brings a secret along: as
 * libpq reads it.  One that it cannot read brings nothing.
 */
bool db_names_password(const char *conninfo);

/* Makes the object; connects later.  Never NULL. */
struct db *db_open(const struct db_options *o);

/* Closes, wipes and frees *dp and sets it to NULL; NULL is accepted. */
void db_close(struct db **dp);

/*
 * Wipes the password, libpq's copies too: for a forked process that has no
 * business with the database but has its memory.  Its descriptors must be
 * closed (must), so that nothing is said on the connection of the other.
 */
void db_forget(struct db *db);

/*
 * A new request starts: its budget is whole again and it may reconnect once.
 * An open transaction left by the last one is a bug (must).
 */
void db_request(struct db *db);

/*
 * The request has waited ms already before it came to us: that comes off its
 * budget.  One that is over its time is still tried, shortly; but not while
 * the server is silent: then its wait was the server's doing, and those
 * behind it would wait in vain.
 */
void db_late(struct db *db, int64_t ms);

/*
 * Runs q and waits for its rows (r may be NULL when none are of interest).
 * Outside a transaction it is one of its own, committed when this returns
 * OK.
 */
enum err db_run(struct db *db, struct arena *mem, const struct db_query *q,
    const struct db_param *params, struct db_rows *r) MUST_USE;

/*
 * A transaction.  db_begin() and db_send() queue without waiting; db_run()
 * and db_commit() send what is queued in one go.  An error of anything
 * queued comes out of the next call that waits; after any error the caller
 * calls db_rollback() and gives up.
 */
enum err db_begin(struct db *db) MUST_USE;
enum err db_send(struct db *db, const struct db_query *q,
    const struct db_param *params) MUST_USE;
enum err db_commit(struct db *db) MUST_USE;
void db_rollback(struct db *db);

/*
 * Runs the LISTEN statement after every connect; before the first one.  The
 * daemons that wait for work use it, not the workers.
 */
void db_listen(struct db *db, const struct db_query *listen);

/*
 * Waits up to timeout_ms for a notification, or for a signal of unblocked
 * (ppoll(2)); without a connection it waits all the same.  Returns true when a
 * notification came, or may have been missed while the connection was away.
 */
bool db_wait(struct db *db, const sigset_t *unblocked, int timeout_ms);

/*
 * Runs a script of several statements, outside pipeline mode, and waits as
 * long as it takes: for posternctl alone.  On failure *why is PostgreSQL's
 * message, in mem.
 */
enum err db_script(struct db *db, struct arena *mem, const char *sql,
    const char **why) MUST_USE;

/*
 * Whether the last script that failed did so only because others held locks
 * (55P03, 40P01): it may be run again.  A ROLLBACK since changes nothing.
 */
bool db_blocked(const struct db *db);

/* PostgreSQL's message about the last failure; "" for none. */
const char *db_message(const struct db *db);

#endif
