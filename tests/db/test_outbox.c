/* SPDX-License-Identifier: ISC */
/*
 * The outbox, as the mailer works it.  Leasing takes whatever is due, so
 * each test starts by dropping what others left.
 */
#include "test_db.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain/outbox.h"
#include "platform/clock.h"
#include "platform/crypto.h"

#define LEASE 60 /* seconds */
#define LEASE_MS 60000

static void
outbox_empty(void)
{
	sql_exec("UPDATE postern.mail_outbox"
		 " SET state = 'dropped', ended_at = now()"
		 " WHERE state = 'queued'");
}

static void
put(struct unit *u, enum mail_kind kind, const struct person *p)
{
	ck_assert_int_eq(outbox_put(next(u), kind, NULL, p->address.canonical),
	    OK);
}

static bool
lease(struct unit *u, struct outbox_mail *m)
{
	bool found = false;

	ck_assert_int_eq(outbox_lease(next(u), LEASE, &found, m), OK);
	return found;
}

/* A mailer, and a mail of this kind to p that it holds. */
static struct unit *
leased(const struct person *p, enum mail_kind kind, struct outbox_mail *m)
{
	struct unit *u = unit_as(MAILER);

	outbox_empty();
	put(unit_as(WEB), kind, p);
	ck_assert(lease(u, m));
	return u;
}

static const char *
row(const struct person *p, const char *what)
{
	return sql_text("SELECT %s FROM postern.mail_outbox"
			" WHERE canonical = '%s'",
	    what, p->address.canonical);
}

static int64_t
tokens(const struct person *p, const char *purpose, const char *condition)
{
	return sql_int("SELECT count(*) FROM postern.one_time_token"
		       " WHERE account_id = '%s' AND purpose = '%s' AND %s",
	    p->id_text, purpose, condition);
}

static const struct {
	enum mail_kind kind;
	bool verified;
	const char *purpose; /* "" for a notice */
	int lifetime;
} kinds[] = {
	{ MAIL_VERIFY, false, "verify", 86400 },
	{ MAIL_RESET, true, "reset", 3600 },
	{ MAIL_RESET, false, "reset", 3600 },
	{ MAIL_PASSWORD_CHANGED, true, "", 0 },
	{ MAIL_SESSION_STOLEN, true, "", 0 },
	{ MAIL_ADDRESS_TAKEN, true, "", 0 },
};

START_TEST(mail_goes_to_the_stored_address_with_its_token)
{
	struct person p = person_new(kinds[_i].verified);
	struct outbox_mail m;
	struct one_time_token t;
	char hex[65];

	(void)leased(&p, kinds[_i].kind, &m);
	ck_assert_int_eq(m.kind, kinds[_i].kind);
	ck_assert_mem_eq(m.account.b, p.id.b, 16);
	ck_assert_str_eq(m.recipient, p.address.text);
	ck_assert_ptr_null(m.locale);
	ck_assert_int_eq(m.attempts, 1);
	if (*kinds[_i].purpose == '\0') {
		ck_assert_str_eq(m.token, "");
		ck_assert_int_eq(tokens(&p, "verify", "true") +
			tokens(&p, "reset", "true"),
		    0);
		return;
	}
	ck_assert(one_time_token_parse(&t, m.token));
	ck_assert_mem_eq(t.account.b, p.id.b, 16);
	hex_encode(hex, t.hash, sizeof t.hash);
	ck_assert_str_eq(
	    sql_text("SELECT concat_ws(' ', purpose, canonical, epoch,"
		     " round(extract(epoch FROM expires_at - created_at)))"
		     " FROM postern.one_time_token WHERE hash = '\\x%s'",
		hex),
	    arena_printf(test_mem(), "%s %s 0 %d", kinds[_i].purpose,
		p.address.canonical, kinds[_i].lifetime));
}
END_TEST

START_TEST(token_is_bound_to_the_epoch)
{
	struct person p = person_new(true);
	struct outbox_mail m;

	sql_exec("UPDATE postern.account SET epoch = 7 WHERE id = '%s'",
	    p.id_text);
	(void)leased(&p, MAIL_RESET, &m);
	ck_assert_int_eq(tokens(&p, "reset", "epoch = 7"), 1);
}
END_TEST

