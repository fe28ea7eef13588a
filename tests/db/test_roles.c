/* SPDX-License-Identifier: ISC */
/*
 * Who may do what: the matrix of the design, written down here a second time
 * and compared with what PostgreSQL says of every role, table, column and
 * function; and the attacks it is there for, tried.
 */
#include "test_db.h"

#include <string.h>

static const char *const roles[] = { WEB, PASSWORD, MAILER, JANITOR, ADMIN };

/*
 * What a role may do with a table: names of columns, "*" for all, "" for
 * none.  A pair of role and table that is not here may do nothing.
 */
static const struct grant {
	const char *role, *table, *select, *insert, *update;
	bool delete;
} grants[] = {
	{ WEB, "schema_migration", "*", "", "", false },
	{ WEB, "signing_key", "*", "", "", false },
	{ WEB, "account", "*", "", "locale locale_chosen", false },
	{ WEB, "session", "*", "",
	    "refresh_gen rotated_at last_seen_at ended_at end_reason", false },
	{ WEB, "mail_outbox", "", "kind account_id canonical", "", false },
	{ WEB, "audit_event", "", "event account_id session_id client", "",
	    false },

	{ PASSWORD, "schema_migration", "*", "", "", false },
	{ PASSWORD, "signing_key", "*", "", "", false },
	{ PASSWORD, "account", "*", "*", "*", false },
	{ PASSWORD, "password", "*", "*", "*", false },
	{ PASSWORD, "session", "*", "*", "*", false },
	{ PASSWORD, "one_time_token", "*", "", "used_at", false },
	{ PASSWORD, "address_change", "",
	    "account_id id new_address new_canonical epoch", "", false },
	{ PASSWORD, "mail_outbox", "", "kind account_id canonical change_id",
	    "", false },
	{ PASSWORD, "audit_event", "", "event account_id session_id client", "",
	    false },

	{ MAILER, "schema_migration", "*", "", "", false },
	{ MAILER, "account",
	    "id address canonical epoch locale verified_at disabled_at", "", "",
	    false },
	{ MAILER, "address_change", "*", "", "", false },
	{ MAILER, "one_time_token", "account_id purpose expires_at used_at",
	    "*", "", false },
	{ MAILER, "mail_outbox", "*", "",
	    "due_at leased_until attempts state ended_at last_error", false },
	{ MAILER, "audit_event", "", "event account_id session_id client", "",
	    false },

	{ JANITOR, "schema_migration", "*", "", "", false },
	{ JANITOR, "signing_key", "*", "*", "*", true },

	{ ADMIN, "schema_migration", "*", "", "", false },
	{ ADMIN, "signing_key", "*",
	    "kid algorithm public_key sealed_private_key active_at",
	    "retired_at expires_at", false },
	{ ADMIN, "account", "*", "", "disabled_at epoch", false },
	{ ADMIN, "session", "*", "", "ended_at end_reason", false },
	{ ADMIN, "address_change", "*", "", "", false },
	{ ADMIN, "mail_outbox", "*", "", "due_at leased_until state ended_at",
	    false },
	{ ADMIN, "audit_event", "*", "event account_id session_id client", "",
	    false },
	{ ADMIN, "rate_limit", "*", "", "", false },
};

static const struct {
	const char *role, *functions; /* in the order of the alphabet */
} calls[] = {
	{ WEB,
	    "address_of_change_token confirm_address export_account"
	    " one_time_token_address rate_limit_take take_back_address"
	    " verify_email" },
	{ PASSWORD,
	    "address_is_reserved delete_account disown_account"
	    " one_time_token_address rate_limit_take"
	    " verify_email" },
	{ MAILER, "address_is_reserved" },
	{ JANITOR,
	    "audit_event_partitions expire_accounts expire_address_changes"
	    " expire_mails expire_one_time_tokens expire_rate_limits"
	    " expire_sessions" },
	{ ADMIN, "" },
};

