/* SPDX-License-Identifier: ISC */
/*
 * Rate limits: exact, however many count at once; and a refused call spends
 * nothing.  Periods are an hour, so that no call is given back meanwhile.
 */
#include "test_db.h"

#include <string.h>
#include <unistd.h>

#include "domain/account_register.h"
#include "domain/expiry.h"
#include "domain/ratelimit.h"
#include "platform/clock.h"

#define HOURLY                                                                 \
	"limit_login = 5/1h\nlimit_login_minute = 12/1h\n"                     \
	"limit_login_hour = 15/1h\nlimit_other = 200/1h\n"                     \
	"limit_register = 20/1h\n"

static enum err
take(struct unit *u, enum limit limit, const char *client, const char *account)
{
	struct limit_refusal refusal;

	return ratelimit_take(next(u), limit, client, account, &refusal);
}

/* How many of n calls pass. */
static int
passed(struct unit *u, enum limit limit, int n, const char *client,
    const char *account)
{
	int ok = 0;

	for (int i = 0; i < n; i++)
		ok += take(u, limit, client, account) == OK;
	return ok;
}

static const struct {
	const char *role;
	enum limit limit;
	bool account;
	int count, period;
} limits[] = {
	{ WEB, LIMIT_FORGOT, false, 3, 3600 },
	{ WEB, LIMIT_RESEND, false, 3, 3600 },
	{ WEB, LIMIT_FORGOT_MAILBOX, true, 3, 3600 },
	{ WEB, LIMIT_RESEND_MAILBOX, true, 3, 3600 },
	{ WEB, LIMIT_OTHER, false, 200, 3600 },
	{ PASSWORD, LIMIT_REGISTER, false, 20, 3600 },
	{ PASSWORD, LIMIT_LOGIN, true, 5, 3600 },
};

START_TEST(so_many_pass_and_the_next_is_told_when)
{
	struct unit *u = unit_as(limits[_i].role);
	struct limit_refusal refusal = { .retry_after = 0 };
	const char *client = client_random();
	const char *account =
	    limits[_i].account ? address_random().canonical : NULL;
	int interval = limits[_i].period / limits[_i].count;

	conf_set(HOURLY);
	ck_assert_int_eq(passed(u, limits[_i].limit, limits[_i].count, client,
			     account),
	    limits[_i].count);
	ck_assert_int_eq(ratelimit_take(next(u), limits[_i].limit, client,
			     account, &refusal),
	    ERR_LIMITED);
	ck_assert_int_eq(refusal.count, limits[_i].count);
	ck_assert_int_eq(refusal.period, limits[_i].period);
	ck_assert_int_ge(refusal.retry_after, 1);
	ck_assert_int_le(refusal.retry_after, interval);
	ck_assert_int_ge(refusal.retry_after, interval - 10);
	ck_assert_str_ne(refusal.name, "");
}
END_TEST

START_TEST(one_call_comes_back_each_interval)
{
	struct unit *u = unit_as(WEB);
	const char *client = client_random();

	conf_set("limit_forgot = 3/3s\n");
	ck_assert_int_eq(passed(u, LIMIT_FORGOT, 4, client, NULL), 3);
	usleep(1100 * 1000);
	ck_assert_int_eq(passed(u, LIMIT_FORGOT, 3, client, NULL), 1);
}
END_TEST

START_TEST(no_limit_takes_nothing)
{
	struct unit *u = unit_as(WEB);
	int64_t before = sql_int("SELECT count(*) FROM postern.rate_limit");

	ck_assert_int_eq(take(u, LIMIT_NONE, client_random(), NULL), OK);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.rate_limit"),
	    before);
}
END_TEST

START_TEST(limits_of_two_routes_are_two)
{
	struct unit *u = unit_as(WEB);
	const char *client = client_random();

	ck_assert_int_eq(passed(u, LIMIT_FORGOT, 5, client, NULL), 3);
	ck_assert_int_eq(passed(u, LIMIT_RESEND, 5, client, NULL), 3);
}
END_TEST

static const char *
all_rows(void)
{
	return sql_text("SELECT md5(string_agg(key || tat, ',' ORDER BY key))"
			" FROM postern.rate_limit");
}

/* The client's 12 are used up on three accounts. */
START_TEST(refused_client_spends_nothing)
{
	struct unit *u = unit_as(PASSWORD);
	const char *client = client_random(), *before;
	struct limit_refusal refusal;

	conf_set(HOURLY);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(passed(u, LIMIT_LOGIN, 4, client,
				     address_random().canonical),
		    4);
	before = all_rows();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ratelimit_take(next(u), LIMIT_LOGIN, client,
				     address_random().canonical, &refusal),
		    ERR_LIMITED);
	ck_assert_int_eq(refusal.count, 12);
	ck_assert_str_eq(all_rows(), before);
}
END_TEST

