/* SPDX-License-Identifier: ISC */
/*
 * What reaches the browser: nginx's add_header adds to what posternd says and
 * its caches and filters change it, so each page is judged as it arrives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "ctl/probe.h"

#define WEEK (7L * 24 * 60 * 60)

/* The max-age of the answer's Cache-Control; -1 for none. */
static long
max_age(const struct fetch_answer *a)
{
	const char *value, *at;

	for (size_t i = 0;
	     (value = fetch_header(a, "Cache-Control", i)) != NULL; i++)
		if ((at = strcasestr(value, "max-age=")) != NULL)
			return strtol(at + strlen("max-age="), NULL, 10);
	return -1;
}

void
probe_judge_private(struct probe *p, const char *path,
    const struct fetch_answer *a)
{
	const char *age = fetch_header(a, "Age", 0);

	if (probe_header_has(a, "Cache-Control", "public") || max_age(a) > 0)
		probe_wrong(p,
		    "%s may be kept by caches; take your add_header "
		    "Cache-Control or `expires` away from Postern's "
		    "locations: posternd sends no-store itself",
		    path);
	else if (!probe_header_has(a, "Cache-Control", "no-store"))
		probe_wrong(p,
		    "%s lost its Cache-Control: no-store; take away what "
		    "hides it (fastcgi_hide_header, a proxy in front)",
		    path);
	if (age != NULL)
		probe_wrong(p,
		    "%s came out of a cache (Age: %s); no cache may stand "
		    "before Postern's pages",
		    path, age);
	if (fetch_header(a, "Content-Encoding", 0) != NULL)
		probe_wrong(p,
		    "%s is compressed, which lets its secrets be guessed "
		    "(BREACH); restore `gzip off` of postern-fastcgi.conf, "
		    "and switch it off in front",
		    path);
}

static bool
get_zipped(struct probe *p, const char *path, const char *language,
    struct fetch_answer *a)
{
	const struct probe_question q = {
		.method = "GET",
		.path = path,
		.headers = PROBE_HEADERS("Accept-Encoding: gzip, br",
		    "Accept: text/html",
		    arena_printf(p->mem, "Accept-Language: %s", language)),
	};

	return probe_ask(p, &q, a);
}

void
probe_private_pages(struct probe *p)
{
	static const char *const paths[] = { "/login", "/register",
		"/dashboard", "/reset-password", "/auth/check" };
	struct fetch_answer a;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (get_zipped(p, paths[i], "en", &a))
			probe_judge_private(p, paths[i], &a);
}

/* A cache shows itself: it gives the second visitor the first one's page. */
void
probe_languages(struct probe *p)
{
	static const char *const languages[] = { "en", "de" };
	struct fetch_answer a;
	const char *got;

	for (size_t i = 0; i < 2; i++) {
		if (!get_zipped(p, "/login", languages[i], &a))
			return;
		got = fetch_header(&a, "Content-Language", 0);
		if (got == NULL || strcmp(got, languages[i]) != 0)
			probe_wrong(p,
			    "/login was asked for in %s and came in %s: a "
			    "cache gives people each other's pages; take "
			    "fastcgi_cache, proxy_cache or the CDN's away "
			    "from Postern",
			    languages[i], got == NULL ? "none" : got);
	}
}

/* The header is there once, and has this in it. */
static void
want_header(struct probe *p, const struct fetch_answer *a, const char *name,
    const char *needle)
{
	if (!probe_header_has(a, name, needle))
		probe_wrong(p,
		    "/login has no %s with \"%s\"; posternd sends it: take "
		    "away what hides or replaces it (fastcgi_hide_header, a "
		    "proxy in front)",
		    name, needle);
	else if (fetch_header(a, name, 1) != NULL)
		probe_wrong(p,
		    "/login has two headers %s; posternd sends its own: take "
		    "your add_header %s away from Postern's locations",
		    name, name);
}

static void
refuse_header(struct probe *p, const struct fetch_answer *a, const char *name)
{
	const char *value = fetch_header(a, name, 0);

	if (value != NULL)
		probe_wrong(p,
		    "/login says %s: %s; take away the add_header that says "
		    "so",
		    name, value);
}

void
probe_page_headers(struct probe *p)
{
	const struct probe_question q = {
		.method = "GET",
		.path = "/login",
		.headers =
		    PROBE_HEADERS("Origin: https://postern-check.invalid"),
	};
	const char *server;
	struct fetch_answer a;

	if (!probe_ask(p, &q, &a))
		return;
	want_header(p, &a, "Content-Security-Policy", "default-src 'none'");
	want_header(p, &a, "Content-Security-Policy", "frame-ancestors 'none'");
	want_header(p, &a, "X-Content-Type-Options", "nosniff");
	want_header(p, &a, "X-Frame-Options", "DENY");
	want_header(p, &a, "Referrer-Policy", "strict-origin");
	refuse_header(p, &a, "Access-Control-Allow-Origin");
	refuse_header(p, &a, "X-Powered-By");
	server = fetch_header(&a, "Server", 0);
	if (server != NULL && strchr(server, '/') != NULL)
		probe_wrong(p,
		    "the site tells its version (Server: %s); restore "
		    "`server_tokens off` of postern-server.conf",
		    server);
}

