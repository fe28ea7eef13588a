/* SPDX-License-Identifier: ISC */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct fcgi;
struct json;

/*
 * The answer to one request, built whole in the arena and sent in one go.
 * Until a body is set it is an empty 204.
 */
struct response {
	int status;
	struct buf headers; /* "Name: value\r\n" lines */
	const char *body;
	size_t body_len;
};

void response_init(struct response *res, struct arena *mem);

/*
 * Adds a header.  value must hold no control bytes (must()): whatever came
 * from outside was judged before.
 */
void response_header(struct response *res, const char *name, const char *value);

/* As response_header(), value by printf. */
void response_headerf(struct response *res, const char *name, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/*
 * A JSON answer: takes *body (json_free) and sets Content-Type, no-store and
 * nosniff; with 401 the scheme that is asked for (WWW-Authenticate), as every
 * answer with a body does.
 */
void response_json(struct response *res, int status, struct json **body);

/* The same of a text that is JSON already and lives in the arena. */
void response_json_text(struct response *res, int status, const char *text);

/*
 * An HTML answer with the headers every page has: no-store, nosniff, CSP,
 * Referrer-Policy strict-origin, no framing.  html lives in the arena.
 * Its forms may lead to this site, and to the hosts of domain unless it is "".
 */
void response_page(struct response *res, int status, const char *html, size_t n,
    const char *domain);

/*
 * Something that is the same for everybody, with the Cache-Control that says
 * for how long.  body outlives the answer.
 */
void response_public(struct response *res, const char *type, const char *cache,
    const char *body, size_t n);

/* A 303 to a path of ours (begins with '/', no control bytes). */
void response_see_other(struct response *res, const char *path);

/* A 303 to another host over TLS, which the caller knows to be a friend. */
void response_see_host(struct response *res, const char *url);

/* Sends it; without its body when head is true. */
void response_send(const struct response *res, struct fcgi *f, bool head);

#endif
