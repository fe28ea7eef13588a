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
#include "platform/json.h"

/* What each kind of input demands; NULL where it has no such field. */
static const struct rule {
	const char *email, *password, *token; /* names of the fields */
	bool strict; /* address and password as one may register them */
	enum err missing;
} rules[INPUT_PAGE + 1] = {
	[INPUT_REGISTRATION] = { "email", "password", NULL, true,
	    ERR_NEED_CREDENTIALS },
	[INPUT_LOGIN] = { "email", "password", NULL, false,
	    ERR_NEED_CREDENTIALS },
	[INPUT_EMAIL] = { "email", NULL, NULL, false, ERR_NEED_EMAIL },
	[INPUT_VERIFICATION] = { NULL, NULL, "token", false,
	    ERR_NEED_VERIFICATION },
	[INPUT_RESET] = { NULL, "new_password", "token", true, ERR_NEED_RESET },
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
	    is_missing(rule->token, in->token))
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
take_fields(struct call *c, const struct rule *rule)
{
	struct json *body = NULL;
	enum err e;

	if ((e = body_parse(c->req->content_type, c->req->body,
		 c->req->body_len, &body)) != OK)
		return e;
	if ((e = take(c, body, rule->email, &c->in.email_typed)) == OK &&
	    (e = take(c, body, rule->password, &c->in.password)) == OK)
		e = take(c, body, rule->token, &c->in.token);
	json_free(&body);
	return e;
}

enum err
input_read(struct call *c)
{
	const struct rule *rule = &rules[c->route->input];
	enum err e;

	if (c->req->body_err != OK)
		return c->req->body_err;
	if (c->route->input == INPUT_NONE || c->route->input == INPUT_PAGE)
		return OK;
	if ((e = take_fields(c, rule)) != OK ||
	    (e = judge_presence(c, rule)) != OK ||
	    (e = judge_address(c, rule)) != OK)
		return e;
	return judge_length(c, rule);
}
