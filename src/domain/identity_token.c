/* SPDX-License-Identifier: ISC */
/* Identity tokens for upstreams, and the few that are kept. */
#include "domain/identity_token.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"
#include "domain/jws.h"
#include "domain/signing_key.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/json.h"

#define TYPE "postern-id+jwt"
#define SLOTS 256     /* a power of two, at most 256 */
#define TEXT_MAX 1024 /* longer ones are signed every time */

/* A token lies where the hash of all it depends on says, and nowhere else. */
struct slot {
	unsigned char name[SHA256_SIZE];
	int64_t signed_at; /* 0: empty */
	char text[TEXT_MAX];
};

/* The slots are made with the first token: most sites never ask for one. */
struct identity_tokens {
	struct slot *slots;
};

struct identity_tokens *
identity_tokens_new(void)
{
	struct identity_tokens *k = calloc(1, sizeof *k);

	must(k != NULL);
	return k;
}

void
identity_tokens_free(struct identity_tokens **kp)
{
	struct identity_tokens *k = *kp;

	*kp = NULL;
	if (k == NULL)
		return;
	if (k->slots != NULL)
		explicit_bzero(k->slots, SLOTS * sizeof *k->slots);
	free(k->slots);
	free(k);
}

/*
 * Parts that may be of any length are the last two, a line each; neither
 * holds a line end (must(): the gate judged them).
 */
static void
make_name(struct unit *u, const struct identity_token *t, const char *kid,
    unsigned char name[SHA256_SIZE])
{
	const char *email = t->email == NULL ? "" : t->email, *all;
	char account[UUID_TEXT], session[UUID_TEXT];

	must(strchr(t->audience, '\n') == NULL && strchr(email, '\n') == NULL);
	all = arena_printf(u->mem, "%s\n%s\n%s\n%s\n%s", kid,
	    uuid_text(account, &t->account), uuid_text(session, &t->session),
	    t->audience, email);
	crypto_sha256(name, all, strlen(all));
}

static enum err
sign(struct unit *u, const struct identity_token *t, const char **text)
{
	struct json *j = json_object();
	char id[UUID_TEXT];

	json_put_string(j, "iss", conf->public_url);
	json_put_string(j, "aud", t->audience);
	json_put_string(j, "sub", uuid_text(id, &t->account));
	json_put_string(j, "sid", uuid_text(id, &t->session));
	if (t->email != NULL)
		json_put_string(j, "email", t->email);
	json_put_int(j, "iat", u->now);
	json_put_int(j, "exp", u->now + IDENTITY_TOKEN_LIFE);
	return jws_sign(u, TYPE, &j, text);
}

static struct slot *
slot_of(struct identity_tokens *k, const unsigned char *name)
{
	if (k->slots == NULL)
		k->slots = calloc(SLOTS, sizeof *k->slots);
	must(k->slots != NULL);
	return &k->slots[name[0] % SLOTS];
}

/* A clock that was set back makes nothing live longer. */
static bool
is_fresh(const struct slot *s, int64_t now)
{
	return s->signed_at != 0 && s->signed_at <= now &&
	    now - s->signed_at <= IDENTITY_TOKEN_LIFE / 2;
}

enum err
identity_token_get(struct unit *u, const struct identity_token *t,
    const char **text)
{
	unsigned char name[SHA256_SIZE];
	struct slot *s;
	const char *kid;
	enum err e;

	signing_keys_freshen(u);
	if (signing_keys_current(u->signing, &kid) == NULL)
		return ERR_UNAVAILABLE;
	make_name(u, t, kid, name);
	s = slot_of(u->identity_tokens, name);
	if (is_fresh(s, u->now) && memcmp(s->name, name, sizeof name) == 0) {
		*text = arena_strdup(u->mem, s->text);
		return OK;
	}
	if ((e = sign(u, t, text)) != OK || strlen(*text) >= TEXT_MAX)
		return e;
	memcpy(s->name, name, sizeof name);
	s->signed_at = u->now;
	memcpy(s->text, *text, strlen(*text) + 1);
	return OK;
}
