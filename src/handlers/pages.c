/* SPDX-License-Identifier: ISC */
/*
 * The pages a mailed link leads to.  A GET with ?token= puts the token into
 * a short-lived cookie and sends the browser on without it, so that it stays
 * out of history, logs and Referer; a GET shows a form and refuses nothing,
 * because mail scanners follow links; only the POST uses the token.
 */
#include <string.h>

#include "domain/account.h"
#include "domain/one_time_token.h"
#include "domain/password.h"
#include "handlers/call.h"
#include "http/body.h"
#include "http/cookie.h"
#include "http/form.h"
#include "platform/config.h"
#include "platform/json.h"

#define COOKIE_SECONDS 600

static const struct page {
	const char *path, *cookie, *template;
	enum token_purpose purpose;
} verify_page = { "/verify-email", "postern_verify", "page/verify_email.html",
	TOKEN_VERIFY },
  reset_page = { "/reset-password", "postern_reset", "page/reset_password.html",
	  TOKEN_RESET };

static const char *
token_of_cookie(const struct call *c, const struct page *p)
{
	const char *token = cookie_get(c->u->mem, c->req->cookie, p->cookie,
	    config_is_local_http(conf));

	return token == NULL ? "" : token;
}

static void
forget_token(struct call *c, const struct page *p)
{
	cookie_set(c->res, p->cookie, "", 0, config_is_local_http(conf));
}

/* Whether the text can stand in a cookie; a token of ours can. */
static bool
is_plain(const char *s)
{
	return strlen(s) <= 256 &&
	    s[strspn(s,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvw"
		"xyz0123456789-_")] == '\0';
}

/* The form of p, with a message beside it or "". */
static enum err
show_form(struct call *c, const struct page *p, int status, const char *error)
{
	const char *address = NULL;
	struct json *data;
	enum err e;

	e = account_of_token(c->u, token_of_cookie(c, p), p->purpose, &address);
	if (e != OK)
		return e;
	data = json_object();
	json_put_string(data, "address", address == NULL ? "" : address);
	json_put_string(data, "error", error);
	return answer_page(c, status, p->template, &data);
}

static enum err
show_message(struct call *c, int status, const char *title, const char *text)
{
	struct json *data = json_object();

	json_put_string(data, "title", title);
	json_put_string(data, "message", text);
	json_put_string(data, "link", "");
	json_put_string(data, "link_label", "");
	return answer_page(c, status, "page/message.html", &data);
}

static enum err
show(struct call *c, const struct page *p)
{
	const char *token;
	struct form query;

	if (form_parse(&query, c->u->mem, c->req->query,
		strlen(c->req->query)) != OK ||
	    (token = form_get(&query, "token")) == NULL)
		return show_form(c, p, 200, "");
	cookie_set(c->res, p->cookie, is_plain(token) ? token : "none",
	    COOKIE_SECONDS, config_is_local_http(conf));
	response_see_other(c->res, p->path);
	return OK;
}

enum err
verify_email_page(struct call *c)
{
	return show(c, &verify_page);
}

enum err
reset_password_page(struct call *c)
{
	return show(c, &reset_page);
}

enum err
verify_email_page_post(struct call *c)
{
	bool already;
	enum err e;

	e = account_verify(c->u, token_of_cookie(c, &verify_page), &already);
	if (e == ERR_VERIFICATION_TOKEN)
		return show_message(c, 400, "This link does not work",
		    "It is too old, was used already, or is not complete."
		    " Ask for a new verification mail where you signed up.");
	if (e != OK)
		return e;
	forget_token(c, &verify_page);
	return show_message(c, 200, "Your address is verified",
	    "You can sign in now. You may close this page.");
}

/* The new password of the form; ERR_NEED_RESET without one. */
static enum err
read_password(struct call *c, const char **password)
{
	struct form f;
	enum err e;

	if (!media_type_is(c->req->content_type,
		"application/x-www-form-urlencoded"))
		return ERR_FORM;
	if ((e = form_parse(&f, c->u->mem, c->req->body, c->req->body_len)) !=
	    OK)
		return e;
	*password = form_get(&f, "new_password");
	if (*password == NULL || **password == '\0')
		return ERR_NEED_RESET;
	return password_judge(*password);
}

/* What stands beside the form for an error it can mend; else NULL. */
static const char *
advice(enum err e)
{
	if (e == ERR_NEED_RESET)
		return "Please type a new password.";
	if (e == ERR_PASSWORD_SHORT)
		return "Please use at least 8 characters.";
	if (e == ERR_PASSWORD_LONG)
		return "This is too long: at most 511 bytes, please.";
	return NULL;
}

enum err
reset_password_page_post(struct call *c)
{
	const char *password = NULL;
	enum err e;

	e = read_password(c, &password);
	if (e != OK && advice(e) != NULL)
		return show_form(c, &reset_page, 400, advice(e));
	if (e != OK)
		return e;
	e = account_reset_password(c->u, token_of_cookie(c, &reset_page),
	    password);
	if (e == ERR_RESET_TOKEN)
		return show_message(c, 400, "This link does not work",
		    "It is too old, was used already, or is not complete."
		    " Ask for a new reset mail where you sign in.");
	if (e != OK)
		return e;
	forget_token(c, &reset_page);
	return show_message(c, 200, "Your password is changed",
	    "All devices were signed out. You can sign in with the new"
	    " password now.");
}
