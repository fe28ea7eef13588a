/* SPDX-License-Identifier: ISC */
/*
 * Access tokens, and every known way to forge one: what is signed by our key
 * and says what we say passes, all else is refused.
 */
#include "domain/access_token.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "domain/signing_key.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "tests/test.h"

#define NOW 1800000000
#define SITE "https://auth.example.org"
#define ACCOUNT "01890000-0000-7000-8000-000000000001"
#define SESSION "01890000-0000-7000-8000-000000000002"

static struct config config = { .public_url = SITE };
static struct unit u;
static struct es256 *ours, *strange;
static struct signing_keys *keys;

static void
set_up(void)
{
	keys = signing_keys_new();
	conf = &config;
	ours = es256_generate();
	strange = es256_generate();
	signing_keys_add(keys, "ours", ours, true);
	u = (struct unit){
		.mem = arena_new(1 << 20),
		.now = NOW,
		.signing = keys,
	};
}

/* The compact form of any header and payload, signed by key. */
static const char *
forge(const char *header, const char *payload, const struct es256 *key)
{
	unsigned char sig[ES256_SIGNATURE];
	char h[12000], p[2000], s[BASE64URL_SIZE(ES256_SIGNATURE)];
	char *input;

	base64url_encode(h, header, strlen(header));
	base64url_encode(p, payload, strlen(payload));
	input = arena_printf(u.mem, "%s.%s", h, p);
	es256_sign(key, sig, input, strlen(input));
	base64url_encode(s, sig, sizeof sig);
	return arena_printf(u.mem, "%s.%s", input, s);
}

#define CLAIMS_OF(iss, aud, iat, exp)                                          \
	"{\"iss\":\"" iss "\",\"aud\":\"" aud "\",\"sub\":\"" ACCOUNT          \
	"\",\"iat\":" iat ",\"exp\":" exp ",\"jti\":\"x\",\"sid\":\"" SESSION  \
	"\"}"
#define CLAIMS CLAIMS_OF(SITE, SITE, "1800000000", "1800000900")
#define HEADER "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"ours\"}"

START_TEST(a_signed_token_is_verified)
{
	struct access_token in = { .expires = NOW + 900 }, out = { 0 };
	const char *text;

	set_up();
	memset(in.account.b, 1, 16);
	memset(in.session.b, 2, 16);
	ck_assert_int_eq(access_token_sign(&u, &in, &text), OK);
	ck_assert_int_eq(access_token_verify(&u, text, &out), OK);
	ck_assert_mem_eq(out.account.b, in.account.b, 16);
	ck_assert_mem_eq(out.session.b, in.session.b, 16);
	ck_assert_int_eq(out.expires, in.expires);
}
END_TEST

/* Each changes one thing of a token that would pass. */
static const struct {
	const char *name, *header, *payload;
	enum err want;
} signed_by_us[] = {
	{ "as it should be", HEADER, CLAIMS, OK },
	{ "jwk is not looked at",
	    "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"ours\","
	    "\"jwk\":{\"kty\":\"EC\"},\"jku\":\"https://evil.example\"}",
	    CLAIMS, OK },
	{ "no algorithm",
	    "{\"alg\":\"none\",\"typ\":\"at+jwt\",\"kid\":\"ours\"}", CLAIMS,
	    ERR_TOKEN_INVALID },
	{ "HMAC", "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"ours\"}",
	    CLAIMS, ERR_TOKEN_INVALID },
	{ "lower-case algorithm",
	    "{\"alg\":\"es256\",\"typ\":\"at+jwt\",\"kid\":\"ours\"}", CLAIMS,
	    ERR_TOKEN_INVALID },
	{ "algorithm that is no string",
	    "{\"alg\":[\"ES256\"],\"typ\":\"at+jwt\",\"kid\":\"ours\"}", CLAIMS,
	    ERR_TOKEN_INVALID },
	{ "unknown key", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"x\"}",
	    CLAIMS, ERR_TOKEN_INVALID },
	{ "no key", "{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", CLAIMS,
	    ERR_TOKEN_INVALID },
	{ "key with a NUL behind it",
	    "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"ours\\u0000\"}",
	    CLAIMS, ERR_TOKEN_INVALID },
	{ "path for a key",
	    "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"../ours\"}",
	    CLAIMS, ERR_TOKEN_INVALID },
	{ "other type", "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"ours\"}",
	    CLAIMS, ERR_TOKEN_INVALID },
	{ "no type", "{\"alg\":\"ES256\",\"kid\":\"ours\"}", CLAIMS,
	    ERR_TOKEN_INVALID },
	{ "crit",
	    "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"ours\","
	    "\"crit\":[\"exp\"]}",
	    CLAIMS, ERR_TOKEN_INVALID },
	{ "header that is no JSON", "{", CLAIMS, ERR_TOKEN_INVALID },
	{ "header that is no object", "[]", CLAIMS, ERR_TOKEN_INVALID },
	{ "other issuer", HEADER,
	    CLAIMS_OF("https://evil.example", SITE, "1800000000", "1800000900"),
	    ERR_TOKEN_INVALID },
	{ "other audience", HEADER,
	    CLAIMS_OF(SITE, "https://app.example", "1800000000", "1800000900"),
	    ERR_TOKEN_INVALID },
	{ "from the future", HEADER,
	    CLAIMS_OF(SITE, SITE, "1800000031", "1800000900"),
	    ERR_TOKEN_INVALID },
	{ "within the skew of the future", HEADER,
	    CLAIMS_OF(SITE, SITE, "1800000030", "1800000900"), OK },
	{ "over", HEADER, CLAIMS_OF(SITE, SITE, "1700000000", "1799999970"),
	    ERR_TOKEN_EXPIRED },
	{ "over within the skew", HEADER,
	    CLAIMS_OF(SITE, SITE, "1700000000", "1799999971"), OK },
	{ "time that is no number", HEADER,
	    CLAIMS_OF(SITE, SITE, "1800000000", "\"1800000900\""),
	    ERR_TOKEN_INVALID },
	{ "claims that are no object", HEADER, "[]", ERR_TOKEN_INVALID },
	{ "no claims", HEADER, "{}", ERR_TOKEN_INVALID },
};

