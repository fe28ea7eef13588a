/* SPDX-License-Identifier: ISC */
/*
 * /verify-email, where a verification link leads.  In the browser that
 * registered one click is enough (the claim cookie); elsewhere the page asks
 * for the password that was chosen, or for a new one, or lets the owner of
 * the mailbox say that it was somebody else.
 */
#include <string.h>

#include "domain/account_reset.h"
#include "domain/account_verify.h"
#include "domain/claim.h"
#include "domain/one_time_token.h"
#include "domain/password.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "handlers/page_link.h"
#include "platform/json.h"

#define COOKIE "postern_verify"
#define CLAIM_COOKIE "postern_claim"

static bool
is_claimed(const struct call *c)
{
	struct one_time_token t;

	return one_time_token_parse(&t, page_cookie(c, COOKIE)) &&
	    claim_holds(c->u->keys, &t.account, page_cookie(c, CLAIM_COOKIE));
}

/* What stands beside the field, and which of the two it is. */
static const char *
advice(const struct call *c, enum err wrong)
{
	if (wrong == OK)
		return "";
	if (wrong == ERR_CREDENTIALS)
		return page_text(c, "error.password_wrong");
	return page_text(c, page_advice(wrong));
}

static enum err
show(struct call *c, enum err wrong)
{
	bool fresh = strcmp(page_field(c, "action"), "new-password") == 0;
	const char *text = advice(c, wrong);
	const char *address = NULL;
	struct json *data;
	enum err e;

	e = one_time_token_address(c->u, page_cookie(c, COOKIE), TOKEN_VERIFY,
	    &address);
	if (e != OK)
		return e;
	data = json_object();
	json_put_string(data, "address", address == NULL ? "" : address);
	json_put_bool(data, "claimed", is_claimed(c));
	json_put_string(data, "error_password", fresh ? "" : text);
	json_put_string(data, "error_new_password", fresh ? text : "");
	return page_show(c, page_status(wrong), "page/verify_email.html",
	    &data);
}

/* A password can be guessed here as at the sign-in: by the same limit. */
static enum err
take_limit(struct call *c, const char *canonical)
{
	return ratelimit_take(c->u, LIMIT_LOGIN, c->req->client, canonical,
	    &c->refusal);
}

static enum err
verify(struct call *c)
{
	const char *token = page_cookie(c, COOKIE), *canonical;
	const char *password = page_field(c, "password");
	bool already;
	enum err e;

	e = account_judge_verification(c->u, token, &canonical, &already);
	if (e != OK || already)
		return e;
	if (is_claimed(c))
		return account_verify(c->u, token, &already);
	if (*password == '\0')
		return ERR_NEED_RESET;
	if ((e = take_limit(c, canonical)) != OK)
		return e;
	return account_verify_with_password(c->u, token, password, &already);
}

static enum err
claim_with_new_password(struct call *c)
{
	const char *token = page_cookie(c, COOKIE), *canonical;
	const char *password = page_field(c, "new_password");
	bool already;
	enum err e;

	e = account_judge_verification(c->u, token, &canonical, &already);
	if (e != OK)
		return e;
	if (already)
		return ERR_VERIFICATION_TOKEN;
	if (*password == '\0')
		return ERR_NEED_RESET;
	if ((e = password_judge(password)) != OK ||
	    (e = take_limit(c, canonical)) != OK)
		return e;
	return account_claim_with_new_password(c->u, token, password);
}

static enum err
disown(struct call *c)
{
	return account_disown(c->u, page_cookie(c, COOKIE));
}

/* The three forms of the page, and what it says afterwards: the word by which
 * it remembers, the message's key, and where that leads. */
static const struct action {
	const char *name;
	enum err (*run)(struct call *c);
	const char *word, *done, *link;
} actions[] = {
	{ "verify", verify, "done", "page.verified", "/login" },
	{ "new-password", claim_with_new_password, "done", "page.verified",
	    "/login" },
	{ "not-me", disown, "disowned", "page.disowned", NULL },
};
#define ACTIONS (sizeof actions / sizeof *actions)

/* What the button says; the first where none does. */
static const struct action *
find_action(const char *name)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return &actions[0];
}

enum err
verify_email_page(struct call *c)
{
	bool moved;
	enum err e = page_take_token(c, COOKIE, &moved);

	if (e != OK || moved)
		return e;
	for (size_t i = 0; i < ACTIONS; i++)
		if (page_is_done(c, COOKIE, actions[i].word))
			return page_message(c, 200, actions[i].done,
			    actions[i].link);
	return show(c, OK);
}

enum err
verify_email_page_post(struct call *c)
{
	const struct action *a = find_action(page_field(c, "action"));
	enum err e = a->run(c);

	if (e == ERR_VERIFICATION_TOKEN)
		return page_dead_link(c, COOKIE, "page.link_dead_verify",
		    "/check-email?about=again");
	if (e != OK && page_advice(e) != NULL)
		return show(c, e);
	if (e != OK)
		return e;
	page_set_cookie(c, CLAIM_COOKIE, "", 0);
	return page_done(c, COOKIE, a->word);
}
