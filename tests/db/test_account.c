/* SPDX-License-Identifier: ISC */
/*
 * Accounts: registration, authentication, verification, reset, and what
 * happens when two of them meet.
 */
#include "test_db.h"

#include <ctype.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain/account_authenticate.h"
#include "domain/account_change.h"
#include "domain/account_register.h"
#include "domain/account_reset.h"
#include "domain/account_verify.h"
#include "domain/one_time_token.h"
#include "domain/session.h"
#include "platform/clock.h"
#include "platform/yescrypt.h"

/* The password pool: hashing allowed. */
static struct unit *
password_unit(void)
{
	yescrypt_open();
	return unit_as(PASSWORD);
}

static bool
is_password(const struct person *p, const char *password)
{
	const char *hash = sql_text("SELECT hash FROM postern.password WHERE "
				    "account_id = '%s'",
	    p->id_text);
	bool right = false;

	ck_assert_ptr_nonnull(hash);
	ck_assert_int_eq(yescrypt_verify(hash, password, &right), OK);
	return right;
}

static int64_t
count_where(const char *table, const char *condition, const struct person *p)
{
	return sql_int("SELECT count(*) FROM postern.%s WHERE account_id = "
		       "'%s' AND %s",
	    table, p->id_text, condition);
}

static void
account_set(const struct person *p, const char *what)
{
	sql_exec("UPDATE postern.account SET %s WHERE id = '%s'", what,
	    p->id_text);
}

/* Registration. -------------------------------------------------------- */

static struct person
register_someone(struct unit *u)
{
	struct person p = { .address = address_random() };
	char *text = arena_alloc(test_mem(), UUID_TEXT);

	ck_assert_int_eq(account_register(u, &p.address, GOOD_PASSWORD, NULL,
			     &p.id),
	    OK);
	p.id_text = uuid_text(text, &p.id);
	return p;
}

START_TEST(registration_makes_an_unverified_account_and_its_mail)
{
	struct unit *u = password_unit();
	struct person p = register_someone(u);

	ck_assert_int_eq(
	    sql_int("SELECT count(*) FROM postern.account"
		    " WHERE id = '%s' AND address = '%s' AND canonical = '%s'"
		    " AND verified_at IS NULL AND disabled_at IS NULL"
		    " AND epoch = 0",
		p.id_text, p.address.text, p.address.canonical),
	    1);
	ck_assert_int_eq(p.id.b[6] >> 4, 7);
	ck_assert(is_password(&p, GOOD_PASSWORD));
	ck_assert(!is_password(&p, "correct horse batterz"));
	ck_assert_int_eq(count_where("audit_event", "event = 'account.created'",
			     &p),
	    1);
	ck_assert_str_eq(
	    sql_text("SELECT string_agg(kind || ' ' || canonical, ',')"
		     " FROM postern.mail_outbox WHERE canonical = '%s'",
		p.address.canonical),
	    arena_printf(test_mem(), "verify %s", p.address.canonical));
	/* One commit made all of it. */
	ck_assert_int_eq(
	    sql_int("SELECT count(DISTINCT x) FROM"
		    " (SELECT xmin::text x FROM postern.account"
		    "   WHERE id = '%s'"
		    " UNION ALL SELECT xmin::text FROM postern.password"
		    "   WHERE account_id = '%s'"
		    " UNION ALL SELECT xmin::text FROM postern.mail_outbox"
		    "   WHERE canonical = '%s') s",
		p.id_text, p.id_text, p.address.canonical),
	    1);
}
END_TEST

static const char *
in_case(const char *s, int (*change)(int))
{
	char *copy = arena_strdup(test_mem(), s);

	for (char *c = copy; *c != '\0'; c++)
		*c = (char)change((unsigned char)*c);
	return copy;
}

START_TEST(language_is_remembered_until_one_is_chosen)
{
	static const char row[] = "locale || ' ' || locale_chosen";
	struct address a = address_random();
	struct uuid id;

	ck_assert_int_eq(account_register(password_unit(), &a, GOOD_PASSWORD,
			     "de", &id),
	    OK);
	ck_assert_str_eq(sql_text("SELECT %s FROM postern.account"
				  " WHERE canonical = '%s'",
			     row, a.canonical),
	    "de false");
	ck_assert_int_eq(account_set_language(unit_as(WEB), &id, "en", true),
	    OK);
	ck_assert_str_eq(sql_text("SELECT %s FROM postern.account"
				  " WHERE canonical = '%s'",
			     row, a.canonical),
	    "en true");
}
END_TEST

