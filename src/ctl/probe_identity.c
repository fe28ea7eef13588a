/* SPDX-License-Identifier: ISC */
/*
 * Can a client say who it is by itself?  What an application is told cannot
 * be seen from outside, but what it makes of it can: a location that greets a
 * name which came in a header of the request has not had it cleared.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "ctl/probe.h"
#include "http/body.h"
#include "platform/json.h"

#define MARK "postern-check-was-here"
#define ELSEWHERE "203.0.113.77" /* RFC 5737: nobody's */

/* Every spelling that reaches some application as one of ours. */
#define FORGED                                                                 \
	"X-Auth-User: " MARK, "X-Auth-Email: " MARK, "X-Auth-Session: " MARK,  \
	    "X-Auth-Token: " MARK, "X_Auth_User: " MARK, "X-auth_user: " MARK

static const char *const told[] = { "X-Auth-User", "X-Auth-Email",
	"X-Auth-Session", "X-Auth-Token" };

static bool
ask_as(struct probe *p, const char *path, const char *cookie, bool forged,
    struct fetch_answer *a)
{
	const char *const plain[] = { cookie, NULL };
	const char *const more[] = { FORGED, cookie, NULL };
	const struct probe_question q = {
		.method = "GET",
		.path = path,
		.headers = forged ? more : plain,
	};

	return probe_ask(p, &q, a);
}

static void
judge_echo(struct probe *p, const char *path, const struct fetch_answer *a)
{
	if (strstr(a->body.data, MARK) != NULL ||
	    strstr(a->head.data, MARK) != NULL)
		probe_wrong(p,
		    "%s believes what a client says of itself in X-Auth-User; "
		    "include snippets/postern-clear.conf where nothing is "
		    "protected, snippets/postern-protect.conf where it is",
		    path);
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (fetch_header(a, told[i], 0) != NULL)
			probe_wrong(p,
			    "%s sends %s to the browser; it is for the "
			    "application alone: take the add_header away",
			    path, told[i]);
}

/* The same question with and without forged headers has the same answer. */
static void
check_forged(struct probe *p, const char *path, const char *cookie)
{
	struct fetch_answer plain, forged;

	if (!ask_as(p, path, cookie, false, &plain) ||
	    !ask_as(p, path, cookie, true, &forged))
		return;
	if (plain.status != forged.status)
		probe_wrong(p,
		    "%s is answered %ld, and %ld to a client that says "
		    "X-Auth-User itself; include "
		    "snippets/postern-clear.conf or postern-protect.conf",
		    path, plain.status, forged.status);
	judge_echo(p, path, &plain);
	judge_echo(p, path, &forged);
}

static bool
is_closed(const struct fetch_answer *a)
{
	return a->status == 401 || a->status == 403 ||
	    probe_header_has(a, "Location", "/login");
}

/* A location with a regular expression takes files out of a plain one, by
 * their endings, whether they are there or not. */
static void
check_ending(struct probe *p, const char *path, const char *ending)
{
	const char *file =
	    arena_printf(p->mem, "%sposternctl-check%s", path, ending);
	struct fetch_answer a;

	if (probe_get(p, file, &a) && !is_closed(&a))
		probe_wrong(p,
		    "%s is answered %ld to somebody who is not signed in, "
		    "unlike %s: another location takes it; write `location "
		    "^~ %s`",
		    file, a.status, path, path);
}

static void
check_closed(struct probe *p, const char *path)
{
	struct fetch_answer a;

	if (!probe_get(p, path, &a))
		return;
	if (!is_closed(&a)) {
		probe_wrong(p,
		    "%s is answered %ld to somebody who is not signed in; "
		    "include snippets/postern-protect.conf in its location",
		    path, a.status);
	} else if (path[strlen(path) - 1] == '/') {
		check_ending(p, path, ".css");
		check_ending(p, path, ".php");
	}
}

void
probe_identity(struct probe *p)
{
	check_forged(p, "/", NULL);
	check_forged(p, "/auth/check", NULL);
	if (p->nlocations == 0)
		probe_hint(p,
		    "no application was looked at; name yours with "
		    "--location PATH");
	for (size_t i = 0; i < p->nlocations; i++) {
		check_closed(p, p->locations[i]);
		check_forged(p, p->locations[i], NULL);
	}
}

/* Signed in. -------------------------------------------------------------- */

/* text as one value of a form: every byte by its number. */
static char *
form_value(struct arena *mem, const char *text)
{
	size_t n = strlen(text);
	char *hex = arena_alloc(mem, 2 * n + 1);
	struct buf out;

	hex_encode(hex, text, n);
	buf_init(&out, mem);
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%%%.2s", hex + 2 * i);
	return out.data;
}

/* The "Cookie: name=value" of a browser that has signed in; NULL if it could
 * not, which is said. */
static const char *
sign_in(struct probe *p)
{
	const struct probe_question q = {
		.method = "POST",
		.path = "/login",
		.body = arena_printf(p->mem, "email=%s&password=%s",
		    form_value(p->mem, p->email),
		    form_value(p->mem, p->password)),
		.headers = PROBE_HEADERS(PROBE_FORM,
		    arena_printf(p->mem, "Origin: %s", p->origin)),
	};
	struct fetch_answer a;
	const char *cookie;

	if (!probe_ask(p, &q, &a))
		return NULL;
	for (size_t i = 0; (cookie = fetch_header(&a, "Set-Cookie", i)) != NULL;
	     i++) {
		if (strstr(cookie, "postern_session=") == NULL)
			continue;
		(void)probe_judge_cookies(p, "/login", &a);
		return arena_printf(p->mem, "Cookie: %.*s",
		    (int)strcspn(cookie, ";"), cookie);
	}
	probe_wrong(p,
	    "%s could not sign in (%ld); use an account that is verified, and "
	    "its password",
	    p->email, a.status);
	return NULL;
}

