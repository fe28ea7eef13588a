/* SPDX-License-Identifier: ISC */
/*
 * Sessions: started, looked at, refreshed, stolen, ended.  Time passes by
 * setting the rows' times back.
 */
#include "test_db.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain/access_token.h"
#include "domain/account_authenticate.h"
#include "domain/refresh_token.h"
#include "domain/session.h"
#include "domain/session_list.h"
#include "platform/crypto.h"

static enum err
check(const struct signed_in *s, const char *access)
{
	struct session session;

	return session_check(next(s->web), access, &session);
}

static struct token_pair
refreshed(const struct signed_in *s, const char *refresh)
{
	struct token_pair pair = { .refresh = NULL };

	ck_assert_int_eq(session_refresh(next(s->web), refresh, &pair), OK);
	return pair;
}

static enum err
refused(const struct signed_in *s, const char *refresh)
{
	struct token_pair pair;

	return session_refresh(next(s->web), refresh, &pair);
}

/* Statements about all sessions of the person. */
static void
session_set(const struct signed_in *s, const char *what)
{
	sql_exec("UPDATE postern.session SET %s WHERE account_id = '%s'", what,
	    s->person.id_text);
}

static const char *
session_get(const struct signed_in *s, const char *what)
{
	return sql_text("SELECT %s FROM postern.session"
			" WHERE account_id = '%s'",
	    what, s->person.id_text);
}

static struct refresh_token
opened(const struct signed_in *s, const char *text)
{
	struct refresh_token t;

	ck_assert(refresh_token_read(&t, s->web->keys, text));
	return t;
}

static const char *
sealed(const struct signed_in *s, const struct refresh_token *t)
{
	char *text = arena_alloc(test_mem(), REFRESH_TOKEN_TEXT);

	refresh_token_write(t, s->web->keys, text);
	return text;
}

START_TEST(session_starts_as_one_row_without_its_secret)
{
	struct signed_in s = sign_in();
	struct refresh_token t = opened(&s, s.pair.refresh);
	unsigned char hash[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];

	crypto_sha256(hash, t.secret, sizeof t.secret);
	hex_encode(hex, hash, sizeof hash);
	ck_assert_str_eq(session_get(&s, "encode(secret_hash, 'hex')"), hex);
	ck_assert_str_eq(session_get(&s,
			     "concat_ws(' ', kind, address, user_agent, epoch,"
			     " refresh_gen, ended_at)"),
	    arena_printf(test_mem(), "api 192.0.2.1 Browser/1.0 0 %u",
		t.generation));
	ck_assert_str_eq(session_get(&s,
			     "abs(extract(epoch FROM expires_at - now())"
			     " - 2592000) < 60"),
	    "t");
	ck_assert_int_eq(s.pair.access_seconds, 900);
	ck_assert_int_eq(s.pair.refresh_seconds, 2592000);
	ck_assert_int_eq(check(&s, s.pair.access), OK);
}
END_TEST

/* What may come between the password's check and the session's row. */
static const char *const meanwhile[] = {
	"UPDATE postern.account SET epoch = epoch + 1 WHERE id = '$id'",
	("UPDATE postern.password SET hash = '$y$j75$x$y'"
	 " WHERE account_id = '$id'"),
	"UPDATE postern.account SET disabled_at = now() WHERE id = '$id'",
	"DELETE FROM postern.account WHERE id = '$id'",
};

START_TEST(session_does_not_start_for_a_changed_account)
{
	struct person p = person_new(true);
	struct unit *u = unit_signing(PASSWORD);
	struct account acc = person_account(u, &p);
	struct token_pair pair;

	sql_exec_text(sql_for(meanwhile[_i], p.id_text));
	ck_assert_int_eq(session_start(u, &acc, "::1", NULL, &pair),
	    ERR_CREDENTIALS);
	ck_assert_int_eq(sql_int("SELECT (SELECT count(*) FROM postern.session"
				 " WHERE account_id = '%s') + (SELECT count(*)"
				 " FROM postern.audit_event"
				 " WHERE account_id = '%s')",
			     p.id_text, p.id_text),
	    0);
}
END_TEST