/* Nobody locks an account for those who come from elsewhere. */
START_TEST(login_limit_is_of_client_and_account_together)
{
	struct unit *u = unit_as(PASSWORD);
	const char *client = client_random();
	const char *account = address_random().canonical;

	conf_set(HOURLY);
	ck_assert_int_eq(passed(u, LIMIT_LOGIN, 7, client, account), 5);
	ck_assert_int_eq(passed(u, LIMIT_LOGIN, 1, client_random(), account),
	    1);
	ck_assert_int_eq(passed(u, LIMIT_LOGIN, 1, client,
			     address_random().canonical),
	    1);
}
END_TEST

START_TEST(mailbox_limit_is_of_the_account_alone)
{
	struct unit *u = unit_as(WEB);
	const char *account = address_random().canonical;
	int ok = 0;

	for (int i = 0; i < 5; i++)
		ok += take(u, LIMIT_FORGOT_MAILBOX, client_random(), account) ==
		    OK;
	ck_assert_int_eq(ok, 3);
}
END_TEST

START_TEST(rows_name_no_address_and_no_client)
{
	struct unit *u = unit_as(PASSWORD);
	const char *client = client_random();
	const char *account = address_random().canonical;

	ck_assert_int_eq(take(u, LIMIT_LOGIN, client, account), OK);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.rate_limit"
				 " WHERE position('%s' IN key) + position('%s' "
				 "IN key) > 0",
			     client, account),
	    0);
}
END_TEST

START_TEST(mapped_ipv4_is_that_ipv4)
{
	struct unit *u = unit_as(WEB);
	const char *client = client_random();
	const char *mapped = arena_printf(test_mem(), "::ffff:%s", client);

	ck_assert_int_eq(passed(u, LIMIT_FORGOT, 2, mapped, NULL), 2);
	ck_assert_int_eq(passed(u, LIMIT_FORGOT, 2, client, NULL), 1);
	ck_assert_int_eq(passed(u, LIMIT_FORGOT, 1, mapped, NULL), 0);
}
END_TEST

/* The IPv6 address of a host in network net of a random /48. */
static const char *
ipv6(const char *site, int net, int host)
{
	return arena_printf(test_mem(), "2001:db8:%s:%x::%x", site, net, host);
}

static const char *
site_random(void)
{
	return arena_printf(test_mem(), "%.4s",
	    strchr(address_random().canonical, '+') + 1);
}

START_TEST(hosts_of_a_64_share_a_limit)
{
	struct unit *u = unit_as(WEB);
	const char *site = site_random();
	int ok = 0;

	for (int i = 1; i <= 6; i++)
		ok += take(u, LIMIT_FORGOT, ipv6(site, 1, i), NULL) == OK;
	ck_assert_int_eq(ok, 3);
	ck_assert_int_eq(take(u, LIMIT_FORGOT, ipv6(site, 2, 1), NULL), OK);
}
END_TEST

START_TEST(networks_of_a_48_share_ten_times_as_much)
{
	struct unit *u = unit_as(WEB);
	const char *site = site_random();
	int ok = 0;

	for (int net = 0; net < 40; net++)
		ok += take(u, LIMIT_FORGOT, ipv6(site, net, 1), NULL) == OK;
	ck_assert_int_eq(ok, 30);
}
END_TEST

struct flood {
	const char *client;
	int calls;
};

static void
flood_body(const void *arg, struct outcome *o)
{
	const struct flood *f = arg;

	o->value = passed(unit_as(PASSWORD), LIMIT_REGISTER, f->calls,
	    f->client, NULL);
}

START_TEST(many_processes_count_as_one)
{
	struct flood f = { .client = client_random(), .calls = 25 };
	struct outcome o[8];
	int ok = 0;

	conf_set(HOURLY);
	together(ROWS(o), flood_body, &f, o);
	for (int i = 0; i < ROWS(o); i++)
		ok += o[i].value;
	ck_assert_int_eq(ok, 20);
}
END_TEST

/* All of them have looked, so to say, before the first may write. */
START_TEST(processes_that_wait_for_each_other_count_as_one)
{
	struct flood f = { .client = client_random(), .calls = 1 };
	struct outcome o[8];
	int ok = 0;

	conf_set(HOURLY);
	ck_assert_int_eq(passed(unit_as(PASSWORD), LIMIT_REGISTER, 18, f.client,
			     NULL),
	    18);
	sql_hold("SELECT FROM postern.rate_limit FOR UPDATE");
	together(ROWS(o), flood_body, &f, o);
	for (int i = 0; i < ROWS(o); i++)
		ok += o[i].value;
	ck_assert_int_eq(ok, 2);
}
END_TEST

