/* SPDX-License-Identifier: ISC */
#ifndef HTTP_FORM_H
#define HTTP_FORM_H

#include <stddef.h>

#include "base/err.h"

struct arena;

#define FORM_FIELDS 16 /* more are refused */
#define FORM_NAME_MAX 16

/*
 * The fields of an application/x-www-form-urlencoded text: a query string or
 * the body of a page's POST (WHATWG URL, section 5.1).
 */
struct form {
	size_t n;
	struct {
		const char *name, *value;
	} field[FORM_FIELDS];
};

/*
 * Parses n bytes into mem.  A broken escape, invalid UTF-8, a NUL or too many
 * fields are ERR_FORM.
 */
enum err form_parse(struct form *f, struct arena *mem, const char *text,
    size_t n) MUST_USE;

/* The first field of that name, or NULL. */
const char *form_get(const struct form *f, const char *name);

/*
 * For queries, to which mail programs and trackers add what they like: the
 * first field of that name (at most FORM_NAME_MAX bytes) that decodes, however
 * many others there are and whatever they hold; NULL where there is none.
 */
const char *form_find(struct arena *mem, const char *text, const char *name);

#endif
