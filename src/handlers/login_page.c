/* SPDX-License-Identifier: ISC */
/* /login */
#include <string.h>

#include "domain/account_authenticate.h"
#include "domain/browser_session.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "handlers/page_next.h"
#include "platform/config.h"
#include "platform/json.h"

/* Where nobody is to hear which addresses are free, an account that is not
 * verified is refused as a wrong password is: one advice serves both. */
static bool
is_hidden(enum err wrong)
{
	return wrong == ERR_CREDENTIALS &&
	    conf->registration_conflict == CONFLICT_HIDE;
}

/* Whether the field has to be typed anew; nobody says which of two that were
 * refused. */
static bool
is_wrong(enum err wrong, const char *value)
{
	if (wrong == ERR_NEED_CREDENTIALS)
		return value == NULL || *value == '\0';
	return wrong == ERR_CREDENTIALS && !is_hidden(wrong);
}

static const char *
advice(enum err wrong, bool email, bool password)
{
	if (wrong == OK)
		return NULL;
	if (is_hidden(wrong))
		return "error.credentials_hidden";
	if (email == password)
		return page_advice(wrong);
	return email ? "error.email_missing" : "error.password_missing";
}

/* Whoever was sent here by a page or the gate hears why. */
static const char *
notice(const struct call *c)
{
	const char *text = page_notice(c);

	if (*text == '\0' && page_may_lead(page_query(c, "next")))
		return page_text(c, "notice.sign_in");
	return text;
}

static enum err
show(struct call *c, enum err wrong, const char *next)
{
	bool email = is_wrong(wrong, c->in.email_typed);
	bool password = is_wrong(wrong, c->in.password);
	const char *key = advice(wrong, email, password);
	struct json *data = json_object();

	json_put_string(data, "email", page_field(c, "email"));
	json_put_bool(data, "email_wrong", email);
	json_put_bool(data, "password_wrong", password);
	json_put_string(data, "next", next);
	json_put_string(data, "error", key == NULL ? "" : page_text(c, key));
	json_put_string(data, "notice", notice(c));
	json_put_bool(data, "unverified",
	    wrong == ERR_UNVERIFIED || is_hidden(wrong));
	return page_show(c, page_status(wrong), "page/login.html", &data);
}

/* What the query or the form asks for; else what an earlier visit did. */
static const char *
choose_next(const struct call *c, const char *asked)
{
	return page_next(c, *asked != '\0' ? asked : page_kept_next(c));
}

enum err
login_page(struct call *c)
{
	const char *asked = page_query(c, "next");

	if (c->signed_in)
		return page_go_on(c, page_next(c, asked));
	if (page_may_lead(asked))
		page_keep_next(c, asked);
	return show(c, OK, choose_next(c, asked));
}

/* Ends the session that the browser had before, if any. */
static enum err
end_former(struct call *c)
{
	const char *cookie = page_session_cookie(c);
	struct session former;
	enum err e;

	if (cookie == NULL || *cookie == '\0')
		return OK;
	e = browser_session_check(c->u, cookie, &former);
	if (e == ERR_SIGNED_OUT)
		return OK;
	return e != OK ? e : session_end(c->u, &former);
}

static enum err
sign_in(struct call *c)
{
	char cookie[BROWSER_SESSION_TEXT];
	struct account acc = { 0 };
	enum err e;

	if ((e = c->input_err) != OK ||
	    (e = account_authenticate(c->u, c->in.email, c->in.password,
		 &acc)) != OK ||
	    (e = end_former(c)) != OK ||
	    (e = browser_session_start(c->u, &acc, c->req->client,
		 c->req->user_agent, cookie)) != OK)
		return e;
	page_set_session(c, cookie);
	explicit_bzero(cookie, sizeof cookie);
	return OK;
}

enum err
login_page_post(struct call *c)
{
	const char *next = choose_next(c, page_field(c, "next"));
	enum err e = sign_in(c);

	if (e == OK) {
		page_drop_next(c);
		return page_go_on(c, next);
	}
	if (page_advice(e) == NULL)
		return e;
	return show(c, e, next);
}
