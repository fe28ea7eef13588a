/* SPDX-License-Identifier: ISC */
#include "http/request.h"

#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "platform/fcgi.h"
#include "tests/fcgi_client.h"
#include "tests/test.h"

/* Requests as the web server sends them, read over a real connection. */
static struct packet p;
static struct request req;

/* Reads p as a request; what it points to lives as long as the test. */
static void
read_it(void)
{
	int listener = client_listen(), fd = client_connect(listener);
	struct fcgi *f = fcgi_open(listener);
	static struct arena *mem;
	sigset_t blocked;

	mem = arena_new(400000);
	sigfillset(&blocked);
	client_send(fd, &p);
	ck_assert(fcgi_wait(f, &blocked, 0) && fcgi_take(f));
	memset(&req, 0xff, sizeof req);
	request_read(&req, f, mem);
	fcgi_finish(f);
	fcgi_close(&f);
	close(fd);
	close(listener);
}

START_TEST(every_field_is_read)
{
	static const char *const params[] = { "REQUEST_METHOD", "POST",
		"DOCUMENT_URI", "/auth/login", "QUERY_STRING", "a=b",
		"REMOTE_ADDR", "192.0.2.1", "REQUEST_ID",
		"0123456789abcdef0123456789abcdef", "CONTENT_TYPE",
		"text/plain", "HTTP_AUTHORIZATION", "Bearer x", "HTTP_COOKIE",
		"a=1", "HTTP_ACCEPT", "text/html", "HTTP_ACCEPT_LANGUAGE", "de",
		"HTTP_ORIGIN", "null", "HTTP_SEC_FETCH_SITE", "none",
		"HTTP_USER_AGENT", "check", "HTTP_SEC_FETCH_MODE", "cors",
		"HTTP_UPGRADE", "websocket", NULL };

	packet_request(&p, params, "body");
	read_it();
	ck_assert_int_eq(req.method, METHOD_POST);
	ck_assert_str_eq(req.path, "/auth/login");
	ck_assert_str_eq(req.query, "a=b");
	ck_assert_str_eq(req.client, "192.0.2.1");
	ck_assert_str_eq(req.id, "0123456789abcdef0123456789abcdef");
	ck_assert_str_eq(req.content_type, "text/plain");
	ck_assert_str_eq(req.authorization, "Bearer x");
	ck_assert_str_eq(req.cookie, "a=1");
	ck_assert_str_eq(req.accept, "text/html");
	ck_assert_str_eq(req.accept_language, "de");
	ck_assert_str_eq(req.origin, "null");
	ck_assert_str_eq(req.sec_fetch_site, "none");
	ck_assert_str_eq(req.user_agent, "check");
	ck_assert_str_eq(req.sec_fetch_mode, "cors");
	ck_assert_str_eq(req.upgrade, "websocket");
	ck_assert(!req.gate.on);
	ck_assert_int_eq(req.body_err, OK);
	ck_assert_str_eq(req.body, "body");
	ck_assert_uint_eq(req.body_len, 4);
}
END_TEST

START_TEST(a_request_without_parameters_is_a_request)
{
	packet_request(&p, NULL, NULL);
	read_it();
	ck_assert_int_eq(req.method, METHOD_OTHER);
	ck_assert_str_eq(req.path, "");
	ck_assert_str_eq(req.query, "");
	ck_assert_str_eq(req.client, "");
	ck_assert_uint_eq(strlen(req.id), 32);
	ck_assert_ptr_null(req.content_type);
	ck_assert_ptr_null(req.authorization);
	ck_assert_ptr_null(req.cookie);
	ck_assert_ptr_null(req.accept);
	ck_assert_ptr_null(req.accept_language);
	ck_assert_ptr_null(req.origin);
	ck_assert_ptr_null(req.sec_fetch_site);
	ck_assert_ptr_null(req.user_agent);
	ck_assert_int_eq(req.body_err, OK);
	ck_assert_str_eq(req.body, "");
	ck_assert_uint_eq(req.body_len, 0);
}
END_TEST

/* Only where nginx says that it asks for somebody is it asked about. */
static const struct {
	const char *name, *value;
	bool want;
} gates[] = {
	{ "POSTERN_GATE", "on", true },
	{ "POSTERN_GATE", "off", false },
	{ "POSTERN_GATE", "", false },
	{ "HTTP_POSTERN_GATE", "on", false },
};

START_TEST(only_nginx_asks_as_the_gate)
{
	const char *params[] = { gates[_i].name, gates[_i].value,
		"POSTERN_METHOD", "POST", "POSTERN_URI", "/app/?a=1",
		"POSTERN_ORIGIN", "https://app.example.org", "POSTERN_ACCEPT",
		"cookie", "POSTERN_VERIFIED", "on", "POSTERN_AUDIENCE", "app",
		NULL };

	packet_request(&p, params, NULL);
	read_it();
	ck_assert_int_eq(req.gate.on, gates[_i].want);
	ck_assert_pstr_eq(req.gate.method, gates[_i].want ? "POST" : NULL);
	if (!req.gate.on)
		return;
	ck_assert_str_eq(req.gate.uri, "/app/?a=1");
	ck_assert_str_eq(req.gate.origin, "https://app.example.org");
	ck_assert_str_eq(req.gate.accept, "cookie");
	ck_assert_str_eq(req.gate.verified, "on");
	ck_assert_str_eq(req.gate.audience, "app");
}
END_TEST

