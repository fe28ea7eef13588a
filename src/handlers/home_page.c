/* SPDX-License-Identifier: ISC */
/* GET / : where to sign in, or where to go on. */
#include "handlers/page.h"
#include "platform/json.h"

enum err
home_page(struct call *c)
{
	struct json *data = json_object();

	json_put_bool(data, "signed_in", c->signed_in);
	return page_show(c, 200, "page/home.html", &data);
}
