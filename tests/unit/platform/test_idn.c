/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "platform/idn.h"
#include "tests/test.h"

/* That a domain has one A-label form, and none is made by leaving bytes out. */
static const struct {
	const char *domain, *want; /* NULL: refused */
} domains[] = {
	{ "example.org", "example.org" },
	{ "EXAMPLE.Org", "example.org" },
	{ "B\xc3\xbc"
	  "cher.Example",
	    "xn--bcher-kva.example" },
	{ "bu\xcc\x88"
	  "cher.example",
	    "xn--bcher-kva.example" }, /* NFD */
	{ "xn--bcher-kva.example", "xn--bcher-kva.example" },
	{ "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
	{ "fa\xc3\x9f.de", "xn--fa-hia.de" }, /* non-transitional */
	/* full stops and letters of other scripts that stand for ours */
	{ "a\xe3\x80\x82"
	  "b",
	    "a.b" },
	{ "\xef\xbd\x85\xef\xbd\x98.com", "ex.com" },
	{ "ex\xc2\xad"
	  "ample.com",
	    "example.com" }, /* soft hyphen */
	/* empty labels are the caller's to refuse */
	{ "a..b", "a..b" },
	{ "", "" },
	/* forbidden, and not to be dropped */
	{ "a_b.com", NULL },
	{ "a b.com", NULL },
	{ "a@b.com", NULL },
	{ "a\xef\xbc\xa0"
	  "b.com",
	    NULL }, /* full-width @ */
	{ "a\xe2\x84\x80"
	  "b.com",
	    NULL }, /* a/c in one character */
	{ "[1.2.3.4]", NULL },
	{ "a/b.com", NULL },
	{ "a.com\n", NULL },
	{ "\xc3\xb6_x.com", NULL },
	/* no domain at all */
	{ "-a.com", NULL },
	{ "a-.com", NULL },
	{ "ab--cd.com", NULL },
	{ "xn--a", NULL },
	{ "xn--n3h.com", NULL }, /* a snowman: not in IDNA 2008 */
	{ "\xe2\x98\x83.com", NULL },
	{ "a\xe2\x80\x8d.com", NULL }, /* a joiner with nothing to join */
	{ "\xc3\x28.com", NULL },      /* broken UTF-8 */
	{ "\xff.com", NULL },
};

START_TEST(a_domain_has_one_form_or_none)
{
	char out[64] = "untouched";
	bool made = idn_to_ascii(out, sizeof out, domains[_i].domain);
	const char *want = domains[_i].want;

	ck_assert_int_eq(made, want != NULL);
	ck_assert_str_eq(out, want != NULL ? want : "untouched");
}
END_TEST

START_TEST(a_result_that_does_not_fit_is_none)
{
	char out[12] = "untouched";

	ck_assert(!idn_to_ascii(out, 11, "example.org"));
	ck_assert_str_eq(out, "untouched");
	ck_assert(idn_to_ascii(out, 12, "example.org"));
	ck_assert_str_eq(out, "example.org");
}
END_TEST

START_TEST(a_long_label_is_refused)
{
	char domain[5001], out[6000];

	memset(domain, 'a', 5000);
	domain[5000] = '\0';
	ck_assert(!idn_to_ascii(out, sizeof out, domain));
	domain[64] = '\0';
	ck_assert(!idn_to_ascii(out, sizeof out, domain));
	domain[63] = '\0';
	ck_assert(idn_to_ascii(out, sizeof out, domain));
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "domains", a_domain_has_one_form_or_none, ROWS(domains) },
		{ "size", a_result_that_does_not_fit_is_none, 0 },
		{ "long", a_long_label_is_refused, 0 },
	};

	return test_main("idn", suite, ROWS(suite));
}
