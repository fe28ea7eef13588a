/* SPDX-License-Identifier: ISC */
#include <stdlib.h>

#include "platform/url.h"
#include "tests/test.h"

/*
 * The site's own address: one spelling, the browsers', and no host that only
 * looks like this machine.
 */
static const struct {
	const char *text, *origin; /* NULL: refused */
	bool local_http;
} urls[] = {
	{ "https://a.example", "https://a.example", false },
	{ "https://a.example/", "https://a.example", false },
	{ "HTTPS://A.Example//", "https://a.example", false },
	{ "https://a.example:443", "https://a.example", false },
	{ "https://a.example:8443/", "https://a.example:8443", false },
	{ "https://xn--bcher-kva.example", "https://xn--bcher-kva.example",
	    false },
	{ "https://localhost", "https://localhost", false },
	{ "http://localhost:8080", "http://localhost:8080", true },
	{ "http://LOCALHOST:80", "http://localhost", true },
	{ "http://127.0.0.1", "http://127.0.0.1", true },
	{ "http://127.8.9.10:1", "http://127.8.9.10:1", true },
	{ "http://[::1]:8080/", "http://[::1]:8080", true },
	{ "http://[::2]", "http://[::2]", false },
	{ "http://127.0.0.1.example", "http://127.0.0.1.example", false },
	{ "http://localhost.example", "http://localhost.example", false },
	{ "http://128.0.0.1", "http://128.0.0.1", false },
	{ "https://a.example/path", NULL, false },
	{ "https://a.example?x", NULL, false },
	{ "https://a.example#x", NULL, false },
	{ "https://user@a.example", NULL, false },
	{ "http://localhost@a.example", NULL, false },
	{ "https://a.example:", NULL, false },
	{ "https://a.example:0", NULL, false },
	{ "https://a.example:65536", NULL, false },
	{ "https://a.example:8x", NULL, false },
	{ "https://", NULL, false },
	{ "https:///", NULL, false },
	{ "https://[::1", NULL, false },
	{ "https://[]", NULL, false },
	{ "https://[a.example]", NULL, false },
	{ "https://b\xc3\xbc"
	  "cher.example",
	    NULL, false },
	{ "https://a b", NULL, false },
	{ "ftp://a.example", NULL, false },
	{ "a.example", NULL, false },
	{ "", NULL, false },
};

START_TEST(an_origin_is_written_as_browsers_do)
{
	char *origin = url_origin(urls[_i].text);

	if (urls[_i].origin == NULL) {
		ck_assert_ptr_null(origin);
		return;
	}
	ck_assert_str_eq(origin, urls[_i].origin);
	ck_assert_int_eq(url_is_local_http(origin), urls[_i].local_http);
	free(origin);
}
END_TEST

static const struct {
	const char *host;
	bool loopback;
} hosts[] = {
	{ "localhost", true },
	{ "LocalHost", true },
	{ "127.0.0.1", true },
	{ "127.255.255.255", true },
	{ "::1", true },
	{ "0:0:0:0:0:0:0:1", true },
	{ "", false },
	{ "localhost.", false },
	{ "127.1", false },
	{ "127.0.0.1.example", false },
	{ "128.0.0.1", false },
	{ "0.0.0.0", false },
	{ "::", false },
	{ "::ffff:127.0.0.1", false },
	{ "mail.example", false },
};

START_TEST(loopback_is_what_no_resolver_decides)
{
	ck_assert_int_eq(url_host_is_loopback(hosts[_i].host),
	    hosts[_i].loopback);
}
END_TEST

static const struct {
	const char *name;
	bool domain;
} names[] = {
	{ "example.org", true },
	{ "xn--bcher-kva.example", true },
	{ "a-1.2.example", true },
	{ "", false },
	{ "example", false },
	{ ".example.org", false },
	{ "example.org.", false },
	{ "a..example", false },
	{ "-a.example", false },
	{ "a-.example", false },
	{ "a_b.example", false },
	{ "a b.example", false },
	{ "a.example;", false },
	{ "a.example:443", false },
	{ "b\xc3\xbc"
	  "cher.example",
	    false },
	{ "127.0.0.1", false },
	{ "[::1]", false },
};

START_TEST(a_domain_is_what_a_cookie_may_name)
{
	ck_assert_int_eq(url_is_domain(names[_i].name), names[_i].domain);
}
END_TEST

static const struct {
	const char *origin, *domain;
	bool within;
} within[] = {
	{ "https://example.org", "example.org", true },
	{ "https://login.example.org", "example.org", true },
	{ "https://a.b.example.org:8443", "Example.ORG", true },
	{ "https://badexample.org", "example.org", false },
	{ "https://example.org", "login.example.org", false },
	{ "https://example.org.evil.example", "example.org", false },
	{ "https://[::1]", "example.org", false },
};

START_TEST(a_host_lies_within_a_domain)
{
	ck_assert_int_eq(url_host_is_within(within[_i].origin,
			     within[_i].domain),
	    within[_i].within);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "origin", an_origin_is_written_as_browsers_do, ROWS(urls) },
		{ "loopback", loopback_is_what_no_resolver_decides,
		    ROWS(hosts) },
		{ "domain", a_domain_is_what_a_cookie_may_name, ROWS(names) },
		{ "within", a_host_lies_within_a_domain, ROWS(within) },
	};

	return test_main("url", suite, ROWS(suite));
}
