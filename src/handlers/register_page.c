/* SPDX-License-Identifier: ISC */
/*
 * /register.  Whoever registers here gets a claim cookie: in this browser the
 * mailed link will need one click only.
 */
#include "domain/account.h"
#include "handlers/page.h"
#include "platform/config.h"
#include "platform/json.h"
#include "platform/log.h"

/* The form, with what is wrong beside the field it is about. */
static enum err
show(struct call *c, int status, enum err wrong)
{
	struct json *data = json_object();
	const char *key = wrong == OK ? NULL : page_advice(wrong);
	const char *text = key == NULL ? "" : page_text(c, key);
	bool email = wrong == ERR_EMAIL_FORMAT || wrong == ERR_EMAIL_TAKEN;
	bool password =
	    wrong == ERR_PASSWORD_SHORT || wrong == ERR_PASSWORD_LONG;

	json_put_string(data, "email", page_field(c, "email"));
	json_put_string(data, "error_email", email ? text : "");
	json_put_string(data, "error_password", password ? text : "");
	json_put_string(data, "error", email || password ? "" : text);
	return page_show(c, status, "page/register.html", &data);
}

enum err
register_page(struct call *c)
{
	if (c->signed_in)
		return page_go(c, "/dashboard");
	return show(c, 200, OK);
}

enum err
register_page_post(struct call *c)
{
	char claim[CLAIM_TEXT], id[UUID_TEXT];
	struct uuid account;
	enum err e = c->input_err;

	if (e == OK)
		e = account_register(c->u, c->in.email, c->in.password,
		    &account);
	if (e != OK && page_advice(e) != NULL)
		return show(c, e == ERR_EMAIL_TAKEN ? 409 : 400, e);
	if (e != OK)
		return e;
	log_event(INFO, "account.created", "account=%s",
	    uuid_text(id, &account));
	claim_write(c->u->keys, &account, claim);
	page_set_cookie(c, "postern_claim", claim, conf->verification_lifetime);
	return page_go(c, "/check-email");
}
