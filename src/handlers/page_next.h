/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_PAGE_NEXT_H
#define HANDLERS_PAGE_NEXT_H

#include <stdbool.h>

#include "handlers/call.h"

/*
 * Where a sign-in leads: next when it is a local path, or a URL on a host
 * that cookie_domain covers; else PAGE_HOME.  In the arena.
 */
const char *page_next(const struct call *c, const char *next);

#define PAGE_HOME "/dashboard"

/* Whether page_next() would lead there. */
bool page_may_lead(const char *next);

/*
 * Keeps where a sign-in was to lead in a cookie, for who registers first or
 * forgot the password; "" where nothing is kept.  Whoever has the browser can
 * write it, so page_next() judges it as any other.
 */
void page_keep_next(struct call *c, const char *next);
const char *page_kept_next(const struct call *c);
void page_drop_next(struct call *c);

/* Answers 303 to what page_next() gave. */
enum err page_go_on(struct call *c, const char *next) MUST_USE;

#endif
