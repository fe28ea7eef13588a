/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_DB_LINK_H
#define PLATFORM_DB_LINK_H

#include <libpq-fe.h>

#include "platform/db.h"

/*
 * The connection below db.c: db_connect.c opens it, db_link.c waits on it and
 * loses it.  Private to the three files; libpq is included here and nowhere
 * else.
 */
#define DB_PARAMS_MAX 16
#define DB_QUEUE_MAX 32
#define DB_PREPARED_MAX 96

struct db {
	PGconn *conn; /* NULL while there is none */
	char *conninfo, *user, *password;
	const struct db_query *listen; /* or NULL */
	bool prepare;
	bool in_transaction;
	bool terminal;    /* an answer said: do not use this again */
	bool reconnected; /* in this request */
	bool wrote;       /* a statement that writes was sent in it */
	bool silent;      /* it did not answer in time, and not since */
	int64_t tried_at; /* when a request last had the whole budget */
	int first_host;   /* of several: where a connection begins */
	bool blocked;     /* the last script met others' locks */
	bool missed;      /* notifications may have been missed */
	int budget_whole, budget_ms;
	const struct db_query *prepared[DB_PREPARED_MAX];
	int nprepared;
	struct db_owed { /* an answer that the server owes */
		const struct db_query *query;
		bool preparing;
	} owed[DB_QUEUE_MAX];
	int nowed;
	char message[256];
};

/*
 * Waits for events on the socket, at most most_ms and what is left of the
 * budget, which it comes off.  False when nothing came.
 */
bool db_link_wait(struct db *db, short events, int most_ms) MUST_USE;

/* Connects if there is no connection and the request may still try. */
enum err db_link_ready(struct db *db) MUST_USE;

/* The next statement's answer, never NULL; false once the link is gone. */
bool db_link_result(struct db *db, PGresult **res) MUST_USE;

/* Takes the answer to a Sync; false once the link is gone. */
bool db_link_synced(struct db *db) MUST_USE;

/* Closes the connection; why is logged. */
void db_link_drop(struct db *db, const char *why);

/* Looks, without waiting, whether an idle connection was lost. */
void db_link_probe(struct db *db);

/*
 * The budget of a new request.  While the server does not answer in time it
 * is small, so that requests do not queue behind each other's waiting; every
 * few seconds one gets all of it, for a server that is only slow.
 */
int db_link_budget(struct db *db);

/* Keeps a message for db_message(). */
void db_link_note(struct db *db, const char *text);

#endif
