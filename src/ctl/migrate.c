/* SPDX-License-Identifier: ISC */
/*
 * posternctl migrate: brings the database to the version of the files.  An
 * applied file is never changed; one that was is refused before anything
 * runs, because nobody can say then what the database is.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/encode.h"
#include "ctl/ctl.h"
#include "domain/schema.h"
#include "platform/config.h"
#include "platform/crypto.h"

#define TRIES 1000
#define FILE_MOST (1024L * 1024)

enum task {
	TASK_MIGRATE,
	TASK_STATUS,
	TASK_DRY_RUN
};

/* What the command was asked for. */
struct request {
	struct ctl_place place;
	enum task task;
	const char *sql_dir;
};

/* The files of sql_dir, by version. */
struct file {
	struct schema_migration migration; /* of the file, its checksum */
	const char *path, *text;
};

static const char usage[] =
    "usage: posternctl migrate [-c file] [--database URI] [--sql folder]"
    " [--status | --dry-run]\n";

static int
read_request(struct request *r, int argc, char **argv)
{
	bool status = false, dry_run = false;
	const struct ctl_option own[] = {
		{ "sql", &r->sql_dir, NULL },
		{ "status", NULL, &status },
		{ "dry-run", NULL, &dry_run },
		{ NULL, NULL, NULL },
	};

	*r = (struct request){ .sql_dir = POSTERN_SQL_DIR };
	if (ctl_read_options(&r->place, own, argc, argv) != argc ||
	    (status && dry_run))
		return ctl_refuse(usage);
	if (status)
		r->task = TASK_STATUS;
	if (dry_run)
		r->task = TASK_DRY_RUN;
	return 0;
}

