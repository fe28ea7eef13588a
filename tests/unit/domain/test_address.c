/* SPDX-License-Identifier: ISC */
#include "base/arena.h"
#include "base/buf.h"
#include "domain/address.h"
#include "tests/test.h"

/* What is an address, and that one mailbox has one canonical form. */
#define X10 "xxxxxxxxxx"
#define X63 X10 X10 X10 X10 X10 X10 "xxx"

static const struct {
	const char *typed, *text, *canonical;
} good[] = {
	{ "a@b.c", "a@b.c", "a@b.c" },
	{ "  a@b.c\r\n\t", "a@b.c", "a@b.c" },
	{ "Ann.Lee+News@Example.ORG", "Ann.Lee+News@example.org",
	    "ann.lee+news@example.org" },
	{ "!#$%&'*+-/=?^_`{|}~@b.c", "!#$%&'*+-/=?^_`{|}~@b.c",
	    "!#$%&'*+-/=?^_`{|}~@b.c" },
	{ "A.B.C@d.e", "A.B.C@d.e", "a.b.c@d.e" },
	{ "a@B\xc3\xbc"
	  "cher.example",
	    "a@xn--bcher-kva.example", "a@xn--bcher-kva.example" },
	{ "a@xn--bcher-kva.example", "a@xn--bcher-kva.example",
	    "a@xn--bcher-kva.example" },
	{ "a@b\xe3\x80\x82"
	  "c",
	    "a@b.c", "a@b.c" },
	{ "a@1.2.3.d4", "a@1.2.3.d4", "a@1.2.3.d4" },
	{ "a@b-c.d", "a@b-c.d", "a@b-c.d" },
	{ X63 "x@b.c", X63 "x@b.c", X63 "x@b.c" },
	{ "a@" X63 ".c", "a@" X63 ".c", "a@" X63 ".c" },
};

START_TEST(an_address_has_one_canonical_form)
{
	struct arena *mem = arena_new(1 << 16);
	struct address a;

	ck_assert_int_eq(address_parse(&a, mem, good[_i].typed), OK);
	ck_assert_str_eq(a.text, good[_i].text);
	ck_assert_str_eq(a.canonical, good[_i].canonical);
	arena_free(&mem);
}
END_TEST

static const struct {
	const char *typed;
} bad[] = {
	{ "" },
	{ " " },
	{ "a" },
	{ "@" },
	{ "a@" },
	{ "@b.c" },
	{ "a@b" },
	{ "a@.b" },
	{ "a@b." },
	{ "a@b..c" },
	{ "a@b.c." },
	{ ".a@b.c" },
	{ "a.@b.c" },
	{ "a..b@c.d" },
	{ "a b@c.d" },
	{ "a@b c.d" },
	{ "a@b@c.d" },
	{ "a\t@b.c" },
	{ "a\n@b.c" },
	{ "a@b.c\nx" },
	{ "\"a\"@b.c" },
	{ "a(b)@c.d" },
	{ "a<b@c.d" },
	{ "A <a@b.c>" },
	{ "a,b@c.d" },
	{ "a;b@c.d" },
	{ "a:b@c.d" },
	{ "a\\b@c.d" },
	{ "a[b@c.d" },
	{ "\x7f@b.c" },
	{ "\x01@b.c" },
	{ "\xc3\xbc@b.c" },
	{ "\xff@b.c" },
	{ "a@[1.2.3.4]" },
	{ "a@1.2.3.4" },
	{ "a@b.1" },
	{ "a@[IPv6:::1]" },
	{ "a@b_c.d" },
	{ "a@-b.c" },
	{ "a@b-.c" },
	{ "a@b.-c" },
	{ "a@b.c:25" },
	{ "a@b/c.d" },
	{ "a@ab--c.d" },
	{ "a@xn--a.b" },
	{ "a@\xff.b" },
	{ "a@b\xef\xbc\xa0"
	  "c.d" },
	{ "a@\xe3\x80\x82"
	  "b" },
	{ "a@b\xef\xbc\x8e\xef\xbc\x8e"
	  "c" },
	{ X63 "xx@b.c" },
	{ "a@" X63 "x.c" },
};

START_TEST(what_is_no_address_is_refused)
{
	struct arena *mem = arena_new(1 << 16);
	struct address a;

	ck_assert_int_eq(address_parse(&a, mem, bad[_i].typed),
	    ERR_EMAIL_FORMAT);
	arena_free(&mem);
}
END_TEST

/* 64 + 1 + 63 + 1 + 63 + 1 octets, and the rest in the last label. */
static const struct {
	int rest;
	enum err want;
} wholes[] = {
	{ 60, OK },
	{ 61, OK },
	{ 62, ERR_EMAIL_FORMAT },
	{ 63, ERR_EMAIL_FORMAT },
};

START_TEST(the_whole_has_254_octets_at_most)
{
	struct arena *mem = arena_new(1 << 16);
	const char *typed = arena_printf(mem, "%sx@%s.%s.%.*s", X63, X63, X63,
	    wholes[_i].rest, X63);
	struct address a;

	ck_assert_int_eq(address_parse(&a, mem, typed), wholes[_i].want);
	arena_free(&mem);
}
END_TEST

/* So many labels of one letter in two octets, which IDNA makes seven. */
static const struct {
	int labels;
	enum err want;
} idns[] = {
	{ 1, OK },
	{ 31, OK }, /* 2 + 31 * 8 + 2 = 252 */
	{ 32, ERR_EMAIL_FORMAT },
	{ 1000, ERR_EMAIL_FORMAT },
	{ 5000, ERR_EMAIL_FORMAT },
};

START_TEST(the_length_counts_in_a_labels)
{
	struct arena *mem = arena_new(1 << 18);
	struct address a;
	struct buf b;

	buf_init(&b, mem);
	buf_puts(&b, "a@");
	for (int i = 0; i < idns[_i].labels; i++)
		buf_puts(&b, "\xc3\xbc.");
	buf_puts(&b, "de");
	ck_assert_int_eq(address_parse(&a, mem, b.data), idns[_i].want);
	arena_free(&mem);
}
END_TEST

static const struct {
	const char *typed, *want;
} trims[] = {
	{ "", "" }, { " \t\r\n\v\f", "" }, { " a b ", "a b" }, { "a", "a" },
	{ "\xc2\xa0", "\xc2\xa0" }, /* not an ASCII blank */
};

START_TEST(trim_cuts_ascii_blanks)
{
	struct arena *mem = arena_new(1 << 12);

	ck_assert_str_eq(address_trim(mem, trims[_i].typed), trims[_i].want);
	arena_free(&mem);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "good", an_address_has_one_canonical_form, ROWS(good) },
		{ "bad", what_is_no_address_is_refused, ROWS(bad) },
		{ "length", the_whole_has_254_octets_at_most, ROWS(wholes) },
		{ "a-labels", the_length_counts_in_a_labels, ROWS(idns) },
		{ "trim", trim_cuts_ascii_blanks, ROWS(trims) },
	};

	return test_main("address", suite, ROWS(suite));
}
