/* SPDX-License-Identifier: ISC */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct json;

/* How deep arrays and objects may nest in a request. */
#define BODY_DEPTH 16

/*
 * Whether n bytes are one JSON text (RFC 8259) and nothing but blanks around
 * it, in UTF-8: no raw control characters, NaN, Infinity, duplicate keys (in
 * the same object, compared after their escapes), lone or encoded
 * surrogates, overlong forms, U+0000 however written, leading zeros or bare
 * points.  json-c lets several of these through.  ERR_JSON or
 * ERR_JSON_DEPTH.
 */
enum err json_check(const char *text, size_t n) MUST_USE;

/*
 * The object a request carries: content type (parameters allowed), strict
 * JSON, an object.  *root is the caller's to json_free().
 */
enum err body_parse(const char *content_type, const char *body, size_t n,
    struct json **root) MUST_USE;

/* Whether content_type's media type is this one, in any letter case. */
bool media_type_is(const char *content_type, const char *media_type);

#endif
