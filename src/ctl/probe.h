/* SPDX-License-Identifier: ISC */
#ifndef CTL_PROBE_H
#define CTL_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "platform/fetch.h"

/*
 * posternctl check nginx: asks a live site what it must answer, as a client
 * that has nothing but its address.  A check is a function that says
 * probe_wrong() for each thing that is wrong; one that says nothing has found
 * all well.  None changes anything at the site, and all together stay below
 * Postern's limits.
 */
#define PROBE_LOCATIONS 16

struct probe {
	struct arena *mem;
	struct fetch *fetch;
	const char *origin; /* scheme://host[:port] */
	bool tls;
	bool elsewhere; /* connects to another place than origin says */
	const char *locations[PROBE_LOCATIONS]; /* of protected applications */
	size_t nlocations;
	const char *email, *password; /* to sign in with; or NULL */
	unsigned wrong;
};

/* What is wrong, and after a semicolon what to do. */
void probe_wrong(struct probe *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* What might be better, and is no fault. */
void probe_hint(struct probe *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* One question.  body and headers may be NULL. */
struct probe_question {
	const char *method, *path, *body;
	const char *const *headers; /* ended by NULL */
};

#define PROBE_HEADERS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define PROBE_JSON "Content-Type: application/json"
#define PROBE_FORM "Content-Type: application/x-www-form-urlencoded"

/* Asks; false when no answer came, or 429, which is then said. */
bool probe_ask(struct probe *p, const struct probe_question *q,
    struct fetch_answer *a);

/* The same for GET. */
bool probe_get(struct probe *p, const char *path, struct fetch_answer *a);

/* Whether some header of this name has needle in its value. */
bool probe_header_has(const struct fetch_answer *a, const char *name,
    const char *needle);

/* What an account's page must not be without, and what it must not have;
 * judged wherever one is seen. */
void probe_judge_private(struct probe *p, const char *path,
    const struct fetch_answer *a);

/* Judges every Set-Cookie of the answer; how many there were. */
size_t probe_judge_cookies(struct probe *p, const char *path,
    const struct fetch_answer *a);

/* The checks, by file; the table in check_nginx.c names them. */
void probe_routes(struct probe *p);
void probe_inner_locations(struct probe *p);
void probe_refusals(struct probe *p);
void probe_headers_arrive(struct probe *p);
void probe_origin(struct probe *p);

void probe_private_pages(struct probe *p);
void probe_languages(struct probe *p);
void probe_page_headers(struct probe *p);
void probe_cookies(struct probe *p);
void probe_static(struct probe *p);

void probe_tls(struct probe *p);
void probe_clear_text(struct probe *p);

void probe_identity(struct probe *p);
void probe_signed_in(struct probe *p);

#endif
