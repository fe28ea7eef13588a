/* SPDX-License-Identifier: ISC */
/*
 * What a request carries, judged before anything is counted or looked up:
 * content type, JSON, presence, address, length, in the contract's order and
 * for every route alike.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "domain/password.h"
#include "handlers/call.h"
#include "http/body.h"
#include "http/form.h"
#include "platform/json.h"

/* What each kind of input demands; NULL where it has no such field. */
static const struct rule {
	const char *email, *password, *token; /* names of the fields */
	const char *current, *flag;
	bool preset;   /* what stands for the flag */
	bool optional; /* no body will do */
	bool strict;   /* address and password as one may register them */
	bool form;     /* a page's, not the API's JSON */
	enum err missing;
} rules[INPUTS] = {
	[INPUT_REGISTRATION] = { .email = "email",
	    .password = "password",
	    .strict = true,
	    .missing = ERR_NEED_CREDENTIALS },
	[INPUT_LOGIN] = { .email = "email",
	    .password = "password",
	    .missing = ERR_NEED_CREDENTIALS },
	[INPUT_EMAIL] = { .email = "email", .missing = ERR_NEED_EMAIL },
	[INPUT_VERIFICATION] = { .token = "token",
	    .missing = ERR_NEED_VERIFICATION },
	[INPUT_RESET] = { .password = "new_password",
	    .token = "token",
	    .strict = true,
	    .missing = ERR_NEED_RESET },
	[INPUT_CHANGE] = { .password = "new_password",
	    .current = "current_password",
	    .flag = "end_other_sessions",
	    .preset = true,
	    .strict = true,
	    .missing = ERR_NEED_CHANGE },
	[INPUT_CHANGE_EMAIL] = { .email = "new_email",
	    .current = "current_password",
	    .strict = true,
	    .missing = ERR_NEED_NEW_EMAIL },
	[INPUT_PROOF] = { .current = "current_password",
	    .missing = ERR_NEED_CURRENT },
	[INPUT_LOGOUT_ALL] = { .flag = "keep_current", .optional = true },
	[INPUT_FORM] = { .form = true },
	[INPUT_FORM_REGISTRATION] = { .email = "email",
	    .password = "password",
	    .strict = true,
	    .form = true,
	    .missing = ERR_NEED_CREDENTIALS },
	[INPUT_FORM_LOGIN] = { .email = "email",
	    .password = "password",
	    .form = true,
	    .missing = ERR_NEED_CREDENTIALS },
	[INPUT_FORM_EMAIL] = { .email = "email",
	    .form = true,
	    .missing = ERR_NEED_EMAIL },
	[INPUT_FORM_RESET] = { .password = "new_password",
	    .strict = true,
	    .form = true,
	    .missing = ERR_NEED_RESET },
	[INPUT_FORM_CHANGE] = { .password = "new_password",
	    .current = "current_password",
	    .flag = "end_other_sessions",
	    .strict = true,
	    .form = true,
	    .missing = ERR_NEED_CHANGE },
	[INPUT_FORM_CHANGE_EMAIL] = { .email = "new_email",
	    .current = "current_password",
	    .strict = true,
	    .form = true,
	    .missing = ERR_NEED_NEW_EMAIL },
	[INPUT_FORM_PROOF] = { .current = "current_password",
	    .form = true,
	    .missing = ERR_NEED_CURRENT },
};

/*
 * Copies a field into the arena; NULL when the rule has none or the body
 * leaves it out.
 */
static enum err
take(struct call *c, const struct json *body, const char *name,
    const char **value)
{
	const struct json *j;
	const char *s;
	size_t n;

	*value = NULL;
	if (name == NULL || (j = json_get(body, name)) == NULL ||
	    json_kind(j) == JSON_NULL)
		return OK;
	if (json_kind(j) != JSON_STRING)
		return ERR_FIELD_TYPE;
	s = json_string(j, &n);
	must(memchr(s, '\0', n) == NULL); /* json_check() refused it */
	*value = arena_memdup(c->u->mem, s, n);
	return OK;
}

static bool
is_missing(const char *name, const char *value)
{
	return name != NULL && (value == NULL || *value == '\0');
}

