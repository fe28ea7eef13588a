/* SPDX-License-Identifier: ISC */
/* /account/delete: the end of an account, and what to save before it. */
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/json.h"

/* What stands beside the password; "" where nothing is wrong. */
static const char *
advice(const struct call *c, enum err wrong)
{
	if (wrong == ERR_NEED_CURRENT)
		return page_text(c, "error.password_missing");
	if (wrong == ERR_CREDENTIALS)
		return page_text(c, "error.own_wrong");
	return "";
}

static enum err
show(struct call *c, enum err wrong)
{
	struct json *data = json_object();

	json_put_string(data, "address", c->session.email);
	json_put_string(data, "error_current", advice(c, wrong));
	return page_show(c, page_status(wrong), "page/account_delete.html",
	    &data);
}

enum err
account_delete_page(struct call *c)
{
	return show(c, OK);
}

enum err
account_delete_page_post(struct call *c)
{
	enum err e;

	if (c->input_err != OK)
		return show(c, c->input_err);
	e = delete_account(c);
	if (e == ERR_CREDENTIALS)
		return show(c, e);
	if (e != OK)
		return e;
	page_clear_session(c);
	return page_go(c, "/login?notice=deleted");
}
