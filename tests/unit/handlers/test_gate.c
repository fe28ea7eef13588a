/* SPDX-License-Identifier: ISC */
/* The gate's judgements that need no session: from where, and where to. */
#include "handlers/gate.h"

#include "base/arena.h"
#include "platform/config.h"
#include "tests/test.h"

#define SITE "https://login.example.org"
#define APP "https://app.example.org"

static struct config config = { .public_url = SITE };

/* What a request to APP by cookie says, and whether it may not. */
static const struct {
	const char *method, *upgrade, *site, *origin;
	bool foreign;
} requests[] = {
	/* Safe ones may come from anywhere. */
	{ "GET", NULL, "cross-site", "https://evil.example", false },
	{ "HEAD", NULL, NULL, NULL, false },
	{ "OPTIONS", NULL, NULL, "null", false },
	{ "GET", "h2c", NULL, NULL, false },
	/* Others where the browser says so, … */
	{ "POST", NULL, "same-origin", NULL, false },
	{ "POST", NULL, "same-origin", "https://evil.example", false },
	{ "POST", NULL, "same-site", APP, true },
	{ "POST", NULL, "cross-site", APP, true },
	{ "POST", NULL, "none", APP, true },
	{ "POST", NULL, "", APP, true },
	{ "POST", NULL, "Same-Origin", APP, true },
	/* … and else by their origin. */
	{ "POST", NULL, NULL, APP, false },
	{ "POST", NULL, NULL, SITE, true },
	{ "POST", NULL, NULL, APP ":443", true },
	{ "POST", NULL, NULL, APP "/", true },
	{ "POST", NULL, NULL, APP ".evil.example", true },
	{ "POST", NULL, NULL, "http://app.example.org", true },
	{ "POST", NULL, NULL, "null", true },
	{ "POST", NULL, NULL, "", true },
	{ "POST", NULL, NULL, NULL, true },
	{ "DELETE", NULL, NULL, NULL, true },
	{ "PROPFIND", NULL, NULL, NULL, true },
	{ "get", NULL, NULL, NULL, true },
	{ "", NULL, NULL, NULL, true },
	{ NULL, NULL, NULL, NULL, true },
	/* A WebSocket carries on what its GET began. */
	{ "GET", "websocket", "same-origin", NULL, false },
	{ "GET", "websocket", NULL, APP, false },
	{ "GET", "websocket", NULL, SITE, true },
	{ "GET", "websocket", NULL, NULL, true },
	{ "GET", "websocket", "same-site", APP, true },
	{ "GET", "WebSocket", NULL, SITE, true },
	{ "GET", "h2c, websocket/13", NULL, SITE, true },
};

START_TEST(another_site_may_only_look)
{
	struct request req = {
		.sec_fetch_site = requests[_i].site,
		.origin = requests[_i].origin,
		.upgrade = requests[_i].upgrade,
		.gate = { .on = true,
		    .method = requests[_i].method,
		    .origin = APP },
	};

	ck_assert_int_eq(gate_is_foreign(&req), requests[_i].foreign);
}
END_TEST

START_TEST(a_place_without_an_origin_takes_nothing_by_it)
{
	struct request req = { .gate = { .on = true, .method = "POST" } };

	ck_assert(gate_is_foreign(&req));
	req.origin = "null";
	ck_assert(gate_is_foreign(&req));
	req.sec_fetch_site = "same-origin";
	ck_assert(!gate_is_foreign(&req));
}
END_TEST

/* Who navigates where, and the sign-in he is sent to; NULL for none. */
static const struct {
	const char *mode, *accept, *method, *origin, *uri, *login;
} visits[] = {
	{ "navigate", NULL, "GET", SITE, "/app/", "/login?next=/app/" },
	{ "navigate", "image/png", "HEAD", SITE, "/", "/login?next=/" },
	{ NULL, "text/html", "GET", SITE, "/app/", "/login?next=/app/" },
	{ NULL, "*/*", "GET", SITE, "/app/", NULL },
	{ NULL, NULL, "GET", SITE, "/app/", NULL },
	{ "cors", "text/html", "GET", SITE, "/app/", NULL },
	{ "websocket", "text/html", "GET", SITE, "/app/", NULL },
	{ "navigate", NULL, "POST", SITE, "/app/", "/login" },
	{ "navigate", NULL, NULL, SITE, "/app/", "/login" },
	{ "navigate", NULL, "GET", SITE, "/a?b=1&c=%20#d",
	    "/login?next=/a%3Fb%3D1%26c%3D%2520%23d" },
	{ "navigate", NULL, "GET", SITE, "/\xc3\xa4", "/login?next=/%C3%A4" },
	{ "navigate", NULL, "GET", SITE, "*", "/login" },
	{ "navigate", NULL, "GET", SITE, "", "/login" },
	{ "navigate", NULL, "GET", SITE, NULL, "/login" },
	{ "navigate", NULL, "GET", APP, "/a?b",
	    SITE "/login?next=https%3A//app.example.org/a%3Fb" },
	{ "navigate", NULL, "POST", APP, "/a", SITE "/login" },
	{ "navigate", NULL, "GET", NULL, "/a", SITE "/login" },
};

START_TEST(people_are_sent_to_the_sign_in_and_back)
{
	struct request req = {
		.sec_fetch_mode = visits[_i].mode,
		.accept = visits[_i].accept,
		.gate = { .on = true,
		    .method = visits[_i].method,
		    .uri = visits[_i].uri,
		    .origin = visits[_i].origin },
	};
	struct arena *mem = arena_new(1 << 16);

	conf = &config;
	ck_assert_pstr_eq(gate_login(&req, mem), visits[_i].login);
	arena_free(&mem);
}
END_TEST

static const struct {
	bool on;
	const char *value;
	enum err want;
	enum gate_accept accept;
} accepts[] = {
	{ true, "both", OK, ACCEPT_BOTH },
	{ true, "cookie", OK, ACCEPT_COOKIE },
	{ true, "bearer", OK, ACCEPT_BEARER },
	{ false, "cookie", OK, ACCEPT_BOTH },
	{ false, NULL, OK, ACCEPT_BOTH },
	{ true, "", ERR_INTERNAL, 0 },
	{ true, NULL, ERR_INTERNAL, 0 },
	{ true, "Cookie", ERR_INTERNAL, 0 },
	{ true, "none", ERR_INTERNAL, 0 },
};

START_TEST(what_counts_is_said_exactly)
{
	struct request req = {
		.gate = { .on = accepts[_i].on, .accept = accepts[_i].value },
	};
	struct call c = { .req = &req };
	enum gate_accept accept = ACCEPT_BOTH;

	ck_assert_int_eq(gate_accepts(&c, &accept), accepts[_i].want);
	ck_assert_int_eq(accept, accepts[_i].accept);
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "another site may only look", another_site_may_only_look,
		    ROWS(requests) },
		{ "a place without an origin takes nothing by it",
		    a_place_without_an_origin_takes_nothing_by_it, 0 },
		{ "people are sent to the sign-in and back",
		    people_are_sent_to_the_sign_in_and_back, ROWS(visits) },
		{ "what counts is said exactly", what_counts_is_said_exactly,
		    ROWS(accepts) },
	};

	return test_main("gate", cases, ROWS(cases));
}
