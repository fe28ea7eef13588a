/* SPDX-License-Identifier: ISC */
/* GET /auth/export, and /account/export: all that is held about a person. */
#include "domain/account_end.h"
#include "handlers/call.h"
#include "platform/log.h"

enum err
export_get(struct call *c)
{
	const char *text = NULL;
	char id[UUID_TEXT];
	enum err e;

	if ((e = account_export(c->u, &c->session, &text)) != OK)
		return e;
	log_event(INFO, "account.exported", "account=%s",
	    uuid_text(id, &c->session.account));
	response_json_text(c->res, 200, text);
	return OK;
}

/* To keep, not to look at. */
enum err
account_export_page(struct call *c)
{
	enum err e = export_get(c);

	if (e == OK)
		response_header(c->res, "Content-Disposition",
		    "attachment; filename=\"account.json\"");
	return e;
}
