/* SPDX-License-Identifier: ISC */
/*
 * The table of mails against whatever else must know each of them: the CHECK
 * of the database, the table of templates, the routes their links lead to.
 */
#include "domain/mail_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/outbox.h"
#include "handlers/call.h"
#include "platform/config.h"
#include "tests/test.h"

/* What a file of the source says between two texts. */
static char *
excerpt(const char *name, const char *from, const char *to)
{
	static char text[65536];
	const char *source = getenv("POSTERN_SOURCE");
	char path[4096], *start, *end;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s",
	    source == NULL ? "." : source, name);
	f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s cannot be read", path);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	start = strstr(text, from);
	ck_assert_msg(start != NULL, "%s: no %s", path, from);
	end = strstr(start, to);
	ck_assert_msg(end != NULL, "%s: no %s", path, to);
	*end = '\0';
	return start;
}

static int
count(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

START_TEST(database_knows_these_and_no_more)
{
	char *check = excerpt("sql/0001_initial.sql",
	    "CREATE TABLE postern.mail_outbox", "account_id");

	for (int k = 0; k < MAIL_KINDS; k++) {
		char word[64];

		(void)snprintf(word, sizeof word, "'%s'", mail_kinds[k].name);
		ck_assert_msg(count(check, word) == 1, "%s", word);
	}
	ck_assert_int_eq(count(check, "'"), 2 * MAIL_KINDS);
}
END_TEST

/* The names its templates may use. */
static const char *
names_of(const struct mail_kind_row *k)
{
	if (k->path == NULL)
		return "address";
	return k->purpose == TOKEN_NONE ? "address link" :
					  "address link lifetime";
}

START_TEST(each_has_templates_that_know_its_link)
{
	static const char *const parts[] = { "txt", "html" };
	char *table = excerpt("src/render/template.c", "} table[] = {", "};");

	for (int k = 0; k < MAIL_KINDS; k++) {
		for (int i = 0; i < ROWS(parts); i++) {
			char row[128];

			(void)snprintf(row, sizeof row,
			    "{ \"mail/%s.%s\", \"%s\" }", mail_kinds[k].name,
			    parts[i], names_of(&mail_kinds[k]));
			ck_assert_msg(count(table, row) == 1, "%s", row);
		}
	}
	ck_assert_int_eq(count(table, "\"mail/") - count(table, "\"mail/_"),
	    ROWS(parts) * MAIL_KINDS);
}
END_TEST

static const struct route *
page_at(const char *path)
{
	for (const struct route *r = routes; r->path != NULL; r++)
		if (r->method == METHOD_GET && strcmp(r->path, path) == 0)
			return r;
	return NULL;
}

START_TEST(a_token_goes_to_a_page)
{
	for (int k = 0; k < MAIL_KINDS; k++) {
		const struct mail_kind_row *row = &mail_kinds[k];
		const struct route *r;

		if (row->purpose == TOKEN_NONE)
			continue;
		ck_assert_msg(row->path != NULL, "%s", row->name);
		r = page_at(row->path);
		ck_assert_msg(r != NULL && route_is_page(r), "%s", row->path);
	}
}
END_TEST

START_TEST(each_is_found_by_its_name)
{
	enum mail_kind kind;

	for (int k = 0; k < MAIL_KINDS; k++) {
		ck_assert(mail_kind_by_name(&kind, mail_kinds[k].name));
		ck_assert_int_eq(kind, k);
	}
	ck_assert(!mail_kind_by_name(&kind, "of_a_later_version"));
}
END_TEST

/* Unlike each other and the fixed ones. */
static const struct config config = {
	.verification_lifetime = 86400,
	.reset_lifetime = 3600,
};

#define NOTICE (3 * 86400)

static const struct {
	enum mail_kind kind;
	int64_t queue, link; /* until the mail, and its link, is over */
} lifetimes[] = {
	{ MAIL_VERIFY, 86400, 86400 },
	{ MAIL_RESET, 3600, 3600 },
	{ MAIL_PASSWORD_CHANGED, NOTICE, 0 },
	{ MAIL_ADDRESS_TAKEN, NOTICE, 0 },
	{ MAIL_CONFIRM_ADDRESS, 86400, 86400 },
	{ MAIL_ADDRESS_CHANGED, TAKE_BACK_LIFETIME, TAKE_BACK_LIFETIME },
};

START_TEST(a_mail_is_over_with_its_link)
{
	enum mail_kind kind = lifetimes[_i].kind;

	ck_assert_int_eq(outbox_lifetime(&config, kind), lifetimes[_i].queue);
	ck_assert_int_eq(one_time_token_lifetime(&config,
			     mail_kinds[kind].purpose),
	    lifetimes[_i].link);
}
END_TEST

int
main(void)
{
	const struct test_case cases[] = {
		{ "the database knows these and no more",
		    database_knows_these_and_no_more, 0 },
		{ "each has templates that know its link",
		    each_has_templates_that_know_its_link, 0 },
		{ "a token goes to a page", a_token_goes_to_a_page, 0 },
		{ "each is found by its name", each_is_found_by_its_name, 0 },
		{ "a mail is over with its link", a_mail_is_over_with_its_link,
		    ROWS(lifetimes) },
	};

	return test_main("mail_kind", cases, ROWS(cases));
}
