/* SPDX-License-Identifier: ISC */
/*
 * Opening the connection.  libpq tries several hosts in turn, but waits for a
 * silent one as long as the system lets it; so each host gets its share of
 * the budget here, and who was silent is tried last from then on.
 *
 * A host given by name is resolved by the system's resolver, which may block:
 * the manual says to write addresses.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "platform/db_link.h"
#include "platform/log.h"

#define OPTIONS_MAX 64
#define OWN_OPTIONS 7

/* Keywords and values for PQconnectStartParams(). */
struct settings {
	const char *keys[OPTIONS_MAX + OWN_OPTIONS];
	const char *values[OPTIONS_MAX + OWN_OPTIONS];
	int n;
};

static void
set(struct settings *s, const char *key, const char *value)
{
	must(s->n < OPTIONS_MAX + OWN_OPTIONS - 1);
	if (value == NULL)
		return;
	s->keys[s->n] = key;
	s->values[s->n++] = value;
}

/* Moves the first element of a comma-separated list to its end. */
static void
rotate(char *list)
{
	char *comma = strchr(list, ',');
	size_t head = comma == NULL ? 0 : (size_t)(comma - list);
	size_t tail = comma == NULL ? 0 : strlen(comma + 1);
	char *first;

	if (comma == NULL)
		return;
	first = strndup(list, head);
	must(first != NULL);
	memmove(list, comma + 1, tail);
	list[tail] = ',';
	memcpy(list + tail + 1, first, head);
	free(first);
}

static int
count(const char *list)
{
	int n = 1;

	for (; *list != '\0'; list++)
		n += *list == ',';
	return n;
}

/*
 * The operator's connection string in parts, its hosts beginning with
 * first_host; *hosts is how many there are.  NULL when libpq cannot read it.
 */
static PQconninfoOption *
parse(const struct db *db, int *hosts)
{
	PQconninfoOption *all = PQconninfoParse(db->conninfo, NULL);

	*hosts = 1;
	for (PQconninfoOption *o = all; o != NULL && o->keyword; o++) {
		if (o->val == NULL ||
		    (strcmp(o->keyword, "host") != 0 &&
			strcmp(o->keyword, "hostaddr") != 0 &&
			strcmp(o->keyword, "port") != 0))
			continue;
		if (strcmp(o->keyword, "port") != 0)
			*hosts = count(o->val);
		for (int i = db->first_host % count(o->val); i > 0; i--)
			rotate(o->val);
	}
	return all;
}

bool
db_names_password(const char *conninfo)
{
	PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
	bool found = false;

	for (PQconninfoOption *o = all; o != NULL && o->keyword; o++)
		if (strcmp(o->keyword, "password") == 0 ||
		    strcmp(o->keyword, "sslpassword") == 0)
			found |= o->val != NULL && *o->val != '\0';
	PQconninfoFree(all);
	return found;
}

/*
 * Begins a connection.  Behind a transaction pooler (prepare off) session
 * settings would reach other clients: the pooler has its own.
 */
static PGconn *
start(const struct db *db, int *hosts)
{
	PQconninfoOption *all = parse(db, hosts);
	struct settings s = { .n = 0 };
	char options[128];
	PGconn *conn;

	(void)snprintf(options, sizeof options,
	    "-c statement_timeout=%d -c lock_timeout=%d"
	    " -c idle_in_transaction_session_timeout=10000",
	    db->budget_whole, db->budget_whole);
	if (all == NULL) /* libpq will say what is wrong */
		set(&s, "dbname", db->conninfo);
	for (PQconninfoOption *o = all; o != NULL && o->keyword; o++)
		set(&s, o->keyword, o->val);
	set(&s, "user", db->user);
	set(&s, "password", db->password);
	set(&s, "client_encoding", "UTF8");
	set(&s, "application_name", "postern");
	set(&s, "tcp_user_timeout", "2000");
	set(&s, "options", db->prepare ? options : NULL);
	conn = PQconnectStartParams(s.keys, s.values, all == NULL);
	PQconninfoFree(all);
	must(conn != NULL);
	return conn;
}

/*
 * What the server says unasked.  Nothing of it is for us but the farewell of
 * a server that shuts down or ends this connection (57P0x).
 */
static void
hear_notice(void *arg, const PGresult *res)
{
	struct db *db = arg;
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

	if (state != NULL && strncmp(state, "57P0", 4) == 0)
		db->terminal = true;
}

enum handshake {
	HANDSHAKE_DONE,
	HANDSHAKE_REFUSED,
	HANDSHAKE_SILENT
};

/* Drives the handshake, with most_ms for a host to say something. */
static enum handshake
shake_hands(struct db *db, int most_ms)
{
	PostgresPollingStatusType s = PGRES_POLLING_WRITING;

	if (PQstatus(db->conn) == CONNECTION_BAD)
		return HANDSHAKE_REFUSED;
	while (s != PGRES_POLLING_OK) {
		if (s == PGRES_POLLING_FAILED)
			return HANDSHAKE_REFUSED;
		if (!db_link_wait(db,
			s == PGRES_POLLING_READING ? POLLIN : POLLOUT, most_ms))
			return HANDSHAKE_SILENT;
		s = PQconnectPoll(db->conn);
	}
	return HANDSHAKE_DONE;
}

static void
fail(struct db *db)
{
	const char *text = PQerrorMessage(db->conn);

	db_link_note(db, *text != '\0' ? text : "no answer in time");
	log_event(WARN, "db.connect", "user=%s message=%s",
	    db->user == NULL ? "-" : db->user, db->message);
	PQfinish(db->conn);
	db->conn = NULL;
}

/* Tries the hosts, each once; the one that was silent goes to the end. */
static bool
connect_any(struct db *db)
{
	int hosts = 1;

	for (int tried = 0; tried < hosts && db->budget_ms > 0; tried++) {
		enum handshake h;

		db->conn = start(db, &hosts);
		h = shake_hands(db, db->budget_ms / (hosts - tried));
		if (h == HANDSHAKE_DONE)
			return true;
		fail(db);
		if (h == HANDSHAKE_REFUSED)
			return false; /* by all of them: libpq went on */
		db->first_host = (db->first_host + 1) % hosts;
	}
	return false;
}

/* Again after every connect, if somebody waits for notifications. */
static enum err
subscribe(struct db *db)
{
	PGresult *res = NULL;
	bool ok;

	if (db->listen == NULL)
		return OK;
	if (PQsendQueryParams(db->conn, db->listen->text, 0, NULL, NULL, NULL,
		NULL, 0) != 1 ||
	    PQpipelineSync(db->conn) != 1 || !db_link_result(db, &res))
		return ERR_UNAVAILABLE;
	ok = PQresultStatus(res) == PGRES_COMMAND_OK;
	PQclear(res);
	return db_link_synced(db) && ok ? OK : ERR_UNAVAILABLE;
}

enum err
db_link_ready(struct db *db)
{
	if (db->conn != NULL)
		return OK;
	if (db->reconnected || db->budget_ms <= 0)
		return ERR_UNAVAILABLE;
	db->reconnected = true;
	db->missed = true;
	if (!connect_any(db))
		return ERR_UNAVAILABLE;
	(void)PQsetNoticeReceiver(db->conn, hear_notice, db);
	must(PQsetnonblocking(db->conn, 1) == 0);
	must(PQenterPipelineMode(db->conn) == 1);
	if (subscribe(db) == OK)
		return OK;
	db_link_drop(db, "cannot listen");
	return ERR_UNAVAILABLE;
}
