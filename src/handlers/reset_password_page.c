/* SPDX-License-Identifier: ISC */
/*
 * /reset-password, where a reset link leads.  A GET refuses nothing, because
 * mail scanners follow links; only the POST judges and uses the token.
 */
#include "domain/account_reset.h"
#include "domain/one_time_token.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "handlers/page_link.h"
#include "platform/json.h"

#define COOKIE "postern_reset"
#define DONE "done"

static enum err
show(struct call *c, enum err wrong)
{
	const char *address = NULL;
	const char *text = wrong == OK ? "" : page_text(c, page_advice(wrong));
	struct json *data;
	enum err e;

	e = one_time_token_address(c->u, page_cookie(c, COOKIE), TOKEN_RESET,
	    &address);
	if (e != OK)
		return e;
	data = json_object();
	json_put_string(data, "address", address == NULL ? "" : address);
	json_put_string(data, "error_password", text);
	return page_show(c, page_status(wrong), "page/reset_password.html",
	    &data);
}

enum err
reset_password_page(struct call *c)
{
	bool moved;
	enum err e = page_take_token(c, COOKIE, &moved);

	if (e != OK || moved)
		return e;
	if (page_is_done(c, COOKIE, DONE))
		return page_message(c, 200, "page.password_reset", "/login");
	return show(c, OK);
}

enum err
reset_password_page_post(struct call *c)
{
	enum err e;

	if (c->input_err != OK)
		return show(c, c->input_err);
	e = account_reset_password(c->u, page_cookie(c, COOKIE),
	    c->in.password);
	if (e == ERR_RESET_TOKEN)
		return page_dead_link(c, COOKIE, "page.link_dead_reset",
		    "/forgot-password");
	if (e != OK)
		return e;
	page_clear_session(c);
	return page_done(c, COOKIE, DONE);
}
