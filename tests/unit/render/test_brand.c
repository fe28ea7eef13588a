/* SPDX-License-Identifier: ISC */
/*
 * The brand: whatever colour an operator gives, what is written on it and in
 * it can be read; what is no colour, link or local picture is told.
 */
#include "render/brand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "platform/config.h"
#include "platform/json.h"
#include "render/color.h"
#include "render/template.h"
#include "tests/test.h"

static char said[2048], public[4096], templates_dir[4096];
static struct config config = { .site_name = "Site",
	.public_url = "https://login.example.org",
	.template_override_dir = "" };

static void
listen_to(void *arg, const char *file, int line, const char *what)
{
	size_t n = strlen(said);

	(void)arg;
	(void)line;
	(void)snprintf(said + n, sizeof said - n, "%s: %s\n", file, what);
}

static struct templates *
load(const char *color, const char *logo, const char *links)
{
	const char *source = getenv("POSTERN_SOURCE");

	if (source == NULL)
		source = ".";
	(void)snprintf(public, sizeof public, "%s/public", source);
	(void)snprintf(templates_dir, sizeof templates_dir, "%s/templates",
	    source);
	config.static_dir = public;
	config.template_dir = templates_dir;
	config.brand_color = color;
	config.brand_logo = logo;
	config.brand_links = links;
	said[0] = '\0';
	return templates_load(&config, listen_to, NULL);
}

static struct color
color(const char *text)
{
	struct color c = { 0, 0, 0 };

	ck_assert(color_parse(&c, text));
	return c;
}

/* Figures of the usual contrast checkers. */
static const struct {
	const char *a, *b;
	double want;
} contrasts[] = {
	{ "#000", "#fff", 21.0 },
	{ "#ffffff", "#ffffff", 1.0 },
	{ "#777777", "#ffffff", 4.48 },
	{ "#ff0000", "#ffffff", 4.00 },
	{ "#0000ff", "#ffffff", 8.59 },
	{ "#010203", "#000000", 1.01 },
};

START_TEST(contrast_is_as_wcag_says)
{
	double got =
	    color_contrast(color(contrasts[_i].a), color(contrasts[_i].b));

	ck_assert_double_eq_tol(got, contrasts[_i].want, 0.006);
	ck_assert_double_eq_tol(color_contrast(color(contrasts[_i].b),
				    color(contrasts[_i].a)),
	    got, 1e-9);
}
END_TEST

START_TEST(any_colour_can_be_read)
{
	const struct color backs[] = { color("#f3f5f8"), color("#1a1f26") };

	for (int i = 0; i < 512; i++) {
		struct color c = { (unsigned char)((i >> 6) * 36),
			(unsigned char)((i >> 3 & 7) * 36),
			(unsigned char)((i & 7) * 36) };

		ck_assert_double_ge(color_contrast(c, color_on(c)),
		    COLOR_CONTRAST);
		for (int b = 0; b < 2; b++)
			ck_assert_double_ge(color_contrast(color_readable(c,
							       backs[b]),
						backs[b]),
			    COLOR_CONTRAST);
	}
}
END_TEST

static const char *const no_colors[] = { "", "red", "#", "#12", "#1234",
	"#12345", "#1234567", "#ggg", "123456", "#12 456", "#\303\2441" };

START_TEST(what_is_no_colour_is_told)
{
	struct color c;

	ck_assert(!color_parse(&c, no_colors[_i]));
	if (*no_colors[_i] == '\0')
		return;
	ck_assert_ptr_null(load(no_colors[_i], "", ""));
	ck_assert_ptr_nonnull(strstr(said, "brand_color: is no colour"));
}
END_TEST

/* The colours that brand.c and the stylesheet both know. */
START_TEST(stylesheet_and_brand_agree)
{
	struct templates *t = load("#ffdd00", "", "");
	const char *css;
	size_t n;

	ck_assert_msg(t != NULL, "%s", said);
	css = templates_brand_css(t, &n);
	ck_assert_uint_eq(strlen(css), n);
	ck_assert_ptr_nonnull(strstr(css, "--page: #f3f5f8;"));
	ck_assert_ptr_nonnull(strstr(css, "--card: #1a1f26;"));
	ck_assert_ptr_nonnull(strstr(css, "--accent: #1d5fd1;"));
	ck_assert_ptr_nonnull(
	    strstr(css, ":root{--accent:#ffdd00;--on-accent:#000000;"));
	ck_assert_int_eq(strncmp(templates_brand_path(t), "/brand.css?v=", 13),
	    0);
	ck_assert_uint_eq(strlen(templates_brand_path(t)), 21);
	templates_free(&t);
}
END_TEST

