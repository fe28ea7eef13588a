/* SPDX-License-Identifier: ISC */
/* /account/password: a new password, for who knows the present one. */
#include "handlers/page.h"
#include "platform/json.h"

static bool
is_empty(const char *s)
{
	return s == NULL || *s == '\0';
}

/* What stands beside the present password; "" where nothing is wrong. */
static const char *
current_advice(const struct call *c, enum err wrong)
{
	if (wrong == ERR_NEED_CHANGE && is_empty(c->in.current))
		return page_text(c, "error.current_missing");
	if (wrong == ERR_CREDENTIALS)
		return page_text(c, "error.current_wrong");
	return "";
}

static const char *
new_advice(const struct call *c, enum err wrong)
{
	if (wrong == ERR_NEED_CHANGE && is_empty(c->in.password))
		return page_text(c, "error.new_missing");
	if (wrong == ERR_PASSWORD_SHORT || wrong == ERR_PASSWORD_LONG)
		return page_text(c, page_advice(wrong));
	return "";
}

static enum err
show(struct call *c, enum err wrong)
{
	struct json *data = json_object();

	json_put_string(data, "address", c->session.email);
	json_put_string(data, "error_current", current_advice(c, wrong));
	json_put_string(data, "error_password", new_advice(c, wrong));
	json_put_bool(data, "keep", wrong != OK && !c->in.flag);
	json_put_string(data, "notice", page_notice(c));
	return page_show(c, page_status(wrong), "page/account_password.html",
	    &data);
}

enum err
account_password_page(struct call *c)
{
	return show(c, OK);
}

enum err
account_password_page_post(struct call *c)
{
	enum err e;

	if (c->input_err != OK)
		return show(c, c->input_err);
	e = change_password(c);
	if (e == ERR_CREDENTIALS)
		return show(c, e);
	if (e != OK)
		return e;
	return page_go(c, "/account/password?notice=changed");
}
