/* SPDX-License-Identifier: ISC */
/*
 * Tokens of mailed links, as far as no database is needed: one spelling each,
 * and a hash over the whole.  What minting stores is seen in tests/db.
 */
#include "domain/one_time_token.h"

#include <string.h>

#include "platform/crypto.h"
#include "tests/test.h"

/* A token whose bytes are told: version, then 1, 2, 3 … */
static void
make(unsigned char raw[ONE_TIME_TOKEN_RAW], char text[ONE_TIME_TOKEN_TEXT + 8],
    unsigned char version, size_t n)
{
	raw[0] = version;
	for (size_t i = 1; i < ONE_TIME_TOKEN_RAW; i++)
		raw[i] = (unsigned char)i;
	base64url_encode(text, raw, n);
}

START_TEST(token_is_read_whole)
{
	unsigned char raw[ONE_TIME_TOKEN_RAW], hash[SHA256_SIZE];
	char text[ONE_TIME_TOKEN_TEXT + 8];
	struct one_time_token t;

	make(raw, text, 1, sizeof raw);
	ck_assert_uint_eq(strlen(text), ONE_TIME_TOKEN_TEXT - 1);
	ck_assert(one_time_token_parse(&t, text));
	ck_assert_mem_eq(t.account.b, raw + 1, 16);
	crypto_sha256(hash, raw, sizeof raw);
	ck_assert_mem_eq(t.hash, hash, sizeof hash);
}
END_TEST

/* Any change of the token is another hash, or none. */
START_TEST(every_character_counts)
{
	unsigned char raw[ONE_TIME_TOKEN_RAW];
	char text[ONE_TIME_TOKEN_TEXT + 8];
	struct one_time_token t, other;

	make(raw, text, 1, sizeof raw);
	ck_assert(one_time_token_parse(&t, text));
	for (size_t i = 0; text[i] != '\0'; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		if (one_time_token_parse(&other, text))
			ck_assert_mem_ne(other.hash, t.hash, sizeof t.hash);
		text[i] = was;
	}
}
END_TEST

static const struct {
	unsigned char version;
	size_t n;
	const char *tail;
} strangers[] = {
	{ 0, ONE_TIME_TOKEN_RAW, "" },
	{ 2, ONE_TIME_TOKEN_RAW, "" },
	{ 255, ONE_TIME_TOKEN_RAW, "" },
	{ 1, ONE_TIME_TOKEN_RAW - 1, "" },
	{ 1, ONE_TIME_TOKEN_RAW - 32, "" },
	{ 1, 1, "" },
	{ 1, 0, "" },
	{ 1, ONE_TIME_TOKEN_RAW, "A" },
	{ 1, ONE_TIME_TOKEN_RAW, "AA" },
	{ 1, ONE_TIME_TOKEN_RAW, "=" },
	{ 1, ONE_TIME_TOKEN_RAW, "==" },
	{ 1, ONE_TIME_TOKEN_RAW, " " },
	{ 1, ONE_TIME_TOKEN_RAW, "\n" },
	{ 1, ONE_TIME_TOKEN_RAW - 1, "+" },
	{ 1, ONE_TIME_TOKEN_RAW - 1, "\xff" },
};

START_TEST(stranger_is_no_token)
{
	unsigned char raw[ONE_TIME_TOKEN_RAW];
	char text[ONE_TIME_TOKEN_TEXT + 8];
	struct one_time_token t;

	make(raw, text, strangers[_i].version, strangers[_i].n);
	strcat(text, strangers[_i].tail);
	ck_assert(!one_time_token_parse(&t, text));
}
END_TEST

/* The last of 49 bytes leaves four bits of the last character unused: of 64
 * characters that could stand there 4 may. */
START_TEST(token_has_one_spelling)
{
	unsigned char raw[ONE_TIME_TOKEN_RAW];
	char text[ONE_TIME_TOKEN_TEXT + 8];
	struct one_time_token t;
	int taken = 0;
	char *last;

	make(raw, text, 1, sizeof raw);
	last = text + strlen(text) - 1;
	for (int c = 1; c < 256; c++) {
		*last = (char)c;
		taken += one_time_token_parse(&t, text);
	}
	ck_assert_int_eq(taken, 4);
}
END_TEST

START_TEST(very_long_text_is_no_token)
{
	static char text[20000];
	struct one_time_token t;

	memset(text, 'A', sizeof text - 1);
	ck_assert(!one_time_token_parse(&t, text));
}
END_TEST

START_TEST(purposes_are_the_databases_words)
{
	ck_assert_str_eq(token_purpose_name(TOKEN_VERIFY), "verify");
	ck_assert_str_eq(token_purpose_name(TOKEN_RESET), "reset");
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "read", token_is_read_whole, 0 },
		{ "characters", every_character_counts, 0 },
		{ "strangers", stranger_is_no_token, ROWS(strangers) },
		{ "spelling", token_has_one_spelling, 0 },
		{ "long", very_long_text_is_no_token, 0 },
		{ "purposes", purposes_are_the_databases_words, 0 },
	};

	return test_main("one_time_token", suite, ROWS(suite));
}
