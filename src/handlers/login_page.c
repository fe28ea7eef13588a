/* SPDX-License-Identifier: ISC */
/* /login */
#include <string.h>

#include "base/arena.h"
#include "domain/account.h"
#include "handlers/page.h"
#include "http/form.h"
#include "platform/config.h"
#include "platform/json.h"
#include "platform/log.h"

/* The ?next= or ?notice= of the page's address. */
static const char *
query_field(const struct call *c, const char *name)
{
	struct form *query = arena_alloc(c->u->mem, sizeof *query);
	const char *value = NULL;

	if (form_parse(query, c->u->mem, c->req->query,
		strlen(c->req->query)) == OK)
		value = form_get(query, name);
	return value == NULL ? "" : value;
}

/* Where nobody is to hear which addresses are free, an account that is not
 * verified is refused as a wrong password is: one advice serves both. */
static const char *
advice(enum err wrong)
{
	if (wrong == ERR_CREDENTIALS &&
	    conf->registration_conflict == CONFLICT_HIDE)
		return "error.credentials_hidden";
	return wrong == OK ? NULL : page_advice(wrong);
}

static enum err
show(struct call *c, int status, enum err wrong, const char *next)
{
	struct json *data = json_object();
	const char *key = advice(wrong);
	const char *notice = query_field(c, "notice");

	json_put_string(data, "email", page_field(c, "email"));
	json_put_string(data, "next", next);
	json_put_string(data, "error", key == NULL ? "" : page_text(c, key));
	json_put_string(data, "notice",
	    strcmp(notice, "signed-out") == 0 ?
		page_text(c, "notice.signed_out") :
		"");
	json_put_bool(data, "unverified",
	    wrong == ERR_UNVERIFIED ||
		(wrong == ERR_CREDENTIALS &&
		    conf->registration_conflict == CONFLICT_HIDE));
	return page_show(c, status, "page/login.html", &data);
}

enum err
login_page(struct call *c)
{
	const char *next = page_next(c, query_field(c, "next"));

	if (c->signed_in)
		return page_go_on(c, next);
	return show(c, 200, OK, next);
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
	char cookie[BROWSER_SESSION_TEXT], id[UUID_TEXT];
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
	log_event(INFO, "login.ok", "account=%s", uuid_text(id, &acc.id));
	return OK;
}

enum err
login_page_post(struct call *c)
{
	const char *next = page_next(c, page_field(c, "next"));
	enum err e = sign_in(c);

	if (e == OK)
		return page_go_on(c, next);
	if (page_advice(e) == NULL)
		return e;
	return show(c, e == ERR_CREDENTIALS ? 401 : 400, e, next);
}
