/* SPDX-License-Identifier: ISC */
/* /account/delete: the end of an account, and what to save before it. */
#include "handlers/page.h"
#include "platform/json.h"

static enum err
show(struct call *c, int status, const char *error)
{
	struct json *data = json_object();

	json_put_string(data, "address", c->session.address);
	json_put_string(data, "error_current",
	    error == NULL ? "" : page_text(c, error));
	return page_show(c, status, "page/account_delete.html", &data);
}

enum err
account_delete_page(struct call *c)
{
	return show(c, 200, NULL);
}

enum err
account_delete_page_post(struct call *c)
{
	enum err e;

	if (c->input_err != OK)
		return show(c, 400, "error.password_missing");
	e = delete_account(c);
	if (e == ERR_CREDENTIALS)
		return show(c, 401, "error.own_wrong");
	if (e != OK)
		return e;
	page_clear_session(c);
	return page_go(c, "/login?notice=deleted");
}