/* Whether "; name" or "; name=value" is among a cookie's attributes. */
static bool
has_attribute(const char *cookie, const char *attribute)
{
	size_t n = strlen(attribute);

	while ((cookie = strchr(cookie, ';')) != NULL) {
		cookie++;
		cookie += strspn(cookie, " ");
		if (strncasecmp(cookie, attribute, n) == 0 &&
		    strchr(";=", cookie[n]) != NULL)
			return true;
	}
	return false;
}

static void
want_attribute(struct probe *p, const char *path, const char *cookie,
    const char *attribute)
{
	if (!has_attribute(cookie, attribute))
		probe_wrong(p,
		    "the cookie %.*s of %s is not %s; take away what rewrites "
		    "cookies (proxy_cookie_flags, add_header Set-Cookie)",
		    (int)strcspn(cookie, "="), cookie, path, attribute);
}

/* RFC 6265bis section 4.1.3: what the prefixes of a name promise. */
static void
judge_name(struct probe *p, const char *path, const char *cookie)
{
	if (strncmp(cookie, "__Secure-", 9) == 0)
		return;
	if (has_attribute(cookie, "Domain"))
		probe_wrong(p,
		    "the cookie %.*s of %s has a Domain; take away what "
		    "rewrites cookies (proxy_cookie_domain)",
		    (int)strcspn(cookie, "="), cookie, path);
	if (p->tls && strncmp(cookie, "__Host-", 7) != 0)
		probe_wrong(p,
		    "the cookie %.*s of %s has no __Host- before its name; "
		    "public_url in postern.conf must begin with https://",
		    (int)strcspn(cookie, "="), cookie, path);
}

size_t
probe_judge_cookies(struct probe *p, const char *path,
    const struct fetch_answer *a)
{
	const char *cookie;
	size_t i;

	for (i = 0; (cookie = fetch_header(a, "Set-Cookie", i)) != NULL; i++) {
		want_attribute(p, path, cookie, "HttpOnly");
		want_attribute(p, path, cookie, "SameSite");
		if (p->tls)
			want_attribute(p, path, cookie, "Secure");
		judge_name(p, path, cookie);
	}
	return i;
}

/* A mailed link's token goes into a cookie, whether it is good or not. */
void
probe_cookies(struct probe *p)
{
	static const char *const paths[] = { "/verify-email",
		"/reset-password" };
	struct fetch_answer a;
	const char *url;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		url = arena_printf(p->mem, "%s?token=posternctl", paths[i]);
		if (!probe_get(p, url, &a))
			continue;
		if (probe_judge_cookies(p, paths[i], &a) == 0)
			probe_wrong(p,
			    "%s?token=… sets no cookie, so mailed links do "
			    "not work; take away what hides Set-Cookie",
			    paths[i]);
		if (!probe_header_has(&a, "Location", paths[i]))
			probe_wrong(p,
			    "%s?token=… does not lead to %s; take away what "
			    "rewrites Location, and let the query pass",
			    paths[i], paths[i]);
	}
}

/* Where the page takes its stylesheet from, or NULL. */
static const char *
stylesheet(struct probe *p)
{
	struct fetch_answer a;
	const char *at;

	if (!probe_get(p, "/login", &a))
		return NULL;
	at = strstr(a.body.data, "/static/postern.");
	if (at == NULL)
		probe_hint(p,
		    "/login names no stylesheet of Postern's: static "
		    "files were not looked at");
	return at == NULL ? NULL : arena_memdup(p->mem, at, strcspn(at, "\""));
}

static void
judge_stylesheet(struct probe *p, const char *path,
    const struct fetch_answer *a)
{
	if (a->status != 200) {
		probe_wrong(p,
		    "%s is answered %ld; the alias of `location /static/` "
		    "(postern-server.conf) must be static_dir of postern.conf",
		    path, a->status);
		return;
	}
	if (!probe_header_has(a, "Content-Type", "text/css"))
		probe_wrong(p,
		    "%s is no text/css, and browsers refuse it; restore "
		    "`types` of `location /static/` (postern-server.conf)",
		    path);
	if (max_age(a) < WEEK)
		probe_wrong(p,
		    "%s is not kept by browsers, though its name changes with "
		    "its content; restore the inner location of "
		    "`location /static/` (postern-server.conf)",
		    path);
}

void
probe_static(struct probe *p)
{
	/* Which an alias without its slash gives away. */
	static const char *const outside[] = { "/static../postern.conf.sample",
		"/static../sql/0001_initial.sql",
		"/static../templates/text/en.ini" };
	const char *path = stylesheet(p);
	struct fetch_answer a;

	if (path != NULL && probe_get(p, path, &a))
		judge_stylesheet(p, path, &a);
	for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
		if (probe_get(p, outside[i], &a) && a.status == 200)
			probe_wrong(p,
			    "%s gives out files beside the folder; `location "
			    "/static/` and its alias must both end in a slash "
			    "(postern-server.conf)",
			    outside[i]);
}