static int (*const spellings[])(int) = { toupper, tolower };

START_TEST(address_is_taken_in_any_case)
{
	struct unit *u = password_unit();
	struct person p = register_someone(u);
	struct address again;
	struct uuid id;
	enum err e;

	e = address_parse(&again, test_mem(),
	    in_case(p.address.text, spellings[_i]));
	ck_assert_int_eq(e, OK);
	ck_assert_int_eq(account_register(next(u), &again, "another password",
			     NULL, &id),
	    ERR_EMAIL_TAKEN);
	ck_assert_int_eq(sql_int("SELECT (SELECT count(*) FROM postern.account"
				 "   WHERE canonical = '%s') + (SELECT count(*)"
				 "   FROM postern.mail_outbox WHERE canonical "
				 "= '%s')",
			     p.address.canonical, p.address.canonical),
	    2);
	ck_assert(is_password(&p, GOOD_PASSWORD));
}
END_TEST

static void
register_body(const void *arg, struct outcome *o)
{
	struct uuid id;

	o->value = (int)account_register(password_unit(), arg, GOOD_PASSWORD,
	    NULL, &id);
}

START_TEST(of_twins_that_register_at_once_one_does)
{
	struct address a = address_random();
	struct outcome o[4];
	int ok = 0, taken = 0;

	together(ROWS(o), register_body, &a, o);
	for (int i = 0; i < ROWS(o); i++) {
		ok += o[i].value == OK;
		taken += o[i].value == ERR_EMAIL_TAKEN;
	}
	ck_assert_int_eq(ok, 1);
	ck_assert_int_eq(taken, ROWS(o) - 1);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.mail_outbox"
				 " WHERE canonical = '%s'",
			     a.canonical),
	    1);
}
END_TEST

/* Authentication. ------------------------------------------------------ */

static const struct {
	const char *password;
	enum err want;
	bool verified, disabled, unknown;
} logins[] = {
	{ GOOD_PASSWORD, OK, true, false, false },
	{ "correct horse batterz", ERR_CREDENTIALS, true, false, false },
	{ "Correct horse battery", ERR_CREDENTIALS, true, false, false },
	{ GOOD_PASSWORD " ", ERR_CREDENTIALS, true, false, false },
	{ "", ERR_CREDENTIALS, true, false, false },
	{ GOOD_PASSWORD, ERR_UNVERIFIED, false, false, false },
	{ "wrong password", ERR_CREDENTIALS, false, false, false },
	{ GOOD_PASSWORD, ERR_DISABLED, true, true, false },
	{ "wrong password", ERR_CREDENTIALS, true, true, false },
	{ GOOD_PASSWORD, ERR_CREDENTIALS, true, false, true },
};

START_TEST(login_answers)
{
	struct person p = person_new(logins[_i].verified);
	struct address nobody = address_random();
	struct account acc = { .hash = NULL };

	if (logins[_i].disabled)
		account_set(&p, "disabled_at = now()");
	ck_assert_int_eq(account_authenticate(unit_as(PASSWORD),
			     logins[_i].unknown ? &nobody : &p.address,
			     logins[_i].password, &acc),
	    logins[_i].want);
	if (logins[_i].want == ERR_CREDENTIALS) {
		/* No result, or somebody might use it. */
		ck_assert_ptr_null(acc.hash);
		return;
	}
	ck_assert_mem_eq(acc.id.b, p.id.b, sizeof p.id.b);
	ck_assert_str_eq(acc.address, p.address.text);
	ck_assert_int_eq(acc.verified, logins[_i].verified);
}
END_TEST

START_TEST(impossible_address_is_refused_like_an_unknown_one)
{
	struct account acc = { .hash = NULL };

	ck_assert_int_eq(account_authenticate(password_unit(), NULL,
			     GOOD_PASSWORD, &acc),
	    ERR_CREDENTIALS);
}
END_TEST

/* The least time of a few tries, in milliseconds. */
static int64_t
cost_of(struct unit *u, const struct address *a)
{
	int64_t least = INT64_MAX;
	struct account acc;

	for (int i = 0; i < 5; i++) {
		int64_t start = clock_steady_ms(), took;

		ck_assert_int_eq(account_authenticate(next(u), a,
				     "wrong password", &acc),
		    ERR_CREDENTIALS);
		took = clock_steady_ms() - start;
		least = took < least ? took : least;
	}
	return least;
}

