/* SPDX-License-Identifier: ISC */
/*
 * The life of signing keys: made, published, taken up, replaced, retired; by
 * the janitor and by posternctl, each with its own role.  Keys are moved
 * through time by moving the times in their rows.
 */
#include "test_db.h"

#include <string.h>
#include <unistd.h>

#include "domain/access_token.h"
#include "domain/key_rotation.h"
#include "domain/schema.h"
#include "domain/token_cache.h"
#include "platform/clock.h"

/* No keys but those that the test makes. */
static struct unit *
start(void)
{
	struct unit *janitor = unit_as(JANITOR);

	sql_exec("DELETE FROM postern.signing_key");
	return janitor;
}

static struct key_rotation
run(struct unit *janitor)
{
	struct key_rotation done;

	ck_assert_int_eq(key_rotation_run(next(janitor), &done), OK);
	return done;
}

static void
pass(const char *time)
{
	sql_exec("UPDATE postern.signing_key SET"
		 " created_at = created_at - interval '%s',"
		 " active_at = active_at - interval '%s',"
		 " retired_at = retired_at - interval '%s',"
		 " expires_at = expires_at - interval '%s'",
	    time, time, time, time);
}

static const char *
listed(struct unit *u, const char *kid)
{
	struct key_listed *list;
	int n;

	ck_assert_int_eq(key_rotation_list(next(u), &list, &n), OK);
	for (int i = 0; i < n; i++)
		if (strcmp(list[i].kid, kid) == 0)
			return list[i].state;
	return "gone";
}

/* The keys a worker has: which signs, and how many verify. */
static const char *
signer(struct unit *worker, int *verify)
{
	const char *kid = "none", *ignored;

	ck_assert_int_eq(signing_keys_refresh(next(worker), worker->signing, 0),
	    OK);
	*verify = 0;
	while (signing_keys_at(worker->signing, *verify, &ignored) != NULL)
		(*verify)++;
	(void)signing_keys_current(worker->signing, &kid);
	return arena_strdup(test_mem(), kid);
}

START_TEST(first_key_is_made_once)
{
	struct unit *janitor = start();
	struct key_rotation done = run(janitor);

	ck_assert_str_ne(done.first, "");
	ck_assert_str_eq(listed(janitor, done.first), "signs");
	done = run(janitor);
	ck_assert_str_eq(done.first, "");
	ck_assert_str_eq(done.next, "");
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.signing_key"),
	    1);
}
END_TEST

/* A migration that takes its time keeps no key from being made. */
START_TEST(migration_does_not_hold_up_keys)
{
	struct unit *janitor = start(), *migrating = unit_as(ADMIN);

	ck_assert_int_eq(schema_lock(migrating), OK);
	ck_assert_str_ne(run(janitor).first, "");
}
END_TEST

/* From one key to the next, as the days go by. */
START_TEST(keys_rotate_by_themselves)
{
	struct unit *janitor = start(), *web = unit_signing(WEB);
	struct key_rotation done;
	const char *first;
	char second[SIGNING_KID_TEXT];
	int n;

	conf_set("key_rotation = 30d\nrefresh_token_lifetime = 10d\n");
	first = signer(web, &n);
	pass("28 days 23 hours");
	done = run(janitor);
	ck_assert_str_eq(done.next, "");
	pass("1 hour");
	done = run(janitor);
	ck_assert_str_ne(done.next, "");
	memcpy(second, done.next, sizeof second);
	ck_assert_str_eq(listed(janitor, second), "next");
	/* Published, and it verifies, but it does not sign yet. */
	ck_assert_str_eq(signer(web, &n), first);
	ck_assert_int_eq(n, 2);
	pass("23 hours 59 minutes");
	done = run(janitor);
	ck_assert_str_eq(done.next, "");
	ck_assert_str_eq(signer(web, &n), first);
	pass("1 minute");
	/* It takes over whether or not the janitor was there. */
	ck_assert_str_eq(signer(web, &n), second);
	done = run(janitor);
	ck_assert_int_eq(done.retired, 1);
	ck_assert_str_eq(listed(janitor, first), "retired");
	(void)signer(web, &n);
	ck_assert_int_eq(n, 2);
	/* A token of the last moment may live a day. */
	pass("1 day 9 minutes");
	(void)signer(web, &n);
	ck_assert_int_eq(n, 2);
	pass("2 minutes");
	ck_assert_str_eq(signer(web, &n), second);
	ck_assert_int_eq(n, 1);
	ck_assert_str_eq(listed(janitor, first), "over");
	pass("9 days 23 hours");
	ck_assert_int_eq(run(janitor).deleted, 0);
	pass("1 hour");
	ck_assert_int_eq(run(janitor).deleted, 1);
	ck_assert_str_eq(listed(janitor, first), "gone");
}
END_TEST

