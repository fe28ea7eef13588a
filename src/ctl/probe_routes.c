/* SPDX-License-Identifier: ISC */
/*
 * Does every request reach the pool it is for, unchanged, and nothing else
 * what is inside?  Each row of THE table is asked with nothing in hand: no
 * token, no field, no Origin.  posternd refuses that in a way of its own, so
 * that an answer of anybody else's shows.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "ctl/probe.h"
#include "handlers/call.h"

#define BODY_TOO_LARGE (48UL * 1024)
#define LONG_TOKEN (9UL * 1024) /* over nginx's default line of 8 KiB */

static const char *
method_name(enum method m)
{
	if (m == METHOD_GET)
		return "GET";
	return m == METHOD_DELETE ? "DELETE" : "POST";
}

/* "/auth/sessions/{id}" with an id that nobody has. */
static const char *
path_of(struct arena *mem, const struct route *r)
{
	const char *id = strstr(r->path, "{id}");

	if (id == NULL)
		return r->path;
	return arena_printf(mem, "%.*s00000000-0000-7000-8000-000000000000",
	    (int)(id - r->path), r->path);
}

/* Whether posternd may have said this to somebody with nothing in hand. */
static bool
is_expected(const struct route *r, long status)
{
	if (r->method != METHOD_GET)
		return status == 400 || status == 401 || status == 403;
	if (r->access == ACCESS_TOKEN || r->access == ACCESS_EITHER)
		return status == 401;
	if (r->access == ACCESS_BROWSER)
		return status == 303;
	return status == 200 || status == 303 || status == 400;
}

static void
blame_pool(struct probe *p, const struct route *r, long status)
{
	const char *pool = r->pool == POOL_PASSWORD ? "password" : "web";

	if (status == 503)
		probe_wrong(p,
		    "%s %s reaches the wrong pool (503); it belongs to "
		    "postern_%s: mend the map $postern_pool in "
		    "postern-http.conf and reload nginx",
		    method_name(r->method), r->path, pool);
	else
		probe_wrong(p,
		    "%s %s finds no posternd behind nginx (%ld); is it "
		    "running, and may nginx open its %s.sock?",
		    method_name(r->method), r->path, status, pool);
}

static void
judge_route(struct probe *p, const struct route *r,
    const struct fetch_answer *a)
{
	if (a->status == 502 || a->status == 503 || a->status == 504)
		blame_pool(p, r, a->status);
	else if (!is_expected(r, a->status))
		probe_wrong(p,
		    "%s %s is answered %ld, and not by Postern; a location or "
		    "a redirect of yours takes it, or this posternctl is of "
		    "another version than posternd",
		    method_name(r->method), r->path, a->status);
}

static void
check_route(struct probe *p, const struct route *r)
{
	bool is_form = route_is_page(r);
	struct probe_question q = {
		.method = method_name(r->method),
		.path = path_of(p->mem, r),
		.headers = PROBE_HEADERS(is_form ? PROBE_FORM : PROBE_JSON),
	};
	struct fetch_answer a;

	if (r->method == METHOD_POST)
		q.body = is_form ? "" : "{}";
	if (probe_ask(p, &q, &a))
		judge_route(p, r, &a);
}

/* The start page may well be the site's own, and without brand_color there is
 * no stylesheet of a brand. */
static bool
may_be_missing(const struct route *r)
{
	return strcmp(r->path, "/") == 0 || strcmp(r->path, "/brand.css") == 0;
}

void
probe_routes(struct probe *p)
{
	for (const struct route *r = routes; r->path != NULL; r++)
		if (!may_be_missing(r))
			check_route(p, r);
}

void
probe_inner_locations(struct probe *p)
{
	static const char *const inner[] = { "/postern-error/404",
		"/postern-gate", "/postern-crooked" };
	struct fetch_answer a;

	for (size_t i = 0; i < sizeof inner / sizeof *inner; i++)
		if (probe_get(p, inner[i], &a) && a.status != 404)
			probe_wrong(p,
			    "%s is nginx's own and answers everybody (%ld); "
			    "its location must say `internal;`, as the file of "
			    "Postern's that it came from",
			    inner[i], a.status);
}

