/* SPDX-License-Identifier: ISC */
/*
 * /account/language: the language of pages and mails.  A choice wins over
 * what the browser says, until the browser is chosen again.
 */
#include <string.h>

#include "domain/account_change.h"
#include "handlers/page.h"
#include "platform/json.h"

#define AS_BROWSER "browser"

static struct json *
describe(const struct call *c, enum language l)
{
	struct json *j = json_object();

	json_put_string(j, "tag", language_tag(l));
	json_put_string(j, "name", language_name(l));
	json_put_bool(j, "checked",
	    c->session.locale != NULL && c->language == l);
	return j;
}

static enum err
show(struct call *c, int status, const char *error)
{
	struct json *data = json_object(), *list = json_array();

	for (int l = 0; l < LANGUAGES; l++)
		json_append(list, describe(c, (enum language)l));
	json_put(data, "languages", list);
	json_put_bool(data, "as_browser", c->session.locale == NULL);
	json_put_string(data, "error", error);
	json_put_string(data, "notice", page_notice(c));
	return page_show(c, status, "page/account_language.html", &data);
}

enum err
account_language_page(struct call *c)
{
	return show(c, 200, "");
}

enum err
account_language_page_post(struct call *c)
{
	const char *choice = page_field(c, "language");
	bool chosen = strcmp(choice, AS_BROWSER) != 0;
	enum language l = language_choose(c->req->accept_language, NULL);
	enum err e;

	if (chosen && !language_parse(&l, choice))
		return show(c, 400, page_text(c, "error.language"));
	e = account_set_language(c->u, &c->session.account, language_tag(l),
	    chosen);
	return e != OK ? e : page_go(c, "/account/language?notice=saved");
}
