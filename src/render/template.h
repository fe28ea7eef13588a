/* SPDX-License-Identifier: ISC */
#ifndef RENDER_TEMPLATE_H
#define RENDER_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
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
 * Loads and parses every template of the table in template.c, each from
 * override_dir when it is there, else from dir, and tries it against the
 * names its kind of page or mail provides.  NULL after anything was
 * reported.  override_dir may be NULL or "".
 */
struct templates *templates_load(const char *dir, const char *override_dir,
    template_report *report, void *arg);
void templates_free(struct templates **tp);

/*
 * Renders the template called name ("mail/verify.txt") with data into mem;
 * *n (may be NULL) is its length.  must() that name is in the table.
 */
char *template_render(const struct templates *t, struct arena *mem,
    const char *name, const struct json *data, size_t *n);

#endif
