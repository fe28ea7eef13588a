/* SPDX-License-Identifier: ISC */
/*
 * Changes of address, export, and the end of an account: what the functions
 * of the schema let happen, whoever calls them and whatever happened between.
 */
#include "test_db.h"

#include <string.h>

#include "domain/account_address.h"
#include "domain/account_authenticate.h"
#include "domain/account_end.h"
#include "domain/account_register.h"
#include "domain/expiry.h"
#include "domain/outbox.h"
#include "domain/session.h"

#define LEASE 60 /* seconds */

/* Somebody with an account and a session, which only a row is left of. */
struct owner {
	struct person p;
	struct session s;
	struct unit *u; /* of the password pool */
};

static struct owner
owner_new(void)
{
	struct owner o = { .p = person_new(true), .u = unit_as(PASSWORD) };

	o.s = (struct session){ .account = o.p.id,
		.id = unit_uuid(o.u),
		.email = o.p.address.text };
	return o;
}

static int
epoch_of(const struct owner *o)
{
	return (int)sql_int("SELECT epoch FROM postern.account WHERE id = '%s'",
	    o->p.id_text);
}

static const char *
address_of(const struct owner *o)
{
	return sql_text("SELECT address FROM postern.account WHERE id = '%s'",
	    o->p.id_text);
}

static enum err
ask(struct owner *o, const struct address *address)
{
	return account_ask_address(next(o->u), &o->s, epoch_of(o), address);
}

static int64_t
changes(const struct owner *o, const char *condition)
{
	return sql_int("SELECT count(*) FROM postern.address_change"
		       " WHERE account_id = '%s' AND %s",
	    o->p.id_text, condition);
}

static void
outbox_empty(void)
{
	sql_exec("UPDATE postern.mail_outbox"
		 " SET state = 'dropped', ended_at = now()"
		 " WHERE state = 'queued'");
}

/* The next mail there is to send; false when there is none. */
static bool
lease(struct outbox_mail *m)
{
	static struct unit *mailer; /* a test is a process */
	bool found = false;

	if (mailer == NULL)
		mailer = unit_as(MAILER);
	ck_assert_int_eq(outbox_lease(next(mailer), LEASE, &found, m), OK);
	return found;
}

/* The token of the next mail, which is of this kind and to that address. */
static const char *
mailed(enum mail_kind kind, const char *to)
{
	struct outbox_mail m;

	ck_assert(lease(&m));
	ck_assert_int_eq(m.kind, kind);
	ck_assert_str_eq(m.recipient, to);
	return arena_strdup(test_mem(), m.token);
}

static struct unit *
web(void)
{
	static struct unit *u;

	return u == NULL ? (u = unit_as(WEB)) : next(u);
}

/* Moves to that address; the token that takes the account back. */
static const char *
move(struct owner *o, const struct address *to)
{
	const char *old = address_of(o);

	outbox_empty();
	ck_assert_int_eq(ask(o, to), OK);
	ck_assert_int_eq(account_confirm_address(web(),
			     mailed(MAIL_CONFIRM_ADDRESS, to->text)),
	    OK);
	o->s.email = to->text;
	return mailed(MAIL_ADDRESS_CHANGED, old);
}

/* Proof. --------------------------------------------------------------- */

START_TEST(password_is_proof_under_its_epoch)
{
	struct owner o = owner_new();
	struct uuid nobody = unit_uuid(o.u);
	struct account acc;

	sql_exec("UPDATE postern.account SET epoch = 7 WHERE id = '%s'",
	    o.p.id_text);
	ck_assert_int_eq(account_reauthenticate(o.u, &o.p.id, GOOD_PASSWORD,
			     &acc),
	    OK);
	ck_assert_int_eq(acc.epoch, 7);
	ck_assert_int_eq(account_reauthenticate(next(o.u), &o.p.id, "another",
			     &acc),
	    ERR_CREDENTIALS);
	ck_assert_int_eq(account_reauthenticate(next(o.u), &nobody,
			     GOOD_PASSWORD, &acc),
	    ERR_CREDENTIALS);
	sql_exec("UPDATE postern.account SET disabled_at = now()"
		 " WHERE id = '%s'",
	    o.p.id_text);
	ck_assert_int_eq(account_reauthenticate(next(o.u), &o.p.id,
			     GOOD_PASSWORD, &acc),
	    ERR_CREDENTIALS);
}
END_TEST

