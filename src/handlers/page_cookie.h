/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_PAGE_COOKIE_H
#define HANDLERS_PAGE_COOKIE_H

#include "handlers/call.h"

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

#endif
