/* SPDX-License-Identifier: ISC */
/*
 * What every route demands of a caller before its handler runs: that the
 * request comes from where it may, that its limit is not used up, and that
 * the caller is known.
 */
#include <string.h>

#include "domain/browser_session.h"
#include "handlers/gate.h"
#include "handlers/page_cookie.h"
#include "http/bearer.h"
#include "platform/config.h"

/*
 * Sec-Fetch-Site decides where a browser sends it; else Origin does.  A
 * browser that sends neither is refused: a form of ours never comes that way.
 */
static enum err
check_origin(const struct call *c)
{
	if (c->route->origin == ORIGIN_ANY)
		return OK;
	if (c->req->sec_fetch_site != NULL)
		return strcmp(c->req->sec_fetch_site, "same-origin") == 0 ?
		    OK :
		    ERR_ORIGIN;
	if (c->req->origin != NULL &&
	    strcmp(c->req->origin, conf->public_url) == 0)
		return OK;
	return ERR_ORIGIN;
}

/* A form that will be shown again spends nothing. */
static enum err
check_limit(struct call *c)
{
	const char *account = c->in.email_typed;

	if (c->input_err != OK)
		return OK;
	if (c->in.email != NULL)
		account = c->in.email->canonical;
	return ratelimit_take(c->u, c->route->limit, c->req->client, account,
	    &c->refusal);
}

static enum err
check_bearer(struct call *c)
{
	const char *token;
	enum err e;

	if ((e = bearer_token(c->req->authorization, &token)) != OK)
		return e;
	return session_check(c->u, token, &c->session);
}

static enum err
check_browser(struct call *c)
{
	const char *cookie = page_session_cookie(c);
	enum err e;

	if (cookie == NULL || *cookie == '\0')
		return ERR_SIGNED_OUT;
	e = browser_session_check(c->u, cookie, &c->session);
	if (e != OK)
		return e;
	c->signed_in = true;
	c->language =
	    language_choose(c->req->accept_language, c->session.locale);
	return OK;
}

/* A Bearer that is there counts alone, unless the gate's location says what
 * counts. */
static enum err
check_either(struct call *c)
{
	enum gate_accept accept;
	enum err e;

	if ((e = gate_accepts(c, &accept)) != OK)
		return e;
	if (accept == ACCEPT_COOKIE)
		return check_browser(c);
	e = check_bearer(c);
	if (e != ERR_TOKEN_MISSING || accept == ACCEPT_BEARER)
		return e;
	return check_browser(c);
}

static enum err
check_access(struct call *c)
{
	enum err e;

	switch (c->route->access) {
	case ACCESS_PUBLIC:
		return OK;
	case ACCESS_TOKEN:
		return check_bearer(c);
	case ACCESS_BROWSER:
		return check_browser(c);
	case ACCESS_EITHER:
		return check_either(c);
	case ACCESS_VISITOR:
		e = check_browser(c);
		return e == ERR_SIGNED_OUT ? OK : e;
	}
	return ERR_INTERNAL;
}

enum err
guard_check(struct call *c)
{
	enum err e;

	if ((e = check_origin(c)) != OK || (e = check_limit(c)) != OK)
		return e;
	return check_access(c);
}
