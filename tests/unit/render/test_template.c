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
#include "platform/config.h"
#include "platform/json.h"
#include "tests/test.h"

#define PAGE "page/message.html"
#define MAIL "mail/reset.txt"
#define TEXT_EN "text/en.ini"
#define TEXT_DE "text/de.ini"

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

/* The templates of the source, no brand, and an operator's folder or "". */
static struct config
make_config(const char *override_dir)
{
	static char dir[4096], public[4096];
	const char *source = getenv("POSTERN_SOURCE");

	if (source == NULL)
		source = ".";
	(void)snprintf(dir, sizeof dir, "%s/templates", source);
	(void)snprintf(public, sizeof public, "%s/public", source);
	return (struct config){ .site_name = "Site & Co",
		.public_url = "https://login.example.org",
		.template_dir = dir,
		.template_override_dir = override_dir,
		.static_dir = public,
		.brand_logo = "",
		.brand_color = "",
		.brand_links = "" };
}

static struct templates *
load(const struct config *c)
{
	said[0] = '\0';
	reports = 0;
	return templates_load(c, listen_to, NULL);
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
	static const char *const names[] = { PAGE, MAIL, TEXT_EN, TEXT_DE,
		"page/verify_email.html", "page", "mail", "text", "" };
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
	struct config c = make_config(folder);
	struct templates *t;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	make_folder("page");
	make_folder("mail");
	make_folder("text");
	write_file(name, text, strlen(text));
	if (name2 != NULL)
		write_file(name2, text2, strlen(text2));
	t = load(&c);
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
	/* The innermost wins over what is common to all pages. */
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
	text = template_render(t, mem, LANGUAGE_EN, renders[_i].name, data, &n);
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
	{ PAGE, "{{color}}", 1, "unknown name" },
	{ MAIL, "{{css}}", 1, "unknown name" },
	{ PAGE, "\n{{_no.such}}", 2, "no text \"no.such\"" },
	{ PAGE, "{{_link.home", 1, "no text" },
	{ PAGE, "{{_link.home }}", 1, "no text" },
	{ PAGE, "{{_}}", 1, "no text" },
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
	{ PAGE, "\n{{>page/verify_email.html}}", 2, "includes another" },
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
	ck_assert_str_eq(template_render(t, mem, LANGUAGE_EN, PAGE, data, NULL),
	    "[\nx\n]");
	json_free(&data);
	templates_free(&t);
	arena_free(&mem);
}
END_TEST

START_TEST(partial_uses_what_its_page_provides)
{
	ck_assert_ptr_null(load_with(PAGE, "\n{{>page/verify_email.html}}",
	    "page/verify_email.html", "{{claimed}}"));
	ck_assert_ptr_nonnull(strstr(said,
	    "2: includes a template with names"
	    " unknown here"));
	ck_assert_int_eq(reports, 1);
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
	struct config c = make_config("");

	c.template_dir = "/nonexistent";
	ck_assert_ptr_null(load(&c));
	ck_assert_int_gt(reports, 5);
}
END_TEST

/* An operator's texts, over ours. */
static const struct {
	const char *name, *text, *name2, *text2;
	const char *want; /* in a report; NULL when all is well */
} texts[] = {
	{ TEXT_EN, "link.home = Start\n", NULL, NULL, NULL },
	{ TEXT_EN, "# ours\n\n\tlink.home=Start\r\n", NULL, NULL, NULL },
	{ TEXT_EN, "own.text = Own\n", NULL, NULL, "no text \"own.text\"" },
	{ TEXT_EN, "own.text = Own\n", TEXT_DE, "own.text = Eigen\n",
	    "nothing uses the text \"own.text\"" },
	{ TEXT_EN, "link.home = A\nlink.home = B\n", NULL, NULL, "2: a key" },
	{ TEXT_EN, "link.home\n", NULL, NULL, "1: is no `key = text`" },
	{ TEXT_EN, "Link = A\n", NULL, NULL, "1: is no `key = text`" },
	{ TEXT_EN, "= A\n", NULL, NULL, "1: is no `key = text`" },
	{ TEXT_EN, "\nlink.home =\n", NULL, NULL, "2: a key without" },
	{ TEXT_EN, "link.home = {{_login.title}}\n", NULL, NULL, "another" },
	{ TEXT_EN, "link.home = {{nobody}}\n", NULL, NULL, "\"nobody\"" },
	{ TEXT_DE, "error.limited = {{lang}}\n", NULL, NULL, "error.limited" },
	{ TEXT_DE, "\xff", NULL, NULL, "UTF-8" },
};

START_TEST(texts_are_held_against_each_other)
{
	struct templates *t = load_with(texts[_i].name, texts[_i].text,
	    texts[_i].name2, texts[_i].text2);

	ck_assert_msg((t == NULL) == (texts[_i].want != NULL), "%s", said);
	if (texts[_i].want != NULL)
		ck_assert_msg(strstr(said, texts[_i].want) != NULL, "%s", said);
	templates_free(&t);
}
END_TEST

