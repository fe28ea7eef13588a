/* SPDX-License-Identifier: ISC */
/*
 * platform/db.h as it promises to behave when the server dies, hangs,
 * refuses or answers errors, and its values there and back.
 */
#include "test_db.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/clock.h"

#define BUDGET 700   /* milliseconds */
#define IN_TIME 1400 /* later than that is too late */

static const struct db_query backend = {
	.name = "test_backend",
	.text = "SELECT pg_backend_pid()",
};
static const struct db_query echo = {
	.name = "test_echo",
	.text = "SELECT $1::text, $2::bytea, $3::uuid, $4::bigint,"
		" $4::bigint < 0, length($1), length($2)",
	.nparams = 4,
};
static const struct db_query series = {
	.name = "test_series",
	.text = "SELECT i, i * i FROM generate_series(1, $1::int) i ORDER BY 1",
	.nparams = 1,
};
static const struct db_query nap = {
	.name = "test_nap",
	.text = "SELECT pg_sleep($1::float8)",
	.nparams = 1,
};
static const struct db_query put = {
	.name = "test_put",
	.text = "INSERT INTO postern.audit_event (event) VALUES ($1)",
	.nparams = 1,
	.writes = true,
};
static const struct db_query forbidden = {
	.name = "test_forbidden",
	.text = "SELECT hash FROM postern.password",
};
static const struct db_query wrong = {
	.name = "test_wrong",
	.text = "SELECT nothing FROM nowhere",
};
static const struct db_query prepared = {
	.name = "test_prepared",
	.text = "SELECT count(*) FROM pg_prepared_statements",
};
static const struct db_query listen_mail = {
	.name = "test_listen",
	.text = "LISTEN postern_mail",
};

static struct db *held; /* freed by LeakSanitizer's leave: it is reachable */

static struct db *
open_with(const char *conninfo, bool prepare)
{
	held = db_open(&(struct db_options){
	    .conninfo = conninfo,
	    .user = WEB,
	    .password = cluster_password(),
	    .prepare = prepare,
	    .budget_ms = BUDGET,
	});
	db_request(held);
	return held;
}

static struct db *
open_web(void)
{
	return open_with(cluster_conninfo(), true);
}

static int64_t
pid_of(struct db *db)
{
	struct db_rows r;

	ck_assert_int_eq(db_run(db, test_mem(), &backend, NULL, &r), OK);
	return db_get_int(&r, 0, 0);
}

/* Ends the backend and waits until it is gone. */
static void
end_backend(int64_t pid)
{
	ck_assert_str_eq(sql_text("SELECT pg_terminate_backend(%d, 5000)",
			     (int)pid),
	    "t");
}

static enum err
put_row(struct db *db, const char *key)
{
	return db_run(db, test_mem(), &put, DB_PARAMS(db_text(key)), NULL);
}

static const char *
key_random(void)
{
	return address_random().canonical;
}

static int64_t
rows_of(const char *key)
{
	return sql_int("SELECT count(*) FROM postern.audit_event"
		       " WHERE event = '%s'",
	    key);
}

static enum err
sleep_for(struct db *db, const char *seconds)
{
	return db_run(db, test_mem(), &nap, DB_PARAMS(db_text(seconds)), NULL);
}

static const bool prepares[] = { true, false };

static const char all_bytes[] = "\0\1\x7f\x80\xff\\x'\"";

START_TEST(values_come_back_as_they_went)
{
	struct db *db = open_with(cluster_conninfo(), prepares[_i]);
	struct uuid id = { "0123456789abcde" }, back;
	char bytes[sizeof all_bytes];
	struct db_rows r;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(db_run(db, test_mem(), &echo,
				     DB_PARAMS(db_text("Grüße'; --"),
					 db_bytes(all_bytes, sizeof all_bytes),
					 db_uuid(&id),
					 db_int(test_mem(), INT64_MIN)),
				     &r),
		    OK);
		ck_assert_int_eq(r.nrows, 1);
		ck_assert_int_eq(r.ncols, 7);
		ck_assert_str_eq(db_get_text(&r, 0, 0), "Grüße'; --");
		db_get_bytes(&r, 0, 1, bytes, sizeof bytes);
		ck_assert_mem_eq(bytes, all_bytes, sizeof bytes);
		back = db_get_uuid(&r, 0, 2);
		ck_assert_mem_eq(back.b, id.b, sizeof id.b);
		ck_assert(db_get_int(&r, 0, 3) == INT64_MIN);
		ck_assert(db_get_bool(&r, 0, 4));
		ck_assert_int_eq(db_get_int(&r, 0, 6), sizeof all_bytes);
	}
}
END_TEST