/* The address can change between the lease and the token. */
START_TEST(token_is_good_for_the_address_it_is_mailed_to)
{
	struct person p = person_new(true);
	struct unit *u = unit_as(MAILER);
	char token[ONE_TIME_TOKEN_TEXT];

	ck_assert_int_eq(unit_begin(u), OK);
	ck_assert_int_eq(one_time_token_mint(u, &p.id, "old@example.org",
			     TOKEN_RESET, token),
	    OK);
	ck_assert_int_eq(unit_commit(u), OK);
	ck_assert_int_eq(tokens(&p, "reset", "true"), 0);
}
END_TEST

START_TEST(mails_leave_in_the_order_they_came)
{
	struct unit *web = unit_as(WEB), *u = unit_as(MAILER);
	struct person p[3] = { person_new(true), person_new(true),
		person_new(true) };
	struct outbox_mail m;

	outbox_empty();
	for (int i = 0; i < 3; i++)
		put(web, MAIL_RESET, &p[i]);
	for (int i = 0; i < 3; i++) {
		ck_assert(lease(u, &m));
		ck_assert_mem_eq(m.account.b, p[i].id.b, 16);
	}
	ck_assert(!lease(u, &m));
}
END_TEST

START_TEST(lease_holds_until_it_is_over)
{
	struct person p = person_new(true);
	struct outbox_mail m;
	struct unit *u = leased(&p, MAIL_RESET, &m);

	ck_assert(!lease(u, &m));
	ck_assert_str_eq(row(&p,
			     "leased_until > now() + interval '50 s'"
			     " AND leased_until < now() + interval '61 s'"),
	    "t");
	sql_exec("UPDATE postern.mail_outbox"
		 " SET leased_until = now() - interval '1 s',"
		 "  due_at = created_at WHERE canonical = '%s'",
	    p.address.canonical);
	ck_assert(lease(u, &m));
	ck_assert_int_eq(m.attempts, 2);
}
END_TEST

/* Why a mail is not sent any more: a change of its account or its row. */
static const struct {
	enum mail_kind kind;
	const char *account, *row;
} drops[] = {
	{ MAIL_VERIFY, "verified_at = now()", "" },
	{ MAIL_VERIFY, "disabled_at = now()", "" },
	{ MAIL_RESET, "disabled_at = now()", "" },
	{ MAIL_RESET,
	    "canonical = 'gone@x.example',"
	    " address = 'gone@x.example'",
	    "" },
	{ MAIL_VERIFY, "", "created_at = created_at - interval '25 h'" },
	{ MAIL_RESET, "", "created_at = created_at - interval '61 min'" },
};

/* The good one behind it is found in the same call. */
START_TEST(mail_without_a_reason_is_dropped_on_the_way)
{
	struct unit *web = unit_as(WEB), *u = unit_as(MAILER);
	struct person p = person_new(false), good = person_new(true);
	struct outbox_mail m;

	outbox_empty();
	put(web, drops[_i].kind, &p);
	put(web, MAIL_RESET, &good);
	if (*drops[_i].account != '\0')
		sql_exec("UPDATE postern.account SET %s WHERE id = '%s'",
		    drops[_i].account, p.id_text);
	if (*drops[_i].row != '\0')
		sql_exec("UPDATE postern.mail_outbox SET %s"
			 " WHERE canonical = '%s'",
		    drops[_i].row, p.address.canonical);
	ck_assert(lease(u, &m));
	ck_assert_mem_eq(m.account.b, good.id.b, 16);
	ck_assert_str_eq(row(&p, "state || (ended_at IS NOT NULL)"),
	    "droppedtrue");
	ck_assert(!lease(u, &m));
	/* Nothing is kept of who could be 'gone@x.example' after us. */
	sql_exec("DELETE FROM postern.account WHERE id = '%s'", p.id_text);
}
END_TEST

START_TEST(mail_to_nobody_is_dropped)
{
	struct person nobody = { .address = address_random() };
	struct unit *u = unit_as(MAILER);
	struct outbox_mail m;

	outbox_empty();
	put(unit_as(WEB), MAIL_RESET, &nobody);
	ck_assert(!lease(u, &m));
	ck_assert_str_eq(row(&nobody, "state"), "dropped");
}
END_TEST

