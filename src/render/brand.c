/* SPDX-License-Identifier: ISC */
/*
 * The brand: from options and static files to the data that templates see.
 * A colour is the operator's to choose freely; what is written on it or in
 * it is made readable here.
 */
#include "render/brand.h"

#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "base/must.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/json.h"
#include "platform/url.h"
#include "render/color.h"
#include "render/file.h"

#define PRINT_BYTES 4 /* of a fingerprint */
#define BLANKS " \t"
#define LINKS_MOST 8

struct link {
	const char *label, *url;
};

struct links {
	struct link rows[LINKS_MOST];
	size_t n;
};

/* Of public/postern.css: where links stand, and what a button is. */
static const struct color light_page = { 0xf3, 0xf5, 0xf8 },
			  dark_card = { 0x1a, 0x1f, 0x26 },
			  standard = { 0x1d, 0x5f, 0xd1 };

static const char *
fingerprint(struct arena *mem, const char *text, size_t n)
{
	unsigned char hash[SHA256_SIZE];
	char *hex = arena_alloc(mem, 2 * PRINT_BYTES + 1);

	crypto_sha256(hash, text, n);
	hex_encode(hex, hash, PRINT_BYTES);
	return hex;
}

/* The path of postern.<kind> in static_dir, and its text; "" after a
 * report. */
static const char *
static_file(struct problems *ps, struct arena *mem, const struct config *c,
    const char *kind, char **text)
{
	const char *const dirs[2] = { c->static_dir, NULL };
	const char *path;
	size_t n;

	*text = file_read(ps, mem, dirs, arena_printf(mem, "postern.%s", kind),
	    &path, &n);
	if (*text == NULL)
		return "";
	return arena_printf(mem, "/static/postern.%s.%s",
	    fingerprint(mem, *text, n), kind);
}

/* The stylesheet with the brand's colours after its own. */
static void
make_css(struct brand *b, struct arena *mem, const char *base,
    struct color accent)
{
	char as[4][COLOR_TEXT];

	b->css = arena_printf(mem,
	    "%s\n:root{--accent:%s;--on-accent:%s;--link:%s}\n"
	    "@media(prefers-color-scheme:dark){:root{--accent:%s;"
	    "--on-accent:%s;--link:%s}}\n",
	    base, color_text(as[0], accent),
	    color_text(as[1], color_on(accent)),
	    color_text(as[2], color_readable(accent, light_page)), as[0], as[1],
	    color_text(as[3], color_readable(accent, dark_card)));
	b->css_n = strlen(b->css);
	b->path = arena_printf(mem, "/brand.css?v=%s",
	    fingerprint(mem, b->css, b->css_n));
}

/* Links: "Imprint=https://example.org/imprint, Privacy=/privacy". ---------- */

static bool
is_url(const char *url)
{
	return (url_is_path(url) || strncmp(url, "https://", 8) == 0 ||
		   strncmp(url, "http://", 7) == 0 ||
		   strncmp(url, "mailto:", 7) == 0) &&
	    strpbrk(url, " \t\"<>\\") == NULL;
}

/* s without blanks at its ends, in place. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, BLANKS);
	for (n = strlen(s); n > 0 && strchr(BLANKS, s[n - 1]) != NULL; n--)
		continue;
	s[n] = '\0';
	return s;
}

/* One of them, "Label=address", in place. */
static void
read_link(struct links *links, struct problems *ps, char *text)
{
	char *equals = strchr(text, '=');
	struct link link = { .label = text };

	if (equals == NULL || links->n == LINKS_MOST) {
		problem(ps, "brand_links", 0,
		    equals == NULL ?
			"a link without an address: write Label=address, with"
			" commas between" :
			"too many links: eight are the most");
		return;
	}
	*equals = '\0';
	link.label = trim(text);
	link.url = trim(equals + 1);
	if (*link.label == '\0' || !is_url(link.url))
		problem(ps, "brand_links", 0,
		    "a link needs a label, and an address that begins with"
		    " https://, http://, mailto: or one slash");
	else
		links->rows[links->n++] = link;
}

static void
read_links(struct links *links, struct problems *ps, struct arena *mem,
    const char *text)
{
	char *rest = arena_strdup(mem, text), *one;

	while ((one = strsep(&rest, ",")) != NULL)
		if (*(one = trim(one)) != '\0')
			read_link(links, ps, one);
}

/* As data; the paths are put after origin. */
static struct json *
links_json(const struct links *links, struct arena *mem, const char *origin)
{
	struct json *list = json_array();

	for (size_t i = 0; i < links->n; i++) {
		const struct link *k = &links->rows[i];
		struct json *row = json_object();

		json_put_string(row, "label", k->label);
		json_put_string(row, "url",
		    url_is_path(k->url) ?
			arena_printf(mem, "%s%s", origin, k->url) :
			k->url);
		json_append(list, row);
	}
	return list;
}

/* What pages and mails get. ------------------------------------------------ */

static struct json *
make_common(const struct config *c, enum language l)
{
	struct json *data = json_object();

	json_put_string(data, "lang", language_tag(l));
	json_put_string(data, "site_name", c->site_name);
	return data;
}

static struct json *
make_mail(const struct config *c, enum language l, struct color accent)
{
	struct json *data = make_common(c, l);
	char text[COLOR_TEXT];

	json_put_string(data, "color", color_text(text, accent));
	json_put_string(data, "color_on", color_text(text, color_on(accent)));
	return data;
}

static struct color
read_color(struct problems *ps, const char *text)
{
	struct color accent = standard;

	if (*text != '\0' && !color_parse(&accent, text))
		problem(ps, "brand_color", 0,
		    "is no colour: write # and three or six hexadecimal"
		    " digits, as #1d5fd1");
	return accent;
}

static void
check_logo(struct problems *ps, const char *path)
{
	if (*path != '\0' && !url_is_path(path))
		problem(ps, "brand_logo", 0,
		    "is no path on this site: pages load nothing from"
		    " elsewhere; write one as /static/logo.svg");
}

void
brand_load(struct brand *b, struct problems *ps, struct arena *mem,
    const struct config *c)
{
	struct color accent = read_color(ps, c->brand_color);
	struct links links = { .n = 0 };
	char *text, *script;
	const char *css = static_file(ps, mem, c, "css", &text);
	const char *js = static_file(ps, mem, c, "js", &script);

	b->path = "";
	if (*c->brand_color != '\0' && text != NULL) {
		make_css(b, mem, text, accent);
		css = b->path;
	}
	check_logo(ps, c->brand_logo);
	read_links(&links, ps, mem, c->brand_links);
	for (int l = 0; l < LANGUAGES; l++) {
		struct json *page = make_common(c, (enum language)l);
		struct json *mail = make_mail(c, (enum language)l, accent);

		json_put_string(page, "css", css);
		json_put_string(page, "js", js);
		json_put_string(page, "logo", c->brand_logo);
		json_put(page, "links", links_json(&links, mem, ""));
		json_put(mail, "links", links_json(&links, mem, c->public_url));
		b->page[l] = page;
		b->mail[l] = mail;
	}
}

void
brand_free(struct brand *b)
{
	for (int l = 0; l < LANGUAGES; l++) {
		json_free(&b->page[l]);
		json_free(&b->mail[l]);
	}
}
