/* SPDX-License-Identifier: ISC */
/*
 * The gate: what /auth/check does beyond a look at the session when nginx
 * asks about a request to an application of somebody else's.
 */
#include "handlers/gate.h"

#include <string.h>

#include "base/arena.h"
#include "domain/identity_token.h"
#include "platform/config.h"
#include "platform/log.h"

#define AUDIENCE_MAX 255
#define NEXT_MAX 2048 /* of a URI that the sign-in leads back to */

/* Where a parameter is wrong, all requests to its location are: so it is
 * told at length, and refused. */
static enum err
misconfigured(const char *variable, const char *wants)
{
	log_event(ERROR, "gate.misconfigured",
	    "what=$%s is none of: %s: mend the set line in nginx's location",
	    variable, wants);
	return ERR_INTERNAL;
}

static bool
is(const char *value, const char *word)
{
	return value != NULL && strcmp(value, word) == 0;
}

enum err
gate_accepts(const struct call *c, enum gate_accept *accept)
{
	const struct gate *g = &c->req->gate;

	if (!g->on || is(g->accept, "both"))
		*accept = ACCEPT_BOTH;
	else if (is(g->accept, "cookie"))
		*accept = ACCEPT_COOKIE;
	else if (is(g->accept, "bearer"))
		*accept = ACCEPT_BEARER;
	else
		return misconfigured("postern_accept", "cookie, bearer, both");
	return OK;
}

/* Where it comes from ----------------------------------------------------- */

static bool
is_safe(const char *method)
{
	return is(method, "GET") || is(method, "HEAD") ||
	    is(method, "OPTIONS") || is(method, "TRACE");
}

bool
gate_is_foreign(const struct request *req)
{
	bool socket = req->upgrade != NULL &&
	    strcasestr(req->upgrade, "websocket") != NULL;

	if (is_safe(req->gate.method) && !socket)
		return false;
	if (req->sec_fetch_site != NULL)
		return strcmp(req->sec_fetch_site, "same-origin") != 0;
	return req->gate.origin == NULL || !is(req->origin, req->gate.origin);
}

/* Where it should go ------------------------------------------------------ */

static bool
navigates(const struct request *req)
{
	if (req->sec_fetch_mode != NULL)
		return strcmp(req->sec_fetch_mode, "navigate") == 0;
	return request_wants_html(req);
}

/* Only what can be asked for again is worth coming back to. */
static const char *
next_of(const struct request *req, const char *host, struct arena *mem)
{
	const char *uri = req->gate.uri;
	char *out;

	if (uri == NULL || *uri != '/' || strlen(uri) > NEXT_MAX ||
	    !(is(req->gate.method, "GET") || is(req->gate.method, "HEAD")))
		return "";
	uri = arena_printf(mem, "%s%s", host, uri);
	out = arena_alloc(mem, 3 * strlen(uri) + 1);
	percent_encode(out, uri);
	return arena_printf(mem, "?next=%s", out);
}

/* The sign-in gives a cookie: where only a Bearer opens, it would lead round
 * in circles. */
static bool
helps(const struct request *req)
{
	return navigates(req) && !is(req->gate.accept, "bearer");
}

/*
 * On its own host the sign-in is a path; elsewhere a URL that names where to
 * come back.  Whether it may lead there the sign-in itself judges.
 */
const char *
gate_login(const struct request *req, struct arena *mem)
{
	const char *own = req->gate.origin;

	if (!helps(req))
		return NULL;
	if (own == NULL)
		return arena_printf(mem, "%s/login", conf->public_url);
	if (strcmp(own, conf->public_url) == 0)
		return arena_printf(mem, "/login%s", next_of(req, "", mem));
	return arena_printf(mem, "%s/login%s", conf->public_url,
	    next_of(req, own, mem));
}

/* Who it is --------------------------------------------------------------- */

/* Visible ASCII, so that it can stand in a header and means the same to all
 * who read it. */
static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static enum err
judge_verified(struct call *c)
{
	if (is(c->req->gate.verified, "off"))
		return OK;
	if (!is(c->req->gate.verified, "on"))
		return misconfigured("postern_verified", "on, off");
	c->address = c->session.email;
	return c->session.verified ? OK : ERR_UNVERIFIED;
}

static enum err
add_token(struct call *c, const char *email)
{
	struct identity_token t = {
		.account = c->session.account,
		.session = c->session.id,
		.audience = c->req->gate.audience,
		.email = email,
	};
	const char *text;
	enum err e;

	if (t.audience == NULL || !is_plain(t.audience) ||
	    strlen(t.audience) > AUDIENCE_MAX)
		return misconfigured("postern_audience",
		    "visible ASCII characters, at most 255");
	if (*t.audience == '\0')
		return OK;
	if ((e = identity_token_get(c->u, &t, &text)) == OK)
		response_header(c->res, "X-Auth-Token", text);
	return e;
}

enum err
gate_answer(struct call *c)
{
	const char *email = c->session.verified ? c->session.email : NULL;
	char id[UUID_TEXT];
	enum err e;

	if (c->signed_in && gate_is_foreign(c->req))
		return ERR_ORIGIN;
	if (email != NULL && !is_plain(email))
		email = NULL;
	if ((e = judge_verified(c)) != OK || (e = add_token(c, email)) != OK)
		return e;
	response_header(c->res, "X-Auth-Session",
	    uuid_text(id, &c->session.id));
	if (email != NULL)
		response_header(c->res, "X-Auth-Email", email);
	return OK;
}

void
gate_refuse(struct call *c)
{
	const char *login = NULL;

	if (c->res->status == 401)
		login = gate_login(c->req, c->u->mem);
	if (login != NULL)
		response_header(c->res, "X-Postern-Login", login);
	response_header(c->res, "X-Postern-Answer",
	    arena_memdup(c->u->mem, c->res->body, c->res->body_len));
}
