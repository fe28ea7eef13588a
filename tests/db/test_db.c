/* SPDX-License-Identifier: ISC */
/*
 * The domain against a real PostgreSQL, each function as the role that runs
 * it in production.  main() starts the server, the suites follow, and here
 * is what they have in common: configuration, units, people, processes.
 */
#include "test_db.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "domain/key_rotation.h"
#include "domain/one_time_token.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/log.h"
#include "platform/yescrypt.h"

#define UNITS_MAX 8

static struct arena *memory;
static struct key_ring ring; /* one for all tests: they share signing keys */
static struct unit units[UNITS_MAX];
static struct signing_keys *signing[UNITS_MAX];
static int nunits;

struct arena *
test_mem(void)
{
	if (memory == NULL)
		memory = arena_new((size_t)64 << 20);
	return memory;
}

const char *
test_environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : ".";
}

/* Configuration. ------------------------------------------------------- */

static void
report(void *arg, bool fatal, const char *file, int line, const char *what)
{
	(void)arg;
	if (fatal)
		ck_abort_msg("%s:%d: %s", file, line, what);
}

void
conf_set(const char *lines)
{
	static struct config *mine;
	struct config *old = mine;
	char *path =
	    arena_printf(test_mem(), "%s/conf-XXXXXX", cluster_scratch());
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_gt(dprintf(fd, "public_url = http://127.0.0.1:8080\n%s%s",
			     strstr(lines, "password_cost") == NULL ?
				 "password_cost = 1\n" :
				 "",
			     lines),
	    0);
	close(fd);
	mine = config_load(path, report, NULL);
	unlink(path);
	ck_assert_ptr_nonnull(mine);
	conf = mine;
	config_free(&old);
}

/* Units. --------------------------------------------------------------- */

static void
units_close(void)
{
	for (int i = 0; i < nunits; i++) {
		signing_keys_free(&signing[i]);
		db_close(&units[i].db);
		arena_free(&units[i].mem);
	}
	nunits = 0;
}

struct unit *
unit_as(const char *role)
{
	struct db_options o = {
		.conninfo = cluster_conninfo(),
		.user = role,
		.password = cluster_password(),
		.prepare = true,
		.budget_ms = 10000,
	};
	struct unit *u = &units[nunits];

	ck_assert_int_lt(nunits, UNITS_MAX);
	if (nunits++ == 0)
		ck_assert_int_eq(atexit(units_close), 0);
	if (conf == NULL)
		conf_set("");
	u->mem = arena_new((size_t)8 << 20);
	u->db = db_open(&o);
	u->keys = strcmp(role, MAILER) == 0 ? NULL : &ring;
	u->signing = NULL;
	return next(u);
}

struct unit *
unit_signing(const char *role)
{
	struct unit *janitor = unit_as(JANITOR);
	struct unit *u = unit_as(role);
	struct signing_keys *keys = signing_keys_new();
	struct key_rotation done;

	ck_assert_int_eq(key_rotation_run(janitor, &done), OK);
	ck_assert_int_eq(signing_keys_refresh(u, keys, 0), OK);
	signing[u - units] = keys;
	u->signing = keys;
	return u;
}

struct unit *
next(struct unit *u)
{
	u->now = time(NULL);
	db_request(u->db);
	return u;
}

/* People. -------------------------------------------------------------- */

static const char *
random_hex(size_t n)
{
	unsigned char r[16];
	char *hex = arena_alloc(test_mem(), 2 * n + 1);

	ck_assert_uint_le(n, sizeof r);
	crypto_random(r, n);
	hex_encode(hex, r, n);
	return hex;
}

struct address
address_random(void)
{
	struct address a;
	const char *typed =
	    arena_printf(test_mem(), "Some.One+%s@Mail.EXAMPLE", random_hex(8));

	ck_assert_int_eq(address_parse(&a, test_mem(), typed), OK);
	return a;
}

const char *
client_random(void)
{
	unsigned char r[4] = { 0 };
	char text[INET_ADDRSTRLEN];

	crypto_random(r + 1, 3);
	r[0] = 10;
	ck_assert_ptr_nonnull(inet_ntop(AF_INET, r, text, sizeof text));
	return arena_strdup(test_mem(), text);
}

static const char *
hash_of(const char *password)
{
	static bool open;
	char *hash = arena_alloc(test_mem(), YESCRYPT_MAX);

	if (!open)
		yescrypt_open();
	open = true;
	ck_assert_int_eq(yescrypt_hash(hash, password, 1), OK);
	return hash;
}

struct person
person_new(bool verified)
{
	struct person p = { .address = address_random() };
	unsigned char r[10];
	char *text = arena_alloc(test_mem(), UUID_TEXT);

	crypto_random(r, sizeof r);
	p.id = uuid_v7((int64_t)time(NULL) * 1000, r);
	p.id_text = uuid_text(text, &p.id);
	sql_exec("INSERT INTO postern.account"
		 " (id, address, canonical, verified_at)"
		 " VALUES ('%s', '%s', '%s', %s);"
		 "INSERT INTO postern.password (account_id, hash)"
		 " VALUES ('%s', '%s')",
	    text, p.address.text, p.address.canonical,
	    verified ? "now()" : "NULL", text, hash_of(GOOD_PASSWORD));
	return p;
}

