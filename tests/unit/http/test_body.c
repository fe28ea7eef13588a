/* SPDX-License-Identifier: ISC */
#include "http/body.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/request.h"
#include "platform/json.h"
#include "tests/test.h"

#define T(s) (s), sizeof(s) - 1
#define FACE_RAW "\xf0\x9f\x98\x80"

/* Strict JSON (RFC 8259), and what looks like it. */
static const struct {
	const char *text;
	size_t n;
	enum err want;
} texts[] = {
	{ T("{}"), OK },
	{ T(" \t\r\n{ \"a\" : 1 } \n"), OK },
	{ T("[]"), OK },
	{ T("[ ]"), OK },
	{ T("[1,\"2\",true,false,null,{},[[]]]"), OK },
	{ T("\"\""), OK },
	{ T("0"), OK },
	{ T("-0"), OK },
	{ T("[10,-1.5,1e5,1E+5,0.0e-10,1234567890123456789012]"), OK },
	{ T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\""), OK },
	{ T("\"\\ud83d\\ude00\\uD83D\\uDE00 " FACE_RAW "\xc3\xa4\""), OK },
	{ T("\"\x7f\\u007f\\u0001\\uffff\""), OK },
	{ T("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":2}}"), OK },
	{ T("{\"a\":[{\"a\":1},{\"a\":1}]}"), OK },
	{ T("{\"\":1,\"a\":2,\"aa\":3,\"A\":4}"), OK },
	/* Nothing, or not only one text. */
	{ T(""), ERR_JSON },
	{ T(" "), ERR_JSON },
	{ T("{} {}"), ERR_JSON },
	{ T("{}x"), ERR_JSON },
	{ T("{}\0"), ERR_JSON },
	{ T("1 2"), ERR_JSON },
	{ T("\xef\xbb\xbf{}"), ERR_JSON },
	{ T("\v{}"), ERR_JSON },
	{ T("\xc2\xa0{}"), ERR_JSON },
	{ T("// c\n{}"), ERR_JSON },
	{ T("{/**/}"), ERR_JSON },
	/* Containers. */
	{ T("{"), ERR_JSON },
	{ T("["), ERR_JSON },
	{ T("}"), ERR_JSON },
	{ T("]"), ERR_JSON },
	{ T("[}"), ERR_JSON },
	{ T("{]"), ERR_JSON },
	{ T("[1"), ERR_JSON },
	{ T("[1,"), ERR_JSON },
	{ T("[1,]"), ERR_JSON },
	{ T("[,1]"), ERR_JSON },
	{ T("[1 2]"), ERR_JSON },
	{ T("[1}"), ERR_JSON },
	{ T("{\"a\":1]"), ERR_JSON },
	{ T("{\"a\""), ERR_JSON },
	{ T("{\"a\":"), ERR_JSON },
	{ T("{\"a\":}"), ERR_JSON },
	{ T("{\"a\"}"), ERR_JSON },
	{ T("{\"a\" 1}"), ERR_JSON },
	{ T("{\"a\":1,}"), ERR_JSON },
	{ T("{,}"), ERR_JSON },
	{ T("{\"a\":1 \"b\":2}"), ERR_JSON },
	{ T("{a:1}"), ERR_JSON },
	{ T("{'a':1}"), ERR_JSON },
	{ T("{1:1}"), ERR_JSON },
	{ T("{{}:1}"), ERR_JSON },
	/* Numbers and words. */
	{ T("01"), ERR_JSON },
	{ T("-01"), ERR_JSON },
	{ T("1."), ERR_JSON },
	{ T(".1"), ERR_JSON },
	{ T("[1.]"), ERR_JSON },
	{ T("1.e1"), ERR_JSON },
	{ T("1e"), ERR_JSON },
	{ T("1e+"), ERR_JSON },
	{ T("1e+-1"), ERR_JSON },
	{ T("+1"), ERR_JSON },
	{ T("-"), ERR_JSON },
	{ T("--1"), ERR_JSON },
	{ T("0x1"), ERR_JSON },
	{ T("[NaN]"), ERR_JSON },
	{ T("[Infinity]"), ERR_JSON },
	{ T("[-Infinity]"), ERR_JSON },
	{ T("nan"), ERR_JSON },
	{ T("True"), ERR_JSON },
	{ T("tru"), ERR_JSON },
	{ T("truex"), ERR_JSON },
	{ T("nul"), ERR_JSON },
	/* Strings. */
	{ T("\""), ERR_JSON },
	{ T("\"a"), ERR_JSON },
	{ T("\"a\nb\""), ERR_JSON },
	{ T("\"a\tb\""), ERR_JSON },
	{ T("\"a\x1f\""), ERR_JSON },
	{ T("\"a\0b\""), ERR_JSON },
	{ T("'a'"), ERR_JSON },
	{ T("\"\\"), ERR_JSON },
	{ T("\"\\\""), ERR_JSON },
	{ T("\"\\x41\""), ERR_JSON },
	{ T("\"\\\0\""), ERR_JSON },
	{ T("\"\\U0041\""), ERR_JSON },
	{ T("\"\\u\""), ERR_JSON },
	{ T("\"\\u004\""), ERR_JSON },
	{ T("\"\\u004g\""), ERR_JSON },
	{ T("\"\\u-041\""), ERR_JSON },
	{ T("\"\\u 041\""), ERR_JSON },
	{ T("\"\\u004"), ERR_JSON },
	/* U+0000, lone and wrong surrogates. */
	{ T("\"\\u0000\""), ERR_JSON },
	{ T("{\"a\\u0000\":1}"), ERR_JSON },
	{ T("\"\\ud800\""), ERR_JSON },
	{ T("\"\\udc00\""), ERR_JSON },
	{ T("\"\\udc00\\ud800\""), ERR_JSON },
	{ T("\"\\ud800\\ud800\""), ERR_JSON },
	{ T("\"\\ud800\\u0041\""), ERR_JSON },
	{ T("\"\\ud800x\\udc00\""), ERR_JSON },
	{ T("\"\\ud800\\udc0"), ERR_JSON },
	/* Bytes that are no UTF-8: surrogate, overlong, high, alone, cut. */
	{ T("\"\xed\xa0\x80\""), ERR_JSON },
	{ T("\"\xc0\x80\""), ERR_JSON },
	{ T("\"\xe0\x80\xaf\""), ERR_JSON },
	{ T("\"\xf4\x90\x80\x80\""), ERR_JSON },
	{ T("\"\x80\""), ERR_JSON },
	{ T("\"\xc3\""), ERR_JSON },
	{ T("\"\xff\""), ERR_JSON },
	/* The same key twice in one object, however written. */
	{ T("{\"a\":1,\"a\":1}"), ERR_JSON },
	{ T("{\"a\":1,\"b\":2,\"c\":3,\"a\":4}"), ERR_JSON },
	{ T("{\"\":1,\"\":2}"), ERR_JSON },
	{ T("{\"a\":1,\"\\u0061\":2}"), ERR_JSON },
	{ T("{\"\\/\":1,\"/\":2}"), ERR_JSON },
	{ T("{\"\\n\":1,\"\\u000A\":2}"), ERR_JSON },
	{ T("{\"\xc3\xa4\":1,\"\\u00e4\":2}"), ERR_JSON },
	{ T("{\"" FACE_RAW "\":1,\"\\uD83D\\ude00\":2}"), ERR_JSON },
	{ T("{\"\xe2\x82\xac\":1,\"x\":0,\"\\u20AC\":2}"), ERR_JSON },
	{ T("{\"a\":{\"b\":1},\"a\":2}"), ERR_JSON },
	{ T("[{\"x\":{\"b\":1,\"c\":[],\"b\":2}}]"), ERR_JSON },
};

