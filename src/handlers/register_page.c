/* SPDX-License-Identifier: ISC */
/*
 * /register.  Whoever registers here gets a claim cookie: in this browser the
 * mailed link will need one click only.
 */
#include "domain/account_register.h"
#include "domain/claim.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/config.h"
#include "platform/json.h"

static bool
is_missing(enum err wrong, const char *value)
{
	return wrong == ERR_NEED_CREDENTIALS &&
	    (value == NULL || *value == '\0');
}

/* What stands beside the field; "" where nothing is wrong with it. */
static const char *
email_advice(const struct call *c, enum err wrong)
{
	if (is_missing(wrong, c->in.email_typed))
		return page_text(c, "error.email_missing");
	if (wrong == ERR_EMAIL_FORMAT || wrong == ERR_EMAIL_TAKEN)
		return page_text(c, page_advice(wrong));
	return "";
}

static const char *
password_advice(const struct call *c, enum err wrong)
{
	if (is_missing(wrong, c->in.password))
		return page_text(c, "error.password_missing");
	if (wrong == ERR_PASSWORD_SHORT || wrong == ERR_PASSWORD_LONG)
		return page_text(c, page_advice(wrong));
	return "";
}

static enum err
show(struct call *c, enum err wrong)
{
	const char *email = email_advice(c, wrong);
	const char *password = password_advice(c, wrong);
	bool beside = *email != '\0' || *password != '\0' || wrong == OK;
	struct json *data = json_object();

	json_put_string(data, "email", page_field(c, "email"));
	json_put_string(data, "error_email", email);
	json_put_string(data, "error_password", password);
	json_put_string(data, "error",
	    beside ? "" : page_text(c, page_advice(wrong)));
	return page_show(c, page_status(wrong), "page/register.html", &data);
}

enum err
register_page(struct call *c)
{
	if (c->signed_in)
		return page_go(c, "/dashboard");
	return show(c, OK);
}

enum err
register_page_post(struct call *c)
{
	char claim[CLAIM_TEXT];
	struct uuid account;
	enum err e = c->input_err;

	if (e == OK)
		e = account_register(c->u, c->in.email, c->in.password,
		    call_language(c), &account);
	if (e != OK && page_advice(e) != NULL)
		return show(c, e);
	if (e != OK)
		return e;
	claim_write(c->u->keys, &account, claim);
	page_set_cookie(c, "postern_claim", claim, conf->verification_lifetime);
	return page_go_mailed(c, "/check-email");
}
