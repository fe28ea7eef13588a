/* SPDX-License-Identifier: ISC */
#include "http/form.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "tests/test.h"

/* n is 0 where strlen() tells it; fields are joined as name=value; */
static const struct {
	const char *text;
	size_t n;
	const char *want; /* NULL: ERR_FORM */
} forms[] = {
	{ "", 0, "" },
	{ "a=1", 0, "a=1;" },
	{ "a=1&b=2&a=3", 0, "a=1;b=2;a=3;" },
	{ "&&a=1&&", 0, "a=1;" },
	{ "a", 0, "a=;" },
	{ "a=", 0, "a=;" },
	{ "=a", 0, "=a;" },
	{ "a=b=c", 0, "a=b=c;" },
	{ "a=x+y%20z&%61%3D=%26", 0, "a=x y z;a==&;" },
	{ "a=%c3%a4%F0%9F%98%80", 0, "a=\xc3\xa4\xf0\x9f\x98\x80;" },
	{ "a=\xc3\xa4", 0, "a=\xc3\xa4;" },
	{ "a=%0d%0a", 0, "a=\r\n;" },
	/* Broken escapes. */
	{ "a=%", 0, NULL },
	{ "a=%4", 0, NULL },
	{ "a=%4&b=1", 0, NULL },
	{ "a=%zz", 0, NULL },
	{ "%=a", 0, NULL },
	/* No UTF-8: alone, overlong, a surrogate, cut. */
	{ "a=%ff", 0, NULL },
	{ "a=%c0%80", 0, NULL },
	{ "a=%ed%a0%80", 0, NULL },
	{ "a=%c3", 0, NULL },
	{ "a=\xff", 0, NULL },
	{ "a=%c3&%a4=b", 0, NULL },
	/* NUL. */
	{ "a=%00", 0, NULL },
	{ "a=b\0c", 5, NULL },
	{ "a\0c=b", 5, NULL },
	{ "a=b&\0", 5, NULL },
	/* As many fields as there is room for, and one more. */
	{ "1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16", 0,
	    "1=;2=;3=;4=;5=;6=;7=;8=;9=;10=;11=;12=;13=;14=;15=;16=;" },
	{ "1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", 0, NULL },
};

START_TEST(a_form_gives_its_fields_or_is_refused)
{
	struct arena *mem = arena_new(16384);
	char got[200] = "";
	struct form f;
	size_t n = forms[_i].n, len = 0;
	enum err e;

	if (n == 0)
		n = strlen(forms[_i].text);
	e = form_parse(&f, mem, forms[_i].text, n);
	ck_assert_int_eq(e, forms[_i].want == NULL ? ERR_FORM : OK);
	for (size_t i = 0; e == OK && i < f.n; i++)
		len += (size_t)snprintf(got + len, sizeof got - len, "%s=%s;",
		    f.field[i].name, f.field[i].value);
	if (e == OK)
		ck_assert_str_eq(got, forms[_i].want);
	arena_free(&mem);
}
END_TEST

START_TEST(the_first_field_of_a_name_counts)
{
	struct arena *mem = arena_new(16384);
	struct form f;

	ck_assert_int_eq(form_parse(&f, mem, "a=1&b=2&b=3", 11), OK);
	ck_assert_str_eq(form_get(&f, "b"), "2");
	ck_assert_ptr_null(form_get(&f, "B"));
	ck_assert_ptr_null(form_get(&f, ""));
	arena_free(&mem);
}
END_TEST

static const struct {
	const char *text, *want; /* of "token"; NULL: none */
} queries[] = {
	{ "", NULL },
	{ "token=x", "x" },
	{ "a=1&token=x&token=y", "x" },
	{ "token", "" },
	{ "token=", "" },
	{ "token=a=b", "a=b" },
	{ "&&token=x%20y+z&", "x y z" },
	{ "%74oken=x", "x" },
	{ "%74%6f%6b%65%6e=x", "x" },
	{ "tokens=x&atoken=y&Token=z&toke=a", NULL },
	{ "other=token=x", NULL },
	/* What does not decode is passed over. */
	{ "token=x&a=%zz", "x" },
	{ "%zz&a=%ff&%=b&token=x", "x" },
	{ "token=%zz&token=%00&token=%ff&token=x", "x" },
	{ "token=%zz", NULL },
	{ "1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17&token=x", "x" },
};

START_TEST(a_query_gives_a_field_whatever_surrounds_it)
{
	struct arena *mem = arena_new(16384);
	const char *got = form_find(mem, queries[_i].text, "token");

	ck_assert_pstr_eq(got, queries[_i].want);
	arena_free(&mem);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "forms", a_form_gives_its_fields_or_is_refused, ROWS(forms) },
		{ "find", a_query_gives_a_field_whatever_surrounds_it,
		    ROWS(queries) },
		{ "get", the_first_field_of_a_name_counts, 0 },
	};

	return test_main("form", suite, ROWS(suite));
}
