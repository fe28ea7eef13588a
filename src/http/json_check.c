/* SPDX-License-Identifier: ISC */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/encode.h"
#include "http/body.h"
#include "http/request.h"

/*
 * One pass over the text with a stack of the containers that are open: no
 * recursion, no memory but this frame.  The keys of open objects lie on a
 * second stack as offsets; when an object closes, its keys are sorted and
 * equal ones are neighbours, so hostile keys cost n log n and no more.
 */
#define KEYS_MAX (BODY_MAX / 4) /* `"":0` is the shortest member */

struct check {
	const char *text, *p, *end;
	int depth;
	struct {
		bool object;
		size_t keys; /* where its keys begin */
	} open[BODY_DEPTH];
	size_t nkeys;
	uint32_t key[KEYS_MAX]; /* offsets of what follows the quote */
};

/* The next byte, or -1 at the end; the caller steps over what it takes. */
static int
peek(const struct check *c)
{
	return c->p < c->end ? (unsigned char)*c->p : -1;
}

static bool
take(struct check *c, char wanted)
{
	if (peek(c) != wanted)
		return false;
	c->p++;
	return true;
}

static void
skip_blanks(struct check *c)
{
	while (peek(c) == ' ' || peek(c) == '\t' || peek(c) == '\n' ||
	    peek(c) == '\r')
		c->p++;
}

/* The value of the four digits at p, or -1. */
static int
hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static bool
is_high(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool
is_low(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* After "\u": four digits, of a pair when they are half of one, not zero. */
static bool
unicode_escape(struct check *c)
{
	int unit = c->end - c->p >= 4 ? hex4(c->p) : -1;

	if (unit <= 0 || is_low(unit))
		return false;
	c->p += 4;
	if (!is_high(unit))
		return true;
	if (c->end - c->p < 6 || c->p[0] != '\\' || c->p[1] != 'u' ||
	    !is_low(hex4(c->p + 2)))
		return false;
	c->p += 6;
	return true;
}

static bool
escape(struct check *c)
{
	int kind = peek(c);

	if (kind <= 0 || strchr("\"\\/bfnrtu", kind) == NULL)
		return false;
	c->p++;
	return kind != 'u' || unicode_escape(c);
}

/* A string, from its first quote; UTF-8 was judged for the whole text. */
static bool
string(struct check *c)
{
	if (!take(c, '"'))
		return false;
	while (!take(c, '"')) {
		if (peek(c) < ' ')
			return false;
		if (take(c, '\\')) {
			if (!escape(c))
				return false;
		} else {
			c->p++;
		}
	}
	return true;
}

/* At least one digit. */
static bool
digits(struct check *c)
{
	const char *start = c->p;

	while (peek(c) >= '0' && peek(c) <= '9')
		c->p++;
	return c->p > start;
}

static bool
number(struct check *c)
{
	(void)take(c, '-');
	if (!take(c, '0') && !digits(c))
		return false;
	if (take(c, '.') && !digits(c))
		return false;
	if (!take(c, 'e') && !take(c, 'E'))
		return true;
	if (!take(c, '+'))
		(void)take(c, '-');
	return digits(c);
}

static bool
word(struct check *c, const char *w)
{
	size_t n = strlen(w);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, w, n) != 0)
		return false;
	c->p += n;
	return true;
}

/* Reading keys again, once string() has found them well-formed. */

static int
utf8_char(const char **s)
{
	unsigned char lead = (unsigned char)*(*s)++;
	int more = 0, value = lead;

	if (lead >= 0xc0)
		more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
	if (more > 0)
		value = lead & (0x3f >> more);
	for (; more > 0; more--)
		value = value << 6 | (*(*s)++ & 0x3f);
	return value;
}

/* After a backslash. */
static int
escaped_char(const char **s)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char kind = *(*s)++;
	int unit;

	if (kind != 'u')
		return values[strchr(names, kind) - names];
	unit = hex4(*s);
	*s += 4;
	if (!is_high(unit))
		return unit;
	unit = 0x10000 + (unit - 0xd800) * 0x400 + hex4(*s + 2) - 0xdc00;
	*s += 6;
	return unit;
}

