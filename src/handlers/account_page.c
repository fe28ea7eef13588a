/* SPDX-License-Identifier: ISC */
/* /account/: the account, and the way to whatever its owner may change. */
#include "domain/account_change.h"
#include "handlers/page.h"
#include "platform/json.h"

enum err
account_page(struct call *c)
{
	struct account_profile p;
	struct json *data;
	enum err e;

	if ((e = account_profile(c->u, &c->session.account, &p)) != OK)
		return e;
	data = json_object();
	json_put_string(data, "address", p.address);
	json_put(data, "created", page_time(c, p.created));
	return page_show(c, 200, "page/account.html", &data);
}

/* /account, as people type it. */
enum err
account_page_moved(struct call *c)
{
	return page_go(c, "/account/");
}