/*
 * The matrix as SQL: one row (table, column, verb), the columns of "*" and
 * the DELETE of a table as the column "".
 */
static const char *
wanted(const char *role)
{
	const char *sql = "SELECT NULL::text, NULL::text, NULL::text";

	for (size_t i = 0; i < ROWS(grants); i++) {
		const struct grant *g = &grants[i];
		const char *lists[] = { g->select, g->insert, g->update,
			g->delete ? "." : "" };
		static const char *const verbs[] = { "SELECT", "INSERT",
			"UPDATE", "DELETE" };

		for (int v = 0; strcmp(g->role, role) == 0 && v < 4; v++)
			sql = arena_printf(test_mem(),
			    "%s UNION SELECT '%s', unnest(string_to_array("
			    "'%s', ' ')), '%s'",
			    sql, g->table, lists[v], verbs[v]);
	}
	return sql;
}

/* The same of what PostgreSQL says; "*" where all columns are granted. */
#define ACTUAL                                                                 \
	"SELECT t.relname::text,"                                              \
	" CASE WHEN bool_and(may) THEN '*' ELSE"                               \
	"  string_agg(c.attname, ' ' ORDER BY c.attname COLLATE \"C\") "       \
	"FILTER (WHERE may)"                                                   \
	" END AS columns, verb"                                                \
	" FROM pg_class t JOIN pg_attribute c ON c.attrelid = t.oid,"          \
	" unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) verb,"                   \
	" has_column_privilege('%s', t.oid, c.attnum, verb) may"               \
	" WHERE t.relnamespace = 'postern'::regnamespace"                      \
	" AND t.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT t.relispartition" \
	" AND c.attnum > 0 AND NOT c.attisdropped GROUP BY 1, 3"               \
	" HAVING bool_or(may)"                                                 \
	" UNION ALL SELECT t.relname, '.', verb FROM pg_class t,"              \
	" unnest(ARRAY['DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) verb"   \
	" WHERE t.relnamespace = 'postern'::regnamespace"                      \
	" AND t.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT t.relispartition" \
	" AND has_table_privilege('%s', t.oid, verb)"

START_TEST(role_may_do_with_tables_what_the_matrix_says)
{
	const char *role = roles[_i];
	const char *differences;

	differences = sql_text(
	    "WITH want AS (SELECT t, string_agg(c, ' ' ORDER BY c COLLATE "
	    "\"C\") c, v"
	    "   FROM (%s) AS m(t, c, v) WHERE c IS NOT NULL GROUP BY 1, 3),"
	    " have AS (SELECT * FROM (" ACTUAL ") AS a(t, c, v))"
	    " SELECT string_agg(format('%%s %%s: matrix [%%s], database [%%s]',"
	    "   v, t, want.c, have.c), '; ' ORDER BY t, v)"
	    " FROM want FULL JOIN have USING (t, v)"
	    " WHERE want.c IS DISTINCT FROM have.c",
	    wanted(role), role, role);
	ck_assert_msg(differences == NULL, "%s: %s", role, differences);
}
END_TEST

START_TEST(partition_grants_no_more_than_its_parent)
{
	const char *more = sql_text(
	    "SELECT string_agg(format('%%s %%s', verb, t.relname), ', ')"
	    " FROM pg_class t JOIN pg_inherits i ON i.inhrelid = t.oid,"
	    " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE',"
	    "   'TRUNCATE']) verb"
	    " WHERE t.relispartition"
	    " AND t.relnamespace = 'postern'::regnamespace"
	    " AND has_table_privilege('%s', t.oid, verb)"
	    " AND NOT has_table_privilege('%s', i.inhparent, verb)",
	    roles[_i], roles[_i]);

	ck_assert_msg(more == NULL, "%s: %s", roles[_i], more);
}
END_TEST

