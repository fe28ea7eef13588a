/* SPDX-License-Identifier: ISC */
#include "http/response.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "platform/fcgi.h"
#include "platform/json.h"
#include "tests/fcgi_client.h"
#include "tests/test.h"

/* Answers are judged as the web server gets them. */
static struct arena *mem;
static struct response res;
static char answer[20000];

static void
start(void)
{
	mem = arena_new(200000);
	response_init(&res, mem);
}

/* Sends res as the answer to a request; answer is what came. */
static void
send_it(bool head)
{
	static struct packet p;
	int listener = client_listen(), fd = client_connect(listener);
	struct fcgi *f = fcgi_open(listener);
	sigset_t blocked;

	sigfillset(&blocked);
	packet_request(&p, NULL, NULL);
	client_send(fd, &p);
	ck_assert(fcgi_wait(f, &blocked, 0) && fcgi_take(f));
	response_send(&res, f, head);
	fcgi_finish(f);
	fcgi_close(&f);
	ck_assert(client_answer(fd, answer, sizeof answer));
	arena_free(&mem);
}

START_TEST(until_told_it_is_an_empty_204)
{
	start();
	response_header(&res, "X-Auth-User", "0190");
	send_it(false);
	ck_assert_str_eq(answer,
	    "Status: 204 No Content\r\nX-Auth-User: 0190\r\n\r\n");
}
END_TEST

static const char json_answer[] = "Status: 404 Not Found\r\n"
				  "Cache-Control: no-store\r\n"
				  "X-Content-Type-Options: nosniff\r\n"
				  "Content-Type: application/json\r\n"
				  "Retry-After: 7\r\n"
				  "Content-Length: 21\r\n\r\n"
				  "{\"error\":\"Not found\"}";

/* HEAD is told the length of what it is not sent. */
START_TEST(json_is_never_stored_nor_sniffed)
{
	struct json *body = json_object();
	bool head = _i == 1;

	start();
	json_put_string(body, "error", "Not found");
	response_json(&res, 404, &body);
	ck_assert_ptr_null(body);
	response_headerf(&res, "Retry-After", "%d", 7);
	send_it(head);
	ck_assert(strncmp(answer, json_answer, strlen(answer)) == 0);
	ck_assert_uint_eq(strlen(answer),
	    strlen(json_answer) - (head ? 21 : 0));
}
END_TEST

static const char *const page_headers[] = {
	"\r\nCache-Control: no-store\r\n",
	"\r\nX-Content-Type-Options: nosniff\r\n",
	"\r\nContent-Type: text/html; charset=utf-8\r\n",
	("\r\nContent-Security-Policy: default-src 'none'; style-src 'self'; "
	 "img-src 'self'; script-src 'self'; base-uri 'none'; "
	 "frame-ancestors 'none'; form-action 'self'\r\n"),
	"\r\nReferrer-Policy: strict-origin\r\n",
	"\r\nX-Frame-Options: DENY\r\n",
	"\r\nContent-Length: 4\r\n\r\n<p>x",
};

START_TEST(a_page_has_the_headers_of_every_page)
{
	start();
	response_page(&res, 200, "<p>xy", 4, "");
	send_it(false);
	ck_assert(strncmp(answer, "Status: 200 OK\r\n", 16) == 0);
	ck_assert_ptr_nonnull(strstr(answer, page_headers[_i]));
}
END_TEST

START_TEST(see_other_leads_to_a_path)
{
	start();
	response_see_other(&res, "/reset-password");
	send_it(false);
	ck_assert(strncmp(answer, "Status: 303 See Other\r\n", 23) == 0);
	ck_assert_ptr_nonnull(
	    strstr(answer, "\r\nLocation: /reset-password\r\n"));
	ck_assert_ptr_nonnull(
	    strstr(answer, "\r\nCache-Control: no-store\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, "\r\nContent-Length: 0\r\n\r\n"));
}
END_TEST

START_TEST(see_host_leads_to_a_friend)
{
	start();
	response_see_host(&res, "https://app.example.org/x?y=1");
	send_it(false);
	ck_assert(strncmp(answer, "Status: 303 See Other\r\n", 23) == 0);
	ck_assert_ptr_nonnull(
	    strstr(answer, "\r\nLocation: https://app.example.org/x?y=1\r\n"));
}
END_TEST

static const int statuses[] = { 200, 201, 303, 400, 401, 403, 404, 405, 409,
	413, 429, 500, 503 };

START_TEST(every_status_of_the_contract_can_be_sent)
{
	char *end;

	start();
	response_page(&res, statuses[_i], "", 0, "");
	send_it(false);
	ck_assert(strncmp(answer, "Status: ", 8) == 0);
	ck_assert_int_eq(strtol(answer + 8, &end, 10), statuses[_i]);
	ck_assert(*end == ' ' && end[1] >= 'A' && end[1] <= 'Z');
}
END_TEST

START_TEST(a_long_answer_arrives_whole)
{
	static char html[15000];

	start();
	memset(html, 'h', sizeof html);
	response_page(&res, 200, html, sizeof html, "");
	send_it(false);
	ck_assert_uint_eq(strspn(strstr(answer, "\r\n\r\n") + 4, "h"),
	    sizeof html);
}
END_TEST

/* What would split a header, or lead to another host. */
START_TEST(a_header_that_cannot_be_is_a_bug)
{
	static const char *const bad[][2] = {
		{ "X", "a\r\nSet-Cookie: b" },
		{ "X", "a\x7f" },
		{ "X", "a\tb" },
		{ "X\r\n", "a" },
		{ "X:", "a" },
		{ "", "a" },
	};

	start();
	response_header(&res, bad[_i][0], bad[_i][1]);
}
END_TEST

START_TEST(another_host_as_target_is_a_bug)
{
	static const char *const bad[] = { "//host", "/\\host", "host", "",
		"/a\nb" };

	start();
	response_see_other(&res, bad[_i]);
}
END_TEST

START_TEST(a_host_without_tls_is_a_bug)
{
	static const char *const bad[] = { "http://host", "//host", "/path",
		"https://h\nb", "" };

	start();
	response_see_host(&res, bad[_i]);
}
END_TEST

START_TEST(an_unknown_status_is_a_bug)
{
	start();
	response_page(&res, 299, "", 0, "");
	send_it(false);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "empty", until_told_it_is_an_empty_204, 0 },
		{ "json", json_is_never_stored_nor_sniffed, 2 },
		{ "page", a_page_has_the_headers_of_every_page,
		    ROWS(page_headers) },
		{ "see other", see_other_leads_to_a_path, 0 },
		{ "see host", see_host_leads_to_a_friend, 0 },
		{ "status", every_status_of_the_contract_can_be_sent,
		    ROWS(statuses) },
		{ "long", a_long_answer_arrives_whole, 0 },
	};
	Suite *s = test_suite("response", suite, ROWS(suite));
	TCase *bugs = tcase_create("bugs");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test_raise_signal(bugs, a_header_that_cannot_be_is_a_bug,
	    SIGABRT, 0, 6);
	tcase_add_loop_test_raise_signal(bugs, another_host_as_target_is_a_bug,
	    SIGABRT, 0, 5);
	tcase_add_loop_test_raise_signal(bugs, a_host_without_tls_is_a_bug,
	    SIGABRT, 0, 5);
	tcase_add_test_raise_signal(bugs, an_unknown_status_is_a_bug, SIGABRT);
	suite_add_tcase(s, bugs);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
