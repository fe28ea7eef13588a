/* SPDX-License-Identifier: ISC */
#ifndef RENDER_BRAND_H
#define RENDER_BRAND_H

#include <stddef.h>

#include "render/language.h"

struct arena;
struct config;
struct json;
struct problems;

/*
 * What every page and every mail has in common: the site's name, logo,
 * colour and links, and where its stylesheet and script are.
 *
 * PAGE_COMMON and MAIL_COMMON are the names that a template may use for it.
 * links is a list of {label, url}.
 */
#define PAGE_COMMON "lang site_name css js logo links label url"
#define MAIL_COMMON "lang site_name color color_on links label url"

struct brand {
	struct json *page[LANGUAGES], *mail[LANGUAGES];
	const char *path; /* of the stylesheet in brand_color, or "" */
	const char *css;  /* it, or NULL */
	size_t css_n;
};

/*
 * Reads the static files of c->static_dir, whose content names them
 * ("/static/postern.01234567.css": another content, another name, so that
 * browsers may keep them for good), and the brand_* options.  What is wrong
 * goes to ps.  Strings are in mem; brand_free() frees the rest.
 */
void brand_load(struct brand *b, struct problems *ps, struct arena *mem,
    const struct config *c);
void brand_free(struct brand *b);

#endif
