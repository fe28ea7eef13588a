/* SPDX-License-Identifier: ISC */
/* GET /healthz and /readyz: alive, and able to serve. */
#include "domain/schema.h"
#include "domain/signing_key.h"
#include "handlers/call.h"
#include "platform/json.h"

static enum err
answer_status(struct call *c, const char *status)
{
	struct json *body = json_object();

	json_put_string(body, "status", status);
	response_json(c->res, 200, &body);
	return OK;
}

enum err
healthz_get(struct call *c)
{
	return answer_status(c, "alive");
}

/* The database answers, is at our version, and gave us a key to sign with. */
enum err
readyz_get(struct call *c)
{
	const char *kid;
	int version;
	enum err e;

	if ((e = schema_version(c->u, &version)) != OK)
		return e;
	if (version < SCHEMA_VERSION ||
	    signing_keys_current(c->u->signing, &kid) == NULL)
		return ERR_UNAVAILABLE;
	return answer_status(c, "ready");
}
