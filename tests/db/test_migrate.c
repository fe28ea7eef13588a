/* SPDX-License-Identifier: ISC */
/*
 * `posternctl migrate`, run as a sysadmin runs it, on databases that are
 * empty or in any state a sysadmin may have brought them to.
 */
#include "test_db.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* A folder of migrations with the schema's first file in it. */
static const char *
folder_new(void)
{
	char *dir =
	    arena_printf(test_mem(), "%s/sql-XXXXXX", cluster_scratch());

	ck_assert_ptr_nonnull(mkdtemp(dir));
	return dir;
}

static void
file_write(const char *dir, const char *name, const char *text)
{
	FILE *f = fopen(arena_printf(test_mem(), "%s/%s", dir, name), "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static const char *
folder_initial(void)
{
	const char *dir = folder_new();

	file_write(dir, "0001_initial.sql", sql_file("0001_initial.sql"));
	return dir;
}

/* A second migration: one table more, and its row. */
static const char *
second(const char *table)
{
	return arena_printf(test_mem(),
	    "CREATE TABLE postern.%s (a int);\n"
	    "INSERT INTO postern.schema_migration (version, name)"
	    " VALUES (2, 'second');\n",
	    table);
}

struct run {
	int status; /* of exit, or -1 */
	char said[4000];
};

static pid_t
posternctl_start(const char *database, const char *dir, int *out)
{
	const char *program = arena_printf(test_mem(), "%s/posternctl",
	    test_environment("POSTERN_BUILD"));
	const char *uri = cluster_owner_uri(database);
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)dup2(fds[1], 1);
		(void)dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execl(program, "posternctl", "migrate", "--database", uri,
		    "--sql", dir, (char *)NULL);
		perror(program);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

static struct run
posternctl_finish(pid_t pid, int out)
{
	struct run r = { .status = -1 };
	size_t n = 0;
	ssize_t got;
	int status;

	while ((got = read(out, r.said + n, sizeof r.said - 1 - n)) > 0)
		n += (size_t)got;
	close(out);
	r.said[n] = '\0';
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		r.status = WEXITSTATUS(status);
	return r;
}

static struct run
migrate(const char *database, const char *dir)
{
	int out;
	pid_t pid = posternctl_start(database, dir, &out);

	return posternctl_finish(pid, out);
}

static void
succeeds(const char *database, const char *dir, const char *saying)
{
	struct run r = migrate(database, dir);

	ck_assert_msg(r.status == 0, "status %d: %s", r.status, r.said);
	ck_assert_msg(strstr(r.said, saying) != NULL, "says: %s", r.said);
}

static void
is_refused(const char *database, const char *dir, const char *saying)
{
	struct run r = migrate(database, dir);

	ck_assert_msg(r.status == 1, "status %d: %s", r.status, r.said);
	ck_assert_msg(strstr(r.said, saying) != NULL, "says: %s", r.said);
}

/* "1 initial checksum,2 second checksum" */
static const char *
versions(void)
{
	return sql_text("SELECT string_agg(concat_ws(' ', version, name,"
			"  CASE WHEN checksum ~ '^[0-9a-f]{64}$'"
			"   THEN 'checksum' END), ',' ORDER BY version)"
			" FROM postern.schema_migration");
}

static bool
is_there(const char *table)
{
	return sql_text("SELECT to_regclass('postern.%s')", table) != NULL;
}

static const char *
database_use(void)
{
	const char *database = cluster_database_new();

	sql_use(database);
	return database;
}

START_TEST(empty_database_gets_the_schema_once)
{
	const char *dir = folder_initial(), *database = database_use(), *at;

	succeeds(database, dir, "0001");
	ck_assert_str_eq(versions(), "1 initial checksum");
	ck_assert(is_there("account"));
	at = sql_text("SELECT applied_at FROM postern.schema_migration");
	succeeds(database, dir, "nothing to do");
	ck_assert_str_eq(sql_text(
			     "SELECT applied_at FROM postern.schema_migration"),
	    at);
}
END_TEST

START_TEST(new_file_is_applied_after_the_old)
{
	const char *dir = folder_initial(), *database = database_use();

	succeeds(database, dir, "0001");
	file_write(dir, "0002_second.sql", second("more"));
	succeeds(database, dir, "0002");
	ck_assert_str_eq(versions(), "1 initial checksum,2 second checksum");
	ck_assert(is_there("more"));
}
END_TEST

START_TEST(changed_file_is_refused_by_name)
{
	const char *dir = folder_initial(), *database = database_use();

	succeeds(database, dir, "0001");
	file_write(dir, "0001_initial.sql",
	    arena_printf(test_mem(), "%s\n-- a word more\n",
		sql_file("0001_initial.sql")));
	file_write(dir, "0002_second.sql", second("more"));
	is_refused(database, dir, "0001_initial.sql");
	ck_assert_str_eq(versions(), "1 initial checksum");
	ck_assert(!is_there("more"));
}
END_TEST

START_TEST(what_psql_applied_is_adopted)
{
	const char *dir = folder_initial(), *database = database_use();

	sql_exec("BEGIN");
	sql_exec_text(sql_file("0001_initial.sql"));
	sql_exec("COMMIT");
	ck_assert_str_eq(versions(), "1 initial");
	succeeds(database, dir, "nothing to do");
	ck_assert_str_eq(versions(), "1 initial checksum");
}
END_TEST

START_TEST(two_at_once_both_succeed)
{
	const char *dir = folder_initial(), *database = database_use();
	struct run r[2];
	pid_t pid[2];
	int out[2];

	file_write(dir, "0002_second.sql", second("more"));
	for (int i = 0; i < 2; i++)
		pid[i] = posternctl_start(database, dir, &out[i]);
	for (int i = 0; i < 2; i++) {
		r[i] = posternctl_finish(pid[i], out[i]);
		ck_assert_msg(r[i].status == 0, "%s", r[i].said);
	}
	ck_assert((strstr(r[0].said, "nothing to do") == NULL) !=
	    (strstr(r[1].said, "nothing to do") == NULL));
	ck_assert_str_eq(versions(), "1 initial checksum,2 second checksum");
}
END_TEST

/* A failing file leaves nothing of itself, and all before it. */
START_TEST(failing_file_is_undone_and_named)
{
	const char *dir = folder_initial(), *database = database_use();

	file_write(dir, "0002_second.sql",
	    arena_printf(test_mem(), "%s SELECT 1 / 0;\n", second("more")));
	is_refused(database, dir, "0002_second.sql");
	ck_assert_str_eq(versions(), "1 initial checksum");
	ck_assert(!is_there("more"));
	file_write(dir, "0002_second.sql", second("more"));
	succeeds(database, dir, "0002");
}
END_TEST

/* Files beside the first one that make the folder wrong. */
static const struct {
	const char *name, *other;
} gaps[] = {
	{ "0003_third.sql", NULL },
	{ "0002_second.sql", "0002_other.sql" },
	{ "second.sql", NULL },
};

START_TEST(folder_with_a_gap_is_refused_before_anything_runs)
{
	const char *dir = folder_initial(), *database = database_use();

	file_write(dir, gaps[_i].name, second("more"));
	if (gaps[_i].other != NULL)
		file_write(dir, gaps[_i].other, second("more"));
	is_refused(database, dir, gaps[_i].name);
	ck_assert(!is_there("schema_migration"));
}
END_TEST

START_TEST(database_with_a_gap_is_refused)
{
	const char *dir = folder_initial(), *database = database_use();

	succeeds(database, dir, "0001");
	file_write(dir, "0002_second.sql", second("more"));
	file_write(dir, "0003_third.sql", second("yet_more"));
	sql_exec("INSERT INTO postern.schema_migration (version, name)"
		 " VALUES (3, 'third')");
	is_refused(database, dir, "0002");
	ck_assert(!is_there("more"));
}
END_TEST

START_TEST(empty_or_missing_folder_is_refused)
{
	const char *dir = folder_new(), *database = database_use();

	is_refused(database, dir, dir);
	ck_assert_int_eq(rmdir(dir), 0);
	is_refused(database, dir, dir);
}
END_TEST

START_TEST(database_that_is_away_is_a_failure_that_says_so)
{
	const char *dir = folder_initial();
	struct run r = migrate("no_such_database_here", dir);

	ck_assert_int_eq(r.status, 1);
	ck_assert_ptr_nonnull(strstr(r.said, "no_such_database_here"));
}
END_TEST

/* What a migration runs by. */
START_TEST(script_runs_whole_or_says_why)
{
	struct db *db = db_open(&(struct db_options){
	    .conninfo = cluster_conninfo(),
	    .user = WEB,
	    .password = cluster_password(),
	    .prepare = true,
	    .budget_ms = 5000,
	});
	const char *event = address_random().canonical, *why = NULL;
	const char *put = arena_printf(test_mem(),
	    "INSERT INTO postern.audit_event (event) VALUES ('%s')", event);

	ck_assert_int_ne(db_script(db, test_mem(),
			     arena_printf(test_mem(),
				 "%s; SELECT 1; SELECT nothing", put),
			     &why),
	    OK);
	ck_assert_ptr_nonnull(strstr(why, "nothing"));
	ck_assert_int_eq(db_script(db, test_mem(),
			     arena_printf(test_mem(), "%s; SELECT 1", put),
			     &why),
	    OK);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.audit_event"
				 " WHERE event = '%s'",
			     event),
	    1);
	db_close(&db);
}
END_TEST

Suite *
migrate_suite(void)
{
	const struct test_case cases[] = {
		CASE(empty_database_gets_the_schema_once, 0),
		CASE(script_runs_whole_or_says_why, 0),
		CASE(new_file_is_applied_after_the_old, 0),
		CASE(changed_file_is_refused_by_name, 0),
		CASE(what_psql_applied_is_adopted, 0),
		CASE(two_at_once_both_succeed, 0),
		CASE(failing_file_is_undone_and_named, 0),
		CASE(folder_with_a_gap_is_refused_before_anything_runs,
		    ROWS(gaps)),
		CASE(database_with_a_gap_is_refused, 0),
		CASE(empty_or_missing_folder_is_refused, 0),
		CASE(database_that_is_away_is_a_failure_that_says_so, 0),
	};

	return test_suite("migrate", cases, ROWS(cases));
}
