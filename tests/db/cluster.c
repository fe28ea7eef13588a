/* SPDX-License-Identifier: ISC */
/*
 * The PostgreSQL under test, and plain SQL on it as its owner.  The owner is
 * no superuser: what the schema needs beyond ordinary rights would show.
 *
 * A keeper process holds the server and the read end of a pipe whose write
 * ends die with us: so the server and its files go also when a test, or
 * whoever runs the tests, kills this program.
 */
#include "test_db.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "base/buf.h"
#include "platform/crypto.h"

#define OWNER "postern_owner"
#define SQL_MAX ((size_t)256 << 10) /* of the schema's file */

static struct {
	char dir[80];            /* of the private cluster; "" for none */
	char scratch[80];        /* folder for files of tests */
	char bin[200];           /* of PostgreSQL's programs */
	const char *foreign;     /* POSTERN_TEST_DATABASE_URL, or NULL */
	char database[40];       /* the tests' database */
	char role_password[33];  /* "" for none */
	bool made_roles;         /* at the foreign server */
	int leash;               /* write end of the keeper's pipe */
	pid_t keeper, main, own; /* own: whose connection conn is */
	char use[60];            /* what sql_use() chose; "" for database */
	PGconn *conn;            /* the owner's */
} cluster = { .leash = -1 };

/* Within a test a failed test, in main() the end. */
static void
check(bool fine, const char *what, const char *why)
{
	if (fine)
		return;
	if (cluster.main != getpid())
		ck_abort_msg("%s: %s", what, why);
	(void)fprintf(stderr, "test_db: %s: %s\n", what, why);
	exit(1);
}

/* Conninfo. ------------------------------------------------------------ */

static void
uri_part(struct buf *b, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	buf_putc(b, strchr(b->data, '?') == NULL ? '?' : '&');
	buf_printf(b, "%s=", name);
	for (const char *p = value; *p != '\0'; p++)
		buf_printf(b, "%%%02X", (unsigned char)*p);
}

/* Of the parsed foreign URI all but what is given here. */
static void
uri_foreign(struct buf *b, bool with_user)
{
	PQconninfoOption *all = PQconninfoParse(cluster.foreign, NULL);

	check(all != NULL, "POSTERN_TEST_DATABASE_URL", "is no URI");
	for (PQconninfoOption *o = all; o != NULL && o->keyword != NULL; o++) {
		bool who = strcmp(o->keyword, "user") == 0 ||
		    strcmp(o->keyword, "password") == 0;

		if (strcmp(o->keyword, "dbname") != 0 && (!who || with_user))
			uri_part(b, o->keyword, o->val);
	}
	PQconninfoFree(all);
}

/* user NULL: none in the URI; OWNER: whoever owns the database. */
static const char *
uri(const char *user, const char *database)
{
	struct buf b;
	bool owner = user != NULL && strcmp(user, OWNER) == 0;

	buf_init(&b, test_mem());
	buf_puts(&b, "postgresql://");
	if (cluster.foreign != NULL)
		uri_foreign(&b, owner);
	else
		uri_part(&b, "host", cluster.dir);
	if (cluster.foreign == NULL || !owner)
		uri_part(&b, "user", user);
	if (cluster.foreign != NULL && user != NULL && !owner)
		uri_part(&b, "password", cluster.role_password);
	uri_part(&b, "dbname", database);
	return b.data;
}

const char *
cluster_conninfo(void)
{
	return uri(NULL, cluster.database);
}

const char *
cluster_owner_uri(const char *database)
{
	return uri(OWNER, database);
}

const char *
cluster_password(void)
{
	if (*cluster.role_password == '\0')
		return NULL;
	return cluster.role_password;
}

/* Plain SQL. ----------------------------------------------------------- */

static PGconn *
connect_to(const char *where)
{
	PGconn *c = PQconnectdb(where);

	check(PQstatus(c) == CONNECTION_OK, "cannot connect",
	    PQerrorMessage(c));
	return c;
}

