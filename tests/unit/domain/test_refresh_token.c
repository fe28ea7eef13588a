/* SPDX-License-Identifier: ISC */
/* Refresh tokens: ours come back as they went, nothing else comes back. */
#include "domain/refresh_token.h"

#include <string.h>

#include "tests/test.h"

static const struct key_ring ring = { .refresh =
					  "a key of thirty-two octets, or s" };
static const struct key_ring other = { .refresh =
					   "a key of thirty-two octets, no s" };

static struct refresh_token
sample(void)
{
	struct refresh_token t = { .generation = 0x01020304 };

	memset(t.account.b, 0xaa, sizeof t.account.b);
	memset(t.session.b, 0x55, sizeof t.session.b);
	memset(t.secret, 0x0f, sizeof t.secret);
	return t;
}

START_TEST(a_token_comes_back)
{
	struct refresh_token in = sample(), out = { 0 };
	char text[REFRESH_TOKEN_TEXT];

	refresh_token_write(&in, &ring, text);
	ck_assert_uint_eq(strlen(text), REFRESH_TOKEN_TEXT - 1);
	ck_assert(strncmp(text, "prt_", 4) == 0);
	ck_assert(refresh_token_read(&out, &ring, text));
	ck_assert_mem_eq(out.account.b, in.account.b, 16);
	ck_assert_mem_eq(out.session.b, in.session.b, 16);
	ck_assert_mem_eq(out.secret, in.secret, SESSION_SECRET);
	ck_assert_uint_eq(out.generation, in.generation);
}
END_TEST

START_TEST(it_is_the_same_each_time)
{
	struct refresh_token t = sample();
	char one[REFRESH_TOKEN_TEXT], two[REFRESH_TOKEN_TEXT];

	refresh_token_write(&t, &ring, one);
	refresh_token_write(&t, &ring, two);
	ck_assert_str_eq(one, two);
}
END_TEST

START_TEST(every_changed_character_is_refused)
{
	struct refresh_token t = sample(), out;
	char text[REFRESH_TOKEN_TEXT];

	refresh_token_write(&t, &ring, text);
	for (size_t i = 0; i < sizeof text - 1; i++) {
		char was = text[i];

		text[i] = was == 'A' ? 'B' : 'A';
		ck_assert_msg(!refresh_token_read(&out, &ring, text), "at %zu",
		    i);
		text[i] = was;
	}
	ck_assert(refresh_token_read(&out, &ring, text));
}
END_TEST

START_TEST(another_key_file_refuses)
{
	struct refresh_token t = sample(), out;
	char text[REFRESH_TOKEN_TEXT];

	refresh_token_write(&t, &ring, text);
	ck_assert(!refresh_token_read(&out, &other, text));
}
END_TEST

static const char *const foreign[] = { "", "prt_", "prt_AAAA",
	"eyJhbGciOiJub25lIn0.e30.",
	"prt_====================================================" };

START_TEST(foreign_text_is_refused)
{
	struct refresh_token out;

	ck_assert(!refresh_token_read(&out, &ring, foreign[_i]));
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "a token comes back", a_token_comes_back, 0 },
		{ "it is the same each time", it_is_the_same_each_time, 0 },
		{ "every changed character is refused",
		    every_changed_character_is_refused, 0 },
		{ "another key file refuses", another_key_file_refuses, 0 },
		{ "foreign text is refused", foreign_text_is_refused,
		    ROWS(foreign) },
	};

	return test_main("refresh_token", cases, ROWS(cases));
}