/* As nginx may have made it of a Host header, and as browsers write it. */
static const struct {
	const char *param, *origin;
} origins[] = {
	{ "https://app.example.org", "https://app.example.org" },
	{ "HTTPS://App.Example.Org:443", "https://app.example.org" },
	{ "http://127.0.0.1:8080", "http://127.0.0.1:8080" },
	{ "https://", NULL },
	{ "", NULL },
	{ "null", NULL },
	{ "https://app.example.org/x", NULL },
	{ "https://a b", NULL },
	{ "https://evil.example@app.example.org", NULL },
};

START_TEST(the_gate_s_origin_is_one_or_none)
{
	const char *params[] = { "POSTERN_GATE", "on", "POSTERN_ORIGIN",
		origins[_i].param, NULL };

	packet_request(&p, params, NULL);
	read_it();
	ck_assert_pstr_eq(req.gate.origin, origins[_i].origin);
}
END_TEST

/* Who asks is what nginx says, not what the client does. */
START_TEST(what_a_client_says_of_itself_is_not_read)
{
	static const char *const params[] = { "REMOTE_ADDR", "192.0.2.1",
		"HTTP_X_FORWARDED_FOR", "198.51.100.7", "HTTP_X_REAL_IP",
		"198.51.100.7", "HTTP_FORWARDED", "for=198.51.100.7",
		"HTTP_X_HTTP_METHOD_OVERRIDE", "POST", "REMOTE_USER", "admin",
		"REQUEST_METHOD", "GET", NULL };

	packet_request(&p, params, NULL);
	read_it();
	ck_assert_str_eq(req.client, "192.0.2.1");
	ck_assert_int_eq(req.method, METHOD_GET);
}
END_TEST

static const struct {
	const char *name;
	enum method want;
} methods[] = {
	{ "GET", METHOD_GET },
	{ "HEAD", METHOD_HEAD },
	{ "POST", METHOD_POST },
	{ "get", METHOD_OTHER },
	{ "GETS", METHOD_OTHER },
	{ "DELETE", METHOD_DELETE },
	{ "PUT", METHOD_OTHER },
	{ "OPTIONS", METHOD_OTHER },
	{ "", METHOD_OTHER },
};

START_TEST(a_method_is_known_by_its_exact_name)
{
	const char *params[] = { "REQUEST_METHOD", methods[_i].name, NULL };

	packet_request(&p, params, NULL);
	read_it();
	ck_assert_int_eq(req.method, methods[_i].want);
}
END_TEST

static const struct {
	const char *uri, *want;
} paths[] = {
	{ "/auth/login", "/auth/login" },
	{ "/%41", "/%41" },
	{ "/\xc3\xa4", "/\xc3\xa4" },
	{ "/auth/login\n", "" },
	{ "/auth\x01/login", "" },
	{ "/auth/login\x7f", "" },
};

START_TEST(a_path_with_control_bytes_is_no_path)
{
	const char *params[] = { "DOCUMENT_URI", paths[_i].uri, NULL };

	packet_request(&p, params, NULL);
	read_it();
	ck_assert_str_eq(req.path, paths[_i].want);
}
END_TEST

