/* SPDX-License-Identifier: ISC */
/*
 * The connection to PostgreSQL: waited on, probed, lost.  Nothing here blocks
 * but poll(), and poll() never longer than the request's budget.
 */
#include "platform/db_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "platform/clock.h"
#include "platform/log.h"

#define SILENCE_MS 500       /* without an answer: nobody is there */
#define SILENT_BUDGET_MS 100 /* of a request while the server is silent */
#define TRY_EVERY_MS 5000    /* how often one gets a whole budget then */

static char *
copy(const char *s)
{
	char *c;

	if (s == NULL)
		return NULL;
	c = strdup(s);
	must(c != NULL);
	return c;
}

struct db *
db_open(const struct db_options *o)
{
	struct db *db = calloc(1, sizeof *db);

	must(db != NULL);
	db->conninfo = copy(o->conninfo);
	db->user = copy(o->user);
	db->password = copy(o->password);
	db->prepare = o->prepare;
	db->budget_whole = o->budget_ms;
	db->budget_ms = o->budget_ms;
	return db;
}

void
db_close(struct db **dbp)
{
	struct db *db = *dbp;

	*dbp = NULL;
	if (db == NULL)
		return;
	PQfinish(db->conn);
	if (db->password != NULL)
		explicit_bzero(db->password, strlen(db->password));
	free(db->password);
	free(db->conninfo);
	free(db->user);
	free(db);
}

const char *
db_message(const struct db *db)
{
	return db->message;
}

void
db_link_note(struct db *db, const char *text)
{
	size_t n;

	(void)snprintf(db->message, sizeof db->message, "%s", text);
	n = strlen(db->message);
	while (n > 0 && db->message[n - 1] == '\n')
		db->message[--n] = '\0';
}

void
db_link_drop(struct db *db, const char *why)
{
	if (db->conn == NULL)
		return;
	log_event(WARN, "db.lost", "why=%s", why);
	PQfinish(db->conn);
	db->conn = NULL;
	db->nprepared = 0;
	db->nowed = 0;
	db->terminal = false;
	db->missed = true;
}

bool
db_link_wait(struct db *db, short events, int most_ms)
{
	struct pollfd p = { .fd = PQsocket(db->conn), .events = events };
	int64_t start = clock_steady_ms();
	int n;

	if (most_ms > db->budget_ms)
		most_ms = db->budget_ms;
	if (most_ms <= 0)
		return false;
	do {
		n = poll(&p, 1, most_ms);
	} while (n < 0 && errno == EINTR);
	db->budget_ms -= (int)(clock_steady_ms() - start);
	/* A short wait proves nothing, but it confirms. */
	db->silent = n <= 0 && (db->silent || most_ms >= SILENCE_MS);
	return n > 0;
}

int
db_link_budget(struct db *db)
{
	int64_t now = clock_steady_ms();

	if (db->silent && now - db->tried_at < TRY_EVERY_MS)
		return SILENT_BUDGET_MS;
	db->tried_at = now;
	return db->budget_whole;
}

/*
 * Sends what is left to send and waits until an answer is complete.  What
 * libpq holds already is not asked of the kernel again.
 */
static bool
wait_result(struct db *db)
{
	for (;;) {
		int unsent = PQflush(db->conn);

		if (unsent < 0)
			return false;
		if (unsent == 0 && PQisBusy(db->conn) == 0)
			return true;
		if (!db_link_wait(db,
			(short)(unsent == 0 ? POLLIN : POLLIN | POLLOUT),
			db->budget_ms) ||
		    PQconsumeInput(db->conn) == 0)
			return false;
	}
}

/* One PGresult or NULL into *res; false once the link is gone. */
static bool
next_result(struct db *db, PGresult **res)
{
	if (!wait_result(db)) {
		const char *text = PQerrorMessage(db->conn);

		db_link_note(db, *text != '\0' ? text : "no answer in time");
		db_link_drop(db, db->message);
		return false;
	}
	*res = PQgetResult(db->conn);
	if (*res == NULL || PQstatus(db->conn) == CONNECTION_OK)
		return true;
	db_link_note(db, PQresultErrorMessage(*res));
	PQclear(*res);
	*res = NULL;
	db_link_drop(db, db->message);
	return false;
}

bool
db_link_result(struct db *db, PGresult **res)
{
	PGresult *end = NULL;

	if (!next_result(db, res))
		return false;
	if (*res == NULL) {
		db_link_drop(db, "an answer is missing");
		return false;
	}
	if (next_result(db, &end) && end == NULL)
		return true;
	PQclear(end);
	PQclear(*res);
	*res = NULL;
	db_link_drop(db, "more answers than questions");
	return false;
}

bool
db_link_synced(struct db *db)
{
	PGresult *res = NULL;
	bool ok;

	if (!next_result(db, &res))
		return false;
	ok = PQresultStatus(res) == PGRES_PIPELINE_SYNC;
	PQclear(res);
	if (!ok)
		db_link_drop(db, "out of step");
	return ok;
}

void
db_link_probe(struct db *db)
{
	struct pollfd p = { .events = POLLIN };

	if (db->conn == NULL)
		return;
	p.fd = PQsocket(db->conn);
	while (poll(&p, 1, 0) > 0) {
		if (PQconsumeInput(db->conn) == 0 ||
		    PQstatus(db->conn) != CONNECTION_OK) {
			db_link_drop(db, "lost while idle");
			return;
		}
		(void)PQisBusy(db->conn); /* reads what came */
	}
	if (db->terminal)
		db_link_drop(db, "the server said goodbye");
}

/*
 * Overwrites freed memory of that size.  M_PERTURB does so with all but the
 * chunks that glibc keeps at hand, up to seven a size: those are taken out.
 */
static void
wipe_freed(size_t size)
{
	char *chunks[16];

	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
		chunks[i] = malloc(size);
		must(chunks[i] != NULL);
		explicit_bzero(chunks[i], size);
	}
	for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
		free(chunks[i]);
}

/* libpq keeps the password twice: to tell, and in the state of SCRAM. */
static void
forget_connection(struct db *db)
{
	char *password = PQpass(db->conn);

	must(fcntl(PQsocket(db->conn), F_GETFD) == -1);
	if (password != NULL)
		explicit_bzero(password, strlen(password));
	PQfinish(db->conn);
	db->conn = NULL;
}

void
db_forget(struct db *db)
{
	size_t n;

	if (db->conn != NULL)
		forget_connection(db);
	if (db->password == NULL)
		return;
	n = strlen(db->password);
	explicit_bzero(db->password, n);
	wipe_freed(n + 1);
}

void
db_listen(struct db *db, const struct db_query *listen)
{
	must(db->conn == NULL);
	db->listen = listen;
}

/* Whether a notification was waiting; takes all of them. */
static bool
take_notifications(struct db *db)
{
	bool any = db->missed;
	PGnotify *n;

	db->missed = false;
	while ((n = PQnotifies(db->conn)) != NULL) {
		PQfreemem(n);
		any = true;
	}
	return any;
}

bool
db_wait(struct db *db, const sigset_t *unblocked, int timeout_ms)
{
	struct timespec t = { timeout_ms / 1000,
		(long)(timeout_ms % 1000) * 1000000 };
	struct pollfd p = { .fd = -1, .events = POLLIN };

	db_request(db);
	if (db_link_ready(db) == OK) {
		p.fd = PQsocket(db->conn);
		if (take_notifications(db))
			return true;
	}
	if (ppoll(&p, 1, &t, unblocked) <= 0)
		return false;
	db_link_probe(db);
	return db->conn != NULL && take_notifications(db);
}
