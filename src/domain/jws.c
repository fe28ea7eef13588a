/* SPDX-License-Identifier: ISC */
/* What all our signed tokens have in common: how they are signed. */
#include "domain/jws.h"

#include <string.h>

#include "base/arena.h"
#include "domain/signing_key.h"
#include "platform/crypto.h"
#include "platform/json.h"

/* base64url of j's text, in mem; frees *j. */
static const char *
encode_json(struct arena *mem, struct json **j)
{
	size_t n;
	const char *text = json_text(*j, mem, &n);
	char *out = arena_alloc(mem, BASE64URL_SIZE(n));

	base64url_encode(out, text, n);
	json_free(j);
	return out;
}

static const char *
make_header(struct arena *mem, const char *type, const char *kid)
{
	struct json *j = json_object();

	json_put_string(j, "alg", "ES256");
	json_put_string(j, "typ", type);
	json_put_string(j, "kid", kid);
	return encode_json(mem, &j);
}

enum err
jws_sign(struct unit *u, const char *type, struct json **claims,
    const char **text)
{
	unsigned char sig[ES256_SIGNATURE];
	char sig_text[BASE64URL_SIZE(ES256_SIGNATURE)];
	const char *payload = encode_json(u->mem, claims), *kid, *input;
	const struct es256 *key;

	signing_keys_freshen(u);
	key = signing_keys_current(u->signing, &kid);
	if (key == NULL)
		return ERR_UNAVAILABLE;
	input = arena_printf(u->mem, "%s.%s", make_header(u->mem, type, kid),
	    payload);
	es256_sign(key, sig, input, strlen(input));
	base64url_encode(sig_text, sig, sizeof sig);
	*text = arena_printf(u->mem, "%s.%s", input, sig_text);
	return OK;
}
