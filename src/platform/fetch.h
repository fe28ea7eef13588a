/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_FETCH_H
#define PLATFORM_FETCH_H

#include <stddef.h>

#include "base/buf.h"

/*
 * An HTTP client over libcurl: HTTP/1.1 and HTTP/2, TLS with the system's
 * authorities.  It asks once and shows what came: no redirect is followed, no
 * cookie kept, no proxy of the environment used, no path straightened.
 *
 * For posternctl alone.  No process of posternd links libcurl.
 */
struct fetch;

struct fetch_options {
	const char *connect; /* host:port to connect to instead, or NULL */
	const char *ca_file; /* certificates to trust, or NULL */
};

/* An unused client; never NULL. */
struct fetch *fetch_open(const struct fetch_options *o);

/* Frees *fp and sets it to NULL; NULL inside is accepted. */
void fetch_close(struct fetch **fp);

enum fetch_tls {
	FETCH_TLS_ANY, /* what libcurl thinks right, 1.2 at least */
	FETCH_TLS_OLD, /* at most 1.1, which RFC 8996 forbids */
};

struct fetch_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value", ended by NULL; or NULL */
	const char *body;           /* or NULL */
	enum fetch_tls tls;
};

struct fetch_answer {
	long status;       /* 0 when there is none */
	int http;          /* 10, 11 or 20 */
	const char *why;   /* there is none, in libcurl's words */
	struct buf head;   /* header lines, each ended by '\n' */
	struct buf body;   /* at most FETCH_BODY_MAX bytes of it */
	struct arena *mem; /* where all this lives */
};

#define FETCH_BODY_MAX (256UL * 1024)
#define FETCH_HEAD_MAX (64UL * 1024)

/* Asks, and fills *a from mem. */
void fetch_run(struct fetch *f, struct arena *mem,
    const struct fetch_request *r, struct fetch_answer *a);

/* The value of the answer's i-th (from 0) header of this name, whatever the
 * case of its letters; NULL when there are not so many. */
const char *fetch_header(const struct fetch_answer *a, const char *name,
    size_t i);

#endif