START_TEST(limit_that_cannot_be_asked_is_no_free_pass)
{
	struct unit *u = unit_as(WEB);
	enum err e;

	sql_exec("BEGIN; LOCK TABLE postern.rate_limit");
	db_close(&u->db);
	u->db = db_open(&(struct db_options){
	    .conninfo = cluster_conninfo(),
	    .user = WEB,
	    .password = cluster_password(),
	    .prepare = true,
	    .budget_ms = 300,
	});
	e = take(u, LIMIT_FORGOT, client_random(), NULL);
	sql_exec("ROLLBACK");
	ck_assert_int_eq(e, ERR_UNAVAILABLE);
}
END_TEST

static int64_t
events_taken(void)
{
	return sql_int("SELECT count(*) FROM postern.audit_event"
		       " WHERE event = 'registration.taken'");
}

/*
 * Where nobody is to hear that an address is taken, each registration commits
 * something: the time that the disk takes would tell.
 */
START_TEST(hidden_conflict_always_writes)
{
	struct unit *u = unit_signing(PASSWORD);
	struct person p = person_new(true);
	struct address kept = address_random();
	int64_t before = events_taken();
	struct uuid id;

	conf_set("registration_conflict = hide\n"
		 "limit_resend_mailbox = 1/1h\n");
	for (int i = 1; i <= 3; i++) {
		ck_assert_int_eq(account_register(next(u), &p.address,
				     GOOD_PASSWORD, NULL, &id),
		    OK);
		ck_assert_int_eq(events_taken() - before, i);
	}
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.mail_outbox"
				 " WHERE canonical = '%s'",
			     p.address.canonical),
	    1);
	/* Of an address that has no account and is kept for one. */
	sql_exec("INSERT INTO postern.address_change (account_id, id,"
		 " new_address, new_canonical, epoch, number, old_address,"
		 " old_canonical, confirmed_at, take_back_until)"
		 " SELECT id, gen_random_uuid(), canonical, canonical, 0, 1,"
		 " '%s', '%s', now(), now() + interval '1 day'"
		 " FROM postern.account WHERE id = '%s'",
	    kept.text, kept.canonical, p.id_text);
	ck_assert_int_eq(account_register(next(u), &kept, GOOD_PASSWORD, NULL,
			     &id),
	    OK);
	ck_assert_int_eq(events_taken() - before, 4);
}
END_TEST

/* The batch is written in the schema and in expiry.c. */
START_TEST(full_batch_of_what_is_over_tells_of_more)
{
	bool more = false;

	sql_exec("INSERT INTO postern.rate_limit"
		 " SELECT 'over ' || n, now() - interval '1 hour'"
		 " FROM generate_series(1, 1001) n");
	ck_assert_int_eq(expiry_run(unit_as(JANITOR), &more), OK);
	ck_assert(more);
	ck_assert_int_eq(expiry_run(unit_as(JANITOR), &more), OK);
	ck_assert(!more);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.rate_limit"
				 " WHERE key LIKE 'over %%'"),
	    0);
}
END_TEST

/* Its delete would take rows in another order than the calls do. */
START_TEST(what_is_over_is_not_waited_for)
{
	int64_t start;
	bool more;

	sql_exec("INSERT INTO postern.rate_limit"
		 " VALUES ('held', now() - interval '1 hour')");
	sql_hold("UPDATE postern.rate_limit SET tat = tat WHERE key = 'held'");
	start = clock_steady_ms();
	ck_assert_int_eq(expiry_run(unit_as(JANITOR), &more), OK);
	ck_assert_int_lt(clock_steady_ms() - start, 800);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.rate_limit"
				 " WHERE key = 'held'"),
	    1);
}
END_TEST

Suite *
limits_suite(void)
{
	const struct test_case cases[] = {
		CASE(so_many_pass_and_the_next_is_told_when, ROWS(limits)),
		CASE(one_call_comes_back_each_interval, 0),
		CASE(no_limit_takes_nothing, 0),
		CASE(limits_of_two_routes_are_two, 0),
		CASE(refused_client_spends_nothing, 0),
		CASE(login_limit_is_of_client_and_account_together, 0),
		CASE(mailbox_limit_is_of_the_account_alone, 0),
		CASE(rows_name_no_address_and_no_client, 0),
		CASE(mapped_ipv4_is_that_ipv4, 0),
		CASE(hosts_of_a_64_share_a_limit, 0),
		CASE(networks_of_a_48_share_ten_times_as_much, 0),
		CASE(many_processes_count_as_one, 0),
		CASE(processes_that_wait_for_each_other_count_as_one, 0),
		CASE(limit_that_cannot_be_asked_is_no_free_pass, 0),
		CASE(hidden_conflict_always_writes, 0),
		CASE(full_batch_of_what_is_over_tells_of_more, 0),
		CASE(what_is_over_is_not_waited_for, 0),
	};

	return test_suite("limits", cases, ROWS(cases));
}
