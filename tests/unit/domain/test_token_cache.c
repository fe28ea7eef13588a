/* SPDX-License-Identifier: ISC */
/*
 * What is remembered of verified tokens: found again by the whole token
 * alone, gone when the keys are others, never trusted for a time, and never
 * more than there are slots.
 */
#include "domain/token_cache.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "domain/signing_key.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "tests/test.h"

#define NOW 1800000000

static struct config config = { .public_url = "https://auth.example.org" };
static struct unit u;
static struct signing_keys *keys;

static void
set_up(void)
{
	conf = &config;
	keys = signing_keys_new();
	signing_keys_add(keys, "ours", es256_generate(), true);
	u = (struct unit){
		.mem = arena_new(1 << 20),
		.now = NOW,
		.signing = keys,
		.verified = token_cache_new(),
	};
}

static char *
sign(int64_t expires)
{
	struct access_token t = { .expires = expires };
	const char *text;

	memset(t.account.b, 1, 16);
	memset(t.session.b, 2, 16);
	ck_assert_int_eq(access_token_sign(&u, &t, &text), OK);
	return arena_strdup(u.mem, text);
}

static bool
is_remembered(const char *text)
{
	struct verified_token v;

	return token_cache_find(u.verified, signing_keys_generation(keys), text,
	    strlen(text), &v);
}

START_TEST(verified_token_is_remembered)
{
	struct access_token first, again;
	char *text;

	set_up();
	text = sign(NOW + 900);
	ck_assert(!is_remembered(text));
	ck_assert_int_eq(access_token_verify(&u, text, &first), OK);
	ck_assert(is_remembered(text));
	ck_assert_int_eq(access_token_verify(&u, text, &again), OK);
	ck_assert_mem_eq(&first, &again, sizeof first);
	ck_assert_int_eq(again.account.b[3], 1);
	ck_assert_int_eq(again.session.b[3], 2);
}
END_TEST

START_TEST(refused_token_is_not_remembered)
{
	struct access_token t;
	char *text;

	set_up();
	text = sign(NOW + 900);
	text[strlen(text) - 10] ^= 1;
	ck_assert_int_eq(access_token_verify(&u, text, &t), ERR_TOKEN_INVALID);
	ck_assert(!is_remembered(text));
	text = sign(NOW - 900);
	ck_assert_int_eq(access_token_verify(&u, text, &t), ERR_TOKEN_EXPIRED);
	ck_assert(!is_remembered(text));
}
END_TEST

/* A token that differs in one character was never seen. */
START_TEST(remembered_token_vouches_for_no_other)
{
	struct access_token t;
	char *text;

	set_up();
	text = sign(NOW + 900);
	ck_assert_int_eq(access_token_verify(&u, text, &t), OK);
	for (char *p = text; *p != '\0'; p++) {
		char was = *p;

		*p = was == 'A' ? 'B' : 'A';
		ck_assert_int_eq(access_token_verify(&u, text, &t),
		    ERR_TOKEN_INVALID);
		*p = was;
	}
}
END_TEST

START_TEST(remembered_token_still_ends_with_its_time)
{
	struct access_token t;
	char *text;

	set_up();
	text = sign(NOW + 900);
	ck_assert_int_eq(access_token_verify(&u, text, &t), OK);
	u.now = NOW + 900 + ACCESS_TOKEN_SKEW - 1;
	ck_assert_int_eq(access_token_verify(&u, text, &t), OK);
	u.now = NOW + 900 + ACCESS_TOKEN_SKEW;
	ck_assert_int_eq(access_token_verify(&u, text, &t), ERR_TOKEN_EXPIRED);
	u.now = NOW - ACCESS_TOKEN_SKEW - 1; /* from the future, then */
	ck_assert_int_eq(access_token_verify(&u, text, &t), ERR_TOKEN_INVALID);
}
END_TEST

START_TEST(other_keys_empty_it)
{
	struct access_token t;
	char *text;

	set_up();
	text = sign(NOW + 900);
	ck_assert_int_eq(access_token_verify(&u, text, &t), OK);
	signing_keys_add(keys, "another", es256_generate(), false);
	ck_assert(!is_remembered(text));
}
END_TEST

/* The key it was signed with is gone: it opens nothing any more. */
START_TEST(token_of_a_key_that_is_gone_is_refused)
{
	struct signing_keys *others = signing_keys_new();
	struct access_token t;
	char *text;

	set_up();
	text = sign(NOW + 900);
	ck_assert_int_eq(access_token_verify(&u, text, &t), OK);
	signing_keys_add(others, "b", es256_generate(), true);
	signing_keys_add(others, "c", es256_generate(), false);
	ck_assert_uint_ne(signing_keys_generation(others),
	    signing_keys_generation(keys));
	u.signing = others;
	ck_assert_int_eq(access_token_verify(&u, text, &t), ERR_TOKEN_INVALID);
	signing_keys_free(&others);
}
END_TEST

/* Many more than there are slots: the last is found, most are not. */
START_TEST(there_are_only_so_many_slots)
{
	struct verified_token v = { .token = { .expires = NOW } };
	int found = 0;
	char name[32];

	set_up();
	for (int i = 0; i < 10 * TOKEN_CACHE_SLOTS; i++) {
		int n = snprintf(name, sizeof name, "token %d", i);

		token_cache_put(u.verified, 1, name, (size_t)n, &v);
		ck_assert(token_cache_find(u.verified, 1, name, (size_t)n, &v));
	}
	for (int i = 0; i < 10 * TOKEN_CACHE_SLOTS; i++) {
		int n = snprintf(name, sizeof name, "token %d", i);

		found += token_cache_find(u.verified, 1, name, (size_t)n, &v);
	}
	ck_assert_int_gt(found, TOKEN_CACHE_SLOTS / 2);
	ck_assert_int_le(found, TOKEN_CACHE_SLOTS);
}
END_TEST

/* Half as many as there are slots: they hardly get into each other's way. */
START_TEST(half_a_table_keeps_nearly_all)
{
	struct verified_token v = { .token = { .expires = NOW } };
	const int many = TOKEN_CACHE_SLOTS / 2;
	int found = 0;
	char name[32];

	set_up();
	for (int i = 0; i < many; i++)
		token_cache_put(u.verified, 1, name,
		    (size_t)snprintf(name, sizeof name, "token %d", i), &v);
	for (int i = 0; i < many; i++)
		found += token_cache_find(u.verified, 1, name,
		    (size_t)snprintf(name, sizeof name, "token %d", i), &v);
	ck_assert_int_gt(found, many * 95 / 100);
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "verified token is remembered", verified_token_is_remembered,
		    0 },
		{ "refused token is not remembered",
		    refused_token_is_not_remembered, 0 },
		{ "remembered token vouches for no other",
		    remembered_token_vouches_for_no_other, 0 },
		{ "remembered token still ends with its time",
		    remembered_token_still_ends_with_its_time, 0 },
		{ "other keys empty it", other_keys_empty_it, 0 },
		{ "token of a key that is gone is refused",
		    token_of_a_key_that_is_gone_is_refused, 0 },
		{ "there are only so many slots", there_are_only_so_many_slots,
		    0 },
		{ "half a table keeps nearly all",
		    half_a_table_keeps_nearly_all, 0 },
	};

	return test_main("token_cache", cases, ROWS(cases));
}
