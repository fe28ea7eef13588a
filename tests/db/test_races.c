/* SPDX-License-Identifier: ISC */
/*
 * Statements that wait for another transaction's lock, and go on when it has
 * committed: what they judge then is partly newer than what they have read
 * (READ COMMITTED).
 */
#include "test_db.h"

#include "domain/account_address.h"
#include "domain/account_change.h"
#include "domain/account_end.h"
#include "domain/account_register.h"
#include "domain/session_list.h"

/* Somebody's session, as a handler gets it. */
static struct session
session_of(const struct person *p)
{
	return (struct session){ .account = p->id, .email = p->address.text };
}

static int64_t
epoch_of(const struct person *p)
{
	return sql_int("SELECT epoch FROM postern.account WHERE id = '%s'",
	    p->id_text);
}

static int64_t
accounts_with(const struct address *address)
{
	return sql_int("SELECT count(*) FROM postern.account"
		       " WHERE canonical = '%s'",
	    address->canonical);
}

/* What ends all that was begun under the epoch before. */
static void
hold_epoch(const struct person *p)
{
	sql_hold("UPDATE postern.account SET epoch = epoch + 1"
		 " WHERE id = '%s'",
	    p->id_text);
}

/* What a change of password does to the sessions that live on. */
static void
hold_lift(const struct person *p)
{
	sql_hold("UPDATE postern.account SET epoch = epoch + 1"
		 " WHERE id = '%s';"
		 "UPDATE postern.session SET epoch = epoch + 1"
		 " WHERE account_id = '%s'",
	    p->id_text, p->id_text);
}

/* What the confirmation of a change of address does. */
static void
hold_move(const struct person *p, const struct address *to)
{
	sql_hold("UPDATE postern.account SET address = '%s', canonical = '%s'"
		 " WHERE id = '%s';"
		 "INSERT INTO postern.address_change (account_id, id,"
		 "  new_address, new_canonical, epoch, number, old_address,"
		 "  old_canonical, confirmed_at, take_back_until)"
		 " VALUES ('%s', gen_random_uuid(), '%s', '%s', 0, 1,"
		 "  '%s', '%s', now(), now() + interval '1 h')",
	    to->text, to->canonical, p->id_text, p->id_text, to->text,
	    to->canonical, p->address.text, p->address.canonical);
}

START_TEST(proof_is_over_with_its_epoch)
{
	struct person p = person_new(true);
	struct session s = session_of(&p);
	struct unit *u = unit_as(PASSWORD);
	struct address to = address_random();

	hold_epoch(&p);
	ck_assert_int_eq(account_ask_address(u, &s, 0, &to), ERR_CREDENTIALS);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.address_change"
				 " WHERE account_id = '%s'",
			     p.id_text),
	    0);
	ck_assert_int_eq(account_delete(next(u), &s, 0), ERR_CREDENTIALS);
	ck_assert_int_eq(epoch_of(&p), 1);
}
END_TEST

START_TEST(disabled_account_changes_no_password)
{
	struct person p = person_new(true);
	struct session s = session_of(&p);

	sql_hold("UPDATE postern.account SET disabled_at = now(),"
		 " epoch = epoch + 1 WHERE id = '%s'",
	    p.id_text);
	ck_assert_int_eq(account_change_password(unit_as(PASSWORD), &s,
			     GOOD_PASSWORD, "battery correct horse", false),
	    ERR_CREDENTIALS);
	ck_assert_int_eq(epoch_of(&p), 1);
}
END_TEST

START_TEST(session_that_is_being_lifted_refreshes)
{
	struct signed_in s = sign_in();
	struct token_pair pair;

	hold_lift(&s.person);
	ck_assert_int_eq(session_refresh(next(s.web), s.pair.refresh, &pair),
	    OK);
}
END_TEST

START_TEST(session_that_is_being_lifted_ends)
{
	struct signed_in s = sign_in();
	struct session session;
	bool found = false;

	ck_assert_int_eq(session_check(next(s.web), s.pair.access, &session),
	    OK);
	hold_lift(&s.person);
	if (_i == 0)
		ck_assert_int_eq(session_end_all(next(s.web), &s.person.id,
				     NULL),
		    OK);
	else
		ck_assert_int_eq(session_end_one(next(s.web), &s.person.id,
				     &session.id, &found),
		    OK);
	ck_assert_int_eq(found, _i != 0);
	ck_assert_str_eq(sql_text("SELECT end_reason FROM postern.session"
				  " WHERE account_id = '%s'",
			     s.person.id_text),
	    "ended_by_owner");
}
END_TEST

/*
 * Where nobody is to hear that an address is taken, a registration that waits
 * for its change to commit finds it free, but kept.
 */
START_TEST(registration_that_waits_for_a_change_gets_nothing)
{
	struct person p = person_new(true);
	struct address to = address_random();
	struct unit *u = unit_as(PASSWORD);
	struct uuid id;

	conf_set("registration_conflict = hide\n");
	hold_move(&p, &to);
	ck_assert_int_ne(account_register(u, &p.address, GOOD_PASSWORD, NULL,
			     &id),
	    OK);
	ck_assert_int_eq(accounts_with(&p.address), 0);
	/* Later it is as with any address that is taken. */
	ck_assert_int_eq(account_register(next(u), &p.address, GOOD_PASSWORD,
			     NULL, &id),
	    OK);
	ck_assert_int_eq(accounts_with(&p.address), 0);
}
END_TEST

/* A thief would delete the account the moment its address is changed. */
START_TEST(deletion_tells_the_address_that_is_being_replaced)
{
	struct person p = person_new(true);
	struct session s = session_of(&p);
	struct address to = address_random();

	hold_move(&p, &to);
	ck_assert_int_eq(account_delete(unit_as(PASSWORD), &s, 0), OK);
	ck_assert_str_eq(sql_text("SELECT string_agg(recipient, ' ' ORDER BY "
				  "recipient = '%s')"
				  " FROM postern.mail_outbox WHERE account_id "
				  "= '%s'"
				  "   AND kind = 'account_deleted'",
			     p.address.text, p.id_text),
	    arena_printf(test_mem(), "%s %s", to.text, p.address.text));
}
END_TEST

Suite *
races_suite(void)
{
	const struct test_case cases[] = {
		CASE(proof_is_over_with_its_epoch, 0),
		CASE(disabled_account_changes_no_password, 0),
		CASE(session_that_is_being_lifted_refreshes, 0),
		CASE(session_that_is_being_lifted_ends, 2),
		CASE(registration_that_waits_for_a_change_gets_nothing, 0),
		CASE(deletion_tells_the_address_that_is_being_replaced, 0),
	};

	return test_suite("races", cases, ROWS(cases));
}
