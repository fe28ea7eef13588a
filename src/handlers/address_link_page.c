/* SPDX-License-Identifier: ISC */
/*
 * /confirm-email and /take-back, where the links of a change of address lead.
 * A GET refuses nothing, because mail scanners follow links; only the POST
 * judges and uses the token.
 *
 * Who confirms outside the account that asked is told which one that is, since
 * a stranger's click lends an address to whoever typed it; who is signed in to
 * another account cannot.  Taking back is for who has the mailbox, and may
 * have lost all else.
 */
#include <string.h>

#include "domain/account_address.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "handlers/page_link.h"
#include "platform/json.h"

#define DONE "done"

static const struct link {
	const char *path, *cookie, *template;
	enum token_purpose purpose;
	enum err (*use)(struct unit *u, const char *token);
	const char *done, *done_link; /* the message's key, where it leads */
	const char *dead, *dead_link;
} links[] = {
	{ "/confirm-email", "postern_confirm", "page/confirm_email.html",
	    TOKEN_CONFIRM, account_confirm_address, "page.address_changed",
	    "/account/", "page.link_dead_confirm", "/account/email" },
	{ "/take-back", "postern_take_back", "page/take_back.html",
	    TOKEN_TAKE_BACK, account_take_back, "page.address_taken_back", NULL,
	    "page.link_dead_take_back", "/forgot-password" },
};

static const struct link *
find_link(const struct call *c)
{
	size_t i = 0;

	while (strcmp(links[i].path, c->route->path) != 0)
		i++;
	return &links[i];
}

static bool
is_own(const struct call *c, const char *token)
{
	struct one_time_token t;

	return c->signed_in && one_time_token_parse(&t, token) &&
	    memcmp(t.account.b, c->session.account.b, sizeof t.account.b) == 0;
}

enum err
address_link_page(struct call *c)
{
	const struct link *l = find_link(c);
	const char *token, *address = NULL, *asking = "";
	struct json *data;
	bool moved;
	enum err e;

	if ((e = page_take_token(c, l->cookie, &moved)) != OK || moved)
		return e;
	if (page_is_done(c, l->cookie, DONE))
		return page_message(c, 200, l->done, l->done_link);
	token = page_cookie(c, l->cookie);
	if ((e = one_time_token_address(c->u, token, l->purpose, &address)) !=
	    OK)
		return e;
	if (address != NULL && l->purpose == TOKEN_CONFIRM &&
	    !is_own(c, token) &&
	    (e = account_that_asked(c->u, token, &asking)) != OK)
		return e;
	data = json_object();
	json_put_string(data, "address", address == NULL ? "" : address);
	if (l->purpose == TOKEN_CONFIRM)
		json_put_string(data, "asking", asking);
	return page_show(c, 200, l->template, &data);
}

/* Who is signed in to another account is told how to go on; else *may. */
static enum err
judge_visitor(struct call *c, const struct link *l, const char *token,
    bool *may)
{
	const char *address = NULL;
	enum err e;

	*may = l->purpose != TOKEN_CONFIRM || !c->signed_in || is_own(c, token);
	if (*may)
		return OK;
	if ((e = one_time_token_address(c->u, token, l->purpose, &address)) !=
	    OK)
		return e;
	if (address == NULL)
		return ERR_ADDRESS_TOKEN;
	return page_message(c, 403, "page.confirm_other", "/dashboard");
}

enum err
address_link_page_post(struct call *c)
{
	const struct link *l = find_link(c);
	const char *token = page_cookie(c, l->cookie);
	bool may;
	enum err e = judge_visitor(c, l, token, &may);

	if (e == OK && !may)
		return OK;
	if (e == OK)
		e = l->use(c->u, token);
	if (e == ERR_ADDRESS_TOKEN)
		return page_dead_link(c, l->cookie, l->dead, l->dead_link);
	if (e != OK)
		return e;
	if (l->purpose == TOKEN_TAKE_BACK)
		page_clear_session(c);
	return page_done(c, l->cookie, DONE);
}
