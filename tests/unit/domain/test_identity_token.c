/* SPDX-License-Identifier: ISC */
/* Identity tokens: whom they name, how long they are kept, what they open. */
#include "domain/identity_token.h"

#include <string.h>

#include "base/arena.h"
#include "domain/access_token.h"
#include "domain/signing_key.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/json.h"
#include "tests/test.h"

#define NOW 1800000000
#define SITE "https://auth.example.org"

static struct config config = { .public_url = SITE };
static struct unit u;
static struct signing_keys *keys;

static struct signing_keys *
new_keys(const char *kid)
{
	struct signing_keys *k = signing_keys_new();

	signing_keys_add(k, kid, es256_generate(), true);
	return k;
}

static void
set_up(void)
{
	conf = &config;
	keys = new_keys("ours");
	u = (struct unit){
		.mem = arena_new(1 << 20),
		.now = NOW,
		.signing = keys,
		.identity_tokens = identity_tokens_new(),
	};
}

static void
tear_down(void)
{
	identity_tokens_free(&u.identity_tokens);
	signing_keys_free(&keys);
	arena_free(&u.mem);
}

static const struct identity_token ada = {
	.account = { { 1 } },
	.session = { { 2 } },
	.audience = "orders",
	.email = "ada@example.org",
};

static const char *
get(const struct identity_token *t)
{
	const char *text;

	ck_assert_int_eq(identity_token_get(&u, t, &text), OK);
	return text;
}

/* A part of the token's text, decoded. */
static struct json *
part(const char *text, int i)
{
	char raw[2000];
	int n;

	while (i-- > 0)
		text = strchr(text, '.') + 1;
	n = base64url_decode(raw, sizeof raw, text, strcspn(text, "."));
	ck_assert_int_gt(n, 0);
	return json_parse(raw, (size_t)n, 4);
}

static void
assert_says(const struct json *j, const char *name, const char *want)
{
	size_t n;

	ck_assert_ptr_nonnull(json_get(j, name));
	ck_assert_str_eq(json_string(json_get(j, name), &n), want);
}

START_TEST(a_token_says_who_asks_and_whom_it_is_for)
{
	struct json *header, *claims;

	set_up();
	header = part(get(&ada), 0);
	claims = part(get(&ada), 1);
	assert_says(header, "typ", "postern-id+jwt");
	assert_says(header, "alg", "ES256");
	assert_says(header, "kid", "ours");
	assert_says(claims, "iss", SITE);
	assert_says(claims, "aud", "orders");
	assert_says(claims, "sub", "01000000-0000-0000-0000-000000000000");
	assert_says(claims, "sid", "02000000-0000-0000-0000-000000000000");
	assert_says(claims, "email", "ada@example.org");
	ck_assert_int_eq(json_int(json_get(claims, "iat")), NOW);
	ck_assert_int_eq(json_int(json_get(claims, "exp")), NOW + 60);
	json_free(&header);
	json_free(&claims);
	tear_down();
}
END_TEST

START_TEST(an_unverified_address_is_not_named)
{
	struct identity_token t = ada;
	struct json *claims;

	set_up();
	t.email = NULL;
	claims = part(get(&t), 1);
	ck_assert_ptr_null(json_get(claims, "email"));
	json_free(&claims);
	tear_down();
}
END_TEST

/* Seconds after it was signed, and whether the same one still serves. */
static const struct {
	int after;
	bool same;
} ages[] = { { 0, true }, { 1, true }, { 30, true }, { 31, false },
	{ 60, false }, { 3600, false }, { -1, false } };

START_TEST(a_token_serves_for_half_its_life)
{
	const char *first, *second;

	set_up();
	first = get(&ada);
	u.now += ages[_i].after;
	second = get(&ada);
	ck_assert_int_eq(strcmp(first, second) == 0, ages[_i].same);
	tear_down();
}
END_TEST

/* Each differs from ada's in one thing. */
static const struct identity_token others[] = {
	{ { { 9 } }, { { 2 } }, "orders", "ada@example.org" },
	{ { { 1 } }, { { 9 } }, "orders", "ada@example.org" },
	{ { { 1 } }, { { 2 } }, "stock", "ada@example.org" },
	{ { { 1 } }, { { 2 } }, "orders", "eve@example.org" },
	{ { { 1 } }, { { 2 } }, "orders", NULL },
};

START_TEST(another_s_token_is_never_given)
{
	const char *first, *second;

	set_up();
	first = get(&ada);
	second = get(&others[_i]);
	ck_assert_str_ne(first, second);
	ck_assert_str_eq(get(&others[_i]), second);
	tear_down();
}
END_TEST

START_TEST(a_new_key_signs_at_once)
{
	const char *first;
	struct json *header;

	set_up();
	first = get(&ada);
	signing_keys_free(&keys);
	u.signing = keys = new_keys("next");
	header = part(get(&ada), 0);
	assert_says(header, "kid", "next");
	ck_assert_str_ne(get(&ada), first);
	json_free(&header);
	tear_down();
}
END_TEST

/* One that is too long to be kept is signed all the same. */
START_TEST(the_longest_audience_and_address_fit)
{
	char audience[256], email[255];
	struct identity_token t = ada;
	struct json *claims;

	set_up();
	memset(audience, 'a', 255);
	memset(email, 'e', 254);
	audience[255] = email[254] = '\0';
	t.audience = audience;
	t.email = email;
	claims = part(get(&t), 1);
	assert_says(claims, "aud", audience);
	assert_says(claims, "email", email);
	json_free(&claims);
	tear_down();
}
END_TEST

START_TEST(it_is_no_access_token)
{
	struct identity_token t = ada;
	struct access_token access;

	set_up();
	t.audience = SITE;
	ck_assert_int_eq(access_token_verify(&u, get(&t), &access),
	    ERR_TOKEN_INVALID);
	tear_down();
}
END_TEST

START_TEST(without_a_key_nothing_is_signed)
{
	struct signing_keys *none = signing_keys_new();
	const char *text;

	set_up();
	/* One that is published and does not sign yet. */
	signing_keys_add(none, "next", es256_generate(), false);
	u.signing = none;
	ck_assert_int_eq(identity_token_get(&u, &ada, &text), ERR_UNAVAILABLE);
	signing_keys_free(&none);
	tear_down();
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "a token says who asks and whom it is for",
		    a_token_says_who_asks_and_whom_it_is_for, 0 },
		{ "an unverified address is not named",
		    an_unverified_address_is_not_named, 0 },
		{ "a token serves for half its life",
		    a_token_serves_for_half_its_life, ROWS(ages) },
		{ "another's token is never given",
		    another_s_token_is_never_given, ROWS(others) },
		{ "a new key signs at once", a_new_key_signs_at_once, 0 },
		{ "the longest audience and address fit",
		    the_longest_audience_and_address_fit, 0 },
		{ "it is no access token", it_is_no_access_token, 0 },
		{ "without a key nothing is signed",
		    without_a_key_nothing_is_signed, 0 },
	};

	return test_main("identity_token", cases, ROWS(cases));
}
