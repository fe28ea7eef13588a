/* SPDX-License-Identifier: ISC */
#ifndef TESTS_DB_TEST_DB_H
#define TESTS_DB_TEST_DB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/encode.h"
#include "domain/account_authenticate.h"
#include "domain/address.h"
#include "domain/session.h"
#include "domain/unit.h"
#include "tests/test.h"

/*
 * What the suites against a real PostgreSQL share.  Every test runs in a
 * process of its own and makes the accounts it needs under random addresses,
 * so tests do not meet; connections are opened by the test that uses them.
 */

/* cluster.c: the server, and SQL as its owner. ------------------------- */

/*
 * Starts a private cluster, or makes a database of our own at
 * POSTERN_TEST_DATABASE_URL, and applies the schema.  Everything is gone
 * again once the calling process is, however it ends.  Returns 0, or the
 * status to exit with: 77 when PostgreSQL is not installed.
 */
int cluster_open(void);
void cluster_close(void);

/* Where the database is, as a URI without user and password; for db_open().
 * Lives as long as the process. */
const char *cluster_conninfo(void);

/* The password of Postern's roles, or NULL where none is asked. */
const char *cluster_password(void);

/* An empty database, and the owner's URI to it. */
const char *cluster_database_new(void);
const char *cluster_owner_uri(const char *database);

/* A folder for files; goes with the cluster. */
const char *cluster_scratch(void);

/* From now on the functions below work on that database. */
void sql_use(const char *database);

/* Runs statements as the owner; a failure fails the test. */
void sql_exec(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* vprintf into test_mem(). */
const char *sql_format(const char *fmt, va_list ap)
    __attribute__((format(printf, 1, 0)));

/* The same of a text of any length. */
void sql_exec_text(const char *sql);

/* The first cell, in test_mem(); NULL for SQL NULL or no row. */
const char *sql_text(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
int64_t sql_int(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Runs statements as role; their SQLSTATE, "00000" when all went well. */
const char *sql_try(const char *role, const char *sql);

/* The content of a file of the schema. */
const char *sql_file(const char *name);

/* test_db.c: units, people, processes. --------------------------------- */

#define WEB "postern_web"
#define PASSWORD "postern_password"
#define MAILER "postern_mailer"
#define JANITOR "postern_janitor"
#define ADMIN "postern_admin"
#define SCRAM "postern_scram" /* is asked for its password everywhere */

/* Memory that lives as long as the test. */
struct arena *test_mem(void);

/* $NAME, or "." */
const char *test_environment(const char *name);

/* Sets conf: the standard values, public_url, a cheap hash, and the lines
 * given. */
void conf_set(const char *lines);

/* A unit with a connection of its own as role, closed at exit. */
struct unit *unit_as(const char *role);

/* The same with signing keys, which the janitor made if there were none. */
struct unit *unit_signing(const char *role);

/* A new request on it. */
struct unit *next(struct unit *u);

/* A random address of nobody, and a random IPv4 client. */
struct address address_random(void);
const char *client_random(void);

#define GOOD_PASSWORD "correct horse battery"

/* An account made by plain SQL, with GOOD_PASSWORD. */
struct person {
	struct uuid id;
	const char *id_text;
	struct address address;
};
struct person person_new(bool verified);

/* The account that GOOD_PASSWORD opens. */
struct account person_account(struct unit *u, const struct person *p);

/* Somebody with a session, as both pools know it. */
struct signed_in {
	struct person person;
	struct unit *password, *web;
	struct token_pair pair;
};
struct signed_in sign_in(void);

/* One more session of the same person. */
struct token_pair sign_in_again(const struct signed_in *s);

/* sql with every $id replaced, for the statements of tables. */
const char *sql_for(const char *sql, const char *id);

/* A one-time token of this account and purpose, its row inserted as it
 * stands, expiring in so many seconds. */
const char *token_insert(const struct person *p, const char *purpose,
    int seconds);

/* What a child of together() found out. */
struct outcome {
	int value;
	char text[500];
};

/*
 * Runs body(arg, i) in n processes that start at the same moment, each with
 * nothing open, and gathers what they report.
 */
void together(int n, void (*body)(const void *arg, struct outcome *o),
    const void *arg, struct outcome *out);

/* A row of test cases: the test is its own name. */
#define CASE(name, rows)                                                       \
	{                                                                      \
#name, name, rows                                              \
	}

/*
 * Runs statements as the owner in a process of its own, which holds their
 * locks for a second more and commits; returns when the locks are held.
 */
void sql_hold(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * test_forget.c: lets everybody into the private cluster of that data folder
 * unasked, but SCRAM only with its password.
 */
bool write_hba(const char *data);

/* The suites. */
Suite *account_suite(void);
Suite *connection_suite(void);
Suite *forget_suite(void);
Suite *key_suite(void);
Suite *limits_suite(void);
Suite *migrate_suite(void);
Suite *outbox_suite(void);
Suite *own_account_suite(void);
Suite *races_suite(void);
Suite *roles_suite(void);
Suite *session_suite(void);

#endif
