/* SPDX-License-Identifier: ISC */
#ifndef RENDER_LANGUAGE_H
#define RENDER_LANGUAGE_H

#include <stdbool.h>

/*
 * The languages there are texts in.  Another one is a value here, a row in
 * language.c and a file templates/text/<tag>.ini.
 */
enum language {
	LANGUAGE_EN, /* where nothing else fits, and the one that is complete */
	LANGUAGE_DE,
	LANGUAGES,
};

/*
 * The language to talk in: chosen, an account's locale, where it is one of
 * ours; else the best of an Accept-Language field (RFC 9110 section 12.5.4,
 * matched by the lookup of RFC 4647 section 3.4); else English.  Both may be
 * NULL.
 */
enum language language_choose(const char *accept_language, const char *chosen);

/* "en": for <html lang>, and the name of its file. */
const char *language_tag(enum language l);

/* "English", "Deutsch": what its speakers call it. */
const char *language_name(enum language l);

/*
 * Sets *l to the language of a tag, cut from its end until one is ours
 * ("de-AT" is German).  False, and *l untouched, when none is.
 */
bool language_parse(enum language *l, const char *tag);

#endif
