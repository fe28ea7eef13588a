/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_GATE_H
#define HANDLERS_GATE_H

#include "handlers/call.h"

/*
 * The gate: GET /auth/check as nginx's auth_request asks it, about a request
 * to somebody else's application (nginx/postern-gate.conf).
 */
enum gate_accept {
	ACCEPT_BOTH, /* a Bearer that is there counts alone */
	ACCEPT_COOKIE,
	ACCEPT_BEARER,
};

/*
 * What may authenticate the request that is asked about; both where nobody
 * asks for nginx.  ERR_INTERNAL, logged, for a parameter that is none: what
 * was meant to keep somebody out must not let him in for its spelling.
 */
enum err gate_accepts(const struct call *c, enum gate_accept *accept) MUST_USE;

/*
 * Whether the request comes from another site, or a sibling host, than the
 * one it goes to, and is one that such may not send by cookie: unsafe
 * (RFC 9110 section 9.2.1), or a WebSocket's.
 */
bool gate_is_foreign(const struct request *req);

/*
 * Where a browser that navigates and is not signed in should go, in mem;
 * NULL for anything else.
 */
const char *gate_login(const struct request *req, struct arena *mem);

/* Judges a request whose session is live, and answers who it is. */
enum err gate_answer(struct call *c) MUST_USE;

/*
 * nginx throws away what the gate says with a refusal, but for its headers:
 * tells it there, c->res being filled.
 */
void gate_refuse(struct call *c);

#endif