static bool
is_json(const struct fetch_answer *a)
{
	return probe_header_has(a, "Content-Type", "application/json");
}

/* A body that nginx refuses before posternd sees it. */
static void
check_too_large(struct probe *p)
{
	char *body = arena_alloc(p->mem, BODY_TOO_LARGE + 1);
	const struct probe_question q = {
		.method = "POST",
		.path = "/auth/refresh",
		.body = body,
		.headers = PROBE_HEADERS(PROBE_JSON),
	};
	struct fetch_answer a;

	memset(body, ' ', BODY_TOO_LARGE);
	if (!probe_ask(p, &q, &a))
		return;
	if (a.status != 413)
		probe_wrong(p,
		    "a body of 48 KiB is not refused by nginx (%ld, not 413); "
		    "restore client_max_body_size 32k of "
		    "postern-fastcgi.conf",
		    a.status);
	else if (!is_json(&a))
		probe_wrong(p,
		    "nginx's own refusals are not JSON (413 is %s); restore "
		    "the error_page lines of postern-server.conf",
		    fetch_header(&a, "Content-Type", 0));
}

void
probe_refusals(struct probe *p)
{
	struct fetch_answer a;

	if (probe_get(p, "/auth", &a) && (a.status != 404 || !is_json(&a)))
		probe_wrong(p,
		    "/auth is answered %ld, not Postern's 404; restore "
		    "`location = /auth` of postern-server.conf",
		    a.status);
	if (probe_get(p, "/auth/no-such-call", &a) &&
	    (a.status != 404 || !is_json(&a)))
		probe_wrong(p,
		    "/auth/no-such-call is answered %ld, not Postern's 404; "
		    "all of /auth/ must go to posternd "
		    "(postern-server.conf)",
		    a.status);
	check_too_large(p);
}

/* A token that is none: posternd says so, unless nobody brought it there. */
static void
check_token(struct probe *p, const char *what, const char *token)
{
	const struct probe_question q = {
		.method = "GET",
		.path = "/auth/me",
		.headers = PROBE_HEADERS(
		    arena_printf(p->mem, "Authorization: Bearer %s", token)),
	};
	struct fetch_answer a;

	if (!probe_ask(p, &q, &a) ||
	    (a.status == 401 && strstr(a.body.data, "invalid_token") != NULL))
		return;
	probe_wrong(p,
	    "%s in Authorization does not reach posternd (%ld); restore "
	    "large_client_header_buffers of postern-server.conf, and clear no "
	    "header of the request in front of it",
	    what, a.status);
}

void
probe_headers_arrive(struct probe *p)
{
	char *token = arena_alloc(p->mem, LONG_TOKEN + 1);

	memset(token, 'x', LONG_TOKEN);
	check_token(p, "a token", "posternctl");
	check_token(p, "a token of 9 KiB", token);
}

static long
send_form_from(struct probe *p, const char *origin)
{
	const struct probe_question q = {
		.method = "POST",
		.path = "/login",
		.body = "",
		.headers = PROBE_HEADERS(PROBE_FORM,
		    arena_printf(p->mem, "Origin: %s", origin)),
	};
	struct fetch_answer a;

	return probe_ask(p, &q, &a) ? a.status : 0;
}

void
probe_origin(struct probe *p)
{
	long own = send_form_from(p, p->origin);
	long foreign = send_form_from(p, "https://postern-check.invalid");

	if (own == 403)
		probe_wrong(p,
		    "the sign-in form of %s is refused as another site's; set "
		    "public_url in postern.conf to this very URL, and let the "
		    "Origin header pass",
		    p->origin);
	if (foreign != 0 && foreign != 403)
		probe_wrong(p,
		    "a form of another site is not refused (%ld, not 403); "
		    "nothing may set or clear Origin or Sec-Fetch-Site in "
		    "front of posternd",
		    foreign);
}