START_TEST(at_most_five_tokens_of_a_purpose_live)
{
	struct person p = person_new(false);
	struct unit *web = unit_as(WEB), *u = unit_as(MAILER);
	struct outbox_mail m;
	struct one_time_token t;
	char hex[65];

	outbox_empty();
	put(web, MAIL_RESET, &p);
	for (int i = 0; i < 7; i++)
		put(web, MAIL_VERIFY, &p);
	for (int i = 0; i < 8; i++)
		ck_assert(lease(u, &m));
	ck_assert_int_eq(tokens(&p, "verify", "used_at IS NULL"), 5);
	ck_assert_int_eq(tokens(&p, "verify", "true"), 7);
	ck_assert_int_eq(tokens(&p, "reset", "used_at IS NULL"), 1);
	/* The newest, which was mailed last, is one of them. */
	ck_assert(one_time_token_parse(&t, m.token));
	hex_encode(hex, t.hash, sizeof t.hash);
	ck_assert_int_eq(tokens(&p, "verify",
			     arena_printf(test_mem(),
				 "used_at IS NULL AND hash = '\\x%s'", hex)),
	    1);
}
END_TEST

static void
mailer_body(const void *arg, struct outcome *o)
{
	struct unit *u = unit_as(MAILER);
	struct outbox_mail m;
	bool found = true;

	(void)arg;
	o->value = 0;
	while (outbox_lease(next(u), LEASE, &found, &m) == OK && found) {
		if (outbox_delivered(next(u), &m) != OK)
			return;
		o->value++;
	}
}

START_TEST(two_mailers_share_the_work)
{
	struct person p = person_new(true);
	struct outcome o[2];

	outbox_empty();
	sql_exec("INSERT INTO postern.mail_outbox (kind, canonical)"
		 " SELECT 'password_changed', '%s' FROM generate_series(1, 40)",
	    p.address.canonical);
	together(2, mailer_body, NULL, o);
	ck_assert_int_eq(o[0].value + o[1].value, 40);
	ck_assert_str_eq(row(&p,
			     "count(*) FILTER (WHERE state = 'sent'"
			     " AND attempts = 1)"),
	    "40");
}
END_TEST

/* Another mailer's transaction on the first mail stops nobody. */
START_TEST(locked_mail_is_passed_over)
{
	struct unit *web = unit_as(WEB), *u = unit_as(MAILER);
	struct person first = person_new(true), second = person_new(true);
	struct outbox_mail m;
	int64_t start;

	outbox_empty();
	put(web, MAIL_RESET, &first);
	put(web, MAIL_RESET, &second);
	sql_exec("BEGIN; SELECT FROM postern.mail_outbox"
		 " WHERE canonical = '%s' FOR UPDATE",
	    first.address.canonical);
	start = clock_steady_ms();
	ck_assert(lease(u, &m));
	ck_assert_int_lt(clock_steady_ms() - start, 1000);
	ck_assert_mem_eq(m.account.b, second.id.b, 16);
	sql_exec("ROLLBACK");
	ck_assert(lease(u, &m));
}
END_TEST

START_TEST(delivered_mail_is_done)
{
	struct person p = person_new(true);
	struct outbox_mail m;
	struct unit *u = leased(&p, MAIL_RESET, &m);

	ck_assert_int_eq(outbox_delivered(next(u), &m), OK);
	ck_assert_str_eq(row(&p, "state || (ended_at IS NOT NULL)"),
	    "senttrue");
	ck_assert(!lease(u, &m));
}
END_TEST

START_TEST(failed_mail_waits_its_pause)
{
	struct person p = person_new(true);
	struct outbox_mail m;
	struct unit *u = leased(&p, MAIL_RESET, &m);
	int64_t ms;

	ck_assert_int_eq(outbox_retry(next(u), &m, 30, "451 later"), OK);
	ck_assert_str_eq(row(&p,
			     "state || ' ' || last_error || ' ' ||"
			     " attempts || (leased_until IS NULL"
			     "  OR leased_until <= now())"),
	    "queued 451 later 1true");
	ck_assert(!lease(u, &m));
	ck_assert_int_eq(outbox_next_due(next(u), 600000, &ms), OK);
	ck_assert_int_gt(ms, 20000);
	ck_assert_int_le(ms, 30000);
	sql_exec("UPDATE postern.mail_outbox SET due_at = now()"
		 " WHERE canonical = '%s'",
	    p.address.canonical);
	ck_assert(lease(u, &m));
	ck_assert_int_eq(m.attempts, 2);
}
END_TEST

START_TEST(dead_mail_stays_with_its_reason)
{
	struct person p = person_new(true);
	struct outbox_mail m;
	struct unit *u = leased(&p, MAIL_RESET, &m);

	ck_assert_int_eq(outbox_dead(next(u), &m, "550 no such user"), OK);
	ck_assert_str_eq(row(&p,
			     "state || ' ' || last_error ||"
			     " (ended_at IS NOT NULL)"),
	    "dead 550 no such usertrue");
	ck_assert(!lease(u, &m));
}
END_TEST

