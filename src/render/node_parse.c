/* SPDX-License-Identifier: ISC */
/*
 * Mustache text to a list of nodes.  Strict, because an operator writes
 * templates too and a slip has to be told when the daemon starts: a tag is
 * one of those the header names or an error, and names are plain.
 *
 * As in mustache(5), a line that holds nothing but one section tag or comment
 * leaves no blank line behind.
 */
#include "render/node.h"

#include <string.h>

#include "base/arena.h"
#include "base/must.h"

#define NAME_MAX_LEN 40

struct parser {
	struct arena *mem;
	const char *text, *end; /* the whole */
	const char *p;          /* what is not parsed yet */
	int line;               /* of p */
	struct node_list *list;
	size_t open[NODE_DEPTH]; /* sections not closed yet */
	int depth;
	struct node_fault *fault;
};

/* A tag: from its braces to its braces, and what is between. */
struct tag {
	const char *begin, *end;
	char sort; /* one of # ^ / > ! or, for a value, 0 */
	const char *name;
	size_t n;
};

static bool
fail(struct parser *ps, const char *what)
{
	ps->fault->line = ps->line;
	ps->fault->what = what;
	return false;
}

static void
advance(struct parser *ps, const char *to)
{
	for (; ps->p < to; ps->p++)
		if (*ps->p == '\n')
			ps->line++;
}

static struct node *
add(struct parser *ps, enum node_kind kind, const char *text, size_t n)
{
	struct node *d = &ps->list->nodes[ps->list->n];

	ps->list->n++;
	*d = (struct node){ .kind = kind,
		.line = ps->line,
		.text = text,
		.n = n,
		.end = ps->list->n };
	return d;
}

static void
add_text(struct parser *ps, const char *to)
{
	if (to > ps->p)
		add(ps, NODE_TEXT, ps->p, (size_t)(to - ps->p));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Letters of a name; a partial is named like its file. */
static bool
is_name(const char *name, size_t n, bool partial)
{
	const char *more = partial ? "/." : "";

	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    c == '_')
			continue;
		if (strchr(more, c) == NULL || c == '\0')
			return false;
	}
	return n > 0 && n < NAME_MAX_LEN;
}

/* Reads the tag that begins at ps->p, past which it moves the line count. */
static bool
read_tag(struct parser *ps, struct tag *t)
{
	const char *name = ps->p + 2;
	const char *end = memmem(name, (size_t)(ps->end - name), "}}", 2);

	t->begin = ps->p;
	if (end == NULL)
		return fail(ps, "a tag that is not closed by \"}}\"");
	t->end = end + 2;
	t->sort = 0;
	if (name < end && strchr("#^/>!", *name) != NULL)
		t->sort = *name++;
	if (t->sort == '!')
		return true;
	while (name < end && is_blank(*name))
		name++;
	while (end > name && is_blank(end[-1]))
		end--;
	t->name = name;
	t->n = (size_t)(end - name);
	if (!is_name(t->name, t->n, t->sort == '>'))
		return fail(ps,
		    "a tag that is none of {{name}}, {{#name}}, "
		    "{{^name}}, {{/name}}, {{>file}}, {{! … }}");
	return true;
}

/*
 * Whether nothing else is on the tag's line; then its blanks and line end
 * belong to it.
 */
static void
take_line(const struct parser *ps, struct tag *t)
{
	const char *begin = t->begin, *end = t->end;

	while (begin > ps->text && is_blank(begin[-1]))
		begin--;
	if (begin > ps->text && begin[-1] != '\n')
		return;
	while (end < ps->end && is_blank(*end))
		end++;
	if (end < ps->end && *end == '\r')
		end++;
	if (end < ps->end && *end != '\n')
		return;
	t->begin = begin;
	t->end = end < ps->end ? end + 1 : end;
}

static bool
open_section(struct parser *ps, enum node_kind kind, const struct tag *t)
{
	if (ps->depth == NODE_DEPTH)
		return fail(ps, "sections nested too deep");
	ps->open[ps->depth++] = ps->list->n;
	add(ps, kind, arena_memdup(ps->mem, t->name, t->n), t->n);
	return true;
}

static bool
close_section(struct parser *ps, const struct tag *t)
{
	struct node *d;

	if (ps->depth == 0)
		return fail(ps, "a section is closed that is not open");
	d = &ps->list->nodes[ps->open[--ps->depth]];
	if (d->n != t->n || memcmp(d->text, t->name, t->n) != 0)
		return fail(ps, "a section is closed inside another one");
	d->end = ps->list->n;
	return true;
}

static bool
add_tag(struct parser *ps, const struct tag *t)
{
	enum node_kind kind = NODE_VALUE;

	switch (t->sort) {
	case '!':
		return true;
	case '#':
		return open_section(ps, NODE_SECTION, t);
	case '^':
		return open_section(ps, NODE_INVERTED, t);
	case '/':
		return close_section(ps, t);
	case '>':
		kind = NODE_PARTIAL;
		break;
	}
	add(ps, kind, arena_memdup(ps->mem, t->name, t->n), t->n);
	return true;
}

/* Parses up to and with the next tag, or to the end. */
static bool
step(struct parser *ps)
{
	const char *at = memmem(ps->p, (size_t)(ps->end - ps->p), "{{", 2);
	const char *begin = ps->p;
	struct tag t = { .n = 0 };

	if (at == NULL) {
		add_text(ps, ps->end);
		ps->p = ps->end;
		return true;
	}
	advance(ps, at);
	if (!read_tag(ps, &t))
		return false;
	if (t.sort != 0)
		take_line(ps, &t);
	ps->p = begin;
	add_text(ps, t.begin);
	ps->p = at;
	if (!add_tag(ps, &t))
		return false;
	advance(ps, t.end);
	return true;
}

/* How many nodes the text can give at most. */
static size_t
count_nodes(const char *text, size_t n)
{
	size_t tags = 0;

	for (size_t i = 1; i < n; i++)
		if (text[i - 1] == '{' && text[i] == '{')
			tags++;
	/* The shortest tag is {{a}}; one more may be cut off by the end. */
	if (tags > n / 5 + 1)
		tags = n / 5 + 1;
	return 2 * tags + 1;
}

bool
node_parse(struct node_list *list, struct arena *mem, const char *text,
    size_t n, struct node_fault *fault)
{
	size_t most = count_nodes(text, n);
	struct parser ps = { .mem = mem,
		.text = text,
		.end = text + n,
		.p = text,
		.line = 1,
		.list = list,
		.fault = fault };

	list->nodes = arena_alloc(mem, most * sizeof *list->nodes);
	list->n = 0;
	while (ps.p < ps.end)
		if (!step(&ps))
			return false;
	must(list->n <= most);
	if (ps.depth == 0)
		return true;
	ps.line = list->nodes[ps.open[ps.depth - 1]].line;
	return fail(&ps, "a section that is not closed");
}
