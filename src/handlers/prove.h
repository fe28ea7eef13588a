/* SPDX-License-Identifier: ISC */
#ifndef HANDLERS_PROVE_H
#define HANDLERS_PROVE_H

#include "handlers/call.h"

/*
 * Who asks for a grave change of the own account proves it once more with the
 * present password (c->in.current): a session left open somewhere is not
 * enough.  It can be guessed here as at the sign-in, so both are counted
 * together.
 */
enum err prove_limit(struct call *c) MUST_USE;

/* Takes that limit and judges the password; *epoch as account_prove(). */
enum err prove_password(struct call *c, int *epoch) MUST_USE;

#endif
