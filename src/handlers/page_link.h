/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_PAGE_LINK_H
#define HANDLERS_PAGE_LINK_H

#include <stdbool.h>

#include "handlers/call.h"

/*
 * The page a mailed link leads to: it puts the link's token into a cookie and
 * shows a form, uses the token when that is sent, and says what came of it.
 */

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
 * What the page does when its token was used: answers 303 to itself, with a
 * word in the token's place by which the GET says so.  A reload sends nothing
 * again.
 */
enum err page_done(struct call *c, const char *cookie,
    const char *word) MUST_USE;
bool page_is_done(const struct call *c, const char *cookie, const char *word);

#endif