/* Asking. -------------------------------------------------------------- */

/* What a request leaves, as one line: it must not depend on the address. */
static const char *
traces(const struct owner *o)
{
	return sql_text("SELECT concat_ws(' ', (SELECT count(*)"
			"   FROM postern.address_change c"
			"   WHERE c.account_id = a.id AND number IS NULL),"
			" (SELECT string_agg(kind || state, ' ')"
			"   FROM postern.mail_outbox m"
			"   WHERE m.account_id = a.id),"
			" (SELECT string_agg(event, ' ')"
			"   FROM postern.audit_event e"
			"   WHERE e.account_id = a.id))"
			" FROM postern.account a WHERE id = '%s'",
	    o->p.id_text);
}

START_TEST(asking_leaves_the_same_whoever_has_the_address)
{
	struct owner one = owner_new(), two = owner_new();
	struct person taken = person_new(true);
	struct address free = address_random();

	ck_assert_int_eq(ask(&one, &taken.address), OK);
	ck_assert_int_eq(ask(&two, &free), OK);
	ck_assert_str_eq(traces(&one),
	    "1 confirm_addressqueued account.address_change_asked");
	ck_assert_str_eq(traces(&two), traces(&one));
	ck_assert_int_eq(account_judge_address(&one.s, &one.p.address),
	    ERR_EMAIL_SAME);
	ck_assert_int_eq(account_judge_address(&one.s, &free), OK);
}
END_TEST

/* Why a request is not mailed: SQL on $id, which asks for the address of
 * another account. */
static const struct {
	const char *sql;
	bool taken;
} drops[] = {
	{ "SELECT 1", true },
	{ "UPDATE postern.account SET epoch = epoch + 1 WHERE id = '$id'",
	    false },
	{ "UPDATE postern.account SET disabled_at = now() WHERE id = '$id'",
	    false },
	{ "UPDATE postern.mail_outbox SET created_at = now() - interval '25 h'"
	  " WHERE account_id = '$id'",
	    false },
	{ "DELETE FROM postern.account WHERE id = '$id'", false },
	{ "DELETE FROM postern.address_change WHERE account_id = '$id'",
	    false },
};

START_TEST(request_without_a_reason_is_not_mailed)
{
	struct owner o = owner_new();
	struct person other = person_new(true);
	struct address free = address_random();
	struct outbox_mail m;

	outbox_empty();
	ck_assert_int_eq(ask(&o, drops[_i].taken ? &other.address : &free), OK);
	sql_exec_text(sql_for(drops[_i].sql, o.p.id_text));
	ck_assert(!lease(&m));
}
END_TEST

/* Confirming. ---------------------------------------------------------- */

START_TEST(confirmed_change_keeps_the_epoch_and_reserves_for_72_hours)
{
	struct owner o = owner_new();
	struct address to = address_random();

	(void)move(&o, &to);
	ck_assert_str_eq(address_of(&o), to.text);
	ck_assert_int_eq(epoch_of(&o), 0);
	ck_assert_int_eq(sql_int("SELECT extract(epoch FROM take_back_until - "
				 "confirmed_at)"
				 "::int FROM postern.address_change"
				 " WHERE account_id = '%s'",
			     o.p.id_text),
	    TAKE_BACK_LIFETIME);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.one_time_token t"
				 " JOIN postern.address_change c"
				 "   ON c.account_id = t.account_id"
				 " WHERE t.account_id = '%s' AND t.purpose = "
				 "'take_back'"
				 "   AND t.expires_at = c.take_back_until",
			     o.p.id_text),
	    1);
}
END_TEST