static void
start_body(const void *arg, struct outcome *o)
{
	struct account acc = *(const struct account *)arg;
	struct token_pair pair;

	o->value = (int)session_start(unit_signing(PASSWORD), &acc, "::1", NULL,
	    &pair);
}

/* The epoch is raised and not yet committed when the session wants to
 * begin: it has to wait, and then not to begin. */
START_TEST(session_waits_for_a_reset_under_way)
{
	struct person p = person_new(true);
	struct unit *u = unit_signing(PASSWORD);
	struct account acc = person_account(u, &p);
	struct outcome o;

	sql_hold("UPDATE postern.account SET epoch = epoch + 1"
		 " WHERE id = '%s'",
	    p.id_text);
	together(1, start_body, &acc, &o);
	ck_assert_int_eq(o.value, ERR_CREDENTIALS);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.session"
				 " WHERE account_id = '%s'",
			     p.id_text),
	    0);
}
END_TEST

/* What ends a session on the very next call, and what refresh says then. */
static const struct {
	const char *sql;
	enum err check, refresh;
} ends[] = {
	{ "UPDATE postern.session SET ended_at = now(), end_reason = 'x'"
	  " WHERE account_id = '$id'",
	    ERR_TOKEN_INVALID, ERR_TOKEN_INVALID },
	{ "UPDATE postern.account SET epoch = epoch + 1 WHERE id = '$id'",
	    ERR_TOKEN_INVALID, ERR_TOKEN_INVALID },
	{ "UPDATE postern.account SET disabled_at = now() WHERE id = '$id'",
	    ERR_TOKEN_INVALID, ERR_TOKEN_INVALID },
	{ "DELETE FROM postern.session WHERE account_id = '$id'",
	    ERR_TOKEN_INVALID, ERR_TOKEN_INVALID },
	{ "DELETE FROM postern.account WHERE id = '$id'", ERR_TOKEN_INVALID,
	    ERR_TOKEN_INVALID },
	{ "UPDATE postern.session SET expires_at = now() - interval '1 s'"
	  " WHERE account_id = '$id'",
	    ERR_TOKEN_EXPIRED, ERR_TOKEN_EXPIRED },
	{ "UPDATE postern.session SET expires_at = now() - interval '1 s',"
	  " ended_at = now(), end_reason = 'x' WHERE account_id = '$id'",
	    ERR_TOKEN_INVALID, ERR_TOKEN_INVALID },
};

START_TEST(ended_session_buys_nothing_on_the_next_call)
{
	struct signed_in s = sign_in();

	ck_assert_int_eq(check(&s, s.pair.access), OK);
	sql_exec_text(sql_for(ends[_i].sql, s.person.id_text));
	ck_assert_int_eq(check(&s, s.pair.access), ends[_i].check);
	ck_assert_int_eq(refused(&s, s.pair.refresh), ends[_i].refresh);
}
END_TEST

START_TEST(check_names_the_account)
{
	struct signed_in s = sign_in();
	struct session session;

	ck_assert_int_eq(session_check(next(s.web), s.pair.access, &session),
	    OK);
	ck_assert_mem_eq(session.account.b, s.person.id.b, 16);
	ck_assert_str_eq(session.email, s.person.address.text);
}
END_TEST

/* The list of sessions shows use; a check writes once a minute at most. */
static const struct {
	const char *seen;
	bool moves;
} uses[] = { { "59 s", false }, { "61 s", true }, { "20 days", true } };

START_TEST(use_moves_last_seen)
{
	struct signed_in s = sign_in();
	const char *before;

	session_set(&s,
	    arena_printf(test_mem(), "last_seen_at = now() - interval '%s'",
		uses[_i].seen));
	before = session_get(&s, "last_seen_at");
	ck_assert_int_eq(check(&s, s.pair.access), OK);
	if (uses[_i].moves)
		ck_assert_str_eq(session_get(&s,
				     "last_seen_at > now() - interval '30 s'"),
		    "t");
	else
		ck_assert_str_eq(session_get(&s, "last_seen_at"), before);
}
END_TEST

START_TEST(check_needs_nothing_written)
{
	struct signed_in s = sign_in();
	enum err e;

	session_set(&s, "last_seen_at = now() - interval '1 h'");
	sql_exec("REVOKE UPDATE (last_seen_at) ON postern.session"
		 " FROM postern_web");
	e = check(&s, s.pair.access);
	sql_exec("GRANT UPDATE (last_seen_at) ON postern.session"
		 " TO postern_web");
	ck_assert_int_eq(e, OK);
}
END_TEST