START_TEST(null_and_empty_are_told_apart)
{
	struct db *db = open_with(cluster_conninfo(), prepares[_i]);
	struct db_rows r;

	ck_assert_int_eq(db_run(db, test_mem(), &echo,
			     DB_PARAMS(db_text(NULL), db_bytes("", 0),
				 db_uuid(NULL), db_int(test_mem(), 0)),
			     &r),
	    OK);
	ck_assert(db_is_null(&r, 0, 0));
	ck_assert_ptr_null(db_get_text(&r, 0, 0));
	ck_assert(!db_is_null(&r, 0, 1));
	ck_assert(db_is_null(&r, 0, 2));
	ck_assert_int_eq(db_get_int(&r, 0, 6), 0);
}
END_TEST

START_TEST(rows_come_in_order_and_none_is_none)
{
	struct db *db = open_with(cluster_conninfo(), prepares[_i]);
	struct db_rows r;

	ck_assert_int_eq(db_run(db, test_mem(), &series,
			     DB_PARAMS(db_text("300")), &r),
	    OK);
	ck_assert_int_eq(r.nrows, 300);
	for (int i = 0; i < r.nrows; i++)
		ck_assert_int_eq(db_get_int(&r, i, 1),
		    (int64_t)(i + 1) * (i + 1));
	ck_assert_int_eq(db_run(db, test_mem(), &series,
			     DB_PARAMS(db_text("0")), &r),
	    OK);
	ck_assert_int_eq(r.nrows, 0);
	ck_assert_int_eq(r.ncols, 2);
}
END_TEST

/* The statement that counts may itself be one of them. */
START_TEST(statements_are_prepared_only_when_asked)
{
	struct db *db = open_with(cluster_conninfo(), prepares[_i]);
	struct db_rows r;

	pid_of(db);
	ck_assert_int_eq(db_run(db, test_mem(), &prepared, NULL, &r), OK);
	if (prepares[_i])
		ck_assert_int_ge(db_get_int(&r, 0, 0), 1);
	else
		ck_assert_int_eq(db_get_int(&r, 0, 0), 0);
}
END_TEST

START_TEST(connection_lost_between_requests_is_not_noticed)
{
	struct db *db = open_web();
	const char *key = key_random();
	int64_t pid = pid_of(db);

	end_backend(pid);
	db_request(db);
	/* A write: only a look before it is sent can save it. */
	ck_assert_int_eq(put_row(db, key), OK);
	ck_assert_int_eq(rows_of(key), 1);
	ck_assert_int_ne(pid_of(db), pid);
}
END_TEST

START_TEST(read_is_repeated_once_a_request)
{
	struct db *db = open_web();
	int64_t pid;

	db_request(db);
	pid = pid_of(db);
	db_request(db);
	end_backend(pid);
	ck_assert_int_ne(pid_of(db), pid);
	end_backend(pid_of(db));
	ck_assert_int_eq(db_run(db, test_mem(), &backend, NULL, NULL),
	    ERR_UNAVAILABLE);
	db_request(db);
	pid_of(db);
}
END_TEST

START_TEST(write_is_not_repeated)
{
	struct db *db = open_web();
	const char *key = key_random();
	int64_t pid = pid_of(db);

	/* The request's one reconnection is not spent. */
	db_request(db);
	end_backend(pid);
	ck_assert_int_eq(put_row(db, key), ERR_UNAVAILABLE);
	ck_assert_int_eq(rows_of(key), 0);
}
END_TEST

START_TEST(read_is_not_repeated_after_a_write)
{
	struct db *db = open_web();

	pid_of(db);
	db_request(db);
	ck_assert_int_eq(put_row(db, key_random()), OK);
	end_backend(pid_of(db));
	ck_assert_int_eq(db_run(db, test_mem(), &backend, NULL, NULL),
	    ERR_UNAVAILABLE);
}
END_TEST