/* What makes a confirmation's token bad: SQL on $id. */
static const char *const spoils[] = {
	"UPDATE postern.account SET epoch = epoch + 1 WHERE id = '$id'",
	"UPDATE postern.account SET disabled_at = now() WHERE id = '$id'",
	"UPDATE postern.one_time_token SET used_at = now()"
	" WHERE account_id = '$id'",
	"UPDATE postern.one_time_token SET expires_at = now()"
	" WHERE account_id = '$id'",
	"INSERT INTO postern.account (id, address, canonical)"
	" SELECT gen_random_uuid(), new_address, new_canonical"
	" FROM postern.address_change WHERE account_id = '$id'",
	"INSERT INTO postern.account (id, address, canonical)"
	" SELECT account_id, 'x' || new_address, 'x' || new_canonical"
	" FROM (SELECT gen_random_uuid() account_id, new_address,"
	"   new_canonical FROM postern.address_change"
	"   WHERE account_id = '$id') c;"
	"INSERT INTO postern.address_change (account_id, id, new_address,"
	"  new_canonical, epoch, number, old_address, old_canonical,"
	"  confirmed_at, take_back_until)"
	" SELECT a.id, gen_random_uuid(), a.address, a.canonical, 0, 1,"
	"  c.new_address, c.new_canonical, now(), now() + interval '1 h'"
	" FROM postern.address_change c JOIN postern.account a"
	"   ON a.canonical = 'x' || c.new_canonical"
	" WHERE c.account_id = '$id'",
};

START_TEST(spoilt_change_cannot_be_confirmed)
{
	struct owner o = owner_new();
	struct address to = address_random();
	const char *token, *address = "";

	outbox_empty();
	ck_assert_int_eq(ask(&o, &to), OK);
	token = mailed(MAIL_CONFIRM_ADDRESS, to.text);
	sql_exec_text(sql_for(spoils[_i], o.p.id_text));
	ck_assert_int_eq(account_confirm_address(web(), token),
	    ERR_ADDRESS_TOKEN);
	ck_assert_str_eq(address_of(&o), o.p.address.text);
	/* The page names an address until the click, but for a dead link. */
	ck_assert_int_eq(one_time_token_address(web(), token, TOKEN_CONFIRM,
			     &address),
	    OK);
	ck_assert_int_eq(address == NULL, _i < 4);
}
END_TEST

/* Taking back. --------------------------------------------------------- */

/* What must not end the right: SQL on $id, after the change. */
static const char *const keeps[] = {
	"UPDATE postern.account SET epoch = epoch + 3 WHERE id = '$id'",
	"UPDATE postern.account SET disabled_at = now() WHERE id = '$id'",
	"UPDATE postern.account SET address = 'k' || address,"
	" canonical = 'k' || canonical WHERE id = '$id'",
	"DELETE FROM postern.password WHERE account_id = '$id'",
	"UPDATE postern.address_change"
	" SET take_back_until = now() + interval '2 s'"
	" WHERE account_id = '$id'",
};

START_TEST(right_to_take_back_outlives_everything)
{
	struct owner o = owner_new();
	struct address to = address_random();
	const char *token = move(&o, &to);

	sql_exec_text(sql_for(keeps[_i], o.p.id_text));
	ck_assert_int_eq(account_take_back(web(), token), OK);
	ck_assert_str_eq(address_of(&o), o.p.address.text);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.password"
				 " WHERE account_id = '%s'",
			     o.p.id_text),
	    0);
	ck_assert_int_eq(changes(&o, "taken_back_at IS NULL"), 0);
	ck_assert_int_ge(epoch_of(&o), 1);
	ck_assert_int_eq(account_take_back(web(), token), ERR_ADDRESS_TOKEN);
}
END_TEST

START_TEST(taking_back_undoes_that_change_and_all_later_ones)
{
	struct owner o = owner_new();
	struct address to[3];
	const char *tokens[3];

	for (int i = 0; i < 3; i++) {
		to[i] = address_random();
		tokens[i] = move(&o, &to[i]);
	}
	ck_assert_int_eq(account_take_back(web(), tokens[1]), OK);
	ck_assert_str_eq(address_of(&o), to[0].text);
	mailed(MAIL_ADDRESS_TAKEN_BACK, to[2].text);
	mailed(MAIL_RESET, to[0].text);
	ck_assert_int_eq(account_take_back(web(), tokens[2]),
	    ERR_ADDRESS_TOKEN);
	ck_assert_int_eq(account_take_back(web(), tokens[0]), OK);
	ck_assert_str_eq(address_of(&o), o.p.address.text);
}
END_TEST

