/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_PAGE_H
#define HANDLERS_PAGE_H

#include <stdbool.h>

#include "domain/browser_session.h"
#include "domain/claim.h"
#include "handlers/call.h"

struct json;

/*
 * What the handlers of pages share: templates in the visitor's language,
 * the cookies, and where a browser may be sent.
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

/*
 * The same of a refusal: the link leads back to the form that was sent, if it
 * was one; a limit's says when to try again.
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

/*
 * The browser's session cookie; NULL or "" where there is none.  Its domain
 * is cookie_domain.
 */
const char *page_session_cookie(const struct call *c);
void page_set_session(struct call *c, const char *cookie);
void page_clear_session(struct call *c);

/* Our other cookies: short-lived, this host's only. */
const char *page_cookie(const struct call *c, const char *name);
void page_set_cookie(struct call *c, const char *name, const char *value,
    int64_t seconds);

/* A text of any characters in such a cookie; "" where none of at most cap bytes
 * is. */
void page_keep_text(struct call *c, const char *name, const char *text,
    size_t n, int64_t seconds);
const char *page_kept_text(const struct call *c, const char *name, size_t cap);

/*
 * Answers 303 to a page that says where a mail went, which page_mailed() gives
 * it for some minutes: the address as it was typed, or "".
 */
enum err page_go_mailed(struct call *c, const char *path) MUST_USE;
const char *page_mailed(const struct call *c);

/*
 * Puts the ?token= of a mailed link into the cookie of that name and answers
 * 303 to the path without it, so that it stays out of history, logs and
 * Referer.  *moved is false when there was none.
 */
enum err page_take_token(struct call *c, const char *cookie,
    bool *moved) MUST_USE;

/*
 * page_message() about a link that is not good; where the cookie is gone it
 * says that the page may have been open for too long, as the link may still be
 * good.
 */
enum err page_dead_link(struct call *c, const char *cookie, const char *key,
    const char *link) MUST_USE;

/*
 * What such a page does when its token was used: answers 303 to itself, with a
 * word in the token's place by which the GET says so.  A reload sends nothing
 * again.
 */
enum err page_done(struct call *c, const char *cookie,
    const char *word) MUST_USE;
bool page_is_done(const struct call *c, const char *cookie, const char *word);

#endif
