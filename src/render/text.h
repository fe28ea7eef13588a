/* SPDX-License-Identifier: ISC */
#ifndef RENDER_TEXT_H
#define RENDER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "render/language.h"

struct arena;
struct problems;

/*
 * The catalogue: every text of pages and mails, by key and language.  One
 * file a language, text/<tag>.ini, of `key = text` lines; '#' starts a
 * comment line.  An operator's file of the same name in the override folder
 * replaces single texts, and may add some for templates of his own.
 *
 * In a template {{_key}} stands for the text, which is plain: in HTML it is
 * escaped.  It may hold names ({{site_name}}) that the template provides.
 */
struct texts;

/*
 * Loads all languages from dir and then override_dir (may be NULL or "").
 * Each language must have each text that any has; what is wrong goes to ps.
 */
struct texts *texts_load(struct problems *ps, struct arena *mem,
    const char *dir, const char *override_dir);

/* NULL when there is none of this key. */
const char *texts_find(const struct texts *t, enum language l, const char *key);

/* Where a template is being filled, and how. */
struct text_place {
	const char *file;
	enum language language;
	bool html;
};

/*
 * A template's n bytes with every {{_key}} replaced, in mem, *n set anew;
 * NULL after a report.  Lines stay where they are.
 */
char *texts_fill(struct texts *t, struct problems *ps, struct arena *mem,
    const struct text_place *where, const char *template, size_t *n);

/*
 * Reports the texts no template and no C code uses, after all were filled:
 * the operator's alone when some template is the operator's, who need not
 * use ours.
 */
void texts_check_use(const struct texts *t, struct problems *ps,
    bool theirs_only);

#endif