START_TEST(reserved_address_is_nobody_elses)
{
	struct owner o = owner_new(), other = owner_new();
	struct address to = address_random();
	struct outbox_mail m;
	struct uuid id;

	(void)move(&o, &to);
	ck_assert_int_eq(account_register(other.u, &o.p.address, GOOD_PASSWORD,
			     NULL, &id),
	    ERR_EMAIL_TAKEN);
	outbox_empty();
	ck_assert_int_eq(ask(&other, &o.p.address), OK);
	ck_assert(!lease(&m));
	/* But its own. */
	(void)move(&o, &o.p.address);
	ck_assert_str_eq(address_of(&o), o.p.address.text);
}
END_TEST

START_TEST(change_goes_a_week_after_its_right)
{
	static const struct {
		const char *age;
		int64_t left;
	} ages[] = { { "6 days 23 hours", 1 }, { "7 days 1 hour", 0 } };
	struct owner o = owner_new();
	struct address to = address_random();
	bool more;

	(void)move(&o, &to);
	sql_exec("UPDATE postern.address_change"
		 " SET take_back_until = now() - interval '%s'"
		 " WHERE account_id = '%s'",
	    ages[_i].age, o.p.id_text);
	ck_assert_int_eq(expiry_run(unit_as(JANITOR), &more), OK);
	ck_assert_int_eq(changes(&o, "true"), ages[_i].left);
}
END_TEST

/* SQL of when it was verified, its age, and what is left of its link: a reset
 * verifies, too. */
static const struct {
	const char *verified, *age, *purpose, *link;
	int64_t left;
} unverified[] = {
	{ "now()", "365 days", "verify", "-1 day", 1 },
	{ "NULL", "6 days 23 hours", "verify", "-1 day", 1 },
	{ "NULL", "7 days 1 hour", "verify", "-1 minute", 0 },
	{ "NULL", "7 days 1 hour", "verify", "1 minute", 1 },
	{ "NULL", "7 days 1 hour", "reset", "1 minute", 1 },
	/* Who keeps asking for links does not keep an address. */
	{ "NULL", "13 days 23 hours", "verify", "1 day", 1 },
	{ "NULL", "14 days 1 hour", "verify", "1 day", 0 },
};

START_TEST(account_never_verified_goes_when_its_link_is_over)
{
	struct owner o = owner_new();
	bool more;

	sql_exec("UPDATE postern.account SET verified_at = %s,"
		 " created_at = now() - interval '%s' WHERE id = '%s'",
	    unverified[_i].verified, unverified[_i].age, o.p.id_text);
	sql_exec("INSERT INTO postern.one_time_token (account_id, hash,"
		 " purpose, canonical, epoch, expires_at) SELECT id,"
		 " sha256('x'), '%s', canonical, epoch,"
		 " now() + interval '%s' FROM postern.account"
		 " WHERE id = '%s'",
	    unverified[_i].purpose, unverified[_i].link, o.p.id_text);
	ck_assert_int_eq(expiry_run(unit_as(JANITOR), &more), OK);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.account"
				 " WHERE id = '%s'",
			     o.p.id_text),
	    unverified[_i].left);
}
END_TEST

/* Its end would lift the ban. */
START_TEST(disabled_account_stays_though_never_verified)
{
	struct owner o = owner_new();
	bool more;

	sql_exec("UPDATE postern.account SET verified_at = NULL,"
		 " disabled_at = now(), created_at = now() - interval '1 year'"
		 " WHERE id = '%s'",
	    o.p.id_text);
	ck_assert_int_eq(expiry_run(unit_as(JANITOR), &more), OK);
	ck_assert_ptr_nonnull(address_of(&o));
}
END_TEST

START_TEST(account_younger_than_an_hour_stays_whatever_is_asked)
{
	struct owner o = owner_new();

	sql_exec("UPDATE postern.account SET verified_at = NULL,"
		 " created_at = now() - interval '59 minutes'"
		 " WHERE id = '%s'",
	    o.p.id_text);
	(void)sql_int("SELECT postern.expire_accounts(0)");
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.account"
				 " WHERE id = '%s'",
			     o.p.id_text),
	    1);
}
END_TEST

