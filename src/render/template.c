/* SPDX-License-Identifier: ISC */
/*
 * The catalogue of templates: which there are, which names each may use, and
 * how one becomes text.  All are read and checked when the daemon starts, so
 * that a slip in an operator's own template is told then and not to a
 * visitor.
 */
#include "render/template.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/must.h"
#include "platform/json.h"
#include "render/node.h"

#define FILE_MOST 32768 /* bytes of one template */

/* Enough for the worst that FILE_MOST allows; touched as needed. */
#define ARENA_SIZE ((size_t)32 << 20)

/* Every template, and the names that its pages or mails provide. */
static const struct entry {
	const char *name, *names;
} table[] = {
	{ "mail/verify.txt", "site_name address link lifetime" },
	{ "mail/verify.html", "site_name address link lifetime" },
	{ "mail/reset.txt", "site_name address link lifetime" },
	{ "mail/reset.html", "site_name address link lifetime" },
	{ "mail/password_changed.txt", "site_name address" },
	{ "mail/password_changed.html", "site_name address" },
	{ "mail/session_stolen.txt", "site_name address" },
	{ "mail/session_stolen.html", "site_name address" },
	{ "page/verify_email.html", "site_name address error" },
	{ "page/reset_password.html", "site_name address error" },
	{ "page/message.html", "site_name title message link link_label" },
};

#define TEMPLATES (sizeof table / sizeof *table)

struct templates {
	struct arena *mem; /* holds everything, this struct too */
	struct node_list lists[TEMPLATES];
};

struct loader {
	struct templates *t;
	template_report *report;
	void *arg;
	int problems;
};

static void
problem(struct loader *l, const char *file, int line, const char *what)
{
	l->problems++;
	l->report(l->arg, file, line, what);
}

/* The place of the template called name in the table, or -1. */
static int
find(const char *name)
{
	for (size_t i = 0; i < TEMPLATES; i++)
		if (strcmp(table[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool
is_html(const char *name)
{
	size_t n = strlen(name);

	return n > 5 && strcmp(name + n - 5, ".html") == 0;
}

/*
 * Reads at most FILE_MOST bytes of an open file into the arena; NULL with
 * what is wrong in *why.
 */
static char *
read_text(struct arena *mem, int fd, size_t *n, const char **why)
{
	struct stat st;
	char *text;
	ssize_t got;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		*why = "is not a regular file";
		return NULL;
	}
	if (st.st_size > FILE_MOST) {
		*why = "is larger than 32 KiB";
		return NULL;
	}
	text = arena_alloc(mem, (size_t)st.st_size + 1);
	got = read(fd, text, (size_t)st.st_size);
	if (got != st.st_size) {
		*why = "cannot be read whole";
		return NULL;
	}
	*n = (size_t)got;
	if (strlen(text) != *n || utf8_length(text, *n) < 0) {
		*why = "is not UTF-8 text";
		return NULL;
	}
	return text;
}

/*
 * Opens the template in the operator's folder or, when it is not there, in
 * ours; *path says which.  -1 with errno.
 */
static int
open_template(struct loader *l, const char *const dirs[2], const char *name,
    const char **path)
{
	int fd = -1;

	errno = ENOENT;
	for (int i = 0; i < 2 && fd < 0 && errno == ENOENT; i++) {
		if (dirs[i] == NULL || dirs[i][0] == '\0')
			continue;
		*path = arena_printf(l->t->mem, "%s/%s", dirs[i], name);
		fd = open(*path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	return fd;
}

/* Reads and parses one; its nodes stay empty when something is wrong. */
static void
load(struct loader *l, const char *const dirs[2], size_t which,
    const char **path)
{
	struct node_fault fault;
	const char *why = NULL;
	char *text;
	size_t n = 0;
	int fd;

	*path = table[which].name;
	fd = open_template(l, dirs, table[which].name, path);
	if (fd < 0) {
		problem(l, *path, 0, strerrordesc_np(errno));
		return;
	}
	text = read_text(l->t->mem, fd, &n, &why);
	close(fd);
	if (text == NULL) {
		problem(l, *path, 0, why);
		return;
	}
	if (node_parse(&l->t->lists[which], l->t->mem, text, n, &fault))
		return;
	l->t->lists[which].n = 0;
	problem(l, *path, fault.line, fault.what);
}

/* Whether a list of names with blanks between them has this one. */
static bool
has_name(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = names; (p = strstr(p, name)) != NULL; p += n)
		if ((p == names || p[-1] == ' ') &&
		    (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

/* The first name in the list that is not among these, or NULL. */
static const struct node *
foreign_name(const struct node_list *list, const char *names)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct node *d = &list->nodes[i];

		if (d->kind != NODE_TEXT && d->kind != NODE_PARTIAL &&
		    !has_name(names, d->text))
			return d;
	}
	return NULL;
}

static bool
has_partial(const struct node_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->nodes[i].kind == NODE_PARTIAL)
			return true;
	return false;
}

/* What is wrong with a partial of this template, or NULL. */
static const char *
partial_fault(const struct templates *t, size_t which, const char *name)
{
	const struct node_list *list;
	int i = find(name);

	if (i < 0)
		return "includes a template that does not exist";
	list = &t->lists[i];
	if (is_html(name) != is_html(table[which].name))
		return "includes a template of the other kind";
	if (has_partial(list))
		return "includes a template that includes another";
	if (foreign_name(list, table[which].names) != NULL)
		return "includes a template with names unknown here";
	return NULL;
}

/* Tries the template against the names that it will be given. */
static void
check(struct loader *l, size_t which, const char *path)
{
	struct node_list *list = &l->t->lists[which];
	const struct node *d = foreign_name(list, table[which].names);

	if (d != NULL)
		problem(l, path, d->line,
		    arena_printf(l->t->mem,
			"unknown name \"%s\"; there are: %s", d->text,
			table[which].names));
	for (size_t i = 0; i < list->n; i++) {
		struct node *p = &list->nodes[i];
		const char *what;

		if (p->kind != NODE_PARTIAL)
			continue;
		what = partial_fault(l->t, which, p->text);
		if (what != NULL)
			problem(l, path, p->line, what);
		else
			p->partial = &l->t->lists[find(p->text)];
	}
}

struct templates *
templates_load(const char *dir, const char *override_dir,
    template_report *report, void *arg)
{
	const char *const dirs[2] = { override_dir, dir };
	const char *paths[TEMPLATES];
	struct arena *mem = arena_new(ARENA_SIZE);
	struct loader l = { .report = report, .arg = arg };

	l.t = arena_alloc(mem, sizeof *l.t);
	l.t->mem = mem;
	for (size_t i = 0; i < TEMPLATES; i++)
		load(&l, dirs, i, &paths[i]);
	for (size_t i = 0; i < TEMPLATES; i++)
		check(&l, i, paths[i]);
	if (l.problems > 0)
		templates_free(&l.t);
	return l.t;
}

void
templates_free(struct templates **tp)
{
	struct templates *t = *tp;
	struct arena *mem;

	*tp = NULL;
	if (t == NULL)
		return;
	mem = t->mem;
	arena_free(&mem);
}

char *
template_render(const struct templates *t, struct arena *mem, const char *name,
    const struct json *data, size_t *n)
{
	int which = find(name);
	struct buf out;

	must(which >= 0);
	buf_init(&out, mem);
	node_render(&out, &t->lists[which], data, is_html(name));
	if (n != NULL)
		*n = out.len;
	return out.data;
}