START_TEST(connection_lost_in_a_transaction_ends_it)
{
	struct db *db = open_web();
	const char *key = key_random();
	int64_t pid;

	pid_of(db);
	db_request(db);
	ck_assert_int_eq(db_begin(db), OK);
	ck_assert_int_eq(put_row(db, key), OK);
	pid = pid_of(db);
	end_backend(pid);
	ck_assert_int_eq(db_run(db, test_mem(), &backend, NULL, NULL),
	    ERR_UNAVAILABLE);
	ck_assert_int_eq(put_row(db, key), ERR_UNAVAILABLE);
	ck_assert_int_eq(db_commit(db), ERR_UNAVAILABLE);
	db_rollback(db);
	ck_assert_int_eq(rows_of(key), 0);
	db_request(db);
	ck_assert_int_eq(put_row(db, key), OK);
	ck_assert_int_eq(rows_of(key), 1);
}
END_TEST

START_TEST(connection_lost_before_commit_is_not_repeated)
{
	struct db *db = open_web();
	const char *key = key_random();
	int64_t pid = pid_of(db);

	db_request(db);
	ck_assert_int_eq(db_begin(db), OK);
	ck_assert_int_eq(db_send(db, &put, DB_PARAMS(db_text(key))), OK);
	end_backend(pid);
	ck_assert_int_eq(db_commit(db), ERR_UNAVAILABLE);
	db_rollback(db);
	ck_assert_int_eq(rows_of(key), 0);
}
END_TEST

START_TEST(slow_statement_ends_with_the_budget)
{
	struct db *db = open_with(cluster_conninfo(), prepares[_i]);
	int64_t start;

	pid_of(db);
	db_request(db);
	start = clock_steady_ms();
	ck_assert_int_eq(sleep_for(db, "5"), ERR_UNAVAILABLE);
	ck_assert_int_lt(clock_steady_ms() - start, IN_TIME);
	db_request(db);
	pid_of(db);
}
END_TEST

START_TEST(budget_is_one_for_all_statements)
{
	struct db *db = open_web();
	int64_t start;

	pid_of(db);
	db_request(db);
	start = clock_steady_ms();
	ck_assert_int_eq(sleep_for(db, "0.3"), OK);
	ck_assert_int_eq(sleep_for(db, "0.3"), OK);
	ck_assert_int_eq(sleep_for(db, "0.3"), ERR_UNAVAILABLE);
	ck_assert_int_lt(clock_steady_ms() - start, IN_TIME);
}
END_TEST

/*
 * Else requests would queue behind each other's waiting.  Without preparing
 * there is no statement_timeout either: the server says nothing at all.
 */
START_TEST(silent_server_gets_little_time_until_it_answers)
{
	struct db *db = open_with(cluster_conninfo(), false);
	int64_t start;

	pid_of(db); /* connected: all of the budget is for waiting */
	db_request(db);
	ck_assert_int_eq(sleep_for(db, "5"), ERR_UNAVAILABLE);
	db_request(db);
	start = clock_steady_ms();
	ck_assert_int_eq(sleep_for(db, "5"), ERR_UNAVAILABLE);
	ck_assert_int_lt(clock_steady_ms() - start, 300);
	db_request(db);
	pid_of(db);
	db_request(db);
	ck_assert_int_eq(sleep_for(db, "0.3"), OK);
}
END_TEST

START_TEST(given_up_statement_does_not_run_on)
{
	struct db *db = open_web();
	int64_t pid = pid_of(db), running = 1;

	ck_assert_int_eq(sleep_for(db, "60"), ERR_UNAVAILABLE);
	for (int i = 0; i < 40 && running > 0; i++) {
		usleep(100 * 1000);
		running = sql_int("SELECT count(*) FROM pg_stat_activity"
				  " WHERE pid = %d AND state = 'active'",
		    (int)pid);
	}
	ck_assert_int_eq(running, 0);
}
END_TEST

START_TEST(lock_is_waited_for_no_longer_than_the_budget)
{
	struct db *db = open_web();
	const char *key = key_random();
	int64_t start;

	sql_exec("BEGIN; LOCK TABLE postern.audit_event IN SHARE MODE");
	start = clock_steady_ms();
	ck_assert_int_eq(put_row(db, key), ERR_UNAVAILABLE);
	ck_assert_int_lt(clock_steady_ms() - start, IN_TIME);
	sql_exec("ROLLBACK");
}
END_TEST