/* The end. ------------------------------------------------------------- */

START_TEST(deletion_leaves_what_happened_and_one_mail)
{
	struct owner o = owner_new();
	struct outbox_mail m;

	outbox_empty();
	sql_exec("UPDATE postern.account SET locale = 'de' WHERE id = '%s'",
	    o.p.id_text);
	ck_assert_int_eq(outbox_put(web(), MAIL_RESET, NULL,
			     o.p.address.canonical),
	    OK);
	ck_assert_int_eq(account_delete(o.u, &o.s, 0), OK);
	ck_assert_ptr_null(address_of(&o));
	ck_assert(lease(&m));
	ck_assert_int_eq(m.kind, MAIL_ACCOUNT_DELETED);
	ck_assert_str_eq(m.recipient, o.p.address.text);
	ck_assert_str_eq(m.locale, "de");
	ck_assert_str_eq(m.token, "");
	ck_assert(!lease(&m));
	ck_assert_str_eq(sql_text("SELECT string_agg(event, ' ')"
				  " FROM postern.audit_event"
				  " WHERE account_id = '%s'",
			     o.p.id_text),
	    "account.deleted");
	ck_assert_int_eq(account_delete(next(o.u), &o.s, 0), ERR_CREDENTIALS);
}
END_TEST

/* Sessions that export nothing: SQL on $id. */
static const char *const dead[] = {
	"UPDATE postern.session SET ended_at = now(), end_reason = 'logout'"
	" WHERE account_id = '$id'",
	"UPDATE postern.session SET expires_at = now()"
	" WHERE account_id = '$id'",
	"UPDATE postern.account SET epoch = epoch + 1 WHERE id = '$id'",
	"UPDATE postern.account SET disabled_at = now() WHERE id = '$id'",
	"DELETE FROM postern.session WHERE account_id = '$id'",
};

START_TEST(export_is_for_live_sessions)
{
	struct owner o = owner_new();
	const char *json = NULL;
	char id[UUID_TEXT];

	sql_exec("INSERT INTO postern.session (account_id, id, kind,"
		 " secret_hash, epoch, expires_at, address)"
		 " VALUES ('%s', '%s', 'api', sha256('x'), 0,"
		 "  now() + interval '1 h', '::1')",
	    o.p.id_text, uuid_text(id, &o.s.id));
	ck_assert_int_eq(account_export(web(), &o.s, &json), OK);
	ck_assert_ptr_nonnull(strstr(json, o.p.address.text));
	ck_assert_ptr_null(strstr(json, "$y$"));
	sql_exec_text(sql_for(dead[_i], o.p.id_text));
	ck_assert_int_eq(account_export(web(), &o.s, &json), ERR_TOKEN_INVALID);
}
END_TEST

Suite *
own_account_suite(void)
{
	const struct test_case cases[] = {
		CASE(password_is_proof_under_its_epoch, 0),
		CASE(asking_leaves_the_same_whoever_has_the_address, 0),
		CASE(request_without_a_reason_is_not_mailed, ROWS(drops)),
		CASE(confirmed_change_keeps_the_epoch_and_reserves_for_72_hours,
		    0),
		CASE(spoilt_change_cannot_be_confirmed, ROWS(spoils)),
		CASE(right_to_take_back_outlives_everything, ROWS(keeps)),
		CASE(taking_back_undoes_that_change_and_all_later_ones, 0),
		CASE(reserved_address_is_nobody_elses, 0),
		CASE(change_goes_a_week_after_its_right, 2),
		CASE(account_never_verified_goes_when_its_link_is_over,
		    ROWS(unverified)),
		CASE(disabled_account_stays_though_never_verified, 0),
		CASE(account_younger_than_an_hour_stays_whatever_is_asked, 0),
		CASE(deletion_leaves_what_happened_and_one_mail, 0),
		CASE(export_is_for_live_sessions, ROWS(dead)),
	};

	return test_suite("own_account", cases, ROWS(cases));
}
