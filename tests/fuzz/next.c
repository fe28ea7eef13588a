/* SPDX-License-Identifier: ISC */
/*
 * ?next=, and the cookie that keeps it: wherever a sign-in leads, a browser
 * ends at a path of ours or at a host that cookie_domain covers.  Said a
 * second time here, by what browsers make of a URL (WHATWG URL).
 */
#include "handlers/page_next.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "base/must.h"
#include "handlers/page.h"
#include "platform/config.h"
#include "platform/url.h"
#include "tests/fuzz/fuzz.h"

#define DOMAIN "example.org"
#define SCHEME "https://"
#define HOST_MAX 253
#define SET_COOKIE "Set-Cookie: "

static const struct config shared = { .public_url = SCHEME "login." DOMAIN,
	.cookie_domain = DOMAIN };
static const struct config alone = { .public_url = SCHEME "login." DOMAIN,
	.cookie_domain = "" };

/* The host stands between the scheme and a path, without a user before it;
 * a port may follow.  What is too long for a host leads nowhere. */
static void
leads_to_us(struct arena *mem, const char *url)
{
	const char *host = url + strlen(SCHEME);
	int n = (int)strcspn(host, "/\\?#");
	char *site = arena_printf(mem, SCHEME "%.*s", n, host), *origin;

	must(strncmp(url, SCHEME, strlen(SCHEME)) == 0);
	must(strchr(site, '@') == NULL);
	site[strlen(SCHEME) + strcspn(site + strlen(SCHEME), ":")] = '\0';
	if ((origin = url_origin(site)) == NULL) {
		must(strlen(site) > strlen(SCHEME) + HOST_MAX);
		return;
	}
	must(url_host_is_within(origin, DOMAIN));
	free(origin);
}

/* Where a browser ends that is sent there. */
static void
judge(struct call *c, const char *typed)
{
	const char *next = page_next(c, typed);

	for (const char *p = next; *p != '\0'; p++)
		must((unsigned char)*p > ' ' && *p != 0x7f && *p != '\\');
	must(page_may_lead(next));
	if (*next == '/') {
		must(next[1] != '/');
		return;
	}
	must(conf == &shared);
	leads_to_us(c->u->mem, next);
}

/* What is kept is found again, whole or not at all. */
static void
is_kept(struct call *c, const char *typed)
{
	struct request req = { .cookie = NULL };
	const char *kept, *line;

	page_keep_next(c, typed);
	line = c->res->headers.data;
	if (c->res->headers.len == 0)
		return;
	must(strncmp(line, SET_COOKIE, strlen(SET_COOKIE)) == 0);
	req.cookie = line + strlen(SET_COOKIE);
	c->req = &req;
	kept = page_kept_next(c);
	must(strcmp(kept, utf8_length(typed, strlen(typed)) < 0 ? "" : typed) ==
	    0);
}

/* The cookie is the browser's, who may write anything into it. */
static void
judge_cookie(struct call *c, const char *typed)
{
	struct request req = { .cookie = arena_printf(c->u->mem,
				   "__Host-postern_next=%s", typed) };

	c->req = &req;
	judge(c, page_kept_next(c));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct config *const configs[] = { &shared, &alone };
	struct unit u = { .mem = fuzz_arena() };
	const char *typed = arena_memdup(u.mem, data, size);

	for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
		struct response res;
		struct call c = { .u = &u, .res = &res };

		conf = configs[i];
		response_init(&res, u.mem);
		judge(&c, typed);
		is_kept(&c, typed);
		judge_cookie(&c, typed);
	}
	conf = NULL;
	return 0;
}
