/* SPDX-License-Identifier: ISC */
/* /dashboard: the account, this session, and the way out. */
#include <string.h>

#include "domain/browser_session.h"
#include "handlers/page.h"
#include "handlers/page_cookie.h"
#include "platform/json.h"

enum err
dashboard_page(struct call *c)
{
	struct session_details d;
	struct json *data;
	enum err e;

	if ((e = browser_session_describe(c->u, &c->session, &d)) != OK)
		return e;
	data = json_object();
	json_put_string(data, "address", c->session.email);
	json_put(data, "created", page_time(c, d.account_created));
	json_put(data, "session_started", page_time(c, d.created));
	json_put_string(data, "session_client", d.client);
	json_put_string(data, "session_device", page_device(c, d.user_agent));
	return page_show(c, 200, "page/dashboard.html", &data);
}

enum err
dashboard_page_post(struct call *c)
{
	enum err e;

	if (strcmp(page_field(c, "action"), "sign-out") != 0)
		return page_go(c, "/dashboard");
	if ((e = session_end(c->u, &c->session)) != OK)
		return e;
	page_clear_session(c);
	return page_go(c, "/login?notice=signed-out");
}
