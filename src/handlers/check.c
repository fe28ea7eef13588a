/* SPDX-License-Identifier: ISC */
/*
 * GET /auth/check, for nginx's auth_request and for scripts: 204 with the
 * account's id, or 401.  The guard did the work; what only the gate may hear
 * is in gate.c.
 */
#include "handlers/gate.h"

enum err
check_get(struct call *c)
{
	char id[UUID_TEXT];
	enum err e;

	if (c->req->gate.on && (e = gate_answer(c)) != OK)
		return e;
	response_header(c->res, "X-Auth-User",
	    uuid_text(id, &c->session.account));
	response_header(c->res, "Cache-Control", "no-store");
	return OK;
}