START_TEST(role_may_call_what_the_matrix_says)
{
	ck_assert_str_eq(
	    sql_text("SELECT coalesce(string_agg(proname, ' '"
		     " ORDER BY proname), '') FROM pg_proc"
		     " WHERE pronamespace = 'postern'::regnamespace"
		     " AND has_function_privilege('%s', oid, 'EXECUTE')",
		calls[_i].role),
	    calls[_i].functions);
}
END_TEST

START_TEST(role_has_no_way_around_its_grants)
{
	ck_assert_int_eq(
	    sql_int("SELECT count(*) FROM pg_roles r WHERE rolname = '%s'"
		    " AND NOT rolsuper AND NOT rolcreaterole"
		    " AND NOT rolcreatedb AND NOT rolreplication"
		    " AND NOT rolbypassrls AND rolcanlogin"
		    " AND NOT has_schema_privilege(rolname, 'postern',"
		    "   'CREATE')"
		    " AND NOT EXISTS (SELECT FROM pg_auth_members m"
		    "   WHERE m.member = r.oid)"
		    " AND NOT EXISTS (SELECT FROM pg_class c"
		    "   WHERE c.relowner = r.oid)",
		roles[_i]),
	    1);
}
END_TEST

START_TEST(definer_functions_are_these_and_fix_their_search_path)
{
	ck_assert_str_eq(sql_text(
			     "SELECT string_agg(proname, ' ' ORDER BY proname)"
			     " FROM pg_proc WHERE prosecdef"
			     " AND pronamespace = 'postern'::regnamespace"),
	    "address_is_reserved address_of_change_token"
	    " audit_event_partitions confirm_address delete_account"
	    " disown_account expire_accounts expire_address_changes"
	    " expire_mails expire_one_time_tokens expire_rate_limits"
	    " expire_sessions export_account one_time_token_address"
	    " one_time_token_cap rate_limit_take take_back_address"
	    " verify_email");
	ck_assert_int_eq(sql_int("SELECT count(*) FROM pg_proc"
				 " WHERE pronamespace = 'postern'::regnamespace"
				 " AND NOT 'search_path=pg_catalog, pg_temp'"
				 "   = ANY (coalesce(proconfig, '{}'))"),
	    0);
}
END_TEST

#define REFUSED "42501" /* insufficient_privilege */
#define GUARDED "23514" /* check_violation, raised by the trigger */
#define ALLOWED "00000"

/* $id is the account of a person with a live session, an ended one, a token
 * and a mail. */