START_TEST(unknown_address_costs_a_hash_too)
{
	struct person p = person_new(true);
	struct address nobody = address_random();
	struct unit *u = unit_as(PASSWORD);
	struct account acc;
	int64_t known;

	conf_set("password_cost = 5\n");
	ck_assert_int_eq(account_authenticate(u, &p.address, GOOD_PASSWORD,
			     &acc),
	    OK);
	known = cost_of(u, &p.address);
	ck_assert_int_ge(2 * cost_of(u, &nobody), known);
	ck_assert_int_ge(2 * cost_of(u, NULL), known);
}
END_TEST

START_TEST(login_brings_the_hash_to_the_cost_of_today)
{
	struct person p = person_new(true);
	struct unit *u = unit_signing(PASSWORD);
	struct account acc;
	struct token_pair pair;
	const char *hash;

	conf_set("password_cost = 2\n");
	ck_assert_int_eq(account_authenticate(next(u), &p.address,
			     "wrong password", &acc),
	    ERR_CREDENTIALS);
	hash = sql_text("SELECT hash FROM postern.password"
			" WHERE account_id = '%s'",
	    p.id_text);
	ck_assert(yescrypt_outdated(hash, 2));
	ck_assert_int_eq(account_authenticate(next(u), &p.address,
			     GOOD_PASSWORD, &acc),
	    OK);
	hash = sql_text("SELECT hash FROM postern.password"
			" WHERE account_id = '%s'",
	    p.id_text);
	ck_assert(!yescrypt_outdated(hash, 2));
	ck_assert_str_eq(acc.hash, hash);
	ck_assert(is_password(&p, GOOD_PASSWORD));
	ck_assert_int_eq(session_start(u, &acc, "::1", NULL, &pair), OK);
}
END_TEST

/* Verification. -------------------------------------------------------- */

/* What happens to token or account before the link is opened. */
static const struct {
	const char *purpose, *change;
	bool verified;
	enum err want;
} verifications[] = {
	{ "verify", "", false, OK },
	{ "verify", "", true, OK },
	{ "verify", "used_at = now()", true, OK },
	{ "verify", "used_at = now()", false, ERR_VERIFICATION_TOKEN },
	{ "verify", "expires_at = now()", false, ERR_VERIFICATION_TOKEN },
	{ "verify", "expires_at = now()", true, ERR_VERIFICATION_TOKEN },
	{ "verify", "canonical = 'x@x.example'", false,
	    ERR_VERIFICATION_TOKEN },
	{ "verify", "epoch = epoch + 1", false, ERR_VERIFICATION_TOKEN },
	{ "reset", "", false, ERR_VERIFICATION_TOKEN },
	{ "reset", "", true, ERR_VERIFICATION_TOKEN },
};

START_TEST(verification_answers)
{
	struct person p = person_new(verifications[_i].verified);
	const char *token = token_insert(&p, verifications[_i].purpose, 60);
	bool good = verifications[_i].want == OK;
	bool already = !verifications[_i].verified;

	if (*verifications[_i].change != '\0')
		sql_exec("UPDATE postern.one_time_token SET %s"
			 " WHERE account_id = '%s'",
		    verifications[_i].change, p.id_text);
	ck_assert_int_eq(account_verify(unit_as(WEB), token, &already),
	    verifications[_i].want);
	if (good)
		ck_assert_int_eq(already, verifications[_i].verified);
	ck_assert_int_eq(sql_int("SELECT count(verified_at)"
				 " FROM postern.account WHERE id = '%s'",
			     p.id_text),
	    good || verifications[_i].verified);
}
END_TEST

START_TEST(verification_ends_all_links_of_its_purpose)
{
	struct person p = person_new(false);
	const char *token = token_insert(&p, "verify", 60);
	struct unit *u = unit_as(WEB);
	bool already;

	(void)token_insert(&p, "verify", 60);
	(void)token_insert(&p, "reset", 60);
	ck_assert_int_eq(account_verify(u, token, &already), OK);
	ck_assert(!already);
	ck_assert_int_eq(count_where("one_time_token", "used_at IS NULL", &p),
	    1);
	ck_assert_int_eq(count_where("audit_event",
			     "event = 'account.verified'", &p),
	    1);
	ck_assert_int_eq(account_verify(next(u), token, &already), OK);
	ck_assert(already);
}
END_TEST

