/* SPDX-License-Identifier: ISC */
/* The present password, asked for once more. */
#include "handlers/prove.h"

#include "domain/account.h"

enum err
prove_limit(struct call *c)
{
	char id[UUID_TEXT];

	return ratelimit_take(c->u, LIMIT_LOGIN, c->req->client,
	    uuid_text(id, &c->session.account), &c->refusal);
}

enum err
prove_password(struct call *c, int *epoch)
{
	enum err e;

	if ((e = prove_limit(c)) != OK)
		return e;
	return account_prove(c->u, &c->session.account, c->in.current, epoch);
}