/* The next code point, or -1 at the quote that ends the string. */
static int
next_char(const char **s)
{
	if (**s == '"')
		return -1;
	if (**s != '\\')
		return utf8_char(s);
	(*s)++;
	return escaped_char(s);
}

static int
compare(const char *a, const char *b)
{
	int x, y;

	do {
		x = next_char(&a);
		y = next_char(&b);
	} while (x == y && x >= 0);
	return x - y;
}

static void
swap(uint32_t *a, uint32_t *b)
{
	uint32_t kept = *a;

	*a = *b;
	*b = kept;
}

static void
sift_down(const char *text, uint32_t *key, size_t i, size_t n)
{
	size_t child;

	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n &&
		    compare(text + key[child], text + key[child + 1]) < 0)
			child++;
		if (compare(text + key[i], text + key[child]) >= 0)
			return;
		swap(&key[i], &key[child]);
	}
}

/* Heapsort: qsort() may allocate. */
static bool
has_twins(const char *text, uint32_t *key, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(text, key, i, n);
	for (size_t last = n; last > 1;) {
		swap(&key[0], &key[--last]);
		sift_down(text, key, 0, last);
	}
	for (size_t i = 1; i < n; i++)
		if (compare(text + key[i - 1], text + key[i]) == 0)
			return true;
	return false;
}

/* From here on: the containers. */

static enum err
open_container(struct check *c, bool object)
{
	if (c->depth == BODY_DEPTH)
		return ERR_JSON_DEPTH;
	c->open[c->depth].object = object;
	c->open[c->depth].keys = c->nkeys;
	c->depth++;
	return OK;
}

/* Steps over the end of the innermost container if it is here. */
static bool
close_container(struct check *c)
{
	return take(c, c->open[c->depth - 1].object ? '}' : ']');
}

/* Forgets the container that was closed; false for keys given twice. */
static bool
leave_container(struct check *c)
{
	size_t first = c->open[--c->depth].keys;
	size_t n = c->nkeys - first;

	c->nkeys = first;
	return !has_twins(c->text, c->key + first, n);
}

/* A key and its colon. */
static enum err
key(struct check *c)
{
	skip_blanks(c);
	if (c->nkeys == KEYS_MAX)
		return ERR_JSON;
	c->key[c->nkeys++] = (uint32_t)(c->p - c->text) + 1;
	if (!string(c))
		return ERR_JSON;
	skip_blanks(c);
	return take(c, ':') ? OK : ERR_JSON;
}

/*
 * The start of a value: a scalar, an empty container (both whole), or a
 * container up to where its first value starts.
 */
static enum err
begin_value(struct check *c, bool *whole)
{
	int first;
	enum err e;

	skip_blanks(c);
	first = peek(c);
	*whole = true;
	if (first == '"')
		return string(c) ? OK : ERR_JSON;
	if (first == '-' || (first >= '0' && first <= '9'))
		return number(c) ? OK : ERR_JSON;
	if (first != '{' && first != '[')
		return word(c, "true") || word(c, "false") || word(c, "null") ?
		    OK :
		    ERR_JSON;
	if ((e = open_container(c, first == '{')) != OK)
		return e;
	c->p++;
	skip_blanks(c);
	if (close_container(c))
		return leave_container(c) ? OK : ERR_JSON;
	*whole = false;
	return first == '{' ? key(c) : OK;
}

/* After a whole value: the ends of containers, or up to the next value. */
static enum err
end_value(struct check *c, bool *more)
{
	while (c->depth > 0) {
		skip_blanks(c);
		if (take(c, ',')) {
			*more = true;
			return c->open[c->depth - 1].object ? key(c) : OK;
		}
		if (!close_container(c) || !leave_container(c))
			return ERR_JSON;
	}
	*more = false;
	return OK;
}

enum err
json_check(const char *text, size_t n)
{
	bool whole, more = true;
	struct check c;
	enum err e;

	c.text = c.p = text;
	c.end = text + n;
	c.depth = 0;
	c.nkeys = 0;
	if (utf8_length(text, n) < 0)
		return ERR_JSON;
	while (more) {
		if ((e = begin_value(&c, &whole)) != OK)
			return e;
		if (whole && (e = end_value(&c, &more)) != OK)
			return e;
	}
	skip_blanks(&c);
	return c.p == c.end ? OK : ERR_JSON;
}
