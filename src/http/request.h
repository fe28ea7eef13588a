/* SPDX-License-Identifier: ISC */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct arena;
struct fcgi;

/* The longest body Postern reads; more is ERR_TOO_LARGE. */
#define BODY_MAX 16384

/* The longest header value that is looked at. */
#define HEADER_MAX 8192

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_DELETE,
	METHOD_OTHER,
};

/*
 * What nginx's auth_request says of the request it asks about, in FastCGI
 * parameters that nginx/postern-gate.conf sets.  No client can: what comes
 * from one is called HTTP_*.  NULL where it says nothing.
 */
struct gate {
	bool on;              /* this is such a question */
	const char *method;   /* of the request that is asked about … */
	const char *uri;      /* … and its path and query, as it was sent */
	const char *origin;   /* of the protected place, as browsers write it */
	const char *accept;   /* cookie, bearer or both */
	const char *verified; /* on: the address must be */
	const char *audience; /* whom an identity token is for, or "" */
};

/*
 * One HTTP request as nginx hands it over.  Strings live in the arena; an
 * absent header is NULL.  Nothing here was judged yet but its size.
 */
struct request {
	enum method method;
	const char *path;   /* DOCUMENT_URI: decoded, without the query */
	const char *query;  /* QUERY_STRING, raw; never NULL */
	const char *client; /* REMOTE_ADDR; never NULL */
	const char *id;     /* nginx's request id, or one of our own */
	const char *content_type;
	const char *authorization;
	const char *cookie;
	const char *accept, *accept_language;
	const char *origin, *sec_fetch_site, *sec_fetch_mode;
	const char *upgrade;
	const char *user_agent;
	struct gate gate;
	const char *body; /* NUL-terminated; body_len may be past a NUL */
	size_t body_len;
	enum err body_err; /* OK, ERR_TOO_LARGE or ERR_BODY_CUT: judged by
			    * the handlers' input, after path and method */
};

/*
 * Reads the request f has ready into mem, its body to the end.  Control
 * bytes in the path make it a path no route has.
 */
void request_read(struct request *req, struct fcgi *f, struct arena *mem);

/* Whether the client is a browser that navigates: Accept has text/html. */
bool request_wants_html(const struct request *req);

#endif
