/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_PAGE_H
#define HANDLERS_PAGE_H

#include <stdbool.h>

#include "handlers/call.h"

struct json;

/*
 * What the handlers of pages share: templates in the visitor's language, and
 * where a browser may be sent.
 */

/* Answers with the template of that name; takes *data. */
enum err page_show(struct call *c, int status, const char *name,
    struct json **data) MUST_USE;

/* The text of the catalogue in the visitor's language. */
const char *page_text(const struct call *c, const char *key);

/*
 * page/message.html with "<key>.title" and "<key>.message" of the catalogue,
 * and a link with "<key>.link" as its label unless link is NULL.
 */
enum err page_message(struct call *c, int status, const char *key,
    const char *link) MUST_USE;

/* The same with one more text after the message, or "". */
enum err page_message_and(struct call *c, int status, const char *key,
    const char *more, const char *link) MUST_USE;

/*
 * page_message() of a refusal: the link leads back to the form that was sent,
 * if it was one; a limit's says when to try again.
 */
enum err page_error(struct call *c, int status, const char *key) MUST_USE;

/*
 * The catalogue's key of what stands beside a form for e; NULL for an error
 * that no form can mend.
 */
const char *page_advice(enum err e);

/* The status of a form that is shown again for e; 200 for OK. */
int page_status(enum err e);

/*
 * What a page of ours says after a 303 to it: the text that ?notice= stands
 * for on this path, by the table in page.c; else "".
 */
const char *page_notice(const struct call *c);

/* "Firefox on Windows", "Unknown device": in the visitor's language. */
const char *page_device(const struct call *c, const char *user_agent);

/*
 * What page/_time.html shows, of the RFC 3339 in UTC that the domain gives:
 * the parts of "2 January 2026, 03:04 UTC" in the visitor's language.
 */
struct json *page_time(const struct call *c, const char *rfc3339);

/* Answers 303 to a path of ours. */
enum err page_go(struct call *c, const char *path) MUST_USE;

/* A field of the form, or of the query after the path; or "". */
const char *page_field(const struct call *c, const char *name);
const char *page_query(const struct call *c, const char *name);

#endif
