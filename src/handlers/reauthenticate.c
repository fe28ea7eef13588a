/* SPDX-License-Identifier: ISC */
/* The present password, asked for once more. */
#include "handlers/reauthenticate.h"

#include "domain/account_authenticate.h"

enum err
reauthenticate_limit(struct call *c)
{
	struct address own;
	enum err e;

	/* By the name that a sign-in has there: one count for both. */
	if ((e = address_parse(&own, c->u->mem, c->session.email)) != OK)
		return e;
	return ratelimit_take(c->u, LIMIT_LOGIN, c->req->client, own.canonical,
	    &c->refusal);
}

enum err
reauthenticate(struct call *c, int *epoch)
{
	struct account acc;
	enum err e;

	if ((e = reauthenticate_limit(c)) != OK ||
	    (e = account_reauthenticate(c->u, &c->session.account,
		 c->in.current, &acc)) != OK)
		return e;
	*epoch = acc.epoch;
	return OK;
}
