/* SPDX-License-Identifier: ISC */
/* POST /auth/change-password, and what its page does. */
#include "domain/account.h"
#include "handlers/prove.h"
#include "platform/log.h"

enum err
change_password(struct call *c)
{
	char id[UUID_TEXT];
	enum err e;

	if ((e = prove_limit(c)) != OK ||
	    (e = account_change_password(c->u, &c->session, c->in.current,
		 c->in.password, c->in.flag)) != OK)
		return e;
	log_event(INFO, "password.changed", "account=%s",
	    uuid_text(id, &c->session.account));
	return OK;
}

enum err
change_password_post(struct call *c)
{
	enum err e = change_password(c);

	return e != OK ? e : answer_message(c, "Password changed");
}
