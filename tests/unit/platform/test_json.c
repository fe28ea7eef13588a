/* SPDX-License-Identifier: ISC */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "platform/json.h"
#include "tests/test.h"

/* Values in and out; strictness beyond json-c's own is http/body.c's. */
static const struct {
	const char *text;
	int depth;
	bool sound;
	enum json_kind kind;
} texts[] = {
	{ "null", 1, true, JSON_NULL },
	{ "true", 1, true, JSON_BOOL },
	{ "false", 1, true, JSON_BOOL },
	{ "0", 1, true, JSON_NUMBER },
	{ "-17", 1, true, JSON_NUMBER },
	{ "1.5e3", 1, true, JSON_NUMBER },
	{ "\"\"", 1, true, JSON_STRING },
	{ "\"\xc3\xa4\xf0\x9f\x98\x80\"", 1, true, JSON_STRING },
	{ "1234567890123456789012", 1, true, JSON_NUMBER },
	{ "[]", 1, true, JSON_ARRAY },
	{ "{}", 1, true, JSON_OBJECT },
	{ " \r\n\t{} \r\n\t", 1, true, JSON_OBJECT },
	{ "{\"a\":[{}]}", 3, true, JSON_OBJECT },
	{ "{\"a\":[{}]}", 2, false, JSON_NULL },
	{ "[[[]]]", 2, false, JSON_NULL },
	{ "[[[1]]]", 3, true, JSON_ARRAY },
	{ "[[[1]],[[2]]]", 3, true, JSON_ARRAY },
	{ "", 1, false, JSON_NULL },
	{ " ", 1, false, JSON_NULL },
	{ "{", 1, false, JSON_NULL },
	{ "{}x", 1, false, JSON_NULL },
	{ "{}{}", 1, false, JSON_NULL },
	{ "1 2", 1, false, JSON_NULL },
	{ "[1,,]", 1, false, JSON_NULL },
	{ "\"\xff\"", 1, false, JSON_NULL },
	{ "\"a", 1, false, JSON_NULL },
	{ "nul", 1, false, JSON_NULL },
};

START_TEST(parse_takes_whole_values_only)
{
	const char *text = texts[_i].text;
	struct json *j = json_parse(text, strlen(text), texts[_i].depth);

	ck_assert_int_eq(j != NULL, texts[_i].sound);
	if (j != NULL)
		ck_assert_int_eq(json_kind(j), texts[_i].kind);
	json_free(&j);
	ck_assert_ptr_null(j);
	json_free(&j);
}
END_TEST

START_TEST(parse_reads_no_further_than_told)
{
	struct json *j = json_parse("[1]garbage", 3, 1);

	ck_assert_ptr_nonnull(j);
	ck_assert_uint_eq(json_length(j), 1);
	json_free(&j);
	ck_assert_ptr_null(json_parse("{}\0", 3, 1));
}
END_TEST

START_TEST(members_are_found)
{
	static const char text[] =
	    "{\"s\":\"a\\u0000b\",\"n\":-5,\"t\":true,\"f\":false,"
	    "\"z\":null,\"a\":[1,\"x\",null]}";
	struct json *j = json_parse(text, strlen(text), 2);
	const struct json *a = json_get(j, "a");
	size_t n;

	ck_assert_mem_eq(json_string(json_get(j, "s"), &n), "a\0b", 4);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(json_int(json_get(j, "n")), -5);
	ck_assert(json_true(json_get(j, "t")));
	ck_assert(!json_true(json_get(j, "f")));
	ck_assert(!json_true(json_get(j, "n")));
	ck_assert_int_eq(json_kind(json_get(j, "z")), JSON_NULL);
	ck_assert_ptr_null(json_get(j, "nothing"));
	ck_assert_ptr_null(json_get(a, "s"));
	ck_assert_uint_eq(json_length(a), 3);
	ck_assert_uint_eq(json_length(j), 0);
	ck_assert_str_eq(json_string(json_at(a, 1), &n), "x");
	ck_assert_int_eq(json_kind(json_at(a, 2)), JSON_NULL);
	json_free(&j);
}
END_TEST

START_TEST(text_is_what_was_made)
{
	struct arena *mem = arena_new(1 << 16);
	struct json *j = json_object(), *list = json_array();
	struct json *inner = json_object();
	static const char want[] =
	    "{\"url\":\"https://a/?b=1\",\"q\":\"\\\"\\\\\\n\",\"u\":\"\xc3"
	    "\xbc\",\"n\":-9223372036854775808,\"b\":true,"
	    "\"list\":[{\"x\":1}]}";
	size_t n;

	json_put_string(j, "url", "https://a/?b=1");
	json_put_string(j, "q", "\"\\\n");
	json_put_string(j, "u", "\xc3\xbc");
	json_put_int(j, "n", INT64_MIN);
	json_put_bool(j, "b", true);
	json_put_int(inner, "x", 1);
	json_append(list, inner);
	json_put(j, "list", list);
	for (int twice = 0; twice < 2; twice++) {
		ck_assert_str_eq(json_text(j, mem, &n), want);
		ck_assert_uint_eq(n, strlen(want));
	}
	json_free(&j);
	arena_free(&mem);
}
END_TEST

START_TEST(null_is_written_as_null)
{
	struct arena *mem = arena_new(1 << 12);
	struct json *nothing = json_parse("null", 4, 1), *j = json_object();

	ck_assert_str_eq(json_text(nothing, mem, NULL), "null");
	json_put(j, "a", nothing);
	ck_assert_str_eq(json_text(j, mem, NULL), "{\"a\":null}");
	json_free(&j);
	arena_free(&mem);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "parse", parse_takes_whole_values_only, ROWS(texts) },
		{ "length", parse_reads_no_further_than_told, 0 },
		{ "members", members_are_found, 0 },
		{ "text", text_is_what_was_made, 0 },
		{ "null", null_is_written_as_null, 0 },
	};

	return test_main("json", suite, ROWS(suite));
}