struct account
person_account(struct unit *u, const struct person *p)
{
	struct account acc;

	ck_assert_int_eq(account_authenticate(next(u), &p->address,
			     GOOD_PASSWORD, &acc),
	    OK);
	return acc;
}

struct token_pair
sign_in_again(const struct signed_in *s)
{
	struct account acc = person_account(s->password, &s->person);
	struct token_pair pair;

	ck_assert_int_eq(session_start(next(s->password), &acc, "192.0.2.1",
			     "Browser/1.0", &pair),
	    OK);
	return pair;
}

struct signed_in
sign_in(void)
{
	struct signed_in s = { .person = person_new(true) };

	s.password = unit_signing(PASSWORD);
	s.web = unit_signing(WEB);
	s.pair = sign_in_again(&s);
	return s;
}

const char *
sql_for(const char *sql, const char *id)
{
	struct buf b;
	const char *at;

	buf_init(&b, test_mem());
	while ((at = strstr(sql, "$id")) != NULL) {
		buf_put(&b, sql, (size_t)(at - sql));
		buf_puts(&b, id);
		sql = at + strlen("$id");
	}
	buf_puts(&b, sql);
	return b.data;
}

const char *
token_insert(const struct person *p, const char *purpose, int seconds)
{
	unsigned char raw[ONE_TIME_TOKEN_RAW] = { 1 };
	char *text = arena_alloc(test_mem(), ONE_TIME_TOKEN_TEXT);
	char hex[65];
	struct one_time_token t;

	memcpy(raw + 1, p->id.b, sizeof p->id.b);
	crypto_random(raw + 17, sizeof raw - 17);
	base64url_encode(text, raw, sizeof raw);
	ck_assert(one_time_token_parse(&t, text));
	hex_encode(hex, t.hash, sizeof t.hash);
	sql_exec("INSERT INTO postern.one_time_token"
		 " (account_id, hash, purpose, canonical, epoch, expires_at)"
		 " SELECT id, '\\x%s', '%s', canonical, epoch,"
		 "  now() + %d * interval '1 s'"
		 " FROM postern.account WHERE id = '%s'",
	    hex, purpose, seconds, p->id_text);
	return text;
}

/* Processes. ----------------------------------------------------------- */

static void
read_whole(int fd, void *to, size_t n)
{
	for (char *p = to; n > 0;) {
		ssize_t got = read(fd, p, n);

		ck_assert_msg(got > 0, "a child broke off");
		p += got;
		n -= (size_t)got;
	}
}

static _Noreturn void
child(int start, int answer, void (*body)(const void *, struct outcome *),
    const void *arg)
{
	struct outcome o = { .value = -1 };
	char byte;

	nunits = 0;
	if (read(start, &byte, 1) != 0)
		_exit(1);
	body(arg, &o);
	_exit(write(answer, &o, sizeof o) == (ssize_t)sizeof o ? 0 : 1);
}

void
together(int n, void (*body)(const void *arg, struct outcome *o),
    const void *arg, struct outcome *out)
{
	int start[2], answer[2];

	ck_assert_int_eq(pipe(start), 0);
	/* Each answer fits what a pipe takes in one piece. */
	ck_assert_int_eq(pipe(answer), 0);
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid != 0)
			continue;
		close(start[1]);
		child(start[0], answer[1], body, arg);
	}
	close(start[0]);
	close(answer[1]);
	close(start[1]);
	for (int i = 0; i < n; i++)
		read_whole(answer[0], &out[i], sizeof out[i]);
	close(answer[0]);
	while (wait(NULL) > 0)
		;
}

void
sql_hold(const char *fmt, ...)
{
	const char *sql;
	int held[2];
	char byte;
	va_list ap;
	pid_t pid;

	va_start(ap, fmt);
	sql = sql_format(fmt, ap);
	va_end(ap);
	ck_assert_int_eq(pipe(held), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		sql_exec("BEGIN");
		sql_exec_text(sql);
		close(held[0]);
		close(held[1]);
		sql_exec("SELECT pg_sleep(1); COMMIT");
		_exit(0);
	}
	close(held[1]);
	ck_assert_int_eq(read(held[0], &byte, 1), 0);
	close(held[0]);
}

int
main(void)
{
	SRunner *r;
	int failed, status;

	log_open("test_db", LOG_LEVEL_WARN);
	crypto_random(&ring, sizeof ring);
	status = cluster_open();
	if (status != 0) {
		/* A TAP harness reads the plan of no tests and wants a 0. */
		return getenv("CK_TAP_LOG_FILE_NAME") != NULL ? 0 : status;
	}
	r = srunner_create(roles_suite());
	srunner_add_suite(r, connection_suite());
	srunner_add_suite(r, forget_suite());
	srunner_add_suite(r, account_suite());
	srunner_add_suite(r, session_suite());
	srunner_add_suite(r, key_suite());
	srunner_add_suite(r, limits_suite());
	srunner_add_suite(r, outbox_suite());
	srunner_add_suite(r, own_account_suite());
	srunner_add_suite(r, races_suite());
	srunner_add_suite(r, migrate_suite());
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	cluster_close();
	arena_free(&memory);
	return failed == 0 ? 0 : 1;
}