START_TEST(text_takes_its_place)
{
	struct arena *mem = arena_new(1 << 16);
	struct json *data = make_data();
	struct templates *t = load_with(PAGE, "{{_link.home}}|{{_link.home}}",
	    TEXT_EN, "link.home = <a> {{title}} & \"b\"\n");

	ck_assert_msg(t != NULL, "%s", said);
	ck_assert_str_eq(template_render(t, mem, LANGUAGE_EN, PAGE, data, NULL),
	    "&lt;a&gt; T &amp; &quot;b&quot;|&lt;a&gt; T &amp; &quot;b&quot;");
	ck_assert_str_eq(template_render(t, mem, LANGUAGE_DE, PAGE, data, NULL),
	    "Zur Startseite|Zur Startseite");
	ck_assert_str_eq(templates_text(t, LANGUAGE_DE, "link.home"),
	    "Zur Startseite");
	json_free(&data);
	templates_free(&t);
	arena_free(&mem);
}
END_TEST

/* What the data of the handlers has in the worst case. */
static const char full[] =
    "{\"address\":\"<b>@example.org\",\"email\":\"\\\"><b>\",\"error\":\"<b>\","
    "\"error_email\":\"<b>\",\"error_password\":\"<b>\",\"next\":\"/<b>\","
    "\"error_new_password\":\"<b>\",\"notice\":\"<b>\",\"title\":\"<b>\","
    "\"message\":\"<b>\",\"link\":\"/<b>\",\"link_label\":\"<b>\","
    "\"created\":\"<b>\",\"session_started\":\"<b>\",\"unverified\":true,"
    "\"session_client\":\"<b>\",\"session_device\":\"<b>\","
    "\"error_current\":\"<b>\",\"keep\":true,\"others\":true,"
    "\"as_browser\":true,\"languages\":[{\"tag\":\"<b>\","
    "\"name\":\"<b>\",\"checked\":true}],\"sessions\":[{"
    "\"id\":\"<b>\",\"device\":\"<b>\",\"client\":\"<b>\","
    "\"started\":\"<b>\",\"current\":true,\"app\":true,"
    "\"minutes\":5}]}";

static const char *const pages[] = { "account", "account_language",
	"account_password", "account_sessions", "home", "register", "login",
	"dashboard", "forgot_password", "check_email", "reset_password",
	"verify_email", "message" };

static void
check_page(const char *text, enum language l)
{
	char want[40];

	(void)snprintf(want, sizeof want, "<html lang=\"%s\">",
	    language_tag(l));
	ck_assert_ptr_nonnull(strstr(text, want));
	ck_assert_ptr_nonnull(strstr(text, "name=\"viewport\""));
	ck_assert_ptr_nonnull(strstr(text, "Site &amp; Co</title>"));
	ck_assert_ptr_nonnull(strstr(text, "<h1>"));
	ck_assert_ptr_nonnull(strstr(text, "href=\"/static/postern."));
	ck_assert_ptr_nonnull(strstr(text, "</html>\n"));
	/* Nothing of a visitor's, nothing inline, nothing left over. */
	ck_assert_ptr_null(strstr(text, "<b>"));
	ck_assert_ptr_null(strstr(text, "<style"));
	ck_assert_ptr_null(strstr(text, "style="));
	ck_assert_ptr_null(strstr(text, " onclick"));
	ck_assert_ptr_null(strstr(text, "{{"));
	ck_assert_ptr_null(strstr(text, "://"));
}

START_TEST(own_pages_hold)
{
	struct arena *mem = arena_new(1 << 18);
	struct config c = make_config("");
	struct templates *t = load(&c);
	struct json *data = json_parse(full, strlen(full), 4);
	char name[40];

	ck_assert_msg(t != NULL, "%s", said);
	(void)snprintf(name, sizeof name, "page/%s.html", pages[_i]);
	for (int l = 0; l < LANGUAGES; l++) {
		const char *text =
		    template_render(t, mem, (enum language)l, name, data, NULL);

		check_page(text, (enum language)l);
		ck_assert_int_lt((int)strlen(text), 8192);
	}
	json_free(&data);
	templates_free(&t);
	arena_free(&mem);
}
END_TEST

/* "page/login.html" without an error says nothing of one. */
START_TEST(page_without_error_has_none)
{
	struct arena *mem = arena_new(1 << 18);
	struct config c = make_config("");
	struct templates *t = load(&c);
	struct json *data = json_object();
	const char *text;
	char name[40];

	(void)snprintf(name, sizeof name, "page/%s.html", pages[_i]);
	text = template_render(t, mem, LANGUAGE_EN, name, data, NULL);
	ck_assert_ptr_null(strstr(text, "aria-invalid"));
	ck_assert_ptr_null(strstr(text, "role=\"alert\""));
	ck_assert_ptr_null(strstr(text, "Error:"));
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
		{ "partial names", partial_uses_what_its_page_provides, 0 },
		{ "large", large_template_is_refused, 0 },
		{ "crowded", crowded_template_is_no_bug, 0 },
		{ "missing", missing_folder_is_told, 0 },
		{ "texts", texts_are_held_against_each_other, ROWS(texts) },
		{ "text", text_takes_its_place, 0 },
		{ "own", own_pages_hold, ROWS(pages) },
		{ "no error", page_without_error_has_none, ROWS(pages) },
	};

	return test_main("template", suite, ROWS(suite));
}