START_TEST(a_text_is_strict_json_or_refused)
{
	ck_assert_int_eq(json_check(texts[_i].text, texts[_i].n),
	    texts[_i].want);
}
END_TEST

START_TEST(no_beginning_of_an_object_is_whole)
{
	static const char text[] = "{\"a\":[1.5e3,true,null],\"\\ud83d\\ude00"
				   "\":{\"b\":\"\\n\xc3\xa4\"}}";

	for (size_t n = 0; n < sizeof text - 1; n++)
		ck_assert_int_eq(json_check(text, n), ERR_JSON);
	ck_assert_int_eq(json_check(text, sizeof text - 1), OK);
}
END_TEST

/* Sixteen levels, arrays and objects by turns, pass; seventeen do not. */
START_TEST(depth_has_a_limit)
{
	char text[200];
	struct json *root = NULL;
	size_t n = 0;

	for (int i = 0; i < BODY_DEPTH + _i; i++)
		n += (size_t)sprintf(text + n, i % 2 == 0 ? "{\"a\":" : "[");
	text[n++] = '1';
	for (int i = BODY_DEPTH + _i; i-- > 0;)
		text[n++] = i % 2 == 0 ? '}' : ']';
	ck_assert_int_eq(body_parse("application/json", text, n, &root),
	    _i == 0 ? OK : ERR_JSON_DEPTH);
	json_free(&root);
}
END_TEST

