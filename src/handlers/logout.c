/* SPDX-License-Identifier: ISC */
/* POST /auth/logout */
#include "handlers/call.h"
#include "platform/log.h"

enum err
logout_post(struct call *c)
{
	char id[UUID_TEXT];
	enum err e;

	if ((e = session_end(c->u, &c->session)) != OK)
		return e;
	log_event(INFO, "logout.ok", "account=%s",
	    uuid_text(id, &c->session.account));
	return answer_message(c, "Logout successful");
}
