/* SPDX-License-Identifier: ISC */
#include "http/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/encode.h"
#include "platform/crypto.h"
#include "platform/fcgi.h"
#include "platform/url.h"

/*
 * The names are those of our own FastCGI parameters file
 * (nginx/postern-fastcgi.conf).  What a client could send under a name of
 * its own choosing is HTTP_*, and of these only the ones below are read:
 * no forwarding header, and never REMOTE_USER.
 */
#define ID_MAX 64
#define ID_RANDOM 16

static enum method
read_method(const char *name)
{
	if (name == NULL)
		return METHOD_OTHER;
	if (strcmp(name, "GET") == 0)
		return METHOD_GET;
	if (strcmp(name, "HEAD") == 0)
		return METHOD_HEAD;
	if (strcmp(name, "POST") == 0)
		return METHOD_POST;
	if (strcmp(name, "DELETE") == 0)
		return METHOD_DELETE;
	return METHOD_OTHER;
}

/* A parameter that is never absent. */
static const char *
param(const struct fcgi *f, struct arena *mem, const char *name)
{
	const char *value = fcgi_param(f, name);

	return value == NULL ? "" : arena_strdup(mem, value);
}

/* A header; one that is too long counts as absent. */
static const char *
header(const struct fcgi *f, struct arena *mem, const char *name)
{
	const char *value = fcgi_param(f, name);

	if (value == NULL || strlen(value) > HEADER_MAX)
		return NULL;
	return arena_strdup(mem, value);
}

/*
 * Who sent credentials that are too long must not pass for one who sent none:
 * the scheme stays, followed by what no scheme's token is.
 */
static const char *
authorization(const struct fcgi *f, struct arena *mem)
{
	const char *value = fcgi_param(f, "HTTP_AUTHORIZATION");

	if (value == NULL || strlen(value) <= HEADER_MAX)
		return arena_strdup(mem, value);
	return arena_printf(mem, "%.16s ?", value);
}

static const char *
path(const struct fcgi *f, struct arena *mem)
{
	const char *value = fcgi_param(f, "DOCUMENT_URI");

	for (const char *c = value; c != NULL && *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return "";
	return value == NULL ? "" : arena_strdup(mem, value);
}

/* nginx makes it of the Host header: it may be none. */
static const char *
own_origin(const struct fcgi *f, struct arena *mem)
{
	const char *value = fcgi_param(f, "POSTERN_ORIGIN"), *copy;
	char *origin = value == NULL ? NULL : url_origin(value);

	copy = arena_strdup(mem, origin);
	free(origin);
	return copy;
}

static void
read_gate(struct gate *g, const struct fcgi *f, struct arena *mem)
{
	const char *on = fcgi_param(f, "POSTERN_GATE");

	*g = (struct gate){ .on = on != NULL && strcmp(on, "on") == 0 };
	if (!g->on)
		return;
	g->method = header(f, mem, "POSTERN_METHOD");
	g->uri = header(f, mem, "POSTERN_URI");
	g->origin = own_origin(f, mem);
	g->accept = header(f, mem, "POSTERN_ACCEPT");
	g->verified = header(f, mem, "POSTERN_VERIFIED");
	g->audience = header(f, mem, "POSTERN_AUDIENCE");
}

/* nginx's $request_id, if it looks like one: it goes into logs and answers. */
static const char *
request_id(const struct fcgi *f, struct arena *mem)
{
	const char *value = fcgi_param(f, "REQUEST_ID");
	unsigned char random[ID_RANDOM];
	char *own;
	size_t n;

	n = value == NULL ? 0 : strspn(value, "0123456789abcdef");
	if (n > 0 && n <= ID_MAX && value[n] == '\0')
		return arena_strdup(mem, value);
	own = arena_alloc(mem, 2 * sizeof random + 1);
	crypto_random(random, sizeof random);
	hex_encode(own, random, sizeof random);
	return own;
}

/* CONTENT_LENGTH; absent or empty is 0, no number SIZE_MAX. */
static size_t
declared_length(const struct fcgi *f)
{
	const char *value = fcgi_param(f, "CONTENT_LENGTH");
	size_t n = 0;

	for (; value != NULL && *value != '\0'; value++) {
		if (*value < '0' || *value > '9')
			return SIZE_MAX;
		/* Far above BODY_MAX all numbers are the same. */
		if (n <= BODY_MAX)
			n = n * 10 + (size_t)(*value - '0');
	}
	return n;
}

/*
 * Reads the body, always to its end, so that the peer has sent all before it
 * is answered.  It must be as long as was declared: libfcgi would pass on
 * what a broken peer cut off as if it were whole.  One of which nothing came
 * is not too large, whatever was declared: auth_request's subrequests are so.
 */
static void
read_body(struct request *req, struct fcgi *f, struct arena *mem)
{
	size_t declared = declared_length(f), got = 0;
	size_t cap = declared < BODY_MAX ? declared : BODY_MAX;
	char *body = arena_alloc(mem, cap + 1);
	enum err e = fcgi_body(f, body, cap, &got);

	req->body = "";
	req->body_len = 0;
	req->body_err = OK;
	if (got > BODY_MAX ||
	    (got > 0 && declared > BODY_MAX && declared != SIZE_MAX)) {
		req->body_err = ERR_TOO_LARGE;
	} else if (e != OK || got != declared) {
		req->body_err = ERR_BODY_CUT;
	} else {
		req->body = body;
		req->body_len = got;
	}
}

void
request_read(struct request *req, struct fcgi *f, struct arena *mem)
{
	req->method = read_method(fcgi_param(f, "REQUEST_METHOD"));
	req->path = path(f, mem);
	req->query = param(f, mem, "QUERY_STRING");
	req->client = param(f, mem, "REMOTE_ADDR");
	req->id = request_id(f, mem);
	req->content_type = header(f, mem, "CONTENT_TYPE");
	req->authorization = authorization(f, mem);
	req->cookie = header(f, mem, "HTTP_COOKIE");
	req->accept = header(f, mem, "HTTP_ACCEPT");
	req->accept_language = header(f, mem, "HTTP_ACCEPT_LANGUAGE");
	req->origin = header(f, mem, "HTTP_ORIGIN");
	req->sec_fetch_site = header(f, mem, "HTTP_SEC_FETCH_SITE");
	req->sec_fetch_mode = header(f, mem, "HTTP_SEC_FETCH_MODE");
	req->upgrade = header(f, mem, "HTTP_UPGRADE");
	req->user_agent = header(f, mem, "HTTP_USER_AGENT");
	read_gate(&req->gate, f, mem);
	read_body(req, f, mem);
}

/* Accept is a list of media ranges (RFC 9110, 12.5.1); weights do not count:
 * programs do not name text/html at all. */
bool
request_wants_html(const struct request *req)
{
	const char *range = req->accept;

	while (range != NULL) {
		static const char html[] = "text/html";
		size_t n = strlen(html);

		range += strspn(range, " \t,");
		if (strncasecmp(range, html, n) == 0 &&
		    strchr(" \t;,", range[n]) != NULL)
			return true;
		range = strchr(range, ',');
	}
	return false;
}
