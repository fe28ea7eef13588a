/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "tests/test.h"

/* That a buffer grows without losing a byte and is a string at any time. */

static struct arena *mem;
static struct buf b;

static void
start(void)
{
	mem = arena_new(1 << 20);
	buf_init(&b, mem);
}

START_TEST(a_new_buffer_is_an_empty_string)
{
	start();
	ck_assert_uint_eq(b.len, 0);
	ck_assert_str_eq(b.data, "");
	arena_free(&mem);
}
END_TEST

START_TEST(every_way_of_appending_appends)
{
	start();
	buf_puts(&b, "ab");
	buf_put(&b, "c\0d", 3);
	buf_put(&b, NULL, 0);
	buf_putc(&b, 'e');
	buf_printf(&b, "%s=%d", "f", 5);
	ck_assert_uint_eq(b.len, 9);
	ck_assert_mem_eq(b.data, "abc\0def=5", 10);
	arena_free(&mem);
}
END_TEST

static const size_t lengths[] = { 126, 127, 128, 129, 255, 256, 10000 };

START_TEST(growing_keeps_what_is_there)
{
	size_t n = lengths[_i];

	start();
	for (size_t i = 0; i < n; i++)
		buf_putc(&b, (char)('a' + i % 26));
	ck_assert_uint_eq(b.len, n);
	ck_assert_uint_eq(strlen(b.data), n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(b.data[i], (char)('a' + i % 26));
	arena_free(&mem);
}
END_TEST

START_TEST(one_piece_of_any_length_fits)
{
	size_t n = lengths[_i];
	char piece[10001];

	memset(piece, 'x', n);
	piece[n] = '\0';
	start();
	buf_puts(&b, "<");
	buf_printf(&b, "%s", piece);
	buf_put(&b, piece, n);
	ck_assert_uint_eq(b.len, 1 + 2 * n);
	ck_assert_uint_eq(strspn(b.data + 1, "x"), 2 * n);
	arena_free(&mem);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "new", a_new_buffer_is_an_empty_string, 0 },
		{ "append", every_way_of_appending_appends, 0 },
		{ "grow", growing_keeps_what_is_there, ROWS(lengths) },
		{ "piece", one_piece_of_any_length_fits, ROWS(lengths) },
	};

	return test_main("buf", suite, ROWS(suite));
}
