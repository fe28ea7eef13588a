/* SPDX-License-Identifier: ISC */
/*
 * Templates: a text is refused with its line, or it renders, and no value can
 * write HTML.  An input is a template and, after a NUL, the value that all
 * its names have.
 */
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"
#include "platform/json.h"
#include "render/node.h"
#include "tests/fuzz/fuzz.h"

static const char *const values[] = { "address", "link", "site_name" };
static const char partial_text[] = "{{#address}}{{link}}{{/address}}";

#define VALUES (sizeof values / sizeof *values)

static const char *
escape(struct arena *mem, const char *s)
{
	struct buf b;

	buf_init(&b, mem);
	for (; *s != '\0'; s++) {
		if (*s == '&')
			buf_puts(&b, "&amp;");
		else if (*s == '<')
			buf_puts(&b, "&lt;");
		else if (*s == '>')
			buf_puts(&b, "&gt;");
		else if (*s == '"')
			buf_puts(&b, "&quot;");
		else if (*s == '\'')
			buf_puts(&b, "&#39;");
		else
			buf_putc(&b, *s);
	}
	return b.data;
}

static struct json *
make_data(const char *value)
{
	struct json *data = json_object(), *rows = json_array();
	struct json *inner = json_object();

	for (size_t i = 0; i < VALUES; i++)
		json_put_string(data, values[i], value);
	json_put_string(inner, values[0], value);
	json_put(data, "inner", inner);
	for (size_t i = 0; i < 2; i++) {
		struct json *row = json_object();

		json_put_string(row, values[i], value);
		json_append(rows, row);
	}
	json_put(data, "rows", rows);
	json_put_int(data, "number", -1);
	json_put_bool(data, "yes", true);
	return data;
}

static struct buf
render(struct arena *mem, const struct node_list *list, const char *value,
    bool html)
{
	struct json *data = make_data(value), *common = json_object();
	struct buf out;

	json_put_string(common, "title", value);
	json_put_string(common, "link", "never seen: data has one");
	buf_init(&out, mem);
	node_render(&out, list, data, common, html);
	json_free(&common);
	json_free(&data);
	return out;
}

/* HTML with a value is the plain text with that value escaped. */
static void
escaping_holds(struct arena *mem, const struct node_list *list,
    const char *text, const char *value)
{
	struct buf html = render(mem, list, value, true);
	struct buf plain = render(mem, list, escape(mem, value), false);

	must(html.len == plain.len);
	must(memcmp(html.data, plain.data, html.len) == 0);
	must(strchr(text, '<') != NULL || strchr(html.data, '<') == NULL);
}

static void
resolve(struct arena *mem, struct node_list *list)
{
	struct node_list *partial = arena_alloc(mem, sizeof *partial);
	struct node_fault fault;

	must(node_parse(partial, mem, partial_text, strlen(partial_text),
	    &fault));
	for (size_t i = 0; i < list->n; i++)
		list->nodes[i].partial = partial;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *mem = fuzz_arena();
	const char *text = arena_memdup(mem, data, size);
	size_t n = strlen(text), lines = 1;
	struct node_list list;
	struct node_fault fault = { .line = 0 };

	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	if (!node_parse(&list, mem, text, n, &fault)) {
		must(fault.line >= 1 && (size_t)fault.line <= lines);
		must(*fault.what != '\0');
		return 0;
	}
	resolve(mem, &list);
	escaping_holds(mem, &list, text, n < size ? text + n + 1 : "<");
	return 0;
}
