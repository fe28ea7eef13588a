/* SPDX-License-Identifier: ISC */
/*
 * Which language is chosen: the account's word first, then the browser's,
 * whatever a browser sends.
 */
#include "render/language.h"

#include <stddef.h>
#include <string.h>

#include "tests/test.h"

static const struct {
	const char *accept, *chosen;
	enum language want;
} choices[] = {
	{ NULL, NULL, LANGUAGE_EN },
	{ "", NULL, LANGUAGE_EN },
	{ "de", NULL, LANGUAGE_DE },
	{ "DE", NULL, LANGUAGE_DE },
	{ "en", NULL, LANGUAGE_EN },
	{ "fr", NULL, LANGUAGE_EN },
	{ "de-AT", NULL, LANGUAGE_DE },
	{ "de-Latn-AT-1901", NULL, LANGUAGE_DE },
	{ "de-a-DE", NULL, LANGUAGE_DE },
	{ "den", NULL, LANGUAGE_EN },
	{ "d", NULL, LANGUAGE_EN },
	{ "de-", NULL, LANGUAGE_DE },
	{ "-de", NULL, LANGUAGE_EN },
	{ "de,en", NULL, LANGUAGE_DE },
	{ "en,de", NULL, LANGUAGE_EN },
	{ "fr, de;q=0.3", NULL, LANGUAGE_DE },
	{ "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", NULL, LANGUAGE_DE },
	{ "en;q=0.5,de;q=0.6", NULL, LANGUAGE_DE },
	{ "en;q=0.600,de;q=0.6", NULL, LANGUAGE_EN },
	{ "en;q=0.599,de;q=0.6", NULL, LANGUAGE_DE },
	{ "en;q=.5,de;q=0.1", NULL, LANGUAGE_DE },
	{ "de;q=0", NULL, LANGUAGE_EN },
	{ "de;q=0.000", NULL, LANGUAGE_EN },
	{ "*", NULL, LANGUAGE_EN },
	{ "*;q=0.5,de;q=0.4", NULL, LANGUAGE_EN },
	{ "*;q=0.5,de;q=0.6", NULL, LANGUAGE_DE },
	{ "fr , de ; q=0.3 , *;q=0.1", NULL, LANGUAGE_DE },
	{ "\tde\t;\tq=1.000\t", NULL, LANGUAGE_DE },
	{ ",,, de", NULL, LANGUAGE_DE },
	{ " , ,de,", NULL, LANGUAGE_DE },
	{ "de;Q=1", NULL, LANGUAGE_DE },
	/* What is malformed counts as not there. */
	{ "de;q=2", NULL, LANGUAGE_EN },
	{ "de;q=1.001", NULL, LANGUAGE_EN },
	{ "de;q=0.1234", NULL, LANGUAGE_EN },
	{ "de;q=", NULL, LANGUAGE_EN },
	{ "de;q", NULL, LANGUAGE_EN },
	{ "de;x=1", NULL, LANGUAGE_EN },
	{ "de;", NULL, LANGUAGE_EN },
	{ "de en", NULL, LANGUAGE_EN },
	{ "de;q=1,0", NULL, LANGUAGE_DE },
	{ ";;;", NULL, LANGUAGE_EN },
	/* The account's choice wins, if it is one of ours. */
	{ "en", "de", LANGUAGE_DE },
	{ "de", "en-GB", LANGUAGE_EN },
	{ "de", "fr", LANGUAGE_DE },
	{ "de", "", LANGUAGE_DE },
};

START_TEST(language_is_the_best_there_is)
{
	ck_assert_int_eq((int)language_choose(choices[_i].accept,
			     choices[_i].chosen),
	    (int)choices[_i].want);
}
END_TEST

START_TEST(tag_reads_back)
{
	for (int i = 0; i < LANGUAGES; i++) {
		enum language l = LANGUAGES;

		ck_assert(language_parse(&l, language_tag((enum language)i)));
		ck_assert_int_eq((int)l, i);
	}
}
END_TEST

START_TEST(foreign_tag_leaves_all_as_it_was)
{
	enum language l = LANGUAGE_DE;

	ck_assert(!language_parse(&l, "fr-CH"));
	ck_assert(!language_parse(&l, ""));
	ck_assert(!language_parse(&l,
	    "en-a-very-long-tag-that-nobody-has-ever-used"));
	ck_assert_int_eq((int)l, LANGUAGE_DE);
}
END_TEST

/* A long header costs no more than a short one. */
START_TEST(endless_header_ends)
{
	static char many[65536];

	for (size_t i = 0; i + 4 < sizeof many; i += 3)
		memcpy(many + i, "fr,", 3);
	memcpy(many + sizeof many - 4, "de", 3);
	ck_assert_int_eq((int)language_choose(many, NULL), LANGUAGE_EN);
	memset(many, ',', sizeof many - 1);
	ck_assert_int_eq((int)language_choose(many, NULL), LANGUAGE_EN);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "choice", language_is_the_best_there_is, ROWS(choices) },
		{ "tag", tag_reads_back, 0 },
		{ "foreign", foreign_tag_leaves_all_as_it_was, 0 },
		{ "endless", endless_header_ends, 0 },
	};

	return test_main("language", suite, ROWS(suite));
}
