/* SPDX-License-Identifier: ISC */
/* POST /auth/change-email, and what its page does. */
#include "domain/account_address.h"
#include "handlers/reauthenticate.h"

/* A mailbox gets so many mails from us an hour, asked for here or there; over
 * that nothing is done and nothing said. */
static enum err
ask(struct call *c, int epoch)
{
	struct limit_refusal unsaid;
	enum err e;

	e = ratelimit_take(c->u, LIMIT_RESEND_MAILBOX, c->req->client,
	    c->in.email->canonical, &unsaid);
	if (e == ERR_LIMITED)
		return OK;
	if (e != OK)
		return e;
	return account_ask_address(c->u, &c->session, epoch, c->in.email);
}

enum err
change_email(struct call *c)
{
	char id[UUID_TEXT];
	int epoch;
	enum err e;

	/* What cannot be done spends nothing of a limit. */
	if ((e = account_judge_address(&c->session, c->in.email)) != OK ||
	    (e = reauthenticate(c, &epoch)) != OK ||
	    (e = ratelimit_take(c->u, LIMIT_CHANGE_EMAIL, c->req->client,
		 uuid_text(id, &c->session.account), &c->refusal)) != OK)
		return e;
	return ask(c, epoch);
}

enum err
change_email_post(struct call *c)
{
	enum err e = change_email(c);

	if (e != OK)
		return e;
	return answer_message(c,
	    "If the address can be used, a confirmation link has been sent to"
	    " it");
}
