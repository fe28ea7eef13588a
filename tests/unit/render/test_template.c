/* SPDX-License-Identifier: ISC */
/*
 * Templates: what one becomes with data, what is refused when they are
 * loaded, and that the ones Postern brings hold.  Each case is an operator's
 * page/message.html or mail/reset.txt over the real ones.
 */
#include "render/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "platform/json.h"
#include "tests/test.h"

#define PAGE "page/message.html"
#define MAIL "mail/reset.txt"

static char folder[] = "/tmp/postern-test-XXXXXX";
static char said[4096]; /* all reports, a line each */
static int reports;

static void
listen_to(void *arg, const char *file, int line, const char *what)
{
	size_t n = strlen(said);

	(void)arg;
	ck_assert_ptr_nonnull(file);
	reports++;
	(void)snprintf(said + n, sizeof said - n, "%d: %s\n", line, what);
}

/* The folder of the templates in the source. */
static const char *
ours(void)
{
	static char dir[4096];
	const char *source = getenv("POSTERN_SOURCE");

	(void)snprintf(dir, sizeof dir, "%s/templates",
	    source == NULL ? "." : source);
	return dir;
}

static void
write_file(const char *name, const char *text, size_t n)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, n, f), n);
	ck_assert_int_eq(fclose(f), 0);
}

static void
make_folder(const char *sub)
{
	char path[256];

	(void)snprintf(path, sizeof path, "%s/%s", folder, sub);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void
remove_folder(void)
{
	static const char *const names[] = { PAGE, MAIL,
		"page/verify_email.html", "page", "mail", "" };
	char path[256];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)remove(path);
	}
}

/* Loads with one template of the operator's in front; and a second. */
static struct templates *
load_with(const char *name, const char *text, const char *name2,
    const char *text2)
{
	struct templates *t;

	said[0] = '\0';
	reports = 0;
	ck_assert_ptr_nonnull(mkdtemp(folder));
	make_folder("page");
	make_folder("mail");
	write_file(name, text, strlen(text));
	if (name2 != NULL)
		write_file(name2, text2, strlen(text2));
	t = templates_load(ours(), folder, listen_to, NULL);
	remove_folder();
	return t;
}

/*
 * Data for every case.  rows is not among the names of a template, so that
 * what repeats goes by the name `link` here.
 */
static struct json *
make_data(void)
{
	struct json *data = json_object(), *rows = json_array();

	for (int i = 0; i < 3; i++) {
		struct json *row = json_object();

		json_put_int(row, "link_label", i);
		if (i == 1)
			json_put_string(row, "site_name", "inner");
		json_append(rows, row);
	}
	json_put_string(data, "site_name", "S<&>\"'");
	json_put_string(data, "title", "T");
	json_put_string(data, "message", "");
	json_put(data, "link", rows);
	json_put_bool(data, "lifetime", true);
	return data;
}

