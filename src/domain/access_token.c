/* SPDX-License-Identifier: ISC */
/*
 * Access tokens: a JWS in compact form (RFC 7515) with the claims of
 * RFC 9068.  Until the signature held, the header is read for three things
 * only: which key, that its algorithm is the key's, that it demands nothing
 * we do not know.
 */
#include "domain/access_token.h"

#include <string.h>

#include "base/arena.h"
#include "domain/jws.h"
#include "domain/signing_key.h"
#include "domain/token_cache.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/json.h"

#define TYPE "at+jwt"
#define ALGORITHM "ES256"
#define PART_MAX 8192

/* The three parts of a token, still encoded. */
struct parts {
	const char *header, *payload, *signature;
	size_t header_len, payload_len, signature_len, signed_len;
};

enum err
access_token_sign(struct unit *u, const struct access_token *t,
    const char **text)
{
	struct uuid jti = unit_uuid(u);
	char id[UUID_TEXT];
	struct json *j = json_object();

	json_put_string(j, "iss", conf->public_url);
	json_put_string(j, "aud", conf->public_url);
	json_put_string(j, "sub", uuid_text(id, &t->account));
	json_put_int(j, "iat", u->now);
	json_put_int(j, "exp", t->expires);
	json_put_string(j, "jti", uuid_text(id, &jti));
	json_put_string(j, "sid", uuid_text(id, &t->session));
	return jws_sign(u, TYPE, &j, text);
}

/* Exactly two dots, no empty part. */
static bool
split(struct parts *p, const char *text)
{
	const char *first = strchr(text, '.');
	const char *second = first == NULL ? NULL : strchr(first + 1, '.');

	if (second == NULL || strchr(second + 1, '.') != NULL)
		return false;
	p->header = text;
	p->header_len = (size_t)(first - text);
	p->payload = first + 1;
	p->payload_len = (size_t)(second - p->payload);
	p->signature = second + 1;
	p->signature_len = strlen(p->signature);
	p->signed_len = (size_t)(second - text);
	return p->header_len > 0 && p->payload_len > 0 &&
	    p->signature_len > 0 && p->signed_len <= PART_MAX;
}

/* The JSON of one part; NULL if it is none. */
static struct json *
decode_json(struct arena *mem, const char *part, size_t len)
{
	char *raw = arena_alloc(mem, len);
	int n = base64url_decode(raw, len, part, len);

	return n < 0 ? NULL : json_parse(raw, (size_t)n, 4);
}

/* Whether j's member is exactly this string. */
static bool
says(const struct json *j, const char *name, const char *want)
{
	const struct json *v = json_get(j, name);
	const char *s;
	size_t n;

	if (v == NULL || json_kind(v) != JSON_STRING)
		return false;
	s = json_string(v, &n);
	return n == strlen(want) && memcmp(s, want, n) == 0;
}

/* A string member without a NUL inside, in mem; NULL if it is none. */
static const char *
text_of(const struct json *j, struct arena *mem, const char *name)
{
	const struct json *v = json_get(j, name);
	const char *s;
	size_t n;

	if (v == NULL || json_kind(v) != JSON_STRING)
		return NULL;
	s = json_string(v, &n);
	return strlen(s) == n ? arena_memdup(mem, s, n) : NULL;
}

/* The key the header names, if the header is one that we write. */
static enum err
key_of(struct unit *u, const struct parts *p, const struct es256 **key,
    bool *over)
{
	struct json *h = decode_json(u->mem, p->header, p->header_len);
	const char *kid = NULL;

	if (h != NULL && says(h, "alg", ALGORITHM) && says(h, "typ", TYPE) &&
	    json_get(h, "crit") == NULL)
		kid = text_of(h, u->mem, "kid");
	json_free(&h);
	if (kid == NULL)
		return ERR_TOKEN_INVALID;
	return signing_keys_find(u, kid, key, over);
}

static bool
signature_holds(const struct es256 *key, const struct parts *p)
{
	unsigned char sig[ES256_SIGNATURE];

	if (base64url_decode(sig, sizeof sig, p->signature, p->signature_len) !=
	    ES256_SIGNATURE)
		return false;
	return es256_verify(key, sig, p->header, p->signed_len);
}

static bool
uuid_of(const struct json *j, struct arena *mem, const char *name,
    struct uuid *id)
{
	const char *s = text_of(j, mem, name);

	return s != NULL && uuid_parse(id, s);
}

static bool
number_of(const struct json *j, const char *name, int64_t *n)
{
	const struct json *v = json_get(j, name);

	if (v == NULL || json_kind(v) != JSON_NUMBER)
		return false;
	*n = json_int(v);
	return true;
}

static bool
claims_hold(struct unit *u, const struct json *j, struct verified_token *v)
{
	return says(j, "iss", conf->public_url) &&
	    says(j, "aud", conf->public_url) &&
	    uuid_of(j, u->mem, "sub", &v->token.account) &&
	    uuid_of(j, u->mem, "sid", &v->token.session) &&
	    number_of(j, "iat", &v->issued) &&
	    number_of(j, "exp", &v->token.expires);
}

static enum err
judge_times(const struct unit *u, const struct verified_token *v)
{
	if (v->issued > u->now + ACCESS_TOKEN_SKEW)
		return ERR_TOKEN_INVALID;
	if (v->token.expires <= u->now - ACCESS_TOKEN_SKEW)
		return ERR_TOKEN_EXPIRED;
	return OK;
}

/*
 * All that the text alone tells; its times are not looked at, unless its key
 * is over: then it was genuine once, or it is nothing.
 */
static enum err
verify_text(struct unit *u, const char *text, struct verified_token *v)
{
	const struct es256 *key;
	struct json *claims;
	struct parts p;
	bool hold, over;
	enum err e;

	if (!split(&p, text))
		return ERR_TOKEN_INVALID;
	if ((e = key_of(u, &p, &key, &over)) != OK)
		return e;
	if (!signature_holds(key, &p))
		return ERR_TOKEN_INVALID;
	claims = decode_json(u->mem, p.payload, p.payload_len);
	hold = claims != NULL && claims_hold(u, claims, v);
	json_free(&claims);
	if (!hold)
		return ERR_TOKEN_INVALID;
	if (!over)
		return OK;
	e = judge_times(u, v);
	return e == ERR_TOKEN_EXPIRED ? e : ERR_TOKEN_INVALID;
}

enum err
access_token_verify(struct unit *u, const char *text, struct access_token *t)
{
	struct verified_token v;
	size_t n = strlen(text);
	bool known = false;
	enum err e;

	signing_keys_freshen(u);
	if (u->verified != NULL)
		known = token_cache_find(u->verified,
		    signing_keys_generation(u->signing), text, n, &v);
	if (!known && (e = verify_text(u, text, &v)) != OK)
		return e;
	if ((e = judge_times(u, &v)) != OK)
		return e;
	if (!known && u->verified != NULL)
		token_cache_put(u->verified,
		    signing_keys_generation(u->signing), text, n, &v);
	*t = v.token;
	return OK;
}