START_TEST(disabled_account_is_not_verified)
{
	struct person p = person_new(false);
	const char *token = token_insert(&p, "verify", 60);
	bool already;

	account_set(&p, "disabled_at = now()");
	ck_assert_int_eq(account_verify(unit_as(WEB), token, &already),
	    ERR_VERIFICATION_TOKEN);
}
END_TEST

/* p's token with other's account id in it, and plain rubbish. */
START_TEST(forged_token_is_refused)
{
	struct person p = person_new(false), other = person_new(false);
	const char *token = token_insert(&p, "verify", 60);
	unsigned char raw[ONE_TIME_TOKEN_RAW];
	const char *forged[] = { "", "x", token + 1, NULL, NULL, NULL };
	char *mine = arena_alloc(test_mem(), ONE_TIME_TOKEN_TEXT);
	struct unit *u = unit_as(WEB);
	bool already;

	ck_assert_int_eq(base64url_decode(raw, sizeof raw, token,
			     strlen(token)),
	    sizeof raw);
	memcpy(raw + 1, other.id.b, sizeof other.id.b);
	base64url_encode(mine, raw, sizeof raw);
	forged[3] = mine;
	forged[4] = arena_printf(test_mem(), "%s=", token);
	forged[5] = arena_printf(test_mem(), "%sA", token);
	for (int i = 0; i < ROWS(forged); i++)
		ck_assert_int_eq(account_verify(next(u), forged[i], &already),
		    ERR_VERIFICATION_TOKEN);
	ck_assert_int_eq(account_verify(next(u), token, &already), OK);
}
END_TEST

static const struct {
	const char *purpose, *change;
	bool named;
} names[] = {
	{ "verify", "", true },
	{ "verify", "used_at = now()", false },
	{ "verify", "expires_at = now()", false },
	{ "verify", "epoch = 9", false },
	{ "reset", "", false },
};

START_TEST(page_names_the_account_of_a_good_token_only)
{
	struct person p = person_new(false);
	const char *token = token_insert(&p, names[_i].purpose, 60);
	const char *address = "unset";

	if (*names[_i].change != '\0')
		sql_exec("UPDATE postern.one_time_token SET %s"
			 " WHERE account_id = '%s'",
		    names[_i].change, p.id_text);
	ck_assert_int_eq(one_time_token_address(unit_as(WEB), token,
			     TOKEN_VERIFY, &address),
	    OK);
	if (names[_i].named)
		ck_assert_str_eq(address, p.address.text);
	else
		ck_assert_ptr_null(address);
}
END_TEST

/* Reset. --------------------------------------------------------------- */

#define NEW_PASSWORD "staple that thing"

START_TEST(reset_changes_everything_at_once)
{
	struct person p = person_new(false);
	const char *token = token_insert(&p, "reset", 60);
	struct unit *u = unit_as(PASSWORD);

	(void)token_insert(&p, "reset", 60);
	(void)token_insert(&p, "verify", 60);
	sql_exec("INSERT INTO postern.session (account_id, id, kind,"
		 " secret_hash, epoch, expires_at, address)"
		 " SELECT '%s', gen_random_uuid(), k, sha256('x'), 0,"
		 "  now() + interval '1 h', '::1'"
		 " FROM unnest(ARRAY['api', 'api', 'browser']) k",
	    p.id_text);
	ck_assert_int_eq(account_reset_password(u, token, NEW_PASSWORD), OK);
	ck_assert(is_password(&p, NEW_PASSWORD));
	ck_assert(!is_password(&p, GOOD_PASSWORD));
	ck_assert_int_eq(count_where("session",
			     "ended_at IS NOT NULL AND end_reason <> ''", &p),
	    3);
	ck_assert_int_eq(count_where("one_time_token", "used_at IS NULL", &p),
	    0);
	ck_assert_str_eq(sql_text("SELECT epoch || ' ' || (verified_at IS NOT "
				  "NULL)"
				  " FROM postern.account WHERE id = '%s'",
			     p.id_text),
	    "1 true");
	ck_assert_str_eq(sql_text("SELECT string_agg(kind, ',')"
				  " FROM postern.mail_outbox"
				  " WHERE canonical = '%s'",
			     p.address.canonical),
	    "password_changed");
	ck_assert_int_eq(count_where("audit_event", "event LIKE 'account.%'",
			     &p),
	    1);
}
END_TEST

