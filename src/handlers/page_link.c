/* SPDX-License-Identifier: ISC */
/* What the pages do that mailed links lead to. */
#include "handlers/page_link.h"

#include <string.h>

#include "domain/one_time_token.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "http/form.h"

#define TOKEN_SECONDS 3600 /* as long as the shortest link is good */
#define DONE_SECONDS 600

/* Nothing but a token of ours gets in: a link must not be able to say what
 * page_done() says. */
static bool
is_token(const char *s)
{
	struct one_time_token t;

	return one_time_token_parse(&t, s);
}

enum err
page_take_token(struct call *c, const char *cookie, bool *moved)
{
	const char *token = form_find(c->u->mem, c->req->query, "token");

	*moved = token != NULL;
	if (!*moved)
		return OK;
	page_set_cookie(c, cookie, is_token(token) ? token : "none",
	    TOKEN_SECONDS);
	return page_go(c, c->route->path);
}

enum err
page_dead_link(struct call *c, const char *cookie, const char *key,
    const char *link)
{
	bool is_gone = *page_cookie(c, cookie) == '\0';

	return page_message_and(c, 400, key,
	    is_gone ? page_text(c, "error.page_open_too_long") : "", link);
}

enum err
page_done(struct call *c, const char *cookie, const char *word)
{
	page_set_cookie(c, cookie, word, DONE_SECONDS);
	return page_go(c, c->route->path);
}

bool
page_is_done(const struct call *c, const char *cookie, const char *word)
{
	return strcmp(page_cookie(c, cookie), word) == 0;
}