/* A worker that has the next key needs no reading to take it up in time. */
START_TEST(next_key_takes_over_on_time)
{
	struct unit *janitor = start(), *web = unit_signing(WEB);
	const char *first, *kid = "";
	char second[SIGNING_KID_TEXT];
	int n;

	first = signer(web, &n);
	ck_assert_int_eq(unit_begin(janitor), OK);
	ck_assert_int_eq(signing_key_make(janitor, 1, second), OK);
	ck_assert_int_eq(unit_commit(janitor), OK);
	ck_assert_str_eq(signer(web, &n), first);
	for (int tries = 0; strcmp(kid, second) != 0; tries++) {
		ck_assert_int_lt(tries, 500);
		usleep(10000);
		(void)signing_keys_current(web->signing, &kid);
	}
}
END_TEST

START_TEST(admin_rotates)
{
	struct unit *janitor = start(), *admin = unit_as(ADMIN);
	char first[SIGNING_KID_TEXT], kid[SIGNING_KID_TEXT];
	char again[SIGNING_KID_TEXT];
	bool waits;

	memcpy(first, run(janitor).first, sizeof first);
	ck_assert_int_eq(key_rotation_next(admin, false, &waits, kid), OK);
	ck_assert(!waits);
	ck_assert_str_eq(listed(admin, kid), "next");
	ck_assert_str_eq(listed(admin, first), "signs");
	ck_assert_int_eq(key_rotation_next(next(admin), false, &waits, again),
	    OK);
	ck_assert(waits);
	ck_assert_str_eq(again, kid);
	ck_assert_int_eq(sql_int("SELECT extract(epoch FROM active_at -"
				 " created_at)::int FROM postern.signing_key"
				 " WHERE kid = '%s'",
			     kid),
	    86400);
	/* Not to wait: another one, in force; the one that waited still does.
	 */
	ck_assert_int_eq(key_rotation_next(next(admin), true, &waits, again),
	    OK);
	ck_assert(!waits);
	ck_assert_str_eq(listed(admin, first), "signs");
	pass("2 s");
	ck_assert_str_eq(listed(admin, again), "signs");
	ck_assert_str_eq(listed(admin, first), "retired");
	ck_assert_str_eq(listed(admin, kid), "next");
}
END_TEST

START_TEST(admin_retires)
{
	struct unit *admin, *web;
	char kid[SIGNING_KID_TEXT];
	enum key_retirement result;
	const char *first;
	bool waits;
	int n;

	(void)start();
	web = unit_signing(WEB);
	admin = unit_as(ADMIN);
	admin->keys = web->keys;
	first = signer(web, &n);
	ck_assert_int_eq(key_rotation_retire(admin, first, &result), OK);
	ck_assert_int_eq(result, KEY_ONLY);
	ck_assert_int_eq(key_rotation_retire(next(admin), "x", &result), OK);
	ck_assert_int_eq(result, KEY_UNKNOWN);
	ck_assert_int_eq(key_rotation_next(next(admin), true, &waits, kid), OK);
	admin->keys = NULL; /* from here on without the key file */
	ck_assert_int_eq(key_rotation_retire(next(admin), first, &result), OK);
	ck_assert_int_eq(result, KEY_RETIRED);
	(void)signer(web, &n);
	ck_assert_int_eq(n, 1);
	pass("2 s");
	ck_assert_str_eq(signer(web, &n), kid);
	ck_assert_int_eq(key_rotation_retire(next(admin), first, &result), OK);
	ck_assert_int_eq(result, KEY_UNKNOWN);
	ck_assert_int_eq(key_rotation_retire(next(admin), kid, &result), OK);
	ck_assert_int_eq(result, KEY_ONLY);
}
END_TEST

