/* SPDX-License-Identifier: ISC */
/* POST /auth/delete-account, and what its page does. */
#include "domain/account_end.h"
#include "handlers/reauthenticate.h"

enum err
delete_account(struct call *c)
{
	int epoch;
	enum err e;

	if ((e = reauthenticate(c, &epoch)) != OK)
		return e;
	return account_delete(c->u, &c->session, epoch);
}

enum err
delete_account_post(struct call *c)
{
	enum err e = delete_account(c);

	return e != OK ? e : answer_message(c, "Account deleted");
}
