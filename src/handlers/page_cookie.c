/* SPDX-License-Identifier: ISC */
/* What browsers keep for pages. */
#include "handlers/page_cookie.h"

#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "handlers/page.h"
#include "http/cookie.h"
#include "platform/config.h"

#define SESSION_COOKIE "postern_session"
#define MAILED_COOKIE "postern_mailed"
#define MAILED_SECONDS 600
#define MAILED_MAX 254 /* bytes of an address */

const char *
page_cookie(const struct call *c, const char *name)
{
	const char *value = cookie_get(c->u->mem, c->req->cookie, name,
	    config_is_local_http(conf));

	return value == NULL ? "" : value;
}

void
page_set_cookie(struct call *c, const char *name, const char *value,
    int64_t seconds)
{
	cookie_set(c->res, name, value, seconds, config_is_local_http(conf));
}

const char *
page_session_cookie(const struct call *c)
{
	if (*conf->cookie_domain == '\0')
		return page_cookie(c, SESSION_COOKIE);
	return cookie_get_shared(c->u->mem, c->req->cookie, SESSION_COOKIE);
}

static void
set_session(struct call *c, const char *value, int64_t seconds)
{
	if (*conf->cookie_domain == '\0')
		page_set_cookie(c, SESSION_COOKIE, value, seconds);
	else
		cookie_set_shared(c->res, SESSION_COOKIE, value, seconds,
		    conf->cookie_domain);
}

void
page_set_session(struct call *c, const char *cookie)
{
	set_session(c, cookie, conf->session_lifetime);
}

void
page_clear_session(struct call *c)
{
	set_session(c, "", 0);
	/* The next one at this browser need not know whom we wrote to. */
	if (*page_cookie(c, MAILED_COOKIE) != '\0')
		page_set_cookie(c, MAILED_COOKIE, "", 0);
}

/* What people typed can have any bytes, but not too many. */
void
page_keep_text(struct call *c, const char *name, const char *text, size_t n,
    int64_t seconds)
{
	char *value = arena_alloc(c->u->mem, BASE64URL_SIZE(n));

	base64url_encode(value, text, n);
	page_set_cookie(c, name, value, seconds);
}

const char *
page_kept_text(const struct call *c, const char *name, size_t cap)
{
	const char *value = page_cookie(c, name);
	char *text = arena_alloc(c->u->mem, cap + 1);
	int n = base64url_decode(text, cap, value, strlen(value));

	if (n < 0 || memchr(text, '\0', (size_t)n) != NULL ||
	    utf8_length(text, (size_t)n) < 0)
		return "";
	text[n] = '\0';
	return text;
}

enum err
page_go_mailed(struct call *c, const char *path)
{
	const char *typed = c->in.email_typed;
	size_t n = strlen(typed);

	if (n > MAILED_MAX)
		n = MAILED_MAX;
	while (utf8_length(typed, n) < 0)
		n--; /* cut in the middle of a character */
	page_keep_text(c, MAILED_COOKIE, typed, n, MAILED_SECONDS);
	return page_go(c, path);
}

const char *
page_mailed(const struct call *c)
{
	return page_kept_text(c, MAILED_COOKIE, MAILED_MAX);
}
