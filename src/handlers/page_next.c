/* SPDX-License-Identifier: ISC */
/*
 * Where a sign-in leads.  What a link or a cookie asks for is judged here, so
 * that a sign-in of ours never ends at a stranger's site (an open redirect).
 */
#include "handlers/page_next.h"

#include <string.h>

#include "base/arena.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/config.h"
#include "platform/url.h"

#define NEXT_COOKIE "postern_next"
#define NEXT_SECONDS 86400 /* a verification may take its time */
#define NEXT_MAX 1024      /* bytes: a longer one is forgotten */

/* No control bytes, blanks or backslashes: browsers read those as slashes. */
static bool
is_clean(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == '\\' || *s == 0x7f)
			return false;
	return true;
}

/* Whether host is cookie_domain or below it. */
static bool
is_covered(const char *host, size_t n)
{
	return *conf->cookie_domain != '\0' &&
	    url_host_is_below(host, n, conf->cookie_domain);
}

static bool
is_host_name(const char *s, size_t n)
{
	return n <= strspn(s,
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-.");
}

static bool
is_ours(const char *next)
{
	const char *host;
	size_t n;

	if (!is_clean(next))
		return false;
	if (next[0] == '/')
		return url_is_path(next);
	if (strncmp(next, "https://", 8) != 0)
		return false;
	host = next + 8;
	n = strcspn(host, "/?#:");
	/* A port may follow, but no user name before the host. */
	return strchr(host, '@') == NULL && is_host_name(host, n) &&
	    is_covered(host, n);
}

bool
page_may_lead(const char *next)
{
	return *next != '\0' && is_ours(next);
}

void
page_keep_next(struct call *c, const char *next)
{
	size_t n = strlen(next);

	if (n <= NEXT_MAX)
		page_keep_text(c, NEXT_COOKIE, next, n, NEXT_SECONDS);
}

const char *
page_kept_next(const struct call *c)
{
	return page_kept_text(c, NEXT_COOKIE, NEXT_MAX);
}

void
page_drop_next(struct call *c)
{
	if (*page_cookie(c, NEXT_COOKIE) != '\0')
		page_set_cookie(c, NEXT_COOKIE, "", 0);
}

const char *
page_next(const struct call *c, const char *next)
{
	return page_may_lead(next) ? arena_strdup(c->u->mem, next) : PAGE_HOME;
}

enum err
page_go_on(struct call *c, const char *next)
{
	if (*next == '/')
		return page_go(c, next);
	response_see_host(c->res, next);
	return OK;
}
