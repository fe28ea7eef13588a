/* SPDX-License-Identifier: ISC */
/* POST /auth/delete-account, and what its page does. */
#include "domain/account_end.h"
#include "handlers/prove.h"
#include "platform/log.h"

enum err
delete_account(struct call *c)
{
	char id[UUID_TEXT];
	int epoch;
	enum err e;

	if ((e = prove_password(c, &epoch)) != OK ||
	    (e = account_delete(c->u, &c->session, epoch)) != OK)
		return e;
	log_event(INFO, "account.deleted", "account=%s",
	    uuid_text(id, &c->session.account));
	return OK;
}

enum err
delete_account_post(struct call *c)
{
	enum err e = delete_account(c);

	return e != OK ? e : answer_message(c, "Account deleted");
}
