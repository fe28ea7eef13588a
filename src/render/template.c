/* SPDX-License-Identifier: ISC */
/*
 * The catalogue of templates: which there are, which names each may use, and
 * how one becomes text.  All are read and checked when the daemon starts, so
 * that a slip in an operator's own template is told then and not to a
 * visitor.
 */
#include "render/template.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"
#include "platform/config.h"
#include "platform/json.h"
#include "render/brand.h"
#include "render/file.h"
#include "render/node.h"
#include "render/text.h"

/* Enough for the worst that FILE_MOST allows; touched as needed. */
#define ARENA_SIZE ((size_t)128 << 20)

/* What a time consists of. */
#define TIME "datetime date_day date_month date_year clock"

/*
 * Every template, and the names that its pages or mails provide besides
 * those of render/brand.h.  One that begins with '_' is a partial.
 */
static const struct entry {
	const char *name, *names;
} table[] = {
	{ "mail/_head.html", "" },
	{ "mail/_foot.html", "" },
	{ "mail/_foot.txt", "" },
	{ "mail/address_taken.txt", "address link" },
	{ "mail/address_taken.html", "address link" },
	{ "mail/verify.txt", "address link lifetime" },
	{ "mail/verify.html", "address link lifetime" },
	{ "mail/reset.txt", "address link lifetime" },
	{ "mail/reset.html", "address link lifetime" },
	{ "mail/password_changed.txt", "address" },
	{ "mail/password_changed.html", "address" },
	{ "mail/session_stolen.txt", "address" },
	{ "mail/session_stolen.html", "address" },
	{ "mail/confirm_address.txt", "address link lifetime" },
	{ "mail/confirm_address.html", "address link lifetime" },
	{ "mail/address_changed.txt", "address link lifetime" },
	{ "mail/address_changed.html", "address link lifetime" },
	{ "mail/address_taken_back.txt", "address" },
	{ "mail/address_taken_back.html", "address" },
	{ "mail/account_deleted.txt", "address" },
	{ "mail/account_deleted.html", "address" },
	{ "page/_head.html", "" },
	{ "page/_body.html", "" },
	{ "page/_foot.html", "" },
	{ "page/_time.html", TIME },
	{ "page/home.html", "signed_in" },
	{ "page/register.html", "email error_email error_password error" },
	{ "page/login.html",
	    "email email_wrong password_wrong next error notice unverified" },
	{ "page/dashboard.html",
	    "address created session_started session_client session_device"
	    " " TIME },
	{ "page/forgot_password.html", "email error" },
	{ "page/check_email.html", "about_reset again email error notice" },
	{ "page/reset_password.html", "address error_password" },
	{ "page/verify_email.html",
	    "address claimed error_password error_new_password" },
	{ "page/_account.html", "" },
	{ "page/account.html", "address created " TIME },
	{ "page/account_delete.html", "address error_current" },
	{ "page/account_email.html",
	    "address email error_email error_current notice" },
	{ "page/confirm_email.html", "address asking" },
	{ "page/take_back.html", "address" },
	{ "page/account_language.html",
	    "error languages tag name checked as_browser notice" },
	{ "page/account_password.html",
	    "address error_current error_password keep notice" },
	{ "page/account_sessions.html",
	    "sessions id device client started current app others notice now"
	    " minute minutes hour hours day days " TIME },
	{ "page/message.html", "title message wait link link_label" },
};

#define TEMPLATES (sizeof table / sizeof *table)

struct templates {
	struct arena *mem; /* holds everything, this struct too */
	struct texts *texts;
	struct brand brand;
	struct node_list lists[LANGUAGES][TEMPLATES];
};

struct loader {
	struct templates *t;
	const char *dirs[2]; /* the operator's and ours */
	struct problems problems;
	const char *paths[TEMPLATES];
	bool overridden; /* some template is the operator's */
	bool faulty;     /* a language had problems */
};

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

static bool
is_page(const char *name)
{
	return strncmp(name, "page/", 5) == 0;
}

/* Whether the file is of the operator's folder. */
static bool
is_theirs(const struct loader *l, const char *path)
{
	const char *dir = l->dirs[0];

	return dir != NULL && *dir != '\0' &&
	    strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/';
}

/* Reads one, fills in its texts and parses it; its nodes stay empty when
 * something is wrong. */
static void
load(struct loader *l, size_t which, enum language language)
{
	struct node_list *list = &l->t->lists[language][which];
	struct text_place where = { .language = language,
		.html = is_html(table[which].name) };
	struct node_fault fault;
	const char *text;
	size_t n;

	text = file_read(&l->problems, l->t->mem, l->dirs, table[which].name,
	    &where.file, &n);
	l->paths[which] = where.file;
	if (text == NULL)
		return;
	if (is_theirs(l, where.file))
		l->overridden = true;
	text =
	    texts_fill(l->t->texts, &l->problems, l->t->mem, &where, text, &n);
	if (text == NULL || node_parse(list, l->t->mem, text, n, &fault))
		return;
	list->n = 0;
	problem(&l->problems, where.file, fault.line, fault.what);
}