static const struct {
	const char *role, *sql, *want;
} attacks[] = {
	{ WEB, "SELECT address FROM postern.account", ALLOWED },
	{ WEB, "SELECT hash FROM postern.password", REFUSED },
	{ WEB, "SELECT count(*) FROM postern.password", REFUSED },
	{ WEB, "COPY postern.password TO STDOUT", REFUSED },
	{ WEB, "UPDATE postern.password SET hash = 'x'", REFUSED },
	{ WEB,
	    "INSERT INTO postern.password VALUES ('$id', 'x')"
	    " ON CONFLICT (account_id) DO UPDATE SET hash = EXCLUDED.hash",
	    REFUSED },
	{ WEB, "SELECT hash FROM postern.one_time_token", REFUSED },
	{ WEB,
	    "INSERT INTO postern.one_time_token (account_id, hash, purpose,"
	    " canonical, epoch, expires_at) SELECT id, sha256('x'), 'reset',"
	    " canonical, epoch, now() + interval '1 h' FROM postern.account",
	    REFUSED },
	{ WEB, "UPDATE postern.one_time_token SET used_at = NULL", REFUSED },
	{ WEB, "SELECT canonical FROM postern.mail_outbox", REFUSED },
	{ WEB,
	    "INSERT INTO postern.mail_outbox (kind, account_id, canonical)"
	    " VALUES ('confirm_address', '$id', 'me@x.example')",
	    GUARDED },
	{ WEB,
	    "INSERT INTO postern.mail_outbox (kind, canonical)"
	    " VALUES ('account_deleted', 'me@x.example')",
	    GUARDED },
	{ WEB,
	    "INSERT INTO postern.mail_outbox (kind, canonical, recipient)"
	    " VALUES ('account_deleted', 'me@x.example', 'me@x.example')",
	    REFUSED },
	{ WEB,
	    "INSERT INTO postern.address_change (account_id, id, new_address,"
	    " new_canonical, epoch) VALUES ('$id', gen_random_uuid(),"
	    " 'me@x.example', 'me@x.example', 0)",
	    REFUSED },
	{ WEB, "SELECT new_address FROM postern.address_change", REFUSED },
	{ WEB, "SELECT postern.delete_account('$id', 0)", REFUSED },
	{ WEB,
	    "SELECT postern.address_change_of_token('$id', sha256('x'),"
	    " 'take_back')",
	    REFUSED },
	{ WEB, "SELECT postern.address_is_reserved('x@x.example', NULL)",
	    REFUSED },
	{ WEB,
	    "INSERT INTO postern.mail_outbox (kind, canonical)"
	    " VALUES ('verify', 'nobody@mail.example')",
	    ALLOWED },
	{ WEB,
	    "INSERT INTO postern.mail_outbox (kind, canonical)"
	    " VALUES ('reset', 'nobody@mail.example') RETURNING id",
	    REFUSED },
	{ WEB,
	    "INSERT INTO postern.mail_outbox (kind, canonical, due_at)"
	    " VALUES ('reset', 'nobody@mail.example', 'infinity')",
	    REFUSED },
	{ WEB, "UPDATE postern.mail_outbox SET canonical = 'me@x.example'",
	    REFUSED },
	{ WEB, "UPDATE postern.session SET epoch = epoch + 1", REFUSED },
	{ WEB, "UPDATE postern.session SET secret_hash = sha256('x')",
	    REFUSED },
	{ WEB, "UPDATE postern.session SET expires_at = 'infinity'", REFUSED },
	{ WEB, "UPDATE postern.session SET account_id = account_id", REFUSED },
	{ WEB,
	    "INSERT INTO postern.session (account_id, id, kind, secret_hash,"
	    " epoch, expires_at, address) VALUES ('$id', gen_random_uuid(),"
	    " 'api', sha256('x'), 0, 'infinity', '::1')",
	    REFUSED },
	{ WEB,
	    "UPDATE postern.session SET ended_at = NULL, end_reason = NULL"
	    " WHERE account_id = '$id' AND ended_at IS NOT NULL",
	    GUARDED },
	{ WEB,
	    "UPDATE postern.session SET end_reason = 'lost'"
	    " WHERE account_id = '$id' AND ended_at IS NOT NULL",
	    GUARDED },
	{ WEB,
	    "UPDATE postern.session SET refresh_gen = 0"
	    " WHERE account_id = '$id' AND ended_at IS NULL",
	    GUARDED },
	{ WEB,
	    "UPDATE postern.session SET ended_at = now(), end_reason = 'x'"
	    " WHERE account_id = '$id' AND ended_at IS NULL",
	    ALLOWED },
	{ WEB, "UPDATE postern.account SET epoch = epoch + 1", REFUSED },
	{ WEB, "UPDATE postern.account SET verified_at = now()", REFUSED },
	{ WEB, "UPDATE postern.account SET disabled_at = NULL", REFUSED },
	{ WEB, "UPDATE postern.account SET canonical = 'x@x.example'",
	    REFUSED },
	{ WEB, "UPDATE postern.account SET locale = 'de' WHERE id = '$id'",
	    ALLOWED },
	{ WEB, "UPDATE postern.account SET locale = 'en-GB' WHERE id = '$id'",
	    ALLOWED },
	{ WEB,
	    "UPDATE postern.account SET locale = E'de\\033[2J'"
	    " WHERE id = '$id'",
	    GUARDED },
	{ WEB, "DELETE FROM postern.account", REFUSED },
	{ WEB, "DELETE FROM postern.session", REFUSED },
	{ WEB, "DELETE FROM postern.rate_limit", REFUSED },
	{ WEB, "DELETE FROM postern.audit_event", REFUSED },
	{ WEB, "SELECT * FROM postern.audit_event", REFUSED },
	{ WEB, "UPDATE postern.audit_event SET event = 'x'", REFUSED },
	{ WEB,
	    "INSERT INTO postern.audit_event (at, event) VALUES (now(), 'x')",
	    REFUSED },
	{ WEB, "INSERT INTO postern.audit_event_default (event) VALUES ('x')",
	    REFUSED },
	{ WEB,
	    "INSERT INTO postern.signing_key (kid, algorithm, public_key,"
	    " sealed_private_key) VALUES ('x', 'ES256', '', '')",
	    REFUSED },
	{ WEB, "TRUNCATE postern.rate_limit", REFUSED },
	{ WEB, "SET ROLE postern_password", REFUSED },
	{ WEB, "SET SESSION AUTHORIZATION postern_janitor", REFUSED },
	{ WEB, "CREATE TABLE postern.mine (a int)", REFUSED },
	{ WEB, "SELECT pg_read_file('/etc/passwd')", REFUSED },
	{ WEB, "SELECT postern.audit_event_partitions()", REFUSED },
	{ WEB, "ALTER TABLE postern.session DISABLE TRIGGER session_guard",
	    REFUSED },
	{ WEB, "SET session_replication_role = replica", REFUSED },

	{ PASSWORD,
	    "UPDATE postern.session SET ended_at = NULL, end_reason = NULL"
	    " WHERE account_id = '$id' AND ended_at IS NOT NULL",
	    GUARDED },
	{ PASSWORD,
	    "INSERT INTO postern.one_time_token (account_id, hash, purpose,"
	    " canonical, epoch, expires_at) SELECT id, sha256('x'), 'reset',"
	    " canonical, epoch, now() + interval '1 h' FROM postern.account",
	    REFUSED },
	{ PASSWORD, "UPDATE postern.one_time_token SET expires_at = 'infinity'",
	    REFUSED },
	{ PASSWORD, "DELETE FROM postern.account", REFUSED },
	{ PASSWORD, "UPDATE postern.address_change SET take_back_until = now()",
	    REFUSED },
	{ PASSWORD,
	    "INSERT INTO postern.mail_outbox (kind, canonical, recipient)"
	    " VALUES ('account_deleted', 'me@x.example', 'me@x.example')",
	    REFUSED },
	{ PASSWORD, "SELECT postern.confirm_address('$id', sha256('x'))",
	    REFUSED },
	{ PASSWORD, "SELECT postern.take_back_address('$id', sha256('x'))",
	    REFUSED },
	{ PASSWORD, "SELECT canonical FROM postern.mail_outbox", REFUSED },

	{ MAILER, "SELECT hash FROM postern.password", REFUSED },
	{ MAILER, "SELECT hash FROM postern.one_time_token", REFUSED },
	{ MAILER, "UPDATE postern.one_time_token SET used_at = now()",
	    REFUSED },
	{ MAILER, "SELECT secret_hash FROM postern.session", REFUSED },
	{ MAILER, "SELECT sealed_private_key FROM postern.signing_key",
	    REFUSED },
	{ MAILER, "UPDATE postern.mail_outbox SET canonical = 'x@x.example'",
	    REFUSED },
	{ MAILER,
	    "INSERT INTO postern.mail_outbox (kind, canonical)"
	    " VALUES ('reset', 'nobody@mail.example')",
	    REFUSED },
	{ MAILER, "UPDATE postern.account SET address = 'x@x.example'",
	    REFUSED },
	{ MAILER, "UPDATE postern.address_change SET confirmed_at = now()",
	    REFUSED },
	{ MAILER, "SELECT postern.confirm_address('$id', sha256('x'))",
	    REFUSED },

	{ JANITOR, "SELECT hash FROM postern.password", REFUSED },
	{ JANITOR, "SELECT address FROM postern.account", REFUSED },
	{ JANITOR, "SELECT secret_hash FROM postern.session", REFUSED },
	{ JANITOR, "UPDATE postern.account SET verified_at = now()", REFUSED },
	{ JANITOR, "DELETE FROM postern.audit_event", REFUSED },
	{ JANITOR, "DELETE FROM postern.account", REFUSED },
	{ JANITOR, "DELETE FROM postern.session", REFUSED },
	{ JANITOR, "DELETE FROM postern.one_time_token", REFUSED },
	{ JANITOR, "DELETE FROM postern.address_change", REFUSED },
	{ JANITOR, "DELETE FROM postern.mail_outbox", REFUSED },
	{ JANITOR, "DELETE FROM postern.rate_limit", REFUSED },
	{ JANITOR, "SELECT postern.expire_accounts(0)", ALLOWED },
	{ JANITOR, "SELECT postern.audit_event_partitions()", ALLOWED },

	{ ADMIN, "SELECT hash FROM postern.password", REFUSED },
	{ ADMIN, "SELECT hash FROM postern.one_time_token", REFUSED },
	{ ADMIN, "UPDATE postern.account SET verified_at = now()", REFUSED },
};