static const char *const foreign_ids[] = { "", "x", "0123\n", "0123 4",
	"ABCDEF",
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0" };

START_TEST(an_id_that_nginx_would_not_make_is_replaced)
{
	const char *params[] = { "REQUEST_ID", foreign_ids[_i], NULL };

	packet_request(&p, params, NULL);
	read_it();
	ck_assert_uint_eq(strspn(req.id, "0123456789abcdef"), 32);
	ck_assert_uint_eq(strlen(req.id), 32);
}
END_TEST

/* Of the longest length, and one more. */
START_TEST(a_header_over_the_limit_counts_as_absent)
{
	static char value[HEADER_MAX + 2];
	const char *params[] = { "HTTP_COOKIE", value, "CONTENT_TYPE", value,
		"HTTP_USER_AGENT", value, NULL };
	size_t n = HEADER_MAX + (size_t)_i;

	memset(value, 'c', n);
	packet_request(&p, params, NULL);
	read_it();
	ck_assert_pstr_eq(req.cookie, _i == 0 ? value : NULL);
	ck_assert_pstr_eq(req.content_type, _i == 0 ? value : NULL);
	ck_assert_pstr_eq(req.user_agent, _i == 0 ? value : NULL);
}
END_TEST

/* Too long is not the same as none; nor may its beginning count. */
static const struct {
	const char *scheme, *want;
} long_credentials[] = {
	{ "Bearer ", "Bearer ttttttttt ?" },
	{ "Basic ", "Basic tttttttttt ?" },
	{ "Bearer                     ", "Bearer           ?" },
	{ "", "tttttttttttttttt ?" },
};

START_TEST(credentials_over_the_limit_stay_and_are_invalid)
{
	static char value[20000];
	const char *params[] = { "HTTP_AUTHORIZATION", value, NULL };

	memset(value, 't', HEADER_MAX + 1);
	memcpy(value, long_credentials[_i].scheme,
	    strlen(long_credentials[_i].scheme));
	packet_request(&p, params, NULL);
	read_it();
	ck_assert_str_eq(req.authorization, long_credentials[_i].want);
	value[HEADER_MAX] = '\0';
	packet_request(&p, params, NULL);
	read_it();
	ck_assert_str_eq(req.authorization, value);
}
END_TEST

/*
 * What was declared (NULL: nothing), what came, and the judgement.  A stream
 * that breaks is not among them: two more hold against it, which cannot be
 * shown apart.  fcgi_next() hands over whole requests only, and of a body
 * that fcgi_body() could not read nothing counts as come.
 */
static const struct {
	const char *declared;
	size_t came;
	enum err want;
} bodies[] = {
	{ NULL, 0, OK },
	{ "", 0, OK },
	{ "0", 0, OK },
	{ "5", 5, OK },
	{ "16384", BODY_MAX, OK },
	{ "16385", BODY_MAX + 1, ERR_TOO_LARGE },
	{ "30000", 30000, ERR_TOO_LARGE },
	/* Less than declared, more, and nonsense. */
	{ "5", 4, ERR_BODY_CUT },
	{ "5", 0, ERR_BODY_CUT },
	{ "5", 6, ERR_BODY_CUT },
	{ "0", 1, ERR_BODY_CUT },
	{ NULL, 1, ERR_BODY_CUT },
	{ "-1", 0, ERR_BODY_CUT },
	{ "5x", 5, ERR_BODY_CUT },
	{ "0x5", 5, ERR_BODY_CUT },
	{ "16384", BODY_MAX - 1, ERR_BODY_CUT },
	{ "16385", 0, ERR_BODY_CUT },
	/* Too large either way. */
	{ "16385", 1, ERR_TOO_LARGE },
	{ "99999999999999999999999999999999", 5, ERR_TOO_LARGE },
	{ "5", BODY_MAX + 1, ERR_TOO_LARGE },
	/* 2^64 + 5: no number wraps round to what came. */
	{ "18446744073709551621", 5, ERR_TOO_LARGE },
};

START_TEST(a_body_is_as_long_as_declared_or_none)
{
	static char body[40000];

	memset(body, 'b', sizeof body);
	p.n = 0;
	packet_begin(&p);
	if (bodies[_i].declared != NULL)
		packet_param(&p, "CONTENT_LENGTH", bodies[_i].declared);
	packet_end(&p, RECORD_PARAMS);
	packet_body(&p, body, bodies[_i].came);
	read_it();
	ck_assert_int_eq(req.body_err, bodies[_i].want);
	body[bodies[_i].came] = '\0';
	ck_assert_str_eq(req.body, bodies[_i].want == OK ? body : "");
	ck_assert_uint_eq(req.body_len,
	    bodies[_i].want == OK ? bodies[_i].came : 0);
}
END_TEST

static const struct {
	const char *accept;
	bool want;
} accepts[] = {
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
	    true },
	{ "application/json, text/html", true },
	{ "application/json,\tText/HTML;q=0.1", true },
	{ "text/html", true },
	{ "text/html ;q=1", true },
	{ NULL, false },
	{ "", false },
	{ "*/*", false },
	{ "text/*", false },
	{ "application/json", false },
	{ "text/html5", false },
	{ "text/htm", false },
	{ "xtext/html", false },
	{ ",,", false },
};

START_TEST(a_browser_names_html)
{
	req.accept = accepts[_i].accept;
	ck_assert_int_eq(request_wants_html(&req), accepts[_i].want);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "fields", every_field_is_read, 0 },
		{ "nothing", a_request_without_parameters_is_a_request, 0 },
		{ "gate", only_nginx_asks_as_the_gate, ROWS(gates) },
		{ "gate's origin", the_gate_s_origin_is_one_or_none,
		    ROWS(origins) },
		{ "forwarded", what_a_client_says_of_itself_is_not_read, 0 },
		{ "methods", a_method_is_known_by_its_exact_name,
		    ROWS(methods) },
		{ "paths", a_path_with_control_bytes_is_no_path, ROWS(paths) },
		{ "ids", an_id_that_nginx_would_not_make_is_replaced,
		    ROWS(foreign_ids) },
		{ "headers", a_header_over_the_limit_counts_as_absent, 2 },
		{ "credentials",
		    credentials_over_the_limit_stay_and_are_invalid,
		    ROWS(long_credentials) },
		{ "bodies", a_body_is_as_long_as_declared_or_none,
		    ROWS(bodies) },
		{ "accept", a_browser_names_html, ROWS(accepts) },
	};

	return test_main("request", suite, ROWS(suite));
}
