/* SPDX-License-Identifier: ISC */
#include "http/form.h"

#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "base/must.h"

/*
 * Stricter than the URL standard where that would guess: a broken escape, a
 * byte that is no UTF-8 and a NUL refuse the whole form.
 */

/* The decoded copy of n bytes, or NULL. */
static const char *
decode(struct arena *mem, const char *text, size_t n)
{
	char *s = arena_memdup(mem, text, n);
	int len = percent_decode(s, n);

	if (len < 0 || utf8_length(s, (size_t)len) < 0)
		return NULL;
	s[len] = '\0';
	return s;
}

/* Takes one piece between ampersands: name, or name=value. */
static bool
add_field(struct form *f, struct arena *mem, const char *piece, size_t n)
{
	const char *equals = memchr(piece, '=', n);
	size_t name_len = equals == NULL ? n : (size_t)(equals - piece);
	const char *name = decode(mem, piece, name_len);
	const char *value = "";

	if (equals != NULL)
		value = decode(mem, equals + 1, n - name_len - 1);
	if (f->n == FORM_FIELDS || name == NULL || value == NULL)
		return false;
	f->field[f->n].name = name;
	f->field[f->n].value = value;
	f->n++;
	return true;
}

enum err
form_parse(struct form *f, struct arena *mem, const char *text, size_t n)
{
	const char *end = text + n;

	f->n = 0;
	while (text < end) {
		const char *stop = memchr(text, '&', (size_t)(end - text));

		if (stop == NULL)
			stop = end;
		if (stop > text &&
		    !add_field(f, mem, text, (size_t)(stop - text)))
			return ERR_FORM;
		text = stop + 1;
	}
	return OK;
}

const char *
form_get(const struct form *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->field[i].name, name) == 0)
			return f->field[i].value;
	return NULL;
}

/* Whether the n bytes spell name; without memory, however many there are. */
static bool
spells(const char *text, size_t n, const char *name)
{
	char plain[3 * FORM_NAME_MAX];
	size_t want = strlen(name);

	must(want <= FORM_NAME_MAX);
	if (n > 3 * want)
		return false;
	memcpy(plain, text, n);
	return percent_decode(plain, n) == (int)want &&
	    memcmp(plain, name, want) == 0;
}

const char *
form_find(struct arena *mem, const char *text, const char *name)
{
	const char *value = NULL;

	while (value == NULL && *text != '\0') {
		size_t n = strcspn(text, "&"), len = strcspn(text, "=&");

		if (spells(text, len, name))
			value = len == n ?
			    "" :
			    decode(mem, text + len + 1, n - len - 1);
		text += n + (text[n] == '&');
	}
	return value;
}