static enum err
judge_presence(struct call *c, const struct rule *rule)
{
	struct fields *in = &c->in;

	if (in->email_typed != NULL)
		in->email_typed = address_trim(c->u->mem, in->email_typed);
	if (is_missing(rule->email, in->email_typed) ||
	    is_missing(rule->password, in->password) ||
	    is_missing(rule->token, in->token) ||
	    is_missing(rule->current, in->current))
		return rule->missing;
	return OK;
}

/* A malformed address is refused where the rule is strict, and else left
 * for the handler to treat like an unknown one. */
static enum err
judge_address(struct call *c, const struct rule *rule)
{
	struct address *a;

	if (rule->email == NULL)
		return OK;
	a = arena_alloc(c->u->mem, sizeof *a);
	if (address_parse(a, c->u->mem, c->in.email_typed) == OK)
		c->in.email = a;
	else if (rule->strict)
		return ERR_EMAIL_FORMAT;
	return OK;
}

static enum err
judge_length(const struct call *c, const struct rule *rule)
{
	if (rule->password == NULL || !rule->strict)
		return OK;
	return password_judge(c->in.password);
}

static enum err
judge(struct call *c, const struct rule *rule)
{
	enum err e;

	if ((e = judge_presence(c, rule)) != OK ||
	    (e = judge_address(c, rule)) != OK)
		return e;
	return judge_length(c, rule);
}

/* A boolean member; the rule's preset stays where there is none. */
static enum err
take_flag(struct call *c, const struct json *body, const struct rule *rule)
{
	const struct json *j;

	if (rule->flag == NULL || (j = json_get(body, rule->flag)) == NULL ||
	    json_kind(j) == JSON_NULL)
		return OK;
	if (json_kind(j) != JSON_BOOL)
		return ERR_FIELD_TYPE;
	c->in.flag = json_true(j);
	return OK;
}

static enum err
take_all(struct call *c, const struct json *body, const struct rule *rule)
{
	enum err e;

	if ((e = take(c, body, rule->email, &c->in.email_typed)) != OK ||
	    (e = take(c, body, rule->password, &c->in.password)) != OK ||
	    (e = take(c, body, rule->token, &c->in.token)) != OK ||
	    (e = take(c, body, rule->current, &c->in.current)) != OK)
		return e;
	return take_flag(c, body, rule);
}

static enum err
read_json(struct call *c, const struct rule *rule)
{
	struct json *body = NULL;
	enum err e;

	c->in.flag = rule->preset;
	if (rule->optional && c->req->body_len == 0)
		return OK;
	if ((e = body_parse(c->req->content_type, c->req->body,
		 c->req->body_len, &body)) != OK)
		return e;
	e = take_all(c, body, rule);
	json_free(&body);
	return e != OK ? e : judge(c, rule);
}

const char *
call_language(const struct call *c)
{
	return c->req->accept_language == NULL ? NULL :
						 language_tag(c->language);
}

static const char *
field_of(const struct form *f, const char *name)
{
	return name == NULL ? NULL : form_get(f, name);
}

/* What a person can mend is no error of the request: c->input_err. */
static enum err
read_form(struct call *c, const struct rule *rule)
{
	struct form *f = arena_alloc(c->u->mem, sizeof *f);
	enum err e;

	if (!media_type_is(c->req->content_type,
		"application/x-www-form-urlencoded"))
		return ERR_FORM;
	if ((e = form_parse(f, c->u->mem, c->req->body, c->req->body_len)) !=
	    OK)
		return e;
	c->form = f;
	c->in.email_typed = field_of(f, rule->email);
	c->in.password = field_of(f, rule->password);
	c->in.token = field_of(f, rule->token);
	c->in.current = field_of(f, rule->current);
	/* A box that is not ticked is not sent. */
	c->in.flag = field_of(f, rule->flag) != NULL;
	c->input_err = judge(c, rule);
	return OK;
}

enum err
input_read(struct call *c)
{
	const struct rule *rule = &rules[c->route->input];

	if (c->req->body_err == ERR_TOO_LARGE)
		return ERR_TOO_LARGE;
	/* auth_request's subrequests announce a body that never comes. */
	if (c->route->input == INPUT_NONE)
		return OK;
	if (c->req->body_err != OK)
		return c->req->body_err;
	if (c->route->input == INPUT_PAGE)
		return OK;
	return rule->form ? read_form(c, rule) : read_json(c, rule);
}