/* A row that does not open under the key file decides nothing. */
START_TEST(foreign_row_retires_nothing)
{
	struct unit *janitor = start(), *web = unit_signing(WEB);
	struct key_rotation done;
	const char *first;
	int n;

	first = signer(web, &n);
	sql_exec("INSERT INTO postern.signing_key (kid, algorithm, public_key,"
		 " sealed_private_key) VALUES ('slipped-in', 'ES256',"
		 " '\\x00', sha512('x'))");
	done = run(janitor);
	ck_assert_int_eq(done.retired, 0);
	ck_assert_str_eq(done.first, "");
	ck_assert_str_eq(signer(web, &n), first);
	ck_assert_int_eq(n, 1);
}
END_TEST

/* Tokens. -------------------------------------------------------------- */

static const char *
sign(struct unit *u)
{
	struct access_token t = { .expires = u->now + 900 };
	const char *text;

	ck_assert_int_eq(access_token_sign(u, &t, &text), OK);
	return arena_strdup(test_mem(), text);
}

/*
 * Another worker signs with a key this one has not heard of: it looks, and
 * finds it, though its own reading is fresh.
 */
START_TEST(token_of_a_new_key_is_looked_up)
{
	struct unit *janitor = start(), *web = unit_signing(WEB);
	struct unit *other = unit_signing(PASSWORD);
	struct access_token t;
	char kid[SIGNING_KID_TEXT];
	const char *text;
	bool waits;
	int n;

	(void)signer(web, &n);
	ck_assert_int_eq(key_rotation_next(next(janitor), true, &waits, kid),
	    OK);
	/* However it falls: by the time it signs, whoever has not heard of it
	 * may look. */
	do
		usleep(10000);
	while (strcmp(signer(other, &n), kid) != 0);
	text = sign(other);
	ck_assert_int_eq(access_token_verify(next(web), text, &t), OK);
}
END_TEST

/* Neither signs nor verifies by what it read long ago. */
START_TEST(idle_worker_looks_before_it_signs)
{
	struct unit *janitor = start(), *web = unit_signing(WEB);
	struct signing_keys *never_read = signing_keys_new(), *read;
	char kid[SIGNING_KID_TEXT];
	struct access_token t;
	const char *text;
	bool waits;
	int n;

	(void)signer(web, &n);
	ck_assert_int_eq(key_rotation_next(next(janitor), true, &waits, kid),
	    OK);
	/* As stale as can be. */
	read = web->signing;
	web->signing = never_read;
	(void)sign(next(web));
	ck_assert_ptr_nonnull(signing_keys_at(never_read, 1, &text));
	web->signing = signing_keys_new();
	text = sign(unit_signing(PASSWORD));
	ck_assert_int_eq(access_token_verify(next(web), text, &t), OK);
	signing_keys_free(&web->signing);
	signing_keys_free(&never_read);
	web->signing = read;
}
END_TEST

/*
 * However many names nobody knows: one reading a second.  The table is
 * emptied behind the worker's back, so a reading shows.
 */
/* The first key of all is there for the first sign-in after it. */
START_TEST(worker_without_a_key_looks_before_it_signs)
{
	struct unit *janitor = start(), *web = unit_as(WEB);
	const char *kid;

	web->signing = signing_keys_new();
	ck_assert_int_eq(signing_keys_refresh(web, web->signing, 0), OK);
	ck_assert_ptr_null(signing_keys_current(web->signing, &kid));
	(void)run(janitor);
	signing_keys_freshen(next(web));
	ck_assert_ptr_nonnull(signing_keys_current(web->signing, &kid));
	signing_keys_free(&web->signing);
}
END_TEST

START_TEST(unknown_names_cost_one_reading_a_second)
{
	/* {"alg":"ES256","typ":"at+jwt","kid":"nobody"} */
	static const char unknown[] =
	    "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Im5vYm9keSJ9"
	    ".e30.AAAA";
	struct unit *web;
	struct access_token t;
	const char *kid;
	int64_t read_at;
	int n;

	(void)start();
	web = unit_signing(WEB);
	(void)signer(web, &n);
	read_at = clock_steady_ms();
	sql_exec("DELETE FROM postern.signing_key");
	for (int i = 0; i < 200; i++)
		ck_assert_int_eq(access_token_verify(next(web), unknown, &t),
		    ERR_TOKEN_INVALID);
	if (clock_steady_ms() - read_at < 1000)
		ck_assert_ptr_nonnull(signing_keys_at(web->signing, 0, &kid));
	while (clock_steady_ms() - read_at < 1100)
		usleep(10000);
	ck_assert_int_eq(access_token_verify(next(web), unknown, &t),
	    ERR_TOKEN_INVALID);
	ck_assert_ptr_null(signing_keys_at(web->signing, 0, &kid));
}
END_TEST

