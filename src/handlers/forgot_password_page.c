/* SPDX-License-Identifier: ISC */
/* /forgot-password: asks for the address, and tells nobody whether it is
 * known. */
#include "handlers/mail_request.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/json.h"

static enum err
show(struct call *c, enum err wrong)
{
	struct json *data = json_object();

	json_put_string(data, "email", page_field(c, "email"));
	json_put_string(data, "error",
	    wrong == OK ? "" : page_text(c, page_advice(wrong)));
	return page_show(c, page_status(wrong), "page/forgot_password.html",
	    &data);
}

enum err
forgot_password_page(struct call *c)
{
	return show(c, OK);
}

enum err
forgot_password_page_post(struct call *c)
{
	enum err e;

	if (c->input_err != OK)
		return show(c, c->input_err);
	e = mail_request_queue(c, MAIL_RESET, LIMIT_FORGOT_MAILBOX);
	return e != OK ? e : page_go_mailed(c, "/check-email?about=reset");
}
