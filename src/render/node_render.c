/* SPDX-License-Identifier: ISC */
/*
 * Nodes and data to text.  The walk keeps a stack of its own instead of
 * recursing: how deep it gets is bounded by what the parser let through, so
 * no template can take the process's stack.
 */
#include "render/node.h"

#include "base/buf.h"
#include "base/must.h"
#include "platform/json.h"

/* Sections of a template, of its partial, and the two themselves. */
#define FRAMES (2 * NODE_DEPTH + 2)

/* A stretch of nodes that is being rendered. */
struct frame {
	const struct node_list *list;
	size_t begin, end, at;
	const struct json *scope; /* where names are looked up, or NULL */
	const struct json *rows;  /* the array that repeats, or NULL */
	size_t row;
};

struct renderer {
	struct buf *out;
	const struct json *common;
	bool html;
	struct frame frames[FRAMES];
	int depth;
};

static struct frame *
push(struct renderer *r, const struct node_list *list, size_t begin, size_t end)
{
	struct frame *f = &r->frames[r->depth];

	must(r->depth < FRAMES);
	r->depth++;
	*f = (struct frame){ .list = list,
		.begin = begin,
		.end = end,
		.at = begin };
	return f;
}

/* The value of a name, innermost first, what is common last; NULL for none. */
static const struct json *
look_up(const struct renderer *r, const char *name)
{
	for (int i = r->depth - 1; i >= 0; i--) {
		const struct json *scope = r->frames[i].scope;
		const struct json *v;

		v = scope == NULL ? NULL : json_get(scope, name);
		if (v != NULL)
			return v;
	}
	return r->common == NULL ? NULL : json_get(r->common, name);
}

static bool
is_empty(const struct json *v)
{
	size_t n = 0;

	if (v == NULL)
		return true;
	switch (json_kind(v)) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return !json_true(v);
	case JSON_STRING:
		(void)json_string(v, &n);
		return n == 0;
	case JSON_ARRAY:
		return json_length(v) == 0;
	case JSON_NUMBER:
	case JSON_OBJECT:
		return false;
	}
	return true;
}

const char *
html_escape(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	}
	return NULL;
}

static void
put_string(struct renderer *r, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *escaped = r->html ? html_escape(s[i]) : NULL;

		if (escaped != NULL)
			buf_puts(r->out, escaped);
		else
			buf_putc(r->out, s[i]);
	}
}

static void
put_value(struct renderer *r, const struct json *v)
{
	const char *s;
	size_t n = 0;

	if (is_empty(v))
		return;
	if (json_kind(v) == JSON_NUMBER) {
		buf_printf(r->out, "%lld", (long long)json_int(v));
		return;
	}
	if (json_kind(v) != JSON_STRING)
		return; /* a flag or a list has no text */
	s = json_string(v, &n);
	put_string(r, s, n);
}

static void
enter_section(struct renderer *r, const struct node_list *list,
    const struct node *d)
{
	const struct json *v = look_up(r, d->text);
	size_t begin = (size_t)(d - list->nodes) + 1;
	struct frame *f;

	if (is_empty(v) != (d->kind == NODE_INVERTED))
		return;
	f = push(r, list, begin, d->end);
	if (d->kind == NODE_INVERTED)
		return;
	if (json_kind(v) == JSON_OBJECT)
		f->scope = v;
	if (json_kind(v) != JSON_ARRAY)
		return;
	f->rows = v;
	f->scope = json_at(v, 0);
}

/* The next row of a section that repeats, or back to where it stood. */
static void
leave(struct renderer *r, struct frame *f)
{
	if (f->rows == NULL || f->row + 1 == json_length(f->rows)) {
		r->depth--;
		return;
	}
	f->row++;
	f->scope = json_at(f->rows, f->row);
	f->at = f->begin;
}

static void
put_node(struct renderer *r, const struct node_list *list, const struct node *d)
{
	switch (d->kind) {
	case NODE_TEXT:
		buf_put(r->out, d->text, d->n);
		return;
	case NODE_VALUE:
		put_value(r, look_up(r, d->text));
		return;
	case NODE_SECTION:
	case NODE_INVERTED:
		enter_section(r, list, d);
		return;
	case NODE_PARTIAL:
		push(r, d->partial, 0, d->partial->n);
		return;
	}
}

void
node_render(struct buf *out, const struct node_list *list,
    const struct json *data, const struct json *common, bool html)
{
	struct renderer r = { .out = out, .common = common, .html = html };

	push(&r, list, 0, list->n)->scope = data;
	while (r.depth > 0) {
		struct frame *f = &r.frames[r.depth - 1];
		const struct node *d = &f->list->nodes[f->at];

		if (f->at == f->end) {
			leave(&r, f);
			continue;
		}
		f->at = d->end;
		put_node(&r, f->list, d);
	}
}