/* It may be a genuine one: a client must not take it for the end. */
START_TEST(unknown_name_is_no_refusal_while_the_database_is_away)
{
	static const char unknown[] =
	    "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Im5vYm9keSJ9"
	    ".e30.AAAA";
	struct unit *web;
	struct access_token t;
	int64_t begin;

	(void)start();
	web = unit_signing(WEB);
	db_close(&web->db);
	web->db = db_open(&(struct db_options){
	    .conninfo = "host=/nowhere",
	    .user = WEB,
	    .budget_ms = 300,
	});
	begin = clock_steady_ms();
	while (clock_steady_ms() - begin < 1100)
		usleep(10000);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(access_token_verify(next(web), unknown, &t),
		    ERR_UNAVAILABLE);
	ck_assert_int_eq(access_token_verify(next(web), sign(web), &t), OK);
}
END_TEST

/* What was verified is verified anew when its key is gone. */
START_TEST(retired_key_s_tokens_are_forgotten)
{
	struct unit *janitor = start(), *web = unit_signing(WEB);
	struct access_token t;
	char kid[SIGNING_KID_TEXT];
	enum key_retirement result;
	const char *first, *text;
	bool waits;
	int n;

	web->verified = token_cache_new();
	first = signer(web, &n);
	text = sign(web);
	ck_assert_int_eq(access_token_verify(next(web), text, &t), OK);
	ck_assert_int_eq(key_rotation_next(next(janitor), true, &waits, kid),
	    OK);
	(void)signer(web, &n);
	ck_assert_int_eq(access_token_verify(next(web), text, &t), OK);
	ck_assert_int_eq(key_rotation_retire(next(janitor), first, &result),
	    OK);
	(void)signer(web, &n);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(access_token_verify(next(web), text, &t),
	    ERR_TOKEN_INVALID);
	token_cache_free(&web->verified);
}
END_TEST

/*
 * Who comes back after a while must not take the old token for a forged one:
 * its key is over and tells just that, for as long as a session may sleep.
 */
START_TEST(old_token_of_an_old_key_is_expired)
{
	struct unit *janitor = start(), *web = unit_signing(WEB);
	struct access_token t;
	const char *first, *text;
	char *forged;
	int n;

	web->verified = token_cache_new();
	first = signer(web, &n);
	text = sign(web);
	ck_assert_int_eq(access_token_verify(next(web), text, &t), OK);
	pass("89 days 1 hour");
	(void)run(janitor);
	pass("1 day");
	ck_assert_int_eq(run(janitor).retired, 1);
	pass("29 days");
	ck_assert_str_eq(listed(janitor, first), "over");
	(void)run(janitor);
	(void)signer(web, &n);
	ck_assert_int_eq(n, 1);
	/* By its time it would be good: a worker's clock is not moved. */
	ck_assert_int_eq(access_token_verify(next(web), text, &t),
	    ERR_TOKEN_INVALID);
	web = next(web);
	web->now += 3600;
	ck_assert_int_eq(access_token_verify(web, text, &t), ERR_TOKEN_EXPIRED);
	forged = arena_strdup(test_mem(), text);
	forged[strlen(forged) - 10] ^= 1;
	ck_assert_int_eq(access_token_verify(web, forged, &t),
	    ERR_TOKEN_INVALID);
	token_cache_free(&web->verified);
}
END_TEST

Suite *
key_suite(void)
{
	const struct test_case cases[] = {
		CASE(first_key_is_made_once, 0),
		CASE(migration_does_not_hold_up_keys, 0),
		CASE(keys_rotate_by_themselves, 0),
		CASE(next_key_takes_over_on_time, 0),
		CASE(admin_rotates, 0),
		CASE(admin_retires, 0),
		CASE(foreign_row_retires_nothing, 0),
		CASE(token_of_a_new_key_is_looked_up, 0),
		CASE(idle_worker_looks_before_it_signs, 0),
		CASE(worker_without_a_key_looks_before_it_signs, 0),
		CASE(unknown_names_cost_one_reading_a_second, 0),
		CASE(unknown_name_is_no_refusal_while_the_database_is_away, 0),
		CASE(retired_key_s_tokens_are_forgotten, 0),
		CASE(old_token_of_an_old_key_is_expired, 0),
	};

	return test_suite("key", cases, ROWS(cases));
}
