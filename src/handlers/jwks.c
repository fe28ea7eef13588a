/* SPDX-License-Identifier: ISC */
/*
 * GET /.well-known/jwks.json.  Verifiers keep the answer for an hour, so a
 * worker that has no key to show yet says that it cannot tell.
 */
#include "domain/jwks.h"
#include "domain/signing_key.h"
#include "handlers/call.h"
#include "platform/json.h"

enum err
jwks_get(struct call *c)
{
	struct json *set;
	const char *text;
	size_t n;

	signing_keys_freshen(c->u);
	if (signing_keys_current(c->u->signing, &text) == NULL)
		return ERR_UNAVAILABLE;
	set = jwks_describe(c->u->signing);
	text = json_text(set, c->u->mem, &n);
	json_free(&set);
	response_public(c->res, "application/jwk-set+json",
	    "public, max-age=3600", text, n);
	return OK;
}
