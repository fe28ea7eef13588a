/* SPDX-License-Identifier: ISC */
/* Mails that anybody may ask for: the same work whoever the address is. */
#include "handlers/mail_request.h"

/* Takes the place of an address that is none: nobody can register it. */
#define NOBODY "nobody@invalid"

enum err
mail_request_queue(struct call *c, enum mail_kind kind, enum limit mailbox)
{
	const char *canonical =
	    c->in.email != NULL ? c->in.email->canonical : NOBODY;
	const char *account =
	    c->in.email != NULL ? canonical : c->in.email_typed;
	struct limit_refusal unsaid;
	enum err e;

	e = ratelimit_take(c->u, mailbox, c->req->client, account, &unsaid);
	if (e == ERR_LIMITED)
		return OK;
	if (e != OK)
		return e;
	return outbox_put(c->u, kind, NULL, canonical);
}
