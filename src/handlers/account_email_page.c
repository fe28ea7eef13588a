/* SPDX-License-Identifier: ISC */
/* /account/email: another address for the account. */
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/json.h"

/* What stands beside a field; both may be wanting at once. */
static const char *
email_advice(const struct call *c, enum err wrong)
{
	if (wrong == ERR_NEED_NEW_EMAIL &&
	    (c->in.email_typed == NULL || *c->in.email_typed == '\0'))
		return page_text(c, "error.new_email_missing");
	if (wrong == ERR_EMAIL_FORMAT || wrong == ERR_EMAIL_SAME)
		return page_text(c, page_advice(wrong));
	return "";
}

static const char *
current_advice(const struct call *c, enum err wrong)
{
	if (wrong == ERR_NEED_NEW_EMAIL &&
	    (c->in.current == NULL || *c->in.current == '\0'))
		return page_text(c, "error.password_missing");
	if (wrong == ERR_CREDENTIALS)
		return page_text(c, "error.own_wrong");
	return "";
}

static enum err
show(struct call *c, enum err wrong)
{
	struct json *data = json_object();
	const char *notice = page_notice(c);
	bool sent = c->form == NULL && *notice != '\0';

	json_put_string(data, "address", c->session.email);
	json_put_string(data, "email",
	    sent ? page_mailed(c) : page_field(c, "new_email"));
	json_put_string(data, "error_email", email_advice(c, wrong));
	json_put_string(data, "error_current", current_advice(c, wrong));
	json_put_string(data, "notice", notice);
	return page_show(c, page_status(wrong), "page/account_email.html",
	    &data);
}

enum err
account_email_page(struct call *c)
{
	return show(c, OK);
}

enum err
account_email_page_post(struct call *c)
{
	enum err e;

	if (c->input_err != OK)
		return show(c, c->input_err);
	e = change_email(c);
	if (e == ERR_CREDENTIALS || e == ERR_EMAIL_SAME)
		return show(c, e);
	if (e != OK)
		return e;
	return page_go_mailed(c, "/account/email?notice=sent");
}
