/* SPDX-License-Identifier: ISC */
#include "platform/fcgi.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/fcgi_record.h"
#include "tests/fcgi_client.h"
#include "tests/test.h"

/*
 * A worker and its clients in one process; each test in a process of its
 * own.  This also pins what fcgi.c knows of the inside of libfcgi: that it
 * reads from a descriptor put into its request.
 */
#define AT_ONCE 200 /* ms that something immediate may take */
#define MOST_PATIENCE (FCGI_PATIENCE * 1000L + 5L * AT_ONCE)

static const char *const params[] = { "REQUEST_METHOD", "POST", "DOCUMENT_URI",
	"/auth/login", "REQUEST_METHOD", "GET", NULL };
static const char body[] = "{\"email\":\"a@b.c\"}";

static struct packet good, bad;
static struct fcgi *f;
static int listener;
static sigset_t blocked, unblocked;
static volatile sig_atomic_t signals;

static void
count_signal(int signo)
{
	(void)signo;
	signals++;
}

static void
start(void)
{
	struct sigaction count = { .sa_handler = count_signal };

	sigfillset(&blocked);
	sigemptyset(&unblocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigaction(SIGTERM, &count, NULL);
	packet_request(&good, params, body);
	listener = client_listen();
	f = fcgi_open(listener);
}

static bool
next(int idle_ms)
{
	int64_t until = clock_steady_ms() + idle_ms, left = idle_ms;

	while (fcgi_wait(f, &blocked, (int)left)) {
		if (fcgi_take(f))
			return true;
		if (idle_ms > 0)
			left = until - clock_steady_ms();
		if (idle_ms > 0 && left < 0)
			left = 0;
	}
	return false;
}

/* Reads and answers the current request with its body. */
static void
serve(void)
{
	char text[1000];
	size_t n;

	ck_assert_int_eq(fcgi_body(f, text, sizeof text, &n), OK);
	ck_assert(fcgi_write(f, text, n));
	fcgi_finish(f);
}

static void
assert_answered(int fd)
{
	char answer[1000];

	ck_assert(client_answer(fd, answer, sizeof answer));
	ck_assert_str_eq(answer, body);
}

static int
send_good(void)
{
	int fd = client_connect(listener);

	client_send(fd, &good);
	return fd;
}

/* Whoever else is connected, a whole request is served without delay. */
static void
assert_good_is_served_at_once(void)
{
	int64_t before = clock_steady_ms();
	int fd = send_good();

	ck_assert(next(AT_ONCE));
	serve();
	assert_answered(fd);
	ck_assert_int_lt(clock_steady_ms() - before, AT_ONCE);
}

static void
serve_until(int64_t end)
{
	while (clock_steady_ms() < end)
		assert_good_is_served_at_once();
}

START_TEST(a_whole_request_is_read_and_answered)
{
	char text[4];
	size_t n;
	int fd;

	start();
	fd = send_good();
	ck_assert(next(0));
	/* The first of duplicates; no name matches by its beginning. */
	ck_assert_str_eq(fcgi_param(f, "REQUEST_METHOD"), "POST");
	ck_assert_ptr_null(fcgi_param(f, "REQUEST"));
	ck_assert_int_eq(fcgi_body(f, text, sizeof text, &n), OK);
	ck_assert_uint_eq(n, strlen(body));
	ck_assert(memcmp(text, body, sizeof text) == 0);
	ck_assert(fcgi_write(f, body, strlen(body)));
	fcgi_finish(f);
	assert_answered(fd);
	fcgi_close(&f);
	ck_assert_ptr_null(f);
	fcgi_close(&f);
}
END_TEST

START_TEST(a_connection_serves_one_request_even_if_told_to_keep)
{
	int fd;

	start();
	good.data[8 + 2] = 1; /* FCGI_KEEP_CONN in BEGIN's body */
	fd = send_good();
	client_send(fd, &good);
	ck_assert(next(0));
	serve();
	assert_answered(fd);
	ck_assert(!next(0));
}
END_TEST

/* Inside a header, a record, between records; from the end if negative. */
static const int cuts[] = { 1, 7, 8, 20, 47, -1, -8, -9 };

START_TEST(a_request_in_pieces_is_served_when_it_is_whole)
{
	size_t cut;
	int fd;

	start();
	cut = (size_t)(cuts[_i] < 0 ? (int)good.n + cuts[_i] : cuts[_i]);
	fd = client_connect(listener);
	ck_assert(!next(0));
	ck_assert_int_eq(send(fd, good.data, cut, 0), (ssize_t)cut);
	ck_assert(!next(20));
	assert_good_is_served_at_once();
	ck_assert_int_eq(send(fd, good.data + cut, good.n - cut, 0),
	    (ssize_t)(good.n - cut));
	ck_assert(next(0));
	serve();
	assert_answered(fd);
}
END_TEST

/* Lengths that make libfcgi abort, and records it would wait behind. */
static const struct {
	const char *bytes;
	size_t n;
	int type;
} lies[] = {
	{ "\377\377\377\376\377\377\377\376", 8, RECORD_PARAMS },
	{ "\200\1\0\0\200\1\0\0", 8, RECORD_PARAMS },
	{ "\1\5AB", 4, RECORD_PARAMS },
	{ "", 0, RECORD_ABORT },
	{ "early", 5, RECORD_STDIN },
};

START_TEST(a_lying_client_is_closed_and_harms_nobody)
{
	int fd;

	start();
	packet_begin(&bad);
	packet_record(&bad, lies[_i].type, lies[_i].bytes, lies[_i].n);
	packet_end(&bad, RECORD_PARAMS);
	packet_end(&bad, RECORD_STDIN);
	fd = client_connect(listener);
	client_send(fd, &bad);
	ck_assert(!next(0));
	ck_assert(client_refused(fd));
	assert_good_is_served_at_once();
}
END_TEST

/* Sends a body too large to be waited for, but not the end of it. */
static int
send_most_of_a_large_body(void)
{
	static char large[FCGI_BODY_WAIT + 100];
	int fd = client_connect(listener);

	memset(large, 'x', sizeof large - 1);
	packet_request(&bad, params, large);
	bad.n -= 8;
	client_send(fd, &bad);
	return fd;
}

/* How a body ends that nobody waited for. */
static void
assert_body_is_too_large(void)
{
	char text[100];
	size_t n;

	ck_assert_int_eq(fcgi_body(f, text, sizeof text, &n), OK);
	ck_assert(n == SIZE_MAX);
	fcgi_finish(f);
}

START_TEST(a_large_body_that_breaks_off_is_told)
{
	int fd;

	start();
	fd = send_most_of_a_large_body();
	shutdown(fd, SHUT_WR);
	ck_assert(next(0));
	assert_body_is_too_large();
	assert_good_is_served_at_once();
}
END_TEST

/* All kinds of patience are tried here, at once: it takes its seconds. */
START_TEST(silent_clients_cost_nobody_time_and_are_closed_in_the_end)
{
	int silent[300], half = 0, late;
	int64_t opened = clock_steady_ms();

	start();
	for (int i = 0; i < ROWS(silent); i++) {
		silent[i] = client_connect(listener);
		half = send(silent[i], good.data, (size_t)i % good.n, 0) > 0;
	}
	ck_assert(half);
	ck_assert(!next(50));
	for (int i = 0; i < 20; i++)
		assert_good_is_served_at_once();
	ck_assert(!client_refused(silent[0]));
	/* A large body that stops coming costs no time at all. */
	(void)send_most_of_a_large_body();
	ck_assert(next(0));
	assert_body_is_too_large();
	ck_assert_int_lt(clock_steady_ms() - opened, FCGI_PATIENCE * 1000L);
	serve_until(opened + 1000);
	late = client_connect(listener);
	/* The patience ends though there is always somebody to serve, */
	serve_until(opened + FCGI_PATIENCE * 1000 + AT_ONCE);
	for (int i = 0; i < ROWS(silent); i++)
		ck_assert(client_refused(silent[i]));
	ck_assert_int_lt(clock_steady_ms() - opened, MOST_PATIENCE);
	/* and when there is nobody. */
	ck_assert(!client_refused(late));
	ck_assert(!next(1500));
	ck_assert(client_refused(late));
	assert_good_is_served_at_once();
}
END_TEST

START_TEST(a_full_table_gives_up_its_oldest)
{
	static int fd[1025];
	struct rlimit many = { 3000, 3000 };

	if (setrlimit(RLIMIT_NOFILE, &many) != 0)
		return;
	start();
	for (int i = 0; i < ROWS(fd); i++)
		fd[i] = client_connect(listener);
	ck_assert(!next(AT_ONCE));
	ck_assert(client_refused(fd[0]));
	ck_assert(!client_refused(fd[1]));
	assert_good_is_served_at_once();
	client_send(fd[1], &good);
	ck_assert(next(0));
	serve();
	assert_answered(fd[1]);
}
END_TEST

START_TEST(without_descriptors_the_oldest_is_given_up)
{
	struct rlimit few;
	int first;

	start();
	getrlimit(RLIMIT_NOFILE, &few);
	first = client_connect(listener);
	ck_assert(!next(0));
	/* The next descriptor is the client's, then there is none. */
	few.rlim_cur = (rlim_t)dup(first) + 1;
	close((int)few.rlim_cur - 1);
	setrlimit(RLIMIT_NOFILE, &few);
	assert_good_is_served_at_once();
	ck_assert(client_refused(first));
}
END_TEST

START_TEST(a_large_body_is_answered_unread)
{
	static char answer[PACKET_MAX];
	int fd;

	start();
	fd = send_most_of_a_large_body();
	ck_assert(next(1000));
	ck_assert(fcgi_write(f, "too much", 8));
	assert_body_is_too_large();
	ck_assert(client_answer(fd, answer, sizeof answer));
	ck_assert_str_eq(answer, "too much");
}
END_TEST

/* libfcgi would set its own. */
START_TEST(signal_handlers_stay_ours)
{
	struct sigaction now;

	start();
	sigaction(SIGTERM, NULL, &now);
	ck_assert(now.sa_handler == count_signal);
	sigaction(SIGUSR1, NULL, &now);
	ck_assert(now.sa_handler == SIG_DFL);
	sigaction(SIGPIPE, NULL, &now);
	ck_assert(now.sa_handler == SIG_IGN);
}
END_TEST

START_TEST(a_signal_ends_the_waiting_even_while_requests_wait)
{
	int fd;

	start();
	ck_assert(!next(20));
	fd = send_good();
	(void)raise(SIGTERM);
	ck_assert_int_eq(signals, 0);
	ck_assert(!fcgi_wait(f, &unblocked, -1));
	ck_assert_int_eq(signals, 1);
	ck_assert(fcgi_wait(f, &unblocked, -1) && fcgi_take(f));
	(void)raise(SIGTERM);
	serve();
	assert_answered(fd);
	ck_assert_int_eq(signals, 1);
}
END_TEST

START_TEST(a_client_that_has_gone_gets_no_service)
{
	int fd;

	start();
	close(send_good());
	ck_assert(!next(0));
	fd = client_connect(listener);
	ck_assert(!next(0));
	close(fd);
	ck_assert(!next(0));
	/* One that only ended its sending still waits. */
	fd = send_good();
	shutdown(fd, SHUT_WR);
	ck_assert(next(0));
	serve();
	assert_answered(fd);
	fd = client_connect(listener);
	ck_assert(!next(0));
	ck_assert_int_eq(send(fd, good.data, 20, 0), 20);
	ck_assert(!next(0));
	ck_assert(!client_refused(fd));
	shutdown(fd, SHUT_WR);
	ck_assert(!next(0));
	ck_assert(client_refused(fd));
}
END_TEST

START_TEST(a_client_that_leaves_before_its_answer_harms_nobody)
{
	static char large[100000];
	int fd;

	start();
	fd = send_good();
	ck_assert(next(0));
	close(fd);
	ck_assert(!fcgi_write(f, large, sizeof large));
	ck_assert(!fcgi_write(f, large, 1));
	fcgi_finish(f);
	assert_good_is_served_at_once();
}
END_TEST

START_TEST(finishing_waits_for_no_client)
{
	int64_t before;
	int fd;

	start();
	fd = send_good();
	ck_assert(next(0));
	before = clock_steady_ms();
	serve();
	ck_assert_int_lt(clock_steady_ms() - before, AT_ONCE);
	assert_answered(fd);
}
END_TEST

START_TEST(workers_share_what_waits)
{
	struct fcgi *first, *second;
	int a, b;

	start();
	first = f;
	second = fcgi_open(listener);
	a = send_good();
	b = send_good();
	ck_assert(next(0));
	f = second;
	ck_assert(next(0));
	serve();
	assert_answered(b);
	f = first;
	serve();
	assert_answered(a);
	fcgi_close(&second);
}
END_TEST

START_TEST(a_worker_that_leaves_loses_no_request)
{
	int accepted, waiting;

	start();
	accepted = client_connect(listener);
	ck_assert(!next(0));
	fcgi_drain(f);
	waiting = send_good();
	client_send(accepted, &good);
	ck_assert(next(-1));
	serve();
	assert_answered(accepted);
	ck_assert(!next(-1));
	fcgi_close(&f);
	f = fcgi_open(listener);
	ck_assert(next(0));
	serve();
	assert_answered(waiting);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "whole", a_whole_request_is_read_and_answered, 0 },
		{ "keep", a_connection_serves_one_request_even_if_told_to_keep,
		    0 },
		{ "pieces", a_request_in_pieces_is_served_when_it_is_whole,
		    ROWS(cuts) },
		{ "lies", a_lying_client_is_closed_and_harms_nobody,
		    ROWS(lies) },
		{ "silent",
		    silent_clients_cost_nobody_time_and_are_closed_in_the_end,
		    0 },
		{ "full", a_full_table_gives_up_its_oldest, 0 },
		{ "descriptors", without_descriptors_the_oldest_is_given_up,
		    0 },
		{ "large", a_large_body_is_answered_unread, 0 },
		{ "cut", a_large_body_that_breaks_off_is_told, 0 },
		{ "handlers", signal_handlers_stay_ours, 0 },
		{ "signal", a_signal_ends_the_waiting_even_while_requests_wait,
		    0 },
		{ "gone", a_client_that_has_gone_gets_no_service, 0 },
		{ "leaves", a_client_that_leaves_before_its_answer_harms_nobody,
		    0 },
		{ "finish", finishing_waits_for_no_client, 0 },
		{ "share", workers_share_what_waits, 0 },
		{ "drain", a_worker_that_leaves_loses_no_request, 0 },
	};

	return test_main("fcgi", suite, ROWS(suite));
}