/* The file's text, NUL-terminated; NULL with errno set. */
static const char *
read_text(struct arena *mem, const char *path)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *text;
	size_t n;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) != 0 || st.st_size > FILE_MOST) {
		(void)fclose(f);
		errno = EFBIG;
		return NULL;
	}
	text = arena_alloc(mem, (size_t)st.st_size + 1);
	n = fread(text, 1, (size_t)st.st_size, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

/* "0001_initial.sql" → 1 and "initial". */
static bool
parse_name(struct arena *mem, const char *file, struct schema_migration *m)
{
	size_t digits = strspn(file, "0123456789");
	size_t length;

	if (digits != 4 || file[4] != '_')
		return false;
	m->version = (int)strtol(file, NULL, 10);
	file += digits + 1;
	length = strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789_");
	if (length == 0 || strcmp(file + length, ".sql") != 0)
		return false;
	m->name = arena_memdup(mem, file, length);
	return true;
}

static int
load_file(struct arena *mem, const char *dir, const char *name, struct file *f)
{
	unsigned char sum[SHA256_SIZE];
	char *text = arena_alloc(mem, 2 * SHA256_SIZE + 1);

	f->path = arena_printf(mem, "%s/%s", dir, name);
	f->text = read_text(mem, f->path);
	if (f->text == NULL)
		return ctl_fail("cannot read %s: %s", f->path, strerror(errno));
	crypto_sha256(sum, f->text, strlen(f->text));
	hex_encode(text, sum, sizeof sum);
	f->migration.checksum = text;
	return 0;
}

static int
is_sql(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && strcmp(d->d_name + n - 4, ".sql") == 0;
}

/* Reads all files; they must be numbered 1, 2, 3 … without a gap. */
static int
load_files(struct arena *mem, const char *dir, struct file **files, int *n)
{
	struct dirent **list;
	int bad = 0;

	*n = scandir(dir, &list, is_sql, alphasort);
	if (*n < 0)
		return ctl_fail("cannot read the folder of migrations %s: %s",
		    dir, strerror(errno));
	*files = arena_alloc(mem, sizeof **files * ((size_t)*n + 1));
	for (int i = 0; i < *n; i++) {
		struct file *f = &(*files)[i];

		if (!bad &&
		    (!parse_name(mem, list[i]->d_name, &f->migration) ||
			f->migration.version != i + 1))
			bad = ctl_fail("%s/%s: migrations are named"
				       " NNNN_name.sql and numbered without a "
				       "gap;"
				       " %04d is expected here",
			    dir, list[i]->d_name, i + 1);
		if (!bad)
			bad = load_file(mem, dir, list[i]->d_name, f);
		free(list[i]);
	}
	free(list);
	return bad;
}

/* Compares an applied migration with its file, and adopts what psql did. */
static int
compare(struct unit *u, const struct schema_migration *m, const struct file *f)
{
	if (m->checksum == NULL) {
		if (schema_adopt(u, &f->migration) != OK)
			return ctl_fail("cannot note the checksum of %s: %s",
			    f->path, db_message(u->db));
		(void)printf("%04d %s: applied by psql, noted\n", m->version,
		    m->name);
		return 0;
	}
	if (strcmp(m->checksum, f->migration.checksum) == 0)
		return 0;
	return ctl_fail("%s was changed after it was applied to this database:"
			" bring the original back; a change goes into a new "
			"file",
	    f->path);
}

static int
compare_all(struct unit *u, const struct file *files, int nfiles, int *napplied)
{
	struct schema_migration *applied = NULL;

	if (schema_applied(u, &applied, napplied) != OK)
		return ctl_fail("cannot read the schema's version: %s",
		    db_message(u->db));
	if (applied == NULL)
		return 0;
	for (int i = 0; i < *napplied; i++) {
		if (applied[i].version != i + 1)
			return ctl_fail("the database lacks migration %04d but "
					"has"
					" %04d: restore a backup or mend"
					" postern.schema_migration",
			    i + 1, applied[i].version);
		if (i < nfiles && compare(u, &applied[i], &files[i]) != 0)
			return 1;
	}
	if (*napplied > nfiles)
		(void)printf("the database is at version %d, newer than these"
			     " files\n",
		    *napplied);
	return 0;
}

/*
 * Its lock_timeout is short, because whoever needs the table meanwhile queues
 * behind it and has 0.9 s in all; it has patience instead, for a backup or a
 * report that reads the table for minutes.
 */
static enum err
apply_patiently(struct unit *u, const char *script, const char **why)
{
	const struct timespec pause = { .tv_nsec = 200 * 1000000L };
	enum err e;

	for (int tries = 1;; tries++) {
		e = schema_apply(u, script, why);
		if (e == OK || !db_blocked(u->db) || tries == TRIES)
			return e;
		(void)nanosleep(&pause, NULL);
	}
}

static int
apply(struct unit *u, const struct file *f, bool keep)
{
	const struct schema_migration *m = &f->migration;
	const char *why = "";

	(void)printf("%04d %s: %s … ", m->version, m->name,
	    keep ? "applying" : "trying");
	(void)fflush(stdout);
	if (apply_patiently(u, schema_script(u, m, f->text, keep), &why) !=
	    OK) {
		(void)printf("failed\n");
		return ctl_fail("%s: %s\nnothing of it was kept", f->path, why);
	}
	(void)printf("%s\n", keep ? "done" : "works, taken back");
	return 0;
}

/*
 * A dry run tries the next file only: what comes after it needs what it
 * makes.
 */
static int
apply_rest(struct unit *u, const struct request *r, const struct file *files,
    int nfiles, int napplied)
{
	bool keep = r->task == TASK_MIGRATE;

	if (napplied >= nfiles)
		(void)printf("nothing to do: the database is at version %d\n",
		    napplied);
	for (int i = napplied; i < nfiles; i++) {
		if (!keep && i > napplied)
			(void)printf("%04d %s: would follow\n",
			    files[i].migration.version,
			    files[i].migration.name);
		else if (apply(u, &files[i], keep) != 0)
			return 1;
	}
	return 0;
}

static int
load(struct unit *u, const char *sql_dir, struct file **files, int *nfiles)
{
	int bad = load_files(u->mem, sql_dir, files, nfiles);

	if (bad != 0)
		return bad;
	if (*nfiles == 0)
		return ctl_fail("no migrations in %s: name their folder with"
				" --sql",
		    sql_dir);
	return 0;
}

/* Of statements that any role may run on any database: the role is wrong. */
static int
fail_access(const struct unit *u)
{
	return ctl_fail("the database cannot be used: %s: be root (peer"
			" authentication) or name the owner's role with"
			" --database",
	    db_message(u->db));
}

static int
migrate(struct unit *u, const struct request *r)
{
	struct file *files = NULL;
	int nfiles = 0, napplied = 0;

	if (load(u, r->sql_dir, &files, &nfiles) != 0 || files == NULL)
		return 1;
	if (schema_lock(u) != OK)
		return fail_access(u);
	if (compare_all(u, files, nfiles, &napplied) != 0)
		return 1;
	return apply_rest(u, r, files, nfiles, napplied);
}

static const char *
state_of(const struct schema_migration *applied, const struct file *f)
{
	if (applied == NULL)
		return "pending";
	if (applied->checksum == NULL)
		return "applied by psql";
	if (strcmp(applied->checksum, f->migration.checksum) != 0)
		return "applied, but the file was changed since";
	return "applied";
}

/* Looks only: takes no lock and writes nothing. */
static int
show_status(struct unit *u, const char *sql_dir)
{
	struct schema_migration *applied = NULL;
	struct file *files = NULL;
	int nfiles = 0, napplied = 0;

	if (load(u, sql_dir, &files, &nfiles) != 0)
		return 1;
	if (schema_applied(u, &applied, &napplied) != OK)
		return fail_access(u);
	for (int i = 0; i < nfiles; i++)
		(void)printf("%04d %-24s %s\n", files[i].migration.version,
		    files[i].migration.name,
		    state_of(i < napplied ? &applied[i] : NULL, &files[i]));
	return 0;
}

int
ctl_migrate(int argc, char **argv)
{
	struct ctl_session s;
	struct request r;
	int bad;

	if ((bad = read_request(&r, argc, argv)) != 0)
		return bad;
	if (!ctl_open(&s, &r.place, "postern_owner"))
		return 1;
	if (r.task == TASK_STATUS)
		bad = show_status(&s.unit, r.sql_dir);
	else if (s.conf != NULL && !s.conf->database_prepare)
		bad = ctl_fail("database_prepare is off, so `database` leads"
			       " to a pooler, where this session's lock would"
			       " stay behind: name the server itself with"
			       " --database");
	else
		bad = migrate(&s.unit, &r);
	ctl_close(&s);
	return bad;
}
