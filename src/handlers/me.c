/* SPDX-License-Identifier: ISC */
/* GET /auth/me: one's own account. */
#include "domain/account_change.h"
#include "handlers/call.h"
#include "platform/json.h"

enum err
me_get(struct call *c)
{
	struct account_profile p;
	char id[UUID_TEXT];
	struct json *body;
	enum err e;

	if ((e = account_profile(c->u, &c->session.account, &p)) != OK)
		return e;
	body = json_object();
	json_put_string(body, "id", uuid_text(id, &c->session.account));
	json_put_string(body, "email", p.address);
	json_put_bool(body, "email_verified", p.verified);
	json_put_string(body, "created_at", p.created);
	json_put_string(body, "session_id", uuid_text(id, &c->session.id));
	response_json(c->res, 200, &body);
	return OK;
}