static const char *const bad_servers[] = {
	"host=/nonexistent dbname=x",
	"host=127.0.0.1 port=1 dbname=x",
	"host=127.0.0.1 port=$id dbname=x connect_timeout=30",
};

/* The last takes the connection and never says a word. */
START_TEST(bad_server_is_unavailable_soon)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof a;
	int64_t start = clock_steady_ms();
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct db *db;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	db = open_with(sql_for(bad_servers[_i],
			   arena_printf(test_mem(), "%d", ntohs(a.sin_port))),
	    true);
	ck_assert_int_eq(db_run(db, test_mem(), &backend, NULL, NULL),
	    ERR_UNAVAILABLE);
	ck_assert_int_lt(clock_steady_ms() - start, IN_TIME);
	ck_assert_str_ne(db_message(db), "");
	ck_assert_int_eq(put_row(db, "x"), ERR_UNAVAILABLE);
	ck_assert_int_eq(db_begin(db), ERR_UNAVAILABLE);
	db_rollback(db);
	close(fd);
}
END_TEST

/* One that fails as it runs, one that cannot be prepared. */
static const struct {
	const struct db_query *query;
} errors[] = { { &forbidden }, { &wrong } };

START_TEST(error_leaves_the_connection_usable)
{
	struct db *db = open_web();
	int64_t pid = pid_of(db);

	for (int i = 0; i < 3; i++) {
		db_request(db);
		ck_assert_int_eq(db_run(db, test_mem(), errors[_i].query, NULL,
				     NULL),
		    ERR_UNAVAILABLE);
		ck_assert_str_ne(db_message(db), "");
		ck_assert_int_eq(pid_of(db), pid);
	}
}
END_TEST

START_TEST(error_of_a_queued_statement_comes_out_at_commit)
{
	struct db *db = open_with(cluster_conninfo(), prepares[_i]);
	const char *key = key_random(), *other = key_random();
	int64_t pid = pid_of(db);

	ck_assert_int_eq(db_begin(db), OK);
	ck_assert_int_eq(db_send(db, &put, DB_PARAMS(db_text(other))), OK);
	ck_assert_int_eq(db_send(db, &put, DB_PARAMS(db_text(NULL))), OK);
	ck_assert_int_eq(db_send(db, &put, DB_PARAMS(db_text(key))), OK);
	ck_assert_int_eq(db_commit(db), ERR_UNAVAILABLE);
	db_rollback(db);
	ck_assert_int_eq(rows_of(key) + rows_of(other), 0);
	ck_assert_int_eq(pid_of(db), pid);
	ck_assert_int_eq(put_row(db, key), OK);
	ck_assert_int_eq(rows_of(key), 1);
}
END_TEST

/* What is skipped after an error was not prepared either. */
START_TEST(statement_skipped_by_an_error_works_in_the_next_request)
{
	struct db *db = open_web();
	const char *key = key_random();
	int64_t pid = pid_of(db);

	ck_assert_int_eq(db_begin(db), OK);
	ck_assert_int_eq(db_send(db, errors[_i].query, NULL), OK);
	ck_assert_int_eq(db_send(db, &put, DB_PARAMS(db_text(key))), OK);
	ck_assert_int_eq(db_commit(db), ERR_UNAVAILABLE);
	db_rollback(db);
	db_request(db);
	ck_assert_int_eq(put_row(db, key), OK);
	ck_assert_int_eq(rows_of(key), 1);
	ck_assert_int_eq(pid_of(db), pid);
}
END_TEST

START_TEST(error_within_a_transaction_undoes_it)
{
	struct db *db = open_web();
	const char *key = key_random();
	int64_t pid = pid_of(db);

	ck_assert_int_eq(db_begin(db), OK);
	ck_assert_int_eq(put_row(db, key), OK);
	ck_assert_int_eq(db_run(db, test_mem(), errors[_i].query, NULL, NULL),
	    ERR_UNAVAILABLE);
	db_rollback(db);
	ck_assert_int_eq(rows_of(key), 0);
	ck_assert_int_eq(pid_of(db), pid);
}
END_TEST

