/* SPDX-License-Identifier: ISC */
/* POST /auth/register */
#include "domain/account_register.h"
#include "handlers/call.h"
#include "platform/json.h"

enum err
register_post(struct call *c)
{
	char text[UUID_TEXT];
	struct json *body;
	struct uuid id;
	enum err e;

	e = account_register(c->u, c->in.email, c->in.password,
	    call_language(c), &id);
	if (e != OK)
		return e;
	body = json_object();
	json_put_string(body, "message",
	    "Registration successful! Please check your email to verify your"
	    " account.");
	json_put_string(body, "user_id", uuid_text(text, &id));
	response_json(c->res, 201, &body);
	return OK;
}
