/* SPDX-License-Identifier: ISC */
/* POST /auth/refresh */
#include "handlers/call.h"
#include "http/bearer.h"
#include "platform/json.h"

enum err
refresh_post(struct call *c)
{
	struct token_pair pair;
	struct json *body;
	const char *token;
	enum err e;

	if ((e = bearer_token(c->req->authorization, &token)) != OK ||
	    (e = session_refresh(c->u, token, &pair)) != OK)
		return e;
	body = json_object();
	return answer_tokens(c, &body, &pair);
}
