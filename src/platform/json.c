/* SPDX-License-Identifier: ISC */
#include "platform/json.h"

/* json-c calls a type what we call a function: it gets another name here. */
#define json_object json_c_object
#include <json-c/json.h>
#include <json-c/json_visit.h>
#include <json-c/printbuf.h>
#undef json_object

#include <limits.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"

/*
 * A struct json is an object of json-c under another name.  json-c's null is
 * the NULL pointer, which json_get() needs for "no such member", so a null
 * value is null_value here.  Trees are walked with json_c_visit(): values are
 * nested as deep as a caller allows, and the wiping must not forget one.
 */
struct json {
	char unused;
};
static struct json null_value;

static struct json *
wrap(json_c_object *o)
{
	return o == NULL ? &null_value : (struct json *)o;
}

/* json-c asks for non-const objects where it only reads. */
static json_c_object *
object_of(const struct json *j)
{
	union {
		const struct json *in;
		json_c_object *out;
	} u = { .in = j };

	return j == &null_value ? NULL : u.out;
}

/* What json-c hands out as const is its own heap memory. */
static void
wipe(const char *s, size_t n)
{
	union {
		const char *in;
		char *out;
	} u = { .in = s };

	explicit_bzero(u.out, n);
}

struct depth {
	int now, most;
};

/* The type of the visitors is json-c's: */
/* NOLINTBEGIN(readability-non-const-parameter) */
static int
wipe_string(json_c_object *o, int flags, json_c_object *parent, const char *key,
    size_t *index, void *arg)
{
	(void)flags, (void)parent, (void)key, (void)index, (void)arg;
	if (json_object_is_type(o, json_type_string))
		wipe(json_object_get_string(o),
		    (size_t)json_object_get_string_len(o));
	return JSON_C_VISIT_RETURN_CONTINUE;
}

static int
count_depth(json_c_object *o, int flags, json_c_object *parent, const char *key,
    size_t *index, void *arg)
{
	struct depth *d = arg;

	(void)parent, (void)key, (void)index;
	if (!json_object_is_type(o, json_type_object) &&
	    !json_object_is_type(o, json_type_array))
		return JSON_C_VISIT_RETURN_CONTINUE;
	d->now += flags == JSON_C_VISIT_SECOND ? -1 : 1;
	if (d->now > d->most)
		d->most = d->now;
	return JSON_C_VISIT_RETURN_CONTINUE;
}
/* NOLINTEND(readability-non-const-parameter) */

void
json_free(struct json **jp)
{
	struct json *j = *jp;

	*jp = NULL;
	if (j == NULL || j == &null_value)
		return;
	(void)json_c_visit(object_of(j), 0, wipe_string, NULL);
	must(json_object_put(object_of(j)) == 1);
}

/* json-c does not count an empty container: its own limit is one too wide. */
static bool
within(json_c_object *o, int depth)
{
	struct depth d = { 0, 0 };

	(void)json_c_visit(o, 0, count_depth, &d);
	return d.most <= depth;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t
without_blanks(const char *text, size_t n)
{
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	return n;
}

struct json *
json_parse(const char *text, size_t n, int depth)
{
	struct json_tokener *tok = json_tokener_new_ex(depth + 1);
	json_c_object *o;
	struct json *j;
	bool whole;

	must(tok != NULL && n < INT_MAX);
	/* JSON_TOKENER_STRICT would have json-c 0.18 refuse every raw byte
	 * above 0x7f and long numbers; whoever calls was strict before. */
	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	n = without_blanks(text, n);
	o = json_tokener_parse_ex(tok, text, (int)n);
	whole = json_tokener_get_parse_end(tok) == n;
	/* A number ends where something else begins: show it the NUL. */
	if (json_tokener_get_error(tok) == json_tokener_continue)
		o = json_tokener_parse_ex(tok, "", 1);
	whole = whole && json_tokener_get_error(tok) == json_tokener_success;
	wipe(tok->pb->buf, (size_t)tok->pb->size);
	json_tokener_free(tok);

	j = wrap(o);
	if (!whole || !within(o, depth))
		json_free(&j);
	return j;
}

enum json_kind
json_kind(const struct json *j)
{
	switch (json_object_get_type(object_of(j))) {
	case json_type_null:
		return JSON_NULL;
	case json_type_boolean:
		return JSON_BOOL;
	case json_type_double:
	case json_type_int:
		return JSON_NUMBER;
	case json_type_string:
		return JSON_STRING;
	case json_type_array:
		return JSON_ARRAY;
	case json_type_object:
		return JSON_OBJECT;
	}
	must(!"a type of json-c's that is none");
	return JSON_NULL;
}

struct json *
json_get(const struct json *j, const char *name)
{
	json_c_object *member;

	if (json_kind(j) != JSON_OBJECT)
		return NULL;
	if (!json_object_object_get_ex(object_of(j), name, &member))
		return NULL;
	return wrap(member);
}

size_t
json_length(const struct json *j)
{
	if (json_kind(j) != JSON_ARRAY)
		return 0;
	return json_object_array_length(object_of(j));
}

struct json *
json_at(const struct json *j, size_t i)
{
	must(i < json_length(j));
	return wrap(json_object_array_get_idx(object_of(j), i));
}

const char *
json_string(const struct json *j, size_t *n)
{
	must(json_kind(j) == JSON_STRING);
	if (n != NULL)
		*n = (size_t)json_object_get_string_len(object_of(j));
	return json_object_get_string(object_of(j));
}

int64_t
json_int(const struct json *j)
{
	must(json_kind(j) == JSON_NUMBER);
	return json_object_get_int64(object_of(j));
}

bool
json_true(const struct json *j)
{
	return json_kind(j) == JSON_BOOL &&
	    json_object_get_boolean(object_of(j));
}

struct json *
json_object(void)
{
	json_c_object *o = json_object_new_object();

	must(o != NULL);
	return wrap(o);
}

struct json *
json_array(void)
{
	json_c_object *o = json_object_new_array();

	must(o != NULL);
	return wrap(o);
}

static void
add(struct json *object, const char *name, json_c_object *value)
{
	must(json_kind(object) == JSON_OBJECT);
	must(json_object_object_add(object_of(object), name, value) == 0);
}

void
json_put_string(struct json *object, const char *name, const char *s)
{
	json_c_object *o = json_object_new_string(s);

	must(o != NULL);
	add(object, name, o);
}

void
json_put_int(struct json *object, const char *name, int64_t n)
{
	json_c_object *o = json_object_new_int64(n);

	must(o != NULL);
	add(object, name, o);
}

void
json_put_bool(struct json *object, const char *name, bool b)
{
	json_c_object *o = json_object_new_boolean(b);

	must(o != NULL);
	add(object, name, o);
}

void
json_put(struct json *object, const char *name, struct json *value)
{
	add(object, name, object_of(value));
}

void
json_append(struct json *array, struct json *value)
{
	must(json_kind(array) == JSON_ARRAY);
	must(json_object_array_add(object_of(array), object_of(value)) == 0);
}

char *
json_text(const struct json *j, struct arena *mem, size_t *n)
{
	const char *text;
	size_t len;
	char *copy;
	int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

	text = json_object_to_json_string_length(object_of(j), flags, &len);
	must(text != NULL);
	copy = arena_memdup(mem, text, len);
	/* For null the text is a constant; all else is j's own buffer. */
	if (j != &null_value)
		wipe(text, len);
	if (n != NULL)
		*n = len;
	return copy;
}