START_TEST(next_mail_is_due_now_later_or_not_at_all)
{
	struct unit *web = unit_as(WEB), *u = unit_as(MAILER);
	struct person p = person_new(true);
	struct outbox_mail m;
	int64_t ms;

	outbox_empty();
	ck_assert_int_eq(outbox_next_due(next(u), 12345, &ms), OK);
	ck_assert_int_eq(ms, 12345);
	put(web, MAIL_RESET, &p);
	ck_assert_int_eq(outbox_next_due(next(u), 12345, &ms), OK);
	ck_assert_int_eq(ms, 0);
	/* One that is leased is due when its lease is over. */
	ck_assert(lease(u, &m));
	ck_assert_int_eq(outbox_next_due(next(u), 600000, &ms), OK);
	ck_assert_int_gt(ms, LEASE_MS - 10000);
	ck_assert_int_le(ms, LEASE_MS);
}
END_TEST

/* The next version's workers queue beside this version's mailer. */
START_TEST(mail_of_a_newer_version_is_left_to_its_mailer)
{
	struct unit *u = unit_as(MAILER);
	struct person p = person_new(true);
	struct outbox_mail m;
	int64_t ms;

	outbox_empty();
	sql_exec("ALTER TABLE postern.mail_outbox"
		 " DROP CONSTRAINT mail_outbox_kind_check");
	sql_exec("INSERT INTO postern.mail_outbox (kind, canonical)"
		 " VALUES ('invitation', '%s')",
	    p.address.canonical);
	ck_assert(!lease(u, &m));
	ck_assert_int_eq(outbox_next_due(next(u), 12345, &ms), OK);
	ck_assert_int_eq(ms, 12345);
	put(unit_as(WEB), MAIL_RESET, &p);
	ck_assert(lease(u, &m));
	ck_assert_int_eq(m.kind, MAIL_RESET);
	ck_assert_str_eq(sql_text("SELECT state FROM postern.mail_outbox"
				  " WHERE kind = 'invitation'"),
	    "queued");
}
END_TEST

START_TEST(change_that_is_rolled_back_owes_no_mail)
{
	struct unit *u = unit_as(PASSWORD);
	struct person p = person_new(true);

	ck_assert_int_eq(unit_begin(u), OK);
	ck_assert_int_eq(outbox_put(u, MAIL_PASSWORD_CHANGED, &p.id,
			     p.address.canonical),
	    OK);
	ck_assert_int_eq(unit_rollback(u, ERR_INTERNAL), ERR_INTERNAL);
	ck_assert_str_eq(row(&p, "count(*)"), "0");
}
END_TEST

START_TEST(commit_wakes_the_mailer)
{
	struct unit *web = unit_as(WEB), *u = unit_as(MAILER);
	struct person p = person_new(true);
	int64_t start;

	outbox_listen(u);
	while (db_wait(u->db, NULL, 100))
		;
	start = clock_steady_ms();
	put(web, MAIL_RESET, &p);
	ck_assert(db_wait(u->db, NULL, 5000));
	ck_assert_int_lt(clock_steady_ms() - start, 1000);
}
END_TEST

Suite *
outbox_suite(void)
{
	const struct test_case cases[] = {
		CASE(mail_goes_to_the_stored_address_with_its_token,
		    ROWS(kinds)),
		CASE(token_is_bound_to_the_epoch, 0),
		CASE(token_is_good_for_the_address_it_is_mailed_to, 0),
		CASE(mails_leave_in_the_order_they_came, 0),
		CASE(lease_holds_until_it_is_over, 0),
		CASE(mail_without_a_reason_is_dropped_on_the_way, ROWS(drops)),
		CASE(mail_to_nobody_is_dropped, 0),
		CASE(at_most_five_tokens_of_a_purpose_live, 0),
		CASE(two_mailers_share_the_work, 0),
		CASE(locked_mail_is_passed_over, 0),
		CASE(delivered_mail_is_done, 0),
		CASE(failed_mail_waits_its_pause, 0),
		CASE(dead_mail_stays_with_its_reason, 0),
		CASE(next_mail_is_due_now_later_or_not_at_all, 0),
		CASE(mail_of_a_newer_version_is_left_to_its_mailer, 0),
		CASE(change_that_is_rolled_back_owes_no_mail, 0),
		CASE(commit_wakes_the_mailer, 0),
	};

	return test_suite("outbox", cases, ROWS(cases));
}