static const struct {
	const char *name, *text, *want;
} renders[] = {
	{ PAGE, "", "" },
	{ PAGE, "plain } {text}", "plain } {text}" },
	{ PAGE, "{{title}}", "T" },
	{ PAGE, "a {{ title }} b", "a T b" },
	{ PAGE, "{{title}}{{title}}", "TT" },
	{ PAGE, "{{site_name}}", "S&lt;&amp;&gt;&quot;&#39;" },
	{ MAIL, "{{site_name}}", "S<&>\"'" },
	{ PAGE, "{{message}}", "" },
	{ PAGE, "a{{! {{ no }}b", "ab" },
	{ PAGE, "{{#title}}yes{{/title}}", "yes" },
	{ PAGE, "{{^title}}no{{/title}}", "" },
	{ PAGE, "{{#message}}yes{{/message}}", "" },
	{ PAGE, "{{^message}}no{{/message}}", "no" },
	{ PAGE, "{{^link_label}}no{{/link_label}}", "no" },
	{ PAGE, "{{link_label}}", "" },
	{ PAGE, "{{#link}}{{link_label}},{{/link}}", "0,1,2," },
	{ PAGE, "{{#link}}{{title}}{{/link}}", "TTT" },
	{ PAGE, "{{^link}}none{{/link}}", "" },
	{ MAIL, "{{#lifetime}}{{#link}}{{site_name}},{{/link}}{{/lifetime}}",
	    "S<&>\"',inner,S<&>\"'," },
	{ PAGE, "{{#title}}{{#message}}a{{/message}}b{{/title}}c", "bc" },
	{ PAGE, "{{#message}}{{#title}}a{{/title}}b{{/message}}c", "c" },
	/* A tag alone on its line takes the line with it. */
	{ PAGE, "a\n{{#title}}\nb\n{{/title}}\nc\n", "a\nb\nc\n" },
	{ PAGE, "a\n  {{#title}}  \nb\n\t{{/title}}\nc", "a\nb\nc" },
	{ PAGE, "a\r\n{{#title}}\r\nb\r\n{{/title}}\r\nc", "a\r\nb\r\nc" },
	{ PAGE, "{{#title}}\nb\n{{/title}}", "b\n" },
	{ PAGE, "a\n{{! two\nlines }}\nb", "a\nb" },
	{ PAGE, "a {{#title}}\nb{{/title}}\nc", "a \nb\nc" },
	{ PAGE, "{{title}}\nb", "T\nb" },
	{ PAGE, "{{#title}}{{/title}}\nb", "\nb" },
};

START_TEST(template_becomes_text)
{
	struct arena *mem = arena_new(1 << 16);
	struct json *data = make_data();
	struct templates *t =
	    load_with(renders[_i].name, renders[_i].text, NULL, NULL);
	size_t n;
	char *text;

	ck_assert_msg(t != NULL, "row %d: %s", _i, said);
	text = template_render(t, mem, renders[_i].name, data, &n);
	ck_assert_str_eq(text, renders[_i].want);
	ck_assert_uint_eq(n, strlen(renders[_i].want));
	json_free(&data);
	templates_free(&t);
	ck_assert_ptr_null(t);
	arena_free(&mem);
}
END_TEST

static const struct {
	const char *name, *text;
	int line;
	const char *want;
} faults[] = {
	{ PAGE, "{{tilte}}", 1, "unknown name \"tilte\"" },
	{ PAGE, "\n\n{{#lifetime}}{{/lifetime}}", 3, "unknown name" },
	{ MAIL, "{{title}}", 1, "unknown name" },
	{ PAGE, "{{titl}}", 1, "unknown name" },
	{ PAGE, "{{itle}}", 1, "unknown name" },
	{ PAGE, "{{title", 1, "not closed" },
	{ PAGE, "a\n{{title}", 2, "not closed" },
	{ PAGE, "{{}}", 1, "none of" },
	{ PAGE, "{{Title}}", 1, "none of" },
	{ PAGE, "{{ti tle}}", 1, "none of" },
	{ PAGE, "{{title\n}}", 1, "none of" },
	{ PAGE, "{{{title}}}", 1, "none of" },
	{ PAGE, "{{&title}}", 1, "none of" },
	{ PAGE, "{{=<% %>=}}", 1, "none of" },
	{ PAGE, "{{#}}", 1, "none of" },
	{ PAGE, "\n{{#title}}\n\n", 2, "not closed" },
	{ PAGE, "{{/title}}", 1, "not open" },
	{ PAGE, "{{#title}}{{#link}}\n{{/title}}{{/link}}", 2,
	    "inside another" },
	{ PAGE,
	    "{{#title}}{{#title}}{{#title}}{{#title}}{{#title}}"
	    "{{#title}}{{#title}}{{#title}}{{#title}}",
	    1, "too deep" },
	{ PAGE, "{{>page/other.html}}", 1, "does not exist" },
	{ PAGE, "{{>mail/reset.txt}}", 1, "other kind" },
	{ PAGE, "\n{{>page/verify_email.html}}", 2, "unknown here" },
	{ PAGE, "{{>page/message.html}}", 1, "includes another" },
	{ PAGE, "\xff", 0, "UTF-8" },
};

