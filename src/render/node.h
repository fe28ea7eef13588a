/* SPDX-License-Identifier: ISC */
#ifndef RENDER_NODE_H
#define RENDER_NODE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct buf;
struct json;

/*
 * A template as render/template.c keeps it: its parts in the order of the
 * text.  A section is followed by its content, which ends before the node at
 * `end`; for every other node `end` is simply the next one.
 */
enum node_kind {
	NODE_TEXT,
	NODE_VALUE,    /* {{name}} */
	NODE_SECTION,  /* {{#name}} */
	NODE_INVERTED, /* {{^name}} */
	NODE_PARTIAL,  /* {{>name}} */
};

struct node {
	enum node_kind kind;
	int line;
	const char *text; /* the text, or the name and a NUL */
	size_t n;
	size_t end;
	const struct node_list *partial; /* set once all are loaded */
};

struct node_list {
	struct node *nodes;
	size_t n;
};

#define NODE_DEPTH 8 /* sections inside each other */

/* What is wrong with a text; what is a constant string. */
struct node_fault {
	int line;
	const char *what;
};

/*
 * Parses n bytes of text, which the nodes go on pointing to; nodes and names
 * are made in mem.  False with *fault at the first thing that is wrong.
 */
bool node_parse(struct node_list *list, struct arena *mem, const char *text,
    size_t n, struct node_fault *fault);

/*
 * Appends the rendering of list with data to out; names that data does not
 * have are looked up in common (may be NULL).  Partials are resolved and
 * include no others.  A value is a string or a number, HTML-escaped if html.
 */
void node_render(struct buf *out, const struct node_list *list,
    const struct json *data, const struct json *common, bool html);

/* What stands for c in HTML text and attributes; NULL where c itself does. */
const char *html_escape(char c);

#endif
