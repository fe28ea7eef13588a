/* SPDX-License-Identifier: ISC */
#ifndef RENDER_TEMPLATE_H
#define RENDER_TEMPLATE_H

#include <stddef.h>

#include "render/language.h"

struct arena;
struct config;
struct json;

/*
 * A strict, logic-less subset of Mustache (mustache(5)): {{name}} escaped by
 * what the template is, {{#name}}…{{/name}} for a non-empty value (an array
 * repeats), {{^name}}…{{/name}} for an empty one, {{>partial}}, {{! comment}}.
 * A name is looked up in the innermost object, then outwards.  There is no
 * unescaped form: in a file that ends in .html & < > " ' are escaped always;
 * any other is plain text, as is.
 *
 * A name that a template uses and its page or mail does not provide is found
 * when the templates are loaded, before anything is served.  One that is
 * provided but has no value this time is empty.
 */
struct templates;

/* Told each problem in words: file, line (0 for none), what. */
typedef void template_report(void *arg, const char *file, int line,
    const char *what);

/*
 * Loads and parses every template of the table in template.c once a language,
 * each from template_override_dir when it is there, else from template_dir,
 * and tries it against the names its kind of page or mail provides; with them
 * the texts (render/text.h) and the brand (render/brand.h) that c describes.
 * NULL after anything was reported.  c is not needed afterwards.
 */
struct templates *templates_load(const struct config *c,
    template_report *report, void *arg);
void templates_free(struct templates **tp);

/*
 * Renders the template called name ("mail/verify.txt") in language l with
 * data into mem; *n (may be NULL) is its length.  must() that name is in the
 * table.  What every page or mail has in common (the site's name, the brand,
 * the language) is there without being in data.
 */
char *template_render(const struct templates *t, struct arena *mem,
    enum language l, const char *name, const struct json *data, size_t *n);

/*
 * A text by its key, as it stands in the catalogue.  must() that there is
 * one: the keys that C code asks for are in the table of render/text.c, so
 * that a missing one is told when the templates are loaded.
 */
const char *templates_text(const struct templates *t, enum language l,
    const char *key);

/*
 * The stylesheet in the configured brand_color and its length in *n, or NULL
 * where none is configured; then templates_brand_path() is the path it goes
 * by ("/brand.css?v=01234567"), else "".
 */
const char *templates_brand_css(const struct templates *t, size_t *n);
const char *templates_brand_path(const struct templates *t);

#endif