static const struct {
	const char *purpose, *token, *account;
} resets[] = {
	{ "reset", "used_at = now()", "" },
	{ "reset", "expires_at = now()", "" },
	{ "reset", "canonical = 'x@x.example'", "" },
	{ "reset", "", "epoch = epoch + 1" },
	{ "reset", "", "disabled_at = now()" },
	{ "verify", "", "" },
};

START_TEST(reset_refuses_any_other_token)
{
	struct person p = person_new(true);
	const char *token = token_insert(&p, resets[_i].purpose, 60);

	if (*resets[_i].token != '\0')
		sql_exec("UPDATE postern.one_time_token SET %s"
			 " WHERE account_id = '%s'",
		    resets[_i].token, p.id_text);
	if (*resets[_i].account != '\0')
		account_set(&p, resets[_i].account);
	ck_assert_int_eq(account_reset_password(unit_as(PASSWORD), token,
			     NEW_PASSWORD),
	    ERR_RESET_TOKEN);
	ck_assert(is_password(&p, GOOD_PASSWORD));
	ck_assert_int_eq(count_where("audit_event", "true", &p), 0);
}
END_TEST

struct reset {
	struct person person;
	const char *token;
};

static void
reset_body(const void *arg, struct outcome *o)
{
	const struct reset *r = arg;

	yescrypt_open();
	o->value = (int)account_reset_password(unit_as(PASSWORD), r->token,
	    NEW_PASSWORD);
}

/* yescrypt_open() is once a process: the person is made by plain SQL. */
static struct person
person_without_hashing(void)
{
	struct outcome o;
	struct person p = { .address = address_random() };
	char *text = arena_alloc(test_mem(), UUID_TEXT);

	together(1, register_body, &p.address, &o);
	ck_assert_int_eq(o.value, OK);
	p.id_text = sql_text("SELECT id FROM postern.account"
			     " WHERE canonical = '%s'",
	    p.address.canonical);
	ck_assert(uuid_parse(&p.id, p.id_text));
	p.id_text = uuid_text(text, &p.id);
	account_set(&p, "verified_at = now()");
	return p;
}

START_TEST(of_uses_at_once_of_a_reset_token_one_counts)
{
	struct reset r = { .person = person_without_hashing() };
	struct outcome o[4];
	int ok = 0, refused = 0;

	r.token = token_insert(&r.person, "reset", 60);
	together(ROWS(o), reset_body, &r, o);
	for (int i = 0; i < ROWS(o); i++) {
		ok += o[i].value == OK;
		refused += o[i].value == ERR_RESET_TOKEN;
	}
	ck_assert_int_eq(ok, 1);
	ck_assert_int_eq(refused, ROWS(o) - 1);
	ck_assert_int_eq(sql_int("SELECT epoch FROM postern.account"
				 " WHERE id = '%s'",
			     r.person.id_text),
	    1);
}
END_TEST

Suite *
account_suite(void)
{
	const struct test_case cases[] = {
		CASE(registration_makes_an_unverified_account_and_its_mail, 0),
		CASE(language_is_remembered_until_one_is_chosen, 0),
		CASE(address_is_taken_in_any_case, ROWS(spellings)),
		CASE(of_twins_that_register_at_once_one_does, 0),
		CASE(login_answers, ROWS(logins)),
		CASE(impossible_address_is_refused_like_an_unknown_one, 0),
		CASE(unknown_address_costs_a_hash_too, 0),
		CASE(login_brings_the_hash_to_the_cost_of_today, 0),
		CASE(verification_answers, ROWS(verifications)),
		CASE(verification_ends_all_links_of_its_purpose, 0),
		CASE(disabled_account_is_not_verified, 0),
		CASE(forged_token_is_refused, 0),
		CASE(page_names_the_account_of_a_good_token_only, ROWS(names)),
		CASE(reset_changes_everything_at_once, 0),
		CASE(reset_refuses_any_other_token, ROWS(resets)),
		CASE(of_uses_at_once_of_a_reset_token_one_counts, 0),
	};

	return test_suite("account", cases, ROWS(cases));
}