START_TEST(rollback_undoes_what_ran_and_what_was_queued)
{
	struct db *db = open_web();
	const char *ran = key_random(), *queued = key_random();

	ck_assert_int_eq(db_begin(db), OK);
	ck_assert_int_eq(put_row(db, ran), OK);
	ck_assert_int_eq(db_send(db, &put, DB_PARAMS(db_text(queued))), OK);
	db_rollback(db);
	ck_assert_int_eq(rows_of(ran) + rows_of(queued), 0);
	ck_assert_int_eq(db_begin(db), OK);
	db_rollback(db);
	ck_assert_int_eq(put_row(db, ran), OK);
	ck_assert_int_eq(rows_of(ran), 1);
}
END_TEST

START_TEST(commit_keeps_what_ran_and_what_was_queued)
{
	struct db *db = open_with(cluster_conninfo(), prepares[_i]);
	const char *ran = key_random(), *queued = key_random();

	ck_assert_int_eq(db_begin(db), OK);
	ck_assert_int_eq(put_row(db, ran), OK);
	ck_assert_int_eq(db_send(db, &put, DB_PARAMS(db_text(queued))), OK);
	ck_assert_int_eq(rows_of(ran) + rows_of(queued), 0);
	ck_assert_int_eq(db_commit(db), OK);
	ck_assert_int_eq(rows_of(ran) + rows_of(queued), 2);
}
END_TEST

START_TEST(notification_wakes_the_one_who_waits)
{
	struct db *db = db_open(&(struct db_options){
	    .conninfo = cluster_conninfo(),
	    .user = MAILER,
	    .password = cluster_password(),
	    .prepare = true,
	    .budget_ms = BUDGET,
	});
	int64_t start = clock_steady_ms();

	held = db;
	db_listen(db, &listen_mail);
	/* Nobody knows what came before the connection stood. */
	ck_assert(db_wait(db, NULL, 100));
	ck_assert(!db_wait(db, NULL, 100));
	sql_exec("NOTIFY postern_mail");
	ck_assert(db_wait(db, NULL, 5000));
	ck_assert(!db_wait(db, NULL, 100));
	end_backend(pid_of(db));
	(void)db_wait(db, NULL, 100);
	ck_assert(clock_steady_ms() - start < 5000);
	sql_exec("NOTIFY postern_mail");
	ck_assert(db_wait(db, NULL, 5000));
}
END_TEST

Suite *
connection_suite(void)
{
	const struct test_case cases[] = {
		CASE(values_come_back_as_they_went, 2),
		CASE(null_and_empty_are_told_apart, 2),
		CASE(rows_come_in_order_and_none_is_none, 2),
		CASE(statements_are_prepared_only_when_asked, 2),
		CASE(connection_lost_between_requests_is_not_noticed, 0),
		CASE(read_is_repeated_once_a_request, 0),
		CASE(write_is_not_repeated, 0),
		CASE(read_is_not_repeated_after_a_write, 0),
		CASE(connection_lost_in_a_transaction_ends_it, 0),
		CASE(connection_lost_before_commit_is_not_repeated, 0),
		CASE(slow_statement_ends_with_the_budget, 2),
		CASE(budget_is_one_for_all_statements, 0),
		CASE(silent_server_gets_little_time_until_it_answers, 0),
		CASE(given_up_statement_does_not_run_on, 0),
		CASE(lock_is_waited_for_no_longer_than_the_budget, 0),
		CASE(bad_server_is_unavailable_soon, ROWS(bad_servers)),
		CASE(error_leaves_the_connection_usable, ROWS(errors)),
		CASE(error_of_a_queued_statement_comes_out_at_commit, 2),
		CASE(statement_skipped_by_an_error_works_in_the_next_request,
		    ROWS(errors)),
		CASE(error_within_a_transaction_undoes_it, ROWS(errors)),
		CASE(rollback_undoes_what_ran_and_what_was_queued, 0),
		CASE(commit_keeps_what_ran_and_what_was_queued, 2),
		CASE(notification_wakes_the_one_who_waits, 0),
	};

	return test_suite("connection", cases, ROWS(cases));
}
