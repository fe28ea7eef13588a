/* SPDX-License-Identifier: ISC */
/* The present password, asked for once more. */
#include "handlers/prove.h"

#include "domain/account.h"

enum err
prove_limit(struct call *c)
{
	struct address own;
	enum err e;

	/* By the name that a sign-in has there: one count for both. */
	if ((e = address_parse(&own, c->u->mem, c->session.address)) != OK)
		return e;
	return ratelimit_take(c->u, LIMIT_LOGIN, c->req->client, own.canonical,
	    &c->refusal);
}

enum err
prove_password(struct call *c, int *epoch)
{
	enum err e;

	if ((e = prove_limit(c)) != OK)
		return e;
	return account_prove(c->u, &c->session.account, c->in.current, epoch);
}
