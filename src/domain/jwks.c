/* SPDX-License-Identifier: ISC */
/* Signing keys as others read them (RFC 7518 section 6.2). */
#include "domain/jwks.h"

#include "domain/signing_key.h"
#include "platform/crypto.h"
#include "platform/json.h"

static struct json *
describe(const struct es256 *key, const char *kid)
{
	unsigned char x[ES256_POINT], y[ES256_POINT];
	char text[BASE64URL_SIZE(ES256_POINT)];
	struct json *jwk = json_object();

	es256_point(key, x, y);
	json_put_string(jwk, "kty", "EC");
	json_put_string(jwk, "crv", "P-256");
	base64url_encode(text, x, sizeof x);
	json_put_string(jwk, "x", text);
	base64url_encode(text, y, sizeof y);
	json_put_string(jwk, "y", text);
	json_put_string(jwk, "kid", kid);
	json_put_string(jwk, "use", "sig");
	json_put_string(jwk, "alg", "ES256");
	return jwk;
}

struct json *
jwks_describe(const struct signing_keys *keys)
{
	struct json *set = json_object(), *list = json_array();
	const struct es256 *key;
	const char *kid;

	for (int i = 0; (key = signing_keys_at(keys, i, &kid)) != NULL; i++)
		json_append(list, describe(key, kid));
	json_put(set, "keys", list);
	return set;
}
