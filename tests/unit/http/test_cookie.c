/* SPDX-License-Identifier: ISC */
#include "http/cookie.h"

#include <signal.h>
#include <stddef.h>

#include "base/arena.h"
#include "http/response.h"
#include "tests/test.h"

static const struct {
	const char *header;
	bool local;
	const char *want;
} headers[] = {
	{ "__Host-claim=abc", false, "abc" },
	{ "a=b; __Host-claim=abc; c=d", false, "abc" },
	{ "a=b;__Host-claim=abc", false, "abc" },
	{ "__Host-claim=abc ; c=d", false, "abc" },
	{ "__Host-claim=", false, "" },
	{ "__Host-claim=a=b", false, "a=b" },
	/* The first one counts. */
	{ "__Host-claim=abc; __Host-claim=def", false, "abc" },
	/* The prefix is the promise: without it anyone may have set it. */
	{ "claim=abc", false, NULL },
	{ "__host-claim=abc", false, NULL },
	{ "claim=abc", true, "abc" },
	{ "__Host-claim=abc", true, NULL },
	/* Other names. */
	{ "__Host-claims=abc", false, NULL },
	{ "x__Host-claim=abc", false, NULL },
	{ "a=__Host-claim=abc", false, NULL },
	{ "__Host-claim", false, NULL },
	{ "", false, NULL },
	{ ";;", false, NULL },
	{ NULL, false, NULL },
};

START_TEST(a_header_gives_our_cookie_only)
{
	struct arena *mem = arena_new(4096);

	ck_assert_pstr_eq(cookie_get(mem, headers[_i].header, "claim",
			      headers[_i].local),
	    headers[_i].want);
	arena_free(&mem);
}
END_TEST

static const struct {
	const char *value;
	int64_t max_age;
	bool local;
	const char *want;
} settings[] = {
	{ "abc-_", 600, false,
	    "Set-Cookie: __Host-claim=abc-_; Path=/; Max-Age=600; Secure; "
	    "HttpOnly; SameSite=Lax\r\n" },
	{ "", 0, false,
	    "Set-Cookie: __Host-claim=; Path=/; Max-Age=0; Secure; "
	    "HttpOnly; SameSite=Lax\r\n" },
	{ "abc", 600, true,
	    "Set-Cookie: claim=abc; Path=/; Max-Age=600; "
	    "HttpOnly; SameSite=Lax\r\n" },
};

START_TEST(a_cookie_is_set_with_all_its_attributes)
{
	struct arena *mem = arena_new(4096);
	struct response res;

	response_init(&res, mem);
	cookie_set(&res, "claim", settings[_i].value, settings[_i].max_age,
	    settings[_i].local);
	ck_assert_str_eq(res.headers.data, settings[_i].want);
	arena_free(&mem);
}
END_TEST

static const char *const bad_values[] = { "a;b", "a b", "a,b", "a\"b", "a\\b",
	"a\r\nb", "\xc3\xa4" };

START_TEST(a_value_that_is_no_cookie_is_a_bug)
{
	struct response res;

	response_init(&res, arena_new(4096));
	cookie_set(&res, "claim", bad_values[_i], 1, false);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "get", a_header_gives_our_cookie_only, ROWS(headers) },
		{ "set", a_cookie_is_set_with_all_its_attributes,
		    ROWS(settings) },
	};
	Suite *s = test_suite("cookie", suite, ROWS(suite));
	TCase *bugs = tcase_create("bugs");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test_raise_signal(bugs,
	    a_value_that_is_no_cookie_is_a_bug, SIGABRT, 0, ROWS(bad_values));
	suite_add_tcase(s, bugs);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