START_TEST(only_what_we_say_passes)
{
	struct access_token t;
	const char *text;

	set_up();
	text = forge(signed_by_us[_i].header, signed_by_us[_i].payload, ours);
	ck_assert_msg(access_token_verify(&u, text, &t) ==
		signed_by_us[_i].want,
	    "%s", signed_by_us[_i].name);
}
END_TEST

START_TEST(another_key_s_signature_is_refused)
{
	struct access_token t;

	set_up();
	ck_assert_int_eq(access_token_verify(&u, forge(HEADER, CLAIMS, strange),
			     &t),
	    ERR_TOKEN_INVALID);
}
END_TEST

START_TEST(a_key_id_of_4_KiB_is_refused)
{
	struct access_token t;
	char kid[4097], header[5000];

	set_up();
	memset(kid, 'k', sizeof kid - 1);
	kid[sizeof kid - 1] = '\0';
	(void)snprintf(header, sizeof header,
	    "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", kid);
	ck_assert_int_eq(access_token_verify(&u, forge(header, CLAIMS, ours),
			     &t),
	    ERR_TOKEN_INVALID);
}
END_TEST

/* Every byte counts: a token has one spelling. */
START_TEST(every_changed_character_is_refused)
{
	struct access_token t;
	char *text;

	set_up();
	text = arena_strdup(u.mem, forge(HEADER, CLAIMS, ours));
	for (char *p = text; *p != '\0'; p++) {
		char was = *p;

		*p = was == 'A' ? 'B' : 'A';
		ck_assert_msg(access_token_verify(&u, text, &t) ==
			ERR_TOKEN_INVALID,
		    "at %td", p - text);
		*p = was;
	}
}
END_TEST

static const char *const broken[] = { "", ".", "..", "...", "a.b", "a.b.c",
	"a.b.c.d", "e30.e30.", ".e30.e30", "e30..e30" };

START_TEST(broken_forms_are_refused)
{
	struct access_token t;

	set_up();
	ck_assert_int_eq(access_token_verify(&u, broken[_i], &t),
	    ERR_TOKEN_INVALID);
}
END_TEST

START_TEST(a_stripped_signature_is_refused)
{
	struct access_token t;
	char *text;

	set_up();
	text = arena_strdup(u.mem, forge(HEADER, CLAIMS, ours));
	*(strrchr(text, '.') + 1) = '\0';
	ck_assert_int_eq(access_token_verify(&u, text, &t), ERR_TOKEN_INVALID);
}
END_TEST

START_TEST(without_a_key_nothing_is_signed)
{
	struct access_token t = { .expires = NOW };
	struct signing_keys *none = signing_keys_new();
	const char *text;

	set_up();
	/* One that is published and does not sign yet. */
	signing_keys_add(none, "next", es256_generate(), false);
	u.signing = none;
	ck_assert_int_eq(access_token_sign(&u, &t, &text), ERR_UNAVAILABLE);
	signing_keys_free(&none);
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "a signed token is verified", a_signed_token_is_verified, 0 },
		{ "only what we say passes", only_what_we_say_passes,
		    ROWS(signed_by_us) },
		{ "another key's signature is refused",
		    another_key_s_signature_is_refused, 0 },
		{ "a key id of 4 KiB is refused", a_key_id_of_4_KiB_is_refused,
		    0 },
		{ "every changed character is refused",
		    every_changed_character_is_refused, 0 },
		{ "broken forms are refused", broken_forms_are_refused,
		    ROWS(broken) },
		{ "a stripped signature is refused",
		    a_stripped_signature_is_refused, 0 },
		{ "without a key nothing is signed",
		    without_a_key_nothing_is_signed, 0 },
	};

	return test_main("access_token", cases, ROWS(cases));
}
