/* SPDX-License-Identifier: ISC */
/*
 * /account/sessions: where the account is signed in, in words that its owner
 * knows, and a button for each to end it.
 */
#include <string.h>

#include "domain/session_list.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/json.h"

/* A use is noted once a minute, so less than two minutes are now. */
static void
put_last_seen(struct json *j, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} units[] = {
		{ 86400, "day", "days" },
		{ 3600, "hour", "hours" },
		{ 60, "minute", "minutes" },
	};

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		int64_t n = seconds / units[i].seconds;

		if (n == 0 || seconds < 120)
			continue;
		if (n == 1)
			json_put_bool(j, units[i].one, true);
		else
			json_put_int(j, units[i].many, n);
		return;
	}
	json_put_bool(j, "now", true);
}

static bool
is_own(const struct call *c, const struct uuid *id)
{
	return memcmp(id->b, c->session.id.b, sizeof id->b) == 0;
}

static struct json *
describe(const struct call *c, const struct session_info *s)
{
	struct json *j = json_object();
	char id[UUID_TEXT];

	json_put_string(j, "id", uuid_text(id, &s->id));
	json_put_string(j, "device", page_device(c, s->user_agent));
	json_put_string(j, "client", s->client);
	json_put(j, "started", page_time(c, s->created));
	json_put_bool(j, "current", is_own(c, &s->id));
	json_put_bool(j, "app", strcmp(s->kind, "api") == 0);
	put_last_seen(j, s->unused);
	return j;
}

/* The own one first, the others as they come: the latest first. */
static struct json *
describe_all(const struct call *c, const struct session_info *sessions, int n)
{
	struct json *list = json_array();

	for (int i = 0; i < n; i++)
		if (is_own(c, &sessions[i].id))
			json_append(list, describe(c, &sessions[i]));
	for (int i = 0; i < n; i++)
		if (!is_own(c, &sessions[i].id))
			json_append(list, describe(c, &sessions[i]));
	return list;
}

enum err
account_sessions_page(struct call *c)
{
	struct session_info *sessions = NULL;
	struct json *data;
	int n = 0;
	enum err e;

	if ((e = session_list(c->u, &c->session.account, &sessions, &n)) != OK)
		return e;
	data = json_object();
	json_put(data, "sessions", describe_all(c, sessions, n));
	json_put_bool(data, "others", n > 1);
	json_put_string(data, "notice", page_notice(c));
	return page_show(c, 200, "page/account_sessions.html", &data);
}

/* The browser is signed out by what it asked for. */
static enum err
leave(struct call *c)
{
	page_clear_session(c);
	return page_go(c, "/login?notice=signed-out");
}

static enum err
end_all(struct call *c, const struct uuid *keep)
{
	enum err e;

	if ((e = session_end_all(c->u, &c->session.account, keep)) != OK)
		return e;
	if (keep == NULL)
		return leave(c);
	return page_go(c, "/account/sessions?notice=others-ended");
}

/* One that is over already is what the person wanted. */
static enum err
end_one(struct call *c, const char *text)
{
	struct uuid id;
	bool found;
	enum err e;

	if (!uuid_parse(&id, text))
		return ERR_FORM;
	e = session_end_one(c->u, &c->session.account, &id, &found);
	if (e != OK)
		return e;
	if (is_own(c, &id))
		return leave(c);
	return page_go(c, "/account/sessions?notice=ended");
}

enum err
account_sessions_page_post(struct call *c)
{
	const char *end = page_field(c, "end");

	if (strcmp(end, "all") == 0)
		return end_all(c, NULL);
	if (strcmp(end, "others") == 0)
		return end_all(c, &c->session.id);
	return end_one(c, end);
}
