/* SPDX-License-Identifier: ISC */
/* POST /auth/login */
#include "domain/account_authenticate.h"
#include "handlers/call.h"
#include "platform/json.h"

static struct json *
describe(const struct account *acc)
{
	struct json *body = json_object(), *user = json_object();
	char id[UUID_TEXT];

	json_put_string(user, "id", uuid_text(id, &acc->id));
	json_put_string(user, "email", acc->address);
	json_put_string(body, "message", "Login successful");
	json_put(body, "user", user);
	return body;
}

enum err
login_post(struct call *c)
{
	struct account acc = { 0 };
	struct token_pair pair;
	struct json *body;
	enum err e;

	e = account_authenticate(c->u, c->in.email, c->in.password, &acc);
	c->address = acc.address;
	if (e != OK ||
	    (e = session_start(c->u, &acc, c->req->client, c->req->user_agent,
		 &pair)) != OK)
		return e;
	body = describe(&acc);
	return answer_tokens(c, &body, &pair);
}