START_TEST(attack_is_answered)
{
	struct person p = person_new(true);
	const char *sql = sql_for(attacks[_i].sql, p.id_text);

	(void)token_insert(&p, "reset", 60);
	sql_exec("INSERT INTO postern.session (account_id, id, kind,"
		 " secret_hash, epoch, refresh_gen, expires_at, address,"
		 " ended_at, end_reason)"
		 " SELECT '%s', gen_random_uuid(), 'api', sha256('x'), 0, 5,"
		 "  now() + interval '1 h', '::1', e, r"
		 " FROM (VALUES (NULL, NULL), (now(), 'logout')) v(e, r)",
	    p.id_text);
	ck_assert_msg(strcmp(sql_try(attacks[_i].role, sql),
			  attacks[_i].want) == 0,
	    "%s: %s: %s instead of %s", attacks[_i].role, sql,
	    sql_try(attacks[_i].role, sql), attacks[_i].want);
}
END_TEST

/* Verified whether a fake one lies in the way of its unqualified names. */
START_TEST(temporary_table_does_not_mislead_a_definer_function)
{
	struct person p = person_new(false);
	const char *sql = arena_printf(test_mem(),
	    "CREATE TEMP TABLE one_time_token AS SELECT '%s'::uuid account_id,"
	    " sha256('x') hash, 'verify' purpose, '%s' canonical, 0 epoch,"
	    " now() + interval '1 h' expires_at, NULL::timestamptz used_at;"
	    " SELECT postern.verify_email('%s', sha256('x'))",
	    p.id_text, p.address.canonical, p.id_text);

	(void)sql_try(WEB, sql);
	ck_assert_ptr_null(
	    sql_text("SELECT verified_at FROM postern.account WHERE id = '%s'",
		p.id_text));
}
END_TEST

Suite *
roles_suite(void)
{
	const struct test_case cases[] = {
		CASE(role_may_do_with_tables_what_the_matrix_says, ROWS(roles)),
		CASE(partition_grants_no_more_than_its_parent, ROWS(roles)),
		CASE(role_may_call_what_the_matrix_says, ROWS(calls)),
		CASE(role_has_no_way_around_its_grants, ROWS(roles)),
		CASE(definer_functions_are_these_and_fix_their_search_path, 0),
		CASE(attack_is_answered, ROWS(attacks)),
		CASE(temporary_table_does_not_mislead_a_definer_function, 0),
	};

	return test_suite("roles", cases, ROWS(cases));
}
