/* SPDX-License-Identifier: ISC */
/* /check-email: a mail is on its way; the one to verify can be had again. */
#include <string.h>

#include "handlers/mail_request.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/json.h"

static enum err
show(struct call *c, enum err wrong)
{
	struct json *data = json_object();
	bool sent = strcmp(c->req->query, "sent=1") == 0;

	json_put_bool(data, "about_reset",
	    strcmp(c->req->query, "about=reset") == 0);
	/* Nothing was sent yet: the form alone. */
	json_put_bool(data, "again",
	    wrong != OK || strcmp(c->req->query, "about=again") == 0);
	json_put_string(data, "email",
	    c->form == NULL ? page_mailed(c) : page_field(c, "email"));
	json_put_string(data, "error",
	    wrong == OK ? "" : page_text(c, page_advice(wrong)));
	json_put_string(data, "notice",
	    sent ? page_text(c, "notice.mail_sent") : "");
	return page_show(c, page_status(wrong), "page/check_email.html", &data);
}

enum err
check_email_page(struct call *c)
{
	return show(c, OK);
}

enum err
check_email_page_post(struct call *c)
{
	enum err e;

	if (c->input_err != OK)
		return show(c, c->input_err);
	e = mail_request_queue(c, MAIL_VERIFY, LIMIT_RESEND_MAILBOX);
	return e != OK ? e : page_go_mailed(c, "/check-email?sent=1");
}
