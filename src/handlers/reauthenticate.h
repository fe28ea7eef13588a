/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_REAUTHENTICATE_H
#define HANDLERS_REAUTHENTICATE_H

#include "handlers/call.h"

/*
 * Re-authentication (OWASP): who asks for a grave change of the own account
 * proves it once more with the present password (c->in.current): a session
 * left open somewhere is not enough.  It can be guessed here as at the
 * sign-in, so both are counted together.
 */
enum err reauthenticate_limit(struct call *c) MUST_USE;

/* Takes that limit and judges the password; *epoch is that of
 * account_reauthenticate(). */
enum err reauthenticate(struct call *c, int *epoch) MUST_USE;

#endif
