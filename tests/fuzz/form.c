/* SPDX-License-Identifier: ISC */
/*
 * Forms: the fields of one that is accepted, written out again with every
 * byte escaped that can be, are the same fields.
 */
#include "http/form.h"

#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/must.h"
#include "tests/fuzz/fuzz.h"

static void
put_escaped(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (isalnum((unsigned char)*s))
			buf_putc(b, *s);
		else if (*s == ' ')
			buf_putc(b, '+');
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
	}
}

static void
write_form(struct buf *b, const struct form *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (i > 0)
			buf_putc(b, '&');
		put_escaped(b, f->field[i].name);
		buf_putc(b, '=');
		put_escaped(b, f->field[i].value);
	}
}

/* Whatever it is, a field that is found is UTF-8. */
static void
judge_query(struct arena *mem, const uint8_t *data, size_t size)
{
	const char *value =
	    form_find(mem, arena_memdup(mem, data, size), "token");

	must(value == NULL || utf8_length(value, strlen(value)) >= 0);
}

/* The first of its name, and UTF-8. */
static void
judge_field(const struct form *f, size_t i)
{
	const char *name = f->field[i].name, *value = f->field[i].value;
	size_t first = 0;

	must(utf8_length(name, strlen(name)) >= 0);
	must(utf8_length(value, strlen(value)) >= 0);
	while (strcmp(f->field[first].name, name) != 0)
		first++;
	must(form_get(f, name) == f->field[first].value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	struct form f, again;
	struct buf b;

	judge_query(mem, data, size);
	if (form_parse(&f, mem, (const char *)data, size) != OK)
		return 0;
	must(f.n <= FORM_FIELDS);
	buf_init(&b, mem);
	write_form(&b, &f);
	must(form_parse(&again, mem, b.data, b.len) == OK);
	must(again.n == f.n);
	for (size_t i = 0; i < f.n; i++) {
		must(strcmp(f.field[i].name, again.field[i].name) == 0);
		must(strcmp(f.field[i].value, again.field[i].value) == 0);
		judge_field(&f, i);
	}
	return 0;
}
