/* SPDX-License-Identifier: ISC */
/* GET /auth/sessions, DELETE /auth/sessions/{id}, POST /auth/logout-all */
#include <string.h>

#include "domain/session_list.h"
#include "handlers/call.h"
#include "platform/json.h"

static struct json *
describe(const struct session_info *s, const struct session *own)
{
	struct json *j = json_object();
	char id[UUID_TEXT];

	json_put_string(j, "id", uuid_text(id, &s->id));
	json_put_string(j, "kind", s->kind);
	json_put_string(j, "created_at", s->created);
	json_put_string(j, "last_seen_at", s->last_seen);
	json_put_string(j, "expires_at", s->expires);
	json_put_string(j, "address", s->client);
	json_put_string(j, "user_agent", s->user_agent);
	json_put_bool(j, "current",
	    memcmp(s->id.b, own->id.b, sizeof own->id.b) == 0);
	return j;
}

enum err
sessions_get(struct call *c)
{
	struct session_info *sessions = NULL;
	struct json *body, *list;
	int n = 0;
	enum err e;

	if ((e = session_list(c->u, &c->session.account, &sessions, &n)) != OK)
		return e;
	list = json_array();
	for (int i = 0; i < n; i++)
		json_append(list, describe(&sessions[i], &c->session));
	body = json_object();
	json_put(body, "sessions", list);
	response_json(c->res, 200, &body);
	return OK;
}

enum err
session_delete(struct call *c)
{
	struct uuid id;
	bool found = false;
	enum err e;

	if (!uuid_parse(&id, c->argument))
		return ERR_NO_SESSION;
	e = session_end_one(c->u, &c->session.account, &id, &found);
	if (e != OK)
		return e;
	return found ? answer_message(c, "Session ended") : ERR_NO_SESSION;
}

enum err
logout_all_post(struct call *c)
{
	const struct uuid *keep = c->in.flag ? &c->session.id : NULL;
	enum err e;

	if ((e = session_end_all(c->u, &c->session.account, keep)) != OK)
		return e;
	return answer_message(c,
	    c->in.flag ? "All other sessions ended" : "All sessions ended");
}
