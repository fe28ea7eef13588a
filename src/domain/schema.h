/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_SCHEMA_H
#define DOMAIN_SCHEMA_H

#include <stdbool.h>

#include "domain/unit.h"

/* The newest migration in sql/ that this program needs. */
#define SCHEMA_VERSION 3

/*
 * The version the database is at; 0 when there is no schema.  Later versions
 * than ours serve us too: migrations keep what the last release used.
 */
enum err schema_version(struct unit *u, int *version) MUST_USE;

/* The rest is for posternctl, as the owner of the database. */

/* A migration the database has seen. */
struct schema_migration {
	int version;
	const char *name;
	const char *checksum; /* NULL when it was applied by psql */
};

/*
 * Waits for the lock that keeps two posternctl apart; it is held until the
 * connection closes.
 */
enum err schema_lock(struct unit *u) MUST_USE;

/* What was applied, by version, in the unit's memory; *n is 0 when there is
 * no schema yet. */
enum err schema_applied(struct unit *u, struct schema_migration **list,
    int *n) MUST_USE;

/*
 * A file's text as one transaction that notes its checksum, in the unit's
 * memory; it takes itself back when keep is false.
 */
const char *schema_script(struct unit *u, const struct schema_migration *m,
    const char *sql, bool keep) MUST_USE;

/*
 * Runs such a script.  On failure nothing of it is left and *why is
 * PostgreSQL's message.  A file that does not note its own version is one.
 */
enum err schema_apply(struct unit *u, const char *script,
    const char **why) MUST_USE;

/* Notes the checksum of a migration that psql applied. */
enum err schema_adopt(struct unit *u,
    const struct schema_migration *m) MUST_USE;

#endif
