/* SPDX-License-Identifier: ISC */
/* POST /auth/change-password, and what its page does. */
#include "domain/account_change.h"
#include "handlers/reauthenticate.h"

enum err
change_password(struct call *c)
{
	enum err e;

	if ((e = reauthenticate_limit(c)) != OK)
		return e;
	return account_change_password(c->u, &c->session, c->in.current,
	    c->in.password, c->in.flag);
}

enum err
change_password_post(struct call *c)
{
	enum err e = change_password(c);

	return e != OK ? e : answer_message(c, "Password changed");
}