/* Whether a list of names with blanks between them has this one. */
static bool
is_among(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = names; (p = strstr(p, name)) != NULL; p += n)
		if ((p == names || p[-1] == ' ') &&
		    (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

/* Whether the template that names what it is given may use this name. */
static bool
has_name(size_t which, const char *name)
{
	const char *common =
	    is_page(table[which].name) ? PAGE_COMMON : MAIL_COMMON;

	return is_among(table[which].names, name) || is_among(common, name);
}

/* The first name in the list that this template is not given, or NULL. */
static const struct node *
foreign_name(const struct node_list *list, size_t which)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct node *d = &list->nodes[i];

		if (d->kind != NODE_TEXT && d->kind != NODE_PARTIAL &&
		    !has_name(which, d->text))
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
partial_fault(const struct node_list lists[], size_t which, const char *name)
{
	int i = find(name);

	if (i < 0)
		return "includes a template that does not exist";
	if (is_html(name) != is_html(table[which].name))
		return "includes a template of the other kind";
	if (has_partial(&lists[i]))
		return "includes a template that includes another";
	if (foreign_name(&lists[i], which) != NULL)
		return "includes a template with names unknown here";
	return NULL;
}

static void
check_names(struct loader *l, size_t which, const struct node_list *list)
{
	const struct node *d = foreign_name(list, which);
	bool page = is_page(table[which].name);

	if (d == NULL)
		return;
	problem(&l->problems, l->paths[which], d->line,
	    arena_printf(l->t->mem, "unknown name \"%s\"; there are: %s%s%s",
		d->text, table[which].names,
		*table[which].names == '\0' ? "" : " ",
		page ? PAGE_COMMON : MAIL_COMMON));
}

/* Tries the template against the names that it will be given, and finds its
 * partials. */
static void
check(struct loader *l, size_t which, enum language language)
{
	struct node_list *lists = l->t->lists[language];
	struct node_list *list = &lists[which];

	check_names(l, which, list);
	for (size_t i = 0; i < list->n; i++) {
		struct node *p = &list->nodes[i];
		const char *what;

		if (p->kind != NODE_PARTIAL)
			continue;
		what = partial_fault(lists, which, p->text);
		if (what != NULL)
			problem(&l->problems, l->paths[which], p->line, what);
		else
			p->partial = &lists[find(p->text)];
	}
}

/* All templates in one language.  What is wrong with one is told once, not
 * in each language again. */
static void
load_language(struct loader *l, enum language language)
{
	int before = l->problems.n;

	for (size_t i = 0; i < TEMPLATES; i++)
		load(l, i, language);
	for (size_t i = 0; i < TEMPLATES; i++)
		check(l, i, language);
	l->faulty = l->problems.n > before;
}

struct templates *
templates_load(const struct config *c, template_report *report, void *arg)
{
	struct arena *mem = arena_new(ARENA_SIZE);
	struct loader l = { .dirs = { c->template_override_dir,
				c->template_dir },
		.problems = { .report = report, .arg = arg } };

	l.t = arena_alloc(mem, sizeof *l.t);
	l.t->mem = mem;
	l.t->texts = texts_load(&l.problems, mem, c->template_dir,
	    c->template_override_dir);
	brand_load(&l.t->brand, &l.problems, mem, c);
	for (int i = 0; i < LANGUAGES && !l.faulty; i++)
		load_language(&l, (enum language)i);
	if (l.problems.n == 0)
		texts_check_use(l.t->texts, &l.problems, l.overridden);
	if (l.problems.n > 0)
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
	brand_free(&t->brand);
	mem = t->mem;
	arena_free(&mem);
}

char *
template_render(const struct templates *t, struct arena *mem, enum language l,
    const char *name, const struct json *data, size_t *n)
{
	int which = find(name);
	struct buf out;

	must(which >= 0 && l < LANGUAGES);
	buf_init(&out, mem);
	node_render(&out, &t->lists[l][which], data,
	    is_page(name) ? t->brand.page[l] : t->brand.mail[l], is_html(name));
	if (n != NULL)
		*n = out.len;
	return out.data;
}

const char *
templates_text(const struct templates *t, enum language l, const char *key)
{
	const char *text = texts_find(t->texts, l, key);

	must(text != NULL);
	return text;
}

const char *
templates_brand_css(const struct templates *t, size_t *n)
{
	*n = t->brand.css_n;
	return t->brand.css;
}

const char *
templates_brand_path(const struct templates *t)
{
	return t->brand.path;
}