static PGconn *
owner(void)
{
	const char *database = cluster.database;

	if (cluster.conn != NULL && cluster.own == getpid())
		return cluster.conn;
	if (*cluster.use != '\0')
		database = cluster.use;
	cluster.own = getpid();
	cluster.conn = connect_to(cluster_owner_uri(database));
	PQsetNoticeProcessor(cluster.conn, NULL, NULL);
	return cluster.conn;
}

static void
sql_close(void)
{
	if (cluster.conn != NULL && cluster.own == getpid())
		PQfinish(cluster.conn);
	cluster.conn = NULL;
}

void
sql_use(const char *database)
{
	sql_close();
	check(strlen(database) < sizeof cluster.use, database, "too long");
	memcpy(cluster.use, database, strlen(database) + 1);
}

static PGresult *
run(const char *sql)
{
	PGresult *r = PQexec(owner(), sql);
	ExecStatusType s = PQresultStatus(r);

	check(s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK, sql,
	    PQerrorMessage(cluster.conn));
	return r;
}

const char *
sql_format(const char *fmt, va_list ap)
{
	char *s = arena_alloc(test_mem(), 8192);
	int n = vsnprintf(s, 8192, fmt, ap);

	check(n >= 0 && n < 8192, fmt, "too long");
	return s;
}

void
sql_exec_text(const char *sql)
{
	PQclear(run(sql));
}

void
sql_exec(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	PQclear(run(sql_format(fmt, ap)));
	va_end(ap);
}

static const char *
first_cell(const char *sql)
{
	PGresult *r = run(sql);
	const char *s = NULL;

	if (PQntuples(r) > 0 && !PQgetisnull(r, 0, 0))
		s = arena_strdup(test_mem(), PQgetvalue(r, 0, 0));
	PQclear(r);
	return s;
}

const char *
sql_text(const char *fmt, ...)
{
	va_list ap;
	const char *s;

	va_start(ap, fmt);
	s = first_cell(sql_format(fmt, ap));
	va_end(ap);
	return s;
}

int64_t
sql_int(const char *fmt, ...)
{
	va_list ap;
	const char *s;

	va_start(ap, fmt);
	s = first_cell(sql_format(fmt, ap));
	va_end(ap);
	check(s != NULL, fmt, "gave nothing");
	return strtoll(s, NULL, 10);
}

const char *
sql_try(const char *role, const char *sql)
{
	PGconn *c = connect_to(uri(role, cluster.database));
	PGresult *r = PQexec(c, sql);
	ExecStatusType s = PQresultStatus(r);
	const char *state = "00000";

	if (s == PGRES_FATAL_ERROR)
		state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	state = arena_strdup(test_mem(), state == NULL ? "lost" : state);
	PQclear(r);
	PQfinish(c);
	return state;
}

const char *
sql_file(const char *name)
{
	const char *path = arena_printf(test_mem(), "%s/sql/%s",
	    test_environment("POSTERN_SOURCE"), name);
	char *text = arena_alloc(test_mem(), SQL_MAX);
	FILE *f = fopen(path, "re");
	size_t n;

	check(f != NULL, "cannot read", path);
	n = fread(text, 1, SQL_MAX - 1, f);
	check(n > 0 && n < SQL_MAX - 1 && fclose(f) == 0, "reading", path);
	return text;
}

const char *
cluster_database_new(void)
{
	unsigned char r[6];
	char hex[13];
	const char *name;

	crypto_random(r, sizeof r);
	hex_encode(hex, r, sizeof r);
	name = arena_printf(test_mem(), "%s_%s", cluster.database, hex);
	sql_exec("CREATE DATABASE %s", name);
	return name;
}

/* The keeper. ---------------------------------------------------------- */

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st;
	(void)flag;
	(void)at;
	return remove(path);
}

static const struct passwd *
server_user(void)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return NULL;
	pw = getpwnam("postgres");
	return pw != NULL ? pw : getpwnam("nobody");
}

/* Stays when the cluster goes, to be searched (scripts/test). */
static const char *
log_path(void)
{
	return arena_printf(test_mem(), "%s/tests/db/postgresql.log",
	    test_environment("POSTERN_BUILD"));
}

/* Runs a program of PostgreSQL's, not as root; everything it says goes to
 * the log. */
