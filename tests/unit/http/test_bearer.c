/* SPDX-License-Identifier: ISC */
#include "http/bearer.h"

#include <stddef.h>

#include "tests/test.h"

static const struct {
	const char *header;
	enum err want;
	const char *token;
} headers[] = {
	{ "Bearer abc", OK, "abc" },
	{ "bearer abc", OK, "abc" },
	{ "BEARER   aZ09-._~+/==", OK, "aZ09-._~+/==" },
	/* None, or another scheme. */
	{ NULL, ERR_TOKEN_MISSING, NULL },
	{ "", ERR_TOKEN_MISSING, NULL },
	{ "Basic YWJj", ERR_TOKEN_MISSING, NULL },
	{ "Bear abc", ERR_TOKEN_MISSING, NULL },
	{ "Bearers abc", ERR_TOKEN_MISSING, NULL },
	{ "Bearer-x abc", ERR_TOKEN_MISSING, NULL },
	{ " Bearer abc", ERR_TOKEN_MISSING, NULL },
	/* Ours, and broken. */
	{ "Bearer", ERR_TOKEN_INVALID, NULL },
	{ "Bearer ", ERR_TOKEN_INVALID, NULL },
	{ "Bearer\tabc", ERR_TOKEN_INVALID, NULL },
	{ "Bearer,abc", ERR_TOKEN_INVALID, NULL },
	{ "Bearer \tabc", ERR_TOKEN_INVALID, NULL },
	{ "Bearer abc ", ERR_TOKEN_INVALID, NULL },
	{ "Bearer abc def", ERR_TOKEN_INVALID, NULL },
	{ "Bearer abc, Bearer def", ERR_TOKEN_INVALID, NULL },
	{ "Bearer =", ERR_TOKEN_INVALID, NULL },
	{ "Bearer ab=c", ERR_TOKEN_INVALID, NULL },
	{ "Bearer ab\"c", ERR_TOKEN_INVALID, NULL },
	{ "Bearer \xc3\xa4", ERR_TOKEN_INVALID, NULL },
};

START_TEST(a_header_gives_its_token_or_the_refusal)
{
	const char *token = NULL;

	ck_assert_int_eq(bearer_token(headers[_i].header, &token),
	    headers[_i].want);
	ck_assert_pstr_eq(token, headers[_i].token);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "headers", a_header_gives_its_token_or_the_refusal,
		    ROWS(headers) },
	};

	return test_main("bearer", suite, ROWS(suite));
}