START_TEST(access_token_is_over_by_its_time)
{
	struct signed_in s = sign_in();
	struct session session;

	(void)next(s.web);
	s.web->now += 900 + ACCESS_TOKEN_SKEW - 5;
	ck_assert_int_eq(session_check(s.web, s.pair.access, &session), OK);
	s.web->now += 10;
	ck_assert_int_eq(session_check(s.web, s.pair.access, &session),
	    ERR_TOKEN_EXPIRED);
}
END_TEST

START_TEST(logout_ends_this_session_and_no_other)
{
	struct signed_in s = sign_in();
	struct token_pair other = sign_in_again(&s);
	struct session session;

	ck_assert_int_eq(session_check(next(s.web), s.pair.access, &session),
	    OK);
	ck_assert_int_eq(session_end(next(s.web), &session), OK);
	ck_assert_int_eq(check(&s, s.pair.access), ERR_TOKEN_INVALID);
	ck_assert_int_eq(refused(&s, s.pair.refresh), ERR_TOKEN_INVALID);
	ck_assert_int_eq(check(&s, other.access), OK);
	ck_assert_int_eq(session_end(next(s.web), &session), OK);
	ck_assert_str_eq(session_get(&s,
			     "count(ended_at) || ' ' ||"
			     " count(end_reason)"),
	    "1 1");
}
END_TEST

/* What happened to a session before its owner names it. */
static const struct {
	const char *change;
	bool live;
} named[] = {
	{ "user_agent = NULL", true },
	{ "last_seen_at = now() - interval '8 days'", true },
	{ "kind = 'browser', last_seen_at = now() - interval '6 days'", true },
	{ "kind = 'browser', last_seen_at = now() - interval '8 days'", false },
	{ "expires_at = now()", false },
	{ "epoch = epoch - 1", false },
	{ "ended_at = now(), end_reason = 'logout'", false },
};

START_TEST(only_a_listed_session_can_be_ended)
{
	struct signed_in s = sign_in();
	struct refresh_token t = opened(&s, s.pair.refresh);
	struct session_info *list;
	bool found;
	int n;

	session_set(&s, named[_i].change);
	ck_assert_int_eq(session_list(next(s.web), &s.person.id, &list, &n),
	    OK);
	ck_assert_int_eq(n, named[_i].live);
	ck_assert_int_eq(session_end_one(next(s.web), &s.person.id, &t.session,
			     &found),
	    OK);
	ck_assert_int_eq(found, named[_i].live);
	ck_assert_int_eq(sql_int("SELECT count(*) FROM postern.audit_event"
				 " WHERE account_id = '%s'"
				 " AND event = 'session.ended'",
			     s.person.id_text),
	    named[_i].live);
}
END_TEST

START_TEST(token_of_one_kind_is_none_of_the_other)
{
	struct signed_in s = sign_in();

	ck_assert_int_eq(check(&s, s.pair.refresh), ERR_TOKEN_INVALID);
	ck_assert_int_eq(refused(&s, s.pair.access), ERR_TOKEN_INVALID);
	ck_assert_int_eq(check(&s, s.pair.access), OK);
}
END_TEST

START_TEST(refresh_gives_the_next_token)
{
	struct signed_in s = sign_in();
	const char *token = s.pair.refresh,
		   *end = session_get(&s, "expires_at");

	for (unsigned i = 1; i <= 3; i++) {
		struct token_pair pair = refreshed(&s, token);

		ck_assert_str_ne(pair.refresh, token);
		token = arena_strdup(test_mem(), pair.refresh);
		ck_assert_uint_eq(opened(&s, token).generation,
		    opened(&s, s.pair.refresh).generation + i);
		ck_assert_int_eq(check(&s, pair.access), OK);
		ck_assert_int_le(pair.refresh_seconds, 2592000);
		ck_assert_int_ge(pair.refresh_seconds, 2592000 - 60);
	}
	ck_assert_str_eq(session_get(&s, "refresh_gen"), "3");
	ck_assert_str_eq(session_get(&s, "expires_at"), end);
}
END_TEST

