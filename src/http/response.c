/* SPDX-License-Identifier: ISC */
#include "http/response.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "platform/fcgi.h"
#include "platform/json.h"
#include "platform/url.h"

/*
 * What nginx gets is a CGI answer (RFC 3875): a Status line, headers, the
 * body.  Content-Length is always there but with 204, so that HEAD tells it
 * and a cut answer shows.
 */
static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 303, "See Other" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
};

/*
 * Pages have no inline script or style and load nothing from elsewhere.  A
 * form may lead on, by its 303, to the hosts that share the session.
 */
#define PAGE_POLICY                                                            \
	"default-src 'none'; style-src 'self'; img-src 'self';"                \
	" script-src 'self'; base-uri 'none'; frame-ancestors 'none';"         \
	" form-action 'self'"

/* A status without a row is a bug. */
static const char *
reason(int status)
{
	size_t i = 0, n = sizeof reasons / sizeof *reasons;

	while (i < n && reasons[i].status != status)
		i++;
	must(i < n);
	return reasons[i].reason;
}

static void
must_be_plain(const char *s)
{
	for (; *s != '\0'; s++)
		must((unsigned char)*s >= ' ' && *s != 0x7f);
}

void
response_init(struct response *res, struct arena *mem)
{
	res->status = 204;
	res->body = "";
	res->body_len = 0;
	buf_init(&res->headers, mem);
}

void
response_header(struct response *res, const char *name, const char *value)
{
	must(*name != '\0' && strpbrk(name, ": \t") == NULL);
	must_be_plain(name);
	must_be_plain(value);
	buf_puts(&res->headers, name);
	buf_puts(&res->headers, ": ");
	buf_puts(&res->headers, value);
	buf_puts(&res->headers, "\r\n");
}

void
response_headerf(struct response *res, const char *name, const char *fmt, ...)
{
	va_list ap;
	const char *value;

	va_start(ap, fmt);
	value = arena_vprintf(res->headers.mem, fmt, ap);
	va_end(ap);
	response_header(res, name, value);
}

/* What every answer with a body of ours has, and a 303. */
static void
set_body(struct response *res, int status, const char *body, size_t n)
{
	res->status = status;
	res->body = body;
	res->body_len = n;
	response_header(res, "Cache-Control", "no-store");
	response_header(res, "X-Content-Type-Options", "nosniff");
	/* No 401 goes without (RFC 9110 section 11.6.1). */
	if (status == 401)
		response_header(res, "WWW-Authenticate", "Bearer");
}

void
response_json(struct response *res, int status, struct json **body)
{
	size_t n;
	const char *text = json_text(*body, res->headers.mem, &n);

	json_free(body);
	set_body(res, status, text, n);
	response_header(res, "Content-Type", "application/json");
}

void
response_json_text(struct response *res, int status, const char *text)
{
	set_body(res, status, text, strlen(text));
	response_header(res, "Content-Type", "application/json");
}

void
response_public(struct response *res, const char *type, const char *cache,
    const char *body, size_t n)
{
	res->status = 200;
	res->body = body;
	res->body_len = n;
	response_header(res, "Content-Type", type);
	response_header(res, "Cache-Control", cache);
	response_header(res, "X-Content-Type-Options", "nosniff");
}

void
response_page(struct response *res, int status, const char *html, size_t n,
    const char *domain)
{
	set_body(res, status, html, n);
	response_header(res, "Content-Type", "text/html; charset=utf-8");
	if (*domain == '\0')
		response_header(res, "Content-Security-Policy", PAGE_POLICY);
	else
		response_headerf(res, "Content-Security-Policy",
		    PAGE_POLICY " https://%s https://*.%s", domain, domain);
	response_header(res, "Referrer-Policy", "strict-origin");
	response_header(res, "X-Frame-Options", "DENY");
}

static void
see_other(struct response *res, const char *location)
{
	set_body(res, 303, "", 0);
	response_header(res, "Referrer-Policy", "strict-origin");
	response_header(res, "Location", location);
}

void
response_see_other(struct response *res, const char *path)
{
	must(url_is_path(path));
	see_other(res, path);
}

void
response_see_host(struct response *res, const char *url)
{
	must(strncmp(url, "https://", 8) == 0);
	see_other(res, url);
}

void
response_send(const struct response *res, struct fcgi *f, bool head)
{
	struct buf out;

	must(res->status != 204 || res->body_len == 0);
	buf_init(&out, res->headers.mem);
	buf_printf(&out, "Status: %d %s\r\n", res->status, reason(res->status));
	buf_put(&out, res->headers.data, res->headers.len);
	if (res->status != 204)
		buf_printf(&out, "Content-Length: %zu\r\n", res->body_len);
	buf_puts(&out, "\r\n");
	/* A peer that has gone is no failure of the request. */
	if (fcgi_write(f, out.data, out.len) && !head)
		(void)fcgi_write(f, res->body, res->body_len);
}
