/* SPDX-License-Identifier: ISC */
/* POST /auth/change-password, and what its page does. */
#include "domain/account.h"
#include "handlers/call.h"
#include "platform/log.h"

/* The present password can be guessed here as at the sign-in: same limit. */
static enum err
take_limit(struct call *c)
{
	char id[UUID_TEXT];

	return ratelimit_take(c->u, LIMIT_LOGIN, c->req->client,
	    uuid_text(id, &c->session.account), &c->refusal);
}

enum err
change_password(struct call *c)
{
	char id[UUID_TEXT];
	enum err e;

	if ((e = take_limit(c)) != OK ||
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