static void
sign_out(struct probe *p, const char *cookie)
{
	const struct probe_question q = {
		.method = "POST",
		.path = "/dashboard",
		.body = "action=sign-out",
		.headers = PROBE_HEADERS(PROBE_FORM, cookie,
		    arena_printf(p->mem, "Origin: %s", p->origin)),
	};
	struct fetch_answer a;

	(void)probe_ask(p, &q, &a);
}

/* The account's page is the account's alone, before and after. */
static void
check_dashboard(struct probe *p, const char *cookie)
{
	struct fetch_answer mine, others;

	if (!ask_as(p, "/dashboard", cookie, false, &mine) ||
	    !probe_get(p, "/dashboard", &others))
		return;
	if (mine.status != 200)
		probe_wrong(p,
		    "/dashboard does not know who has just signed in (%ld); "
		    "let the Cookie header pass",
		    mine.status);
	probe_judge_private(p, "/dashboard", &mine);
	if (others.status == 200)
		probe_wrong(p,
		    "/dashboard was given to somebody who is not "
		    "signed in: a cache keeps it; take it away at "
		    "once");
}

/* What a site says is foreign: JSON only if it is, NULL else. */
static struct json *
parse_answer(const struct fetch_answer *a)
{
	if (json_check(a->body.data, a->body.len) != OK)
		return NULL;
	return json_parse(a->body.data, a->body.len, BODY_DEPTH);
}

/* The member's text, in mem, if it is one and can be printed; NULL else. */
static const char *
text_member(struct arena *mem, const struct json *j, const char *name)
{
	const struct json *value = json_get(j, name);
	const char *text;
	size_t n;

	if (value == NULL || json_kind(value) != JSON_STRING)
		return NULL;
	text = json_string(value, &n);
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return NULL;
	return arena_strdup(mem, text);
}

/* An access token of a sign-in that lied about where it came from. */
static const char *
token_from_elsewhere(struct probe *p)
{
	struct json *body = json_object(), *answer;
	struct probe_question q = {
		.method = "POST",
		.path = "/auth/login",
		.headers =
		    PROBE_HEADERS(PROBE_JSON, "X-Forwarded-For: " ELSEWHERE,
			"X-Real-IP: " ELSEWHERE, "Forwarded: for=" ELSEWHERE),
	};
	struct fetch_answer a;
	const char *token;

	json_put_string(body, "email", p->email);
	json_put_string(body, "password", p->password);
	q.body = json_text(body, p->mem, NULL);
	json_free(&body);
	if (!probe_ask(p, &q, &a))
		return NULL;
	answer = parse_answer(&a);
	token = text_member(p->mem, answer, "access_token");
	json_free(&answer);
	if (token == NULL)
		probe_wrong(p,
		    "POST /auth/login is answered %ld without an access "
		    "token; a location of yours takes it, or changes what it "
		    "answers",
		    a.status);
	return token;
}

/* The address of the session that the list calls current; NULL for none. */
static const char *
own_address(struct arena *mem, const struct fetch_answer *a)
{
	struct json *body = parse_answer(a);
	const struct json *list = json_get(body, "sessions"), *session;
	const char *address = NULL;

	for (size_t i = 0; i < json_length(list); i++) {
		session = json_at(list, i);
		if (json_true(json_get(session, "current")))
			address = text_member(mem, session, "address");
	}
	json_free(&body);
	return address;
}

static void
check_address(struct probe *p)
{
	const char *token = token_from_elsewhere(p), *bearer, *address;
	struct probe_question q = { .method = "GET", .path = "/auth/sessions" };
	struct fetch_answer a;

	if (token == NULL)
		return;
	bearer = arena_printf(p->mem, "Authorization: Bearer %s", token);
	q.headers = PROBE_HEADERS(bearer);
	if (!probe_ask(p, &q, &a))
		return;
	address = own_address(p->mem, &a);
	if (address == NULL)
		probe_wrong(p,
		    "GET /auth/sessions is answered %ld without the session "
		    "that asks; a location of yours takes it, or changes what "
		    "it answers",
		    a.status);
	else if (strcmp(address, ELSEWHERE) == 0)
		probe_wrong(p,
		    "a client chooses the address it is counted "
		    "under (X-Forwarded-For is believed of "
		    "everybody); set_real_ip_from may name your own "
		    "proxies only");
	else
		probe_hint(p,
		    "you come from %s; if that is not your address but your "
		    "proxy's, all its clients share one limit: set "
		    "set_real_ip_from and real_ip_header in nginx",
		    address);
	q = (struct probe_question){
		.method = "POST",
		.path = "/auth/logout",
		.headers = PROBE_HEADERS(bearer),
	};
	(void)probe_ask(p, &q, &a);
}

void
probe_signed_in(struct probe *p)
{
	const char *cookie;

	if (p->email == NULL || (cookie = sign_in(p)) == NULL)
		return;
	check_dashboard(p, cookie);
	for (size_t i = 0; i < p->nlocations; i++)
		check_forged(p, p->locations[i], cookie);
	sign_out(p, cookie);
	check_address(p);
}