/* The stylesheet's own pairs, light and then dark: text and its ground. */
static const struct {
	const char *text, *ground;
	double least;
} pairs[] = {
	{ "#1b2027", "#f3f5f8", 4.5 },
	{ "#55606e", "#f3f5f8", 4.5 },
	{ "#1857c4", "#f3f5f8", 4.5 },
	{ "#ffffff", "#1d5fd1", 4.5 },
	{ "#a6231a", "#fdeeec", 4.5 },
	{ "#a6231a", "#ffffff", 4.5 },
	{ "#11602f", "#e8f6ec", 4.5 },
	{ "#78828f", "#ffffff", 3.0 },
	{ "#e8ebef", "#1a1f26", 4.5 },
	{ "#a7b1be", "#1a1f26", 4.5 },
	{ "#8ab6fb", "#1a1f26", 4.5 },
	{ "#ffffff", "#2767d8", 4.5 },
	{ "#ffaaa0", "#3a1f1f", 4.5 },
	{ "#ffaaa0", "#1a1f26", 4.5 },
	{ "#86e0a5", "#16301f", 4.5 },
	{ "#7b8694", "#1a1f26", 3.0 },
};

START_TEST(own_colours_can_be_read)
{
	struct templates *t = load("#000", "", "");
	size_t n;

	ck_assert_double_ge(color_contrast(color(pairs[_i].text),
				color(pairs[_i].ground)),
	    pairs[_i].least);
	ck_assert_msg(t != NULL, "%s", said);
	if (strcmp(pairs[_i].text, "#ffffff") != 0)
		ck_assert_ptr_nonnull(
		    strstr(templates_brand_css(t, &n), pairs[_i].text));
	templates_free(&t);
}
END_TEST

START_TEST(no_colour_no_stylesheet_of_its_own)
{
	struct templates *t = load("", "", "");
	size_t n = 1;

	ck_assert_msg(t != NULL, "%s", said);
	ck_assert_ptr_null(templates_brand_css(t, &n));
	ck_assert_uint_eq(n, 0);
	ck_assert_str_eq(templates_brand_path(t), "");
	templates_free(&t);
}
END_TEST

static const struct {
	const char *logo, *links, *want; /* of the home page, or of a report */
	bool good;
} brands[] = {
	{ "", "", "<a href=\"/\">Site</a>", true },
	{ "/static/l.svg", "", "<img src=\"/static/l.svg\" alt=\"Site\">",
	    true },
	{ "", "A=/a", "<a href=\"/a\">A</a>\n</footer>", true },
	{ "", " A B = https://x.example/?a=b , C=mailto:c@example.org,",
	    "<a href=\"https://x.example/?a=b\">A B</a>\n"
	    "<a href=\"mailto:c@example.org\">C</a>\n</footer>",
	    true },
	{ "", "A<=/a", "<a href=\"/a\">A&lt;</a>", true },
	{ "//evil.example/l.svg", "", "brand_logo: is no path", false },
	{ "/\\evil.example/l.svg", "", "brand_logo: is no path", false },
	{ "", "A", "brand_links: a link without an address", false },
	{ "", "A=", "brand_links: a link needs", false },
	{ "", "=/a", "brand_links: a link needs", false },
	{ "", "A=javascript:alert(1)", "brand_links: a link needs", false },
	{ "", "A=//x.example", "brand_links: a link needs", false },
	{ "", "A=https://x.example/a b", "brand_links: a link needs", false },
	{ "", "A=/1,A=/2,A=/3,A=/4,A=/5,A=/6,A=/7,A=/8,A=/9", "too many",
	    false },
};

START_TEST(brand_is_on_the_page_or_told)
{
	struct arena *mem = arena_new(1 << 16);
	struct templates *t = load("", brands[_i].logo, brands[_i].links);
	struct json *data = json_object();
	const char *text = said;

	ck_assert_msg((t != NULL) == brands[_i].good, "%s", said);
	if (t != NULL)
		text = template_render(t, mem, LANGUAGE_EN, "page/home.html",
		    data, NULL);
	ck_assert_msg(strstr(text, brands[_i].want) != NULL, "%s", text);
	json_free(&data);
	templates_free(&t);
	arena_free(&mem);
}
END_TEST

START_TEST(missing_static_files_are_told)
{
	struct templates *t = load("", "", "");

	templates_free(&t);
	config.static_dir = "/nonexistent";
	said[0] = '\0';
	ck_assert_ptr_null(templates_load(&config, listen_to, NULL));
	ck_assert_ptr_nonnull(strstr(said, "/nonexistent/postern.css"));
	ck_assert_ptr_nonnull(strstr(said, "/nonexistent/postern.js"));
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "contrast", contrast_is_as_wcag_says, ROWS(contrasts) },
		{ "any", any_colour_can_be_read, 0 },
		{ "no colour", what_is_no_colour_is_told, ROWS(no_colors) },
		{ "agree", stylesheet_and_brand_agree, 0 },
		{ "own", own_colours_can_be_read, ROWS(pairs) },
		{ "none", no_colour_no_stylesheet_of_its_own, 0 },
		{ "brand", brand_is_on_the_page_or_told, ROWS(brands) },
		{ "static", missing_static_files_are_told, 0 },
	};

	return test_main("brand", suite, ROWS(suite));
}