START_TEST(access_token_does_not_outlive_its_session)
{
	struct signed_in s = sign_in();
	struct token_pair pair;

	session_set(&s, "expires_at = now() + interval '60 s'");
	pair = refreshed(&s, s.pair.refresh);
	ck_assert_int_le(pair.refresh_seconds, 60);
	ck_assert_int_le(pair.access_seconds, pair.refresh_seconds);
	ck_assert_int_gt(pair.access_seconds, 50);
}
END_TEST

START_TEST(last_token_gives_the_same_next_one_within_the_grace)
{
	struct signed_in s = sign_in();
	const char *once = refreshed(&s, s.pair.refresh).refresh;

	ck_assert_str_eq(refreshed(&s, s.pair.refresh).refresh, once);
	session_set(&s, "rotated_at = now() - interval '8 s'");
	ck_assert_str_eq(refreshed(&s, s.pair.refresh).refresh, once);
	/* A twin does not start the grace anew. */
	session_set(&s, "rotated_at = rotated_at - interval '4 s'");
	ck_assert_int_eq(refused(&s, s.pair.refresh), ERR_TOKEN_INVALID);
}
END_TEST

/* How an older token comes to be used. */
static const struct {
	const char *conf, *row;
	int uses; /* of tokens before it */
} thefts[] = {
	{ "", "rotated_at = now() - interval '11 s'", 1 },
	{ "", "rotated_at = rotated_at", 2 },
	{ "refresh_grace = 0\n", "rotated_at = rotated_at", 1 },
	/* A twin that came before, and waited for the row's lock. */
	{ "refresh_grace = 0\n", "rotated_at = now() + interval '1 s'", 1 },
};

START_TEST(older_token_is_theft_and_ends_the_session)
{
	struct signed_in s = sign_in();
	struct token_pair pair = s.pair;

	conf_set(thefts[_i].conf);
	for (int i = 0; i < thefts[_i].uses; i++)
		pair = refreshed(&s, pair.refresh);
	session_set(&s, thefts[_i].row);
	ck_assert_int_eq(refused(&s, s.pair.refresh), ERR_TOKEN_INVALID);
	ck_assert_str_eq(session_get(&s, "end_reason"), "stolen");
	ck_assert_int_eq(refused(&s, pair.refresh), ERR_TOKEN_INVALID);
	ck_assert_int_eq(refused(&s, s.pair.refresh), ERR_TOKEN_INVALID);
	ck_assert_int_eq(check(&s, pair.access), ERR_TOKEN_INVALID);
	/* Told once, all of it in one commit. */
	ck_assert_str_eq(
	    sql_text("SELECT count(*) || ' ' || count(DISTINCT x) FROM"
		     " (SELECT xmin::text x FROM postern.session"
		     "   WHERE account_id = '%s'"
		     " UNION ALL SELECT xmin::text FROM postern.audit_event"
		     "   WHERE account_id = '%s' AND event = 'session.stolen'"
		     " UNION ALL SELECT xmin::text FROM postern.mail_outbox"
		     "   WHERE canonical = '%s' AND kind = 'session_stolen') s",
		s.person.id_text, s.person.id_text, s.person.address.canonical),
	    "3 1");
}
END_TEST

START_TEST(theft_ends_one_session_only)
{
	struct signed_in s = sign_in();
	struct token_pair other = sign_in_again(&s);

	(void)refreshed(&s, refreshed(&s, s.pair.refresh).refresh);
	ck_assert_int_eq(refused(&s, s.pair.refresh), ERR_TOKEN_INVALID);
	ck_assert_int_eq(check(&s, other.access), OK);
	(void)refreshed(&s, other.refresh);
}
END_TEST

/* A failover lost the commits that made the generations in between. */
START_TEST(later_generation_is_adopted)
{
	struct signed_in s = sign_in();
	struct refresh_token t = opened(&s, s.pair.refresh);

	t.generation += 5;
	t = opened(&s, refreshed(&s, sealed(&s, &t)).refresh);
	ck_assert_uint_eq(t.generation, 6);
	ck_assert_str_eq(session_get(&s, "refresh_gen"), "6");
}
END_TEST

