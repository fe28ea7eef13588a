/* SPDX-License-Identifier: ISC */
#ifndef PLATFORM_JSON_H
#define PLATFORM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * JSON values over json-c.  json_parse() is for text that http/body.c or we
 * ourselves have found strict (json-c alone takes raw control characters,
 * comments, NaN, duplicate keys and lone surrogates).  A value that was put
 * into another belongs to that one.
 */
struct json;

enum json_kind {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* The value of n bytes of strict JSON, all of them; NULL if json-c reads none
 * there or it is nested deeper than depth. */
struct json *json_parse(const char *text, size_t n, int depth);

/* Overwrites every string in *jp, frees it and sets it to NULL; NULL is
 * accepted.  For roots only. */
void json_free(struct json **jp);

enum json_kind json_kind(const struct json *j);

/* The member, or NULL when there is none (or j is no object).  A member that
 * is null is a value of kind JSON_NULL. */
struct json *json_get(const struct json *j, const char *name);

/* The elements of an array; 0 for anything else. */
size_t json_length(const struct json *j);
struct json *json_at(const struct json *j, size_t i);

/* The string's bytes (may hold a NUL inside: compare *n), valid while j is;
 * must() that it is one. */
const char *json_string(const struct json *j, size_t *n);

int64_t json_int(const struct json *j); /* must() that it is a number */
bool json_true(const struct json *j);   /* kind JSON_BOOL and true */

/* Makers.  Strings are UTF-8, copied. */
struct json *json_object(void);
struct json *json_array(void);
void json_put_string(struct json *object, const char *name, const char *s);
void json_put_int(struct json *object, const char *name, int64_t n);
void json_put_bool(struct json *object, const char *name, bool b);
void json_put(struct json *object, const char *name, struct json *value);
void json_append(struct json *array, struct json *value);

/* The text of j without blanks, in mem; *n (may be NULL) is its length. */
char *json_text(const struct json *j, struct arena *mem, size_t *n);

#endif