static pid_t
spawn(const char *const *argv)
{
	const struct passwd *pw = server_user();
	char *args[20] = { NULL };
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	for (int i = 0; argv[i] != NULL; i++)
		args[i] = arena_strdup(test_mem(), argv[i]);
	setsid();
	fd = open(log_path(), O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 ||
	    chdir(cluster.dir) != 0)
		_exit(127);
	if (pw != NULL &&
	    (setgroups(0, NULL) != 0 || setgid(pw->pw_gid) != 0 ||
		setuid(pw->pw_uid) != 0))
		_exit(127);
	execv(args[0], args);
	_exit(127);
}

static bool
finished_well(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void
keep_server(int leash)
{
	char program[220], data[100], byte;
	const char *argv[] = { program, "-D", data, "-k", cluster.dir, "-c",
		"listen_addresses=", "-c", "fsync=off", "-c",
		"full_page_writes=off", "-c", "max_connections=60", "-c",
		"shared_buffers=16MB", NULL };
	pid_t server;

	(void)snprintf(program, sizeof program, "%s/postgres", cluster.bin);
	(void)snprintf(data, sizeof data, "%s/data", cluster.dir);
	server = spawn(argv);
	while (read(leash, &byte, 1) > 0)
		;
	if (server > 0 && kill(server, SIGQUIT) == 0)
		waitpid(server, NULL, 0);
	nftw(cluster.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The names one query gives, each put into fmt and run. */
static void
run_each(PGconn *c, const char *query, const char *fmt)
{
	PGresult *r = PQexec(c, query);
	char sql[200];

	for (int i = 0; i < PQntuples(r); i++) {
		int n = snprintf(sql, sizeof sql, "%s %s", fmt,
		    PQgetvalue(r, i, 0));

		if (n > 0 && n < (int)sizeof sql)
			PQclear(PQexec(c, sql));
	}
	PQclear(r);
}

static void
keep_database(int leash)
{
	const char *query = arena_printf(test_mem(),
	    "SELECT datname || ' WITH (FORCE)' FROM pg_database"
	    " WHERE datname LIKE '%s%%'",
	    cluster.database);
	PGconn *c;
	char byte;

	while (read(leash, &byte, 1) > 0)
		;
	c = PQconnectdb(cluster.foreign);
	run_each(c, query, "DROP DATABASE");
	if (cluster.made_roles)
		run_each(c,
		    "SELECT unnest(ARRAY['postern_web', 'postern_password',"
		    " 'postern_mailer', 'postern_janitor', 'postern_admin'])",
		    "DROP ROLE IF EXISTS");
	PQfinish(c);
}

const char *
cluster_scratch(void)
{
	return cluster.scratch;
}

static void
keep(void (*what)(int leash))
{
	int fds[2];

	(void)snprintf(cluster.scratch, sizeof cluster.scratch,
	    "/tmp/postern-test-db-XXXXXX");
	check(mkdtemp(cluster.scratch) != NULL, "cannot make", cluster.scratch);
	if (pipe2(fds, O_CLOEXEC) != 0 || (cluster.keeper = fork()) < 0)
		exit(1);
	if (cluster.keeper == 0) {
		setsid();
		close(fds[1]);
		what(fds[0]);
		nftw(cluster.scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		_exit(0);
	}
	close(fds[0]);
	cluster.leash = fds[1];
	if (atexit(cluster_close) != 0)
		exit(1);
}

void
cluster_close(void)
{
	if (cluster.main != getpid() || cluster.leash < 0)
		return;
	sql_close();
	close(cluster.leash);
	cluster.leash = -1;
	waitpid(cluster.keeper, NULL, 0);
}

/* Starting. ------------------------------------------------------------ */

static bool
find_programs(void)
{
	static const char *const places[] = { "/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/usr/local/bin",
		"/usr/bin" };
	char path[220];

	for (size_t i = 0; i < ROWS(places); i++) {
		glob_t g;

		if (glob(places[i], 0, NULL, &g) != 0)
			continue;
		(void)snprintf(cluster.bin, sizeof cluster.bin, "%s",
		    g.gl_pathv[g.gl_pathc - 1]);
		globfree(&g);
		(void)snprintf(path, sizeof path, "%s/initdb", cluster.bin);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static bool
init_in(const char *parent)
{
	const struct passwd *pw = server_user();
	char program[220], data[100];
	const char *argv[] = { program, "--no-sync", "-A", "trust", "-U",
		"postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D", data,
		NULL };

	/* A socket's path has room for 107 bytes. */
	if (parent == NULL || strlen(parent) > 55)
		return false;
	(void)snprintf(cluster.dir, sizeof cluster.dir, "%s/postern-db-XXXXXX",
	    parent);
	if (mkdtemp(cluster.dir) == NULL)
		return false;
	(void)snprintf(program, sizeof program, "%s/initdb", cluster.bin);
	(void)snprintf(data, sizeof data, "%s/data", cluster.dir);
	if ((pw == NULL || chown(cluster.dir, pw->pw_uid, pw->pw_gid) == 0) &&
	    finished_well(spawn(argv)) && write_hba(data))
		return true;
	nftw(cluster.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return false;
}

static bool
answers(const char *where)
{
	for (int i = 0; i < 400; i++) {
		if (PQping(where) == PQPING_OK)
			return true;
		usleep(50 * 1000);
	}
	return false;
}

/* The owner's role and database, made by the cluster's superuser. */
static void
private_database(void)
{
	PGconn *c = connect_to(uri("postgres", "postgres"));

	strcpy(cluster.database, "postern_test");
	PQclear(PQexec(c, "CREATE ROLE " OWNER " LOGIN CREATEROLE CREATEDB"));
	PQclear(PQexec(c, "CREATE DATABASE postern_test OWNER " OWNER));
	PQfinish(c);
}

static int
private_start(void)
{
	if (!find_programs()) {
		puts("1..0 # SKIP PostgreSQL's initdb is not installed");
		return 77;
	}
	(void)unlink(log_path());
	check(init_in(getenv("TMPDIR")) || init_in("/var/tmp") ||
		init_in("/tmp"),
	    "initdb", "failed");
	keep(keep_server);
	check(answers(uri("postgres", "postgres")), "the PostgreSQL server",
	    "does not start");
	private_database();
	return 0;
}

static int
foreign_start(void)
{
	unsigned char r[16];
	PGconn *c = connect_to(cluster.foreign);
	PGresult *roles =
	    PQexec(c, "SELECT FROM pg_roles WHERE rolname = '" WEB "'");
	const char *sql;

	crypto_random(r, sizeof r);
	cluster.made_roles = PQntuples(roles) == 0;
	if (cluster.made_roles)
		hex_encode(cluster.role_password, r, sizeof r);
	PQclear(roles);
	crypto_random(r, sizeof r);
	strcpy(cluster.database, "postern_test_");
	hex_encode(cluster.database + strlen(cluster.database), r, 6);
	keep(keep_database);
	sql = arena_printf(test_mem(), "CREATE DATABASE %s", cluster.database);
	PQclear(PQexec(c, sql));
	PQfinish(c);
	return 0;
}

/* Roles that we made ourselves get a password; others are left alone. */
static void
role_passwords(void)
{
	static const char *const roles[] = { WEB, PASSWORD, MAILER, JANITOR,
		ADMIN };

	for (size_t i = 0; cluster.made_roles && i < ROWS(roles); i++)
		sql_exec("ALTER ROLE %s PASSWORD '%s'", roles[i],
		    cluster.role_password);
}

int
cluster_open(void)
{
	int status;

	cluster.main = getpid();
	cluster.foreign = getenv("POSTERN_TEST_DATABASE_URL");
	status = cluster.foreign != NULL ? foreign_start() : private_start();
	if (status != 0)
		return status;
	sql_exec("BEGIN");
	sql_exec_text(sql_file("0001_initial.sql"));
	sql_exec_text(sql_file("0002_own_account.sql"));
	sql_exec_text(sql_file("0003_races.sql"));
	sql_exec("COMMIT");
	role_passwords();
	sql_close();
	return 0;
}