/* How to forge: the byte of the token that is changed, or something else. */
enum forgery {
	FLIP_TAG,
	FLIP_SECRET,
	OTHER_KEY,
	KEY_WITHOUT_SECRET, /* who has the key file, but not the token */
	OTHER_SESSION,
	FORGERIES,
};

static const char *
forge(const struct signed_in *s, enum forgery how, const char *genuine)
{
	struct refresh_token t = opened(s, genuine);
	char *text = arena_strdup(test_mem(), genuine);
	struct key_ring other;

	switch (how) {
	case FLIP_TAG:
		text[REFRESH_TOKEN_TEXT - 10] ^= 1;
		return text;
	case FLIP_SECRET:
		text[70] ^= 1;
		return text;
	case OTHER_KEY:
		crypto_random(&other, sizeof other);
		refresh_token_write(&t, &other, text);
		return text;
	case KEY_WITHOUT_SECRET:
		crypto_random(t.secret, sizeof t.secret);
		return sealed(s, &t);
	case OTHER_SESSION:
		crypto_random(&t.session, sizeof t.session);
		return sealed(s, &t);
	case FORGERIES:
		break;
	}
	ck_abort();
}

/* Not even a forged token of an old generation, which would be theft. */
START_TEST(forged_token_ends_nothing)
{
	struct signed_in s = sign_in();
	const char *xmin;
	struct token_pair pair;

	pair = refreshed(&s, refreshed(&s, s.pair.refresh).refresh);
	xmin = session_get(&s, "xmin");
	ck_assert_int_eq(refused(&s, forge(&s, _i, pair.refresh)),
	    ERR_TOKEN_INVALID);
	ck_assert_int_eq(refused(&s, forge(&s, _i, s.pair.refresh)),
	    ERR_TOKEN_INVALID);
	ck_assert_str_eq(session_get(&s, "xmin"), xmin);
	ck_assert_int_eq(check(&s, pair.access), OK);
}
END_TEST

static void
refresh_body(const void *arg, struct outcome *o)
{
	struct token_pair pair;
	struct unit *u = unit_signing(WEB);

	o->value = (int)session_refresh(next(u), arg, &pair);
	if (o->value == OK)
		(void)snprintf(o->text, sizeof o->text, "%s", pair.refresh);
}

START_TEST(uses_at_once_of_a_token_give_one_answer)
{
	struct signed_in s = sign_in();
	struct outcome o[8];

	together(ROWS(o), refresh_body, s.pair.refresh, o);
	for (int i = 0; i < ROWS(o); i++) {
		ck_assert_int_eq(o[i].value, OK);
		ck_assert_str_eq(o[i].text, o[0].text);
	}
	ck_assert_str_eq(session_get(&s, "refresh_gen"), "1");
	ck_assert_uint_eq(opened(&s, o[0].text).generation, 1);
}
END_TEST

Suite *
session_suite(void)
{
	const struct test_case cases[] = {
		CASE(session_starts_as_one_row_without_its_secret, 0),
		CASE(session_does_not_start_for_a_changed_account,
		    ROWS(meanwhile)),
		CASE(session_waits_for_a_reset_under_way, 0),
		CASE(ended_session_buys_nothing_on_the_next_call, ROWS(ends)),
		CASE(check_names_the_account, 0),
		CASE(use_moves_last_seen, ROWS(uses)),
		CASE(check_needs_nothing_written, 0),
		CASE(access_token_is_over_by_its_time, 0),
		CASE(logout_ends_this_session_and_no_other, 0),
		CASE(only_a_listed_session_can_be_ended, ROWS(named)),
		CASE(token_of_one_kind_is_none_of_the_other, 0),
		CASE(refresh_gives_the_next_token, 0),
		CASE(access_token_does_not_outlive_its_session, 0),
		CASE(last_token_gives_the_same_next_one_within_the_grace, 0),
		CASE(older_token_is_theft_and_ends_the_session, ROWS(thefts)),
		CASE(theft_ends_one_session_only, 0),
		CASE(later_generation_is_adopted, 0),
		CASE(forged_token_ends_nothing, FORGERIES),
		CASE(uses_at_once_of_a_token_give_one_answer, 0),
	};

	return test_suite("session", cases, ROWS(cases));
}
