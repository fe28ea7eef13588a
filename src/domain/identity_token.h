/* SPDX-License-Identifier: ISC */
#ifndef DOMAIN_IDENTITY_TOKEN_H
#define DOMAIN_IDENTITY_TOKEN_H

#include "base/encode.h"
#include "domain/unit.h"

/*
 * Identity tokens: what the gate tells one upstream of who is asking, signed,
 * so that it need not believe a header.  A JWT of typ "postern-id+jwt" that
 * lives IDENTITY_TOKEN_LIFE seconds and names its one audience; it opens
 * nothing at Postern, whose access tokens have another typ.
 */
struct identity_token {
	struct uuid account, session;
	const char *audience;
	const char *email; /* NULL unless verified */
};

#define IDENTITY_TOKEN_LIFE 60

/*
 * What a process has signed lately: a token serves for half its life, so
 * that a page of forty pictures costs one signature.  Of fixed size; a token
 * of other contents, or of another key, is another token.
 */
struct identity_tokens;

struct identity_tokens *identity_tokens_new(void);

/* Wipes and frees *kp and sets it to NULL; NULL is accepted. */
void identity_tokens_free(struct identity_tokens **kp);

/*
 * A token for t with at least half its life before it, in the unit's memory,
 * kept in u->identity_tokens.  ERR_UNAVAILABLE while there is no key that can
 * sign.
 */
enum err identity_token_get(struct unit *u, const struct identity_token *t,
    const char **text) MUST_USE;

#endif
