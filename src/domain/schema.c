/* SPDX-License-Identifier: ISC */
/* Which migrations the database has seen, and the way to the next. */
#include "domain/schema.h"

#include "base/arena.h"
#include "domain/locks.h"

static const struct db_query version_of = {
	.name = "schema_version",
	.text = "SELECT coalesce(max(version), 0)"
		" FROM postern.schema_migration",
};

static const struct db_query lock = {
	.name = "schema_lock",
	.text = "SELECT pg_advisory_lock(" LOCK_SCHEMA ")",
};

static const struct db_query is_there = {
	.name = "schema_is_there",
	.text = "SELECT to_regclass('postern.schema_migration') IS NOT NULL",
};

static const struct db_query applied = {
	.name = "schema_applied",
	.text = "SELECT version, name, checksum FROM postern.schema_migration"
		" ORDER BY version",
};

static const struct db_query adopt = {
	.name = "schema_adopt",
	.text = "UPDATE postern.schema_migration SET checksum = $2"
		" WHERE version = $1::int AND checksum IS NULL",
	.nparams = 2,
	.writes = true,
};

enum err
schema_version(struct unit *u, int *version)
{
	struct db_rows r;
	enum err e;

	if ((e = unit_run(u, &version_of, NULL, &r)) != OK)
		return e;
	*version = (int)db_get_int(&r, 0, 0);
	return OK;
}

enum err
schema_lock(struct unit *u)
{
	return unit_run(u, &lock, NULL, NULL);
}

enum err
schema_applied(struct unit *u, struct schema_migration **list, int *n)
{
	struct db_rows r;
	enum err e;

	*n = 0;
	if ((e = unit_run(u, &is_there, NULL, &r)) != OK)
		return e;
	if (!db_get_bool(&r, 0, 0))
		return OK;
	if ((e = unit_run(u, &applied, NULL, &r)) != OK)
		return e;
	*list = arena_alloc(u->mem, sizeof **list * ((size_t)r.nrows + 1));
	for (*n = 0; *n < r.nrows; (*n)++)
		(*list)[*n] = (struct schema_migration){
			.version = (int)db_get_int(&r, *n, 0),
			.name = db_get_text(&r, *n, 1),
			.checksum = db_get_text(&r, *n, 2),
		};
	return OK;
}

/*
 * The file says itself which version it is (psql alone must do); the
 * checksum, which it cannot know of itself, is noted in the same
 * transaction.  It is hexadecimal, so it needs no quoting.
 */
const char *
schema_script(struct unit *u, const struct schema_migration *m, const char *sql,
    bool keep)
{
	return arena_printf(u->mem,
	    "BEGIN;\n%s\n"
	    "UPDATE postern.schema_migration SET checksum = '%s'"
	    " WHERE version = %d;\n"
	    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM"
	    " postern.schema_migration WHERE version = %d) THEN"
	    " RAISE 'the file does not insert its version into"
	    " postern.schema_migration'; END IF; END $$;\n"
	    "%s;\n",
	    sql, m->checksum, m->version, m->version,
	    keep ? "COMMIT" : "ROLLBACK");
}

enum err
schema_apply(struct unit *u, const char *script, const char **why)
{
	const char *ignored;
	enum err e;

	if ((e = db_script(u->db, u->mem, script, why)) == OK)
		return OK;
	if (db_script(u->db, u->mem, "ROLLBACK", &ignored) != OK)
		return ERR_UNAVAILABLE;
	return e;
}

enum err
schema_adopt(struct unit *u, const struct schema_migration *m)
{
	return unit_run(u, &adopt,
	    DB_PARAMS(db_int(u->mem, m->version), db_text(m->checksum)), NULL);
}