/* The most members a body can have, with and without a twin, and what would
 * be slow to tell apart. */
START_TEST(many_keys_are_judged_fast)
{
	static const char *const prefixes[] = { "", "aaaaaa", "\\u0061" };
	static char text[BODY_MAX + 1];
	clock_t before = clock(); /* of this process, however busy others are */
	size_t n = 1, last = 0;

	text[0] = '{';
	for (unsigned i = 0; n < BODY_MAX - 40; i++) {
		last = n;
		n += (size_t)sprintf(text + n, "\"%s%x\":0,", prefixes[_i],
		    i ^ 0x2a);
	}
	text[n - 1] = '}';
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(json_check(text, n), OK);
	/* The last key becomes the first one again. */
	n = last +
	    (size_t)sprintf(text + last, "\"%s%x\":0,", prefixes[_i], 0x2aU);
	text[n - 1] = '}';
	ck_assert_int_eq(json_check(text, n), ERR_JSON);
	ck_assert_int_lt(clock() - before, CLOCKS_PER_SEC);
}
END_TEST

/* Also of a text that no request can be. */
START_TEST(more_members_than_there_is_room_for_are_refused)
{
	static char text[3 * BODY_MAX];
	size_t n = 1;

	text[0] = '{';
	while (n < sizeof text - 10)
		n += (size_t)sprintf(text + n, "\"\":0,");
	text[n - 1] = '}';
	ck_assert_int_eq(json_check(text, n), ERR_JSON);
}
END_TEST

static const struct {
	const char *type, *text;
	enum err want;
} bodies[] = {
	{ "application/json", "{\"email\":\"a\"}", OK },
	{ "application/json; charset=utf-8", " {} ", OK },
	{ "Application/JSON;charset=utf-8", "{}", OK },
	{ " application/json ;x", "{}", OK },
	{ NULL, "{}", ERR_CONTENT_TYPE },
	{ "", "{}", ERR_CONTENT_TYPE },
	{ "text/plain", "{}", ERR_CONTENT_TYPE },
	{ "application/jsonx", "{}", ERR_CONTENT_TYPE },
	{ "application/json, text/plain", "{}", ERR_CONTENT_TYPE },
	{ "application", "{}", ERR_CONTENT_TYPE },
	/* The type comes before the text, the text before its kind. */
	{ "text/plain", "{", ERR_CONTENT_TYPE },
	{ "application/json", "", ERR_JSON },
	{ "application/json", "[", ERR_JSON },
	{ "application/json", "[]", ERR_NOT_OBJECT },
	{ "application/json", "\"{}\"", ERR_NOT_OBJECT },
	{ "application/json", "null", ERR_NOT_OBJECT },
	{ "application/json", "1", ERR_NOT_OBJECT },
	{ "application/json", "{\"n\":1e999,\"m\":-99999999999999999999}", OK },
};

START_TEST(a_body_is_an_object_or_refused)
{
	struct json *root = NULL;

	ck_assert_int_eq(body_parse(bodies[_i].type, bodies[_i].text,
			     strlen(bodies[_i].text), &root),
	    bodies[_i].want);
	ck_assert_int_eq(root != NULL, bodies[_i].want == OK);
	json_free(&root);
}
END_TEST

START_TEST(what_is_strict_can_be_read)
{
	struct json *root = NULL;

	if (texts[_i].want == OK)
		root = json_parse(texts[_i].text, texts[_i].n, BODY_DEPTH);
	ck_assert_int_eq(root != NULL, texts[_i].want == OK);
	json_free(&root);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "texts", a_text_is_strict_json_or_refused, ROWS(texts) },
		{ "prefixes", no_beginning_of_an_object_is_whole, 0 },
		{ "depth", depth_has_a_limit, 2 },
		{ "keys", many_keys_are_judged_fast, 3 },
		{ "members", more_members_than_there_is_room_for_are_refused,
		    0 },
		{ "bodies", a_body_is_an_object_or_refused, ROWS(bodies) },
		{ "read", what_is_strict_can_be_read, ROWS(texts) },
	};

	return test_main("body", suite, ROWS(suite));
}