START_TEST(fault_is_told_with_its_line)
{
	struct templates *t =
	    load_with(faults[_i].name, faults[_i].text, NULL, NULL);
	char line[16];

	ck_assert_ptr_null(t);
	ck_assert_int_eq(reports, 1);
	(void)snprintf(line, sizeof line, "%d: ", faults[_i].line);
	ck_assert_msg(strncmp(said, line, strlen(line)) == 0 &&
		strstr(said, faults[_i].want) != NULL,
	    "row %d: %s", _i, said);
}
END_TEST

START_TEST(all_faults_are_told_at_once)
{
	ck_assert_ptr_null(load_with(PAGE, "{{a}}", MAIL, "{{#b}}"));
	ck_assert_int_eq(reports, 2);
}
END_TEST

START_TEST(partial_is_put_in_place)
{
	struct arena *mem = arena_new(1 << 16);
	struct json *data = make_data();
	struct templates *t =
	    load_with(PAGE, "[\n{{>page/verify_email.html}}\n]",
		"page/verify_email.html", "{{#site_name}}x{{/site_name}}\n");

	ck_assert_msg(t != NULL, "%s", said);
	ck_assert_str_eq(template_render(t, mem, PAGE, data, NULL), "[\nx\n]");
	json_free(&data);
	templates_free(&t);
	arena_free(&mem);
}
END_TEST

START_TEST(large_template_is_refused)
{
	static char text[32770];

	memset(text, 'a', sizeof text - 1);
	ck_assert_ptr_null(load_with(PAGE, text, NULL, NULL));
	ck_assert_ptr_nonnull(strstr(said, "32 KiB"));
}
END_TEST

/* As many tags as fit, each of the shortest kind. */
START_TEST(crowded_template_is_no_bug)
{
	static char text[32760];

	for (size_t i = 0; i + 5 < sizeof text; i += 5)
		memcpy(text + i, "{{a}}", 5);
	ck_assert_ptr_null(load_with(PAGE, text, NULL, NULL));
	memset(text, '{', sizeof text - 1);
	memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
	ck_assert_ptr_null(load_with(PAGE, text, MAIL, text));
}
END_TEST

START_TEST(missing_folder_is_told)
{
	said[0] = '\0';
	reports = 0;
	ck_assert_ptr_null(templates_load("/nonexistent", "", listen_to, NULL));
	ck_assert_int_gt(reports, 5);
}
END_TEST

static const char *const pages[] = { "page/verify_email.html",
	"page/reset_password.html", "page/message.html" };

START_TEST(own_pages_hold)
{
	struct arena *mem = arena_new(1 << 16);
	struct templates *t = templates_load(ours(), NULL, listen_to, NULL);
	struct json *data = json_object();
	const char *text;

	ck_assert_msg(t != NULL, "%s", said);
	json_put_string(data, "site_name", "Site & Co");
	json_put_string(data, "address", "<b>@example.org");
	json_put_string(data, "error", "bad \"thing\"");
	json_put_string(data, "title", "Title");
	json_put_string(data, "message", "Message");
	text = template_render(t, mem, pages[_i], data, NULL);
	ck_assert_ptr_nonnull(strstr(text, "<html lang=\"en\">"));
	ck_assert_ptr_nonnull(strstr(text, "name=\"viewport\""));
	ck_assert_ptr_nonnull(strstr(text, "Site &amp; Co</title>"));
	ck_assert_ptr_null(strstr(text, "<b>"));
	ck_assert_ptr_null(strstr(text, "<script"));
	ck_assert_ptr_null(strstr(text, "style"));
	ck_assert_ptr_null(strstr(text, "{{"));
	json_free(&data);
	templates_free(&t);
	arena_free(&mem);
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "render", template_becomes_text, ROWS(renders) },
		{ "fault", fault_is_told_with_its_line, ROWS(faults) },
		{ "faults", all_faults_are_told_at_once, 0 },
		{ "partial", partial_is_put_in_place, 0 },
		{ "large", large_template_is_refused, 0 },
		{ "crowded", crowded_template_is_no_bug, 0 },
		{ "missing", missing_folder_is_told, 0 },
		{ "own", own_pages_hold, ROWS(pages) },
	};

	return test_main("template", suite, ROWS(suite));
}
