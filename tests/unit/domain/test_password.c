/* SPDX-License-Identifier: ISC */
#include "base/arena.h"
#include "base/buf.h"
#include "domain/password.h"
#include "tests/test.h"

/* Length alone decides: code points at the short end, bytes at the long. */
#define KEY "\xf0\x9f\x94\x91" /* one code point of four bytes */

static const struct {
	const char *piece;
	int times;
	enum err want;
} passwords[] = {
	{ "", 0, ERR_PASSWORD_SHORT },
	{ "x", 7, ERR_PASSWORD_SHORT },
	{ "x", 8, OK },
	{ " ", 8, OK },
	{ KEY, 7, ERR_PASSWORD_SHORT },
	{ KEY, 8, OK },
	{ "\xc3\xbc", 8, OK },
	{ "x", 511, OK },
	{ "x", 512, ERR_PASSWORD_LONG },
	{ KEY, 127, OK },
	{ KEY, 128, ERR_PASSWORD_LONG },
	{ "x", 4000, ERR_PASSWORD_LONG },
};

START_TEST(length_alone_is_judged)
{
	struct arena *mem = arena_new(1 << 15);
	struct buf b;

	buf_init(&b, mem);
	for (int i = 0; i < passwords[_i].times; i++)
		buf_puts(&b, passwords[_i].piece);
	ck_assert_int_eq(password_judge(b.data), passwords[_i].want);
	arena_free(&mem);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "judge", length_alone_is_judged, ROWS(passwords) },
	};

	return test_main("password", suite, ROWS(suite));
}
