/* SPDX-License-Identifier: ISC */
/*
 * The catalogue of texts.  All of it is held against itself when it is
 * loaded, a language against the others and the texts against their use, so
 * that a page is never half translated.
 */
#include "render/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"
#include "render/file.h"
#include "render/node.h"

#define TEXTS_MOST 1000
#define MARK "{{_" /* before a key in a template */

struct text {
	const char *key;
	const char *in[LANGUAGES];
	int set_by[LANGUAGES]; /* the source: 1 is ours, 2 the operator's */
	bool theirs;           /* ours do not know it */
	bool used;
};

struct texts {
	struct text *rows;
	size_t n;
};

/* What templates_text() is asked for.  These hold no names: nothing fills
 * them in. */
static const char *const wanted[] = {
	"device.on",
	"device.unknown",
	"error.credentials",
	"error.credentials_hidden",
	"error.credentials_missing",
	"error.current_missing",
	"error.current_wrong",
	"error.disabled",
	"error.email_format",
	"error.email_missing",
	"error.email_same",
	"error.email_taken",
	"error.language",
	"error.new_email_missing",
	"error.new_missing",
	"error.own_wrong",
	"error.page_open_too_long",
	"error.password_long",
	"error.password_missing",
	"error.password_short",
	"error.password_wrong",
	"error.unverified",
	"link.form",
	"mail.account_deleted.subject",
	"mail.address_changed.subject",
	"mail.address_taken.subject",
	"mail.address_taken_back.subject",
	"mail.confirm_address.subject",
	"mail.password_changed.subject",
	"mail.reset.subject",
	"mail.session_stolen.subject",
	"mail.verify.subject",
	"month.01",
	"month.02",
	"month.03",
	"month.04",
	"month.05",
	"month.06",
	"month.07",
	"month.08",
	"month.09",
	"month.10",
	"month.11",
	"month.12",
	"notice.account_deleted",
	"notice.confirmation_sent",
	"notice.language_saved",
	"notice.mail_sent",
	"notice.others_ended",
	"notice.password_changed",
	"notice.session_ended",
	"notice.sign_in",
	"notice.signed_out",
	"page.address_changed.link",
	"page.address_changed.message",
	"page.address_changed.title",
	"page.address_taken_back.message",
	"page.address_taken_back.title",
	"page.bad_request.link",
	"page.bad_request.message",
	"page.bad_request.title",
	"page.confirm_other.link",
	"page.confirm_other.message",
	"page.confirm_other.title",
	"page.disowned.message",
	"page.disowned.title",
	"page.foreign_origin.link",
	"page.foreign_origin.message",
	"page.foreign_origin.title",
	"page.internal.link",
	"page.internal.message",
	"page.internal.title",
	"page.limited.link",
	"page.limited.message",
	"page.limited.title",
	"page.link_dead_confirm.link",
	"page.link_dead_confirm.message",
	"page.link_dead_confirm.title",
	"page.link_dead_reset.link",
	"page.link_dead_reset.message",
	"page.link_dead_reset.title",
	"page.link_dead_take_back.link",
	"page.link_dead_take_back.message",
	"page.link_dead_take_back.title",
	"page.link_dead_verify.link",
	"page.link_dead_verify.message",
	"page.link_dead_verify.title",
	"page.not_found.link",
	"page.not_found.message",
	"page.not_found.title",
	"page.password_reset.link",
	"page.password_reset.message",
	"page.password_reset.title",
	"page.unavailable.link",
	"page.unavailable.message",
	"page.unavailable.title",
	"page.verified.link",
	"page.verified.message",
	"page.verified.title",
	"unit.day",
	"unit.days",
	"unit.hour",
	"unit.hours",
	"unit.minute",
	"unit.minutes",
	"unit.second",
	"unit.seconds",
};
#define WANTED (sizeof wanted / sizeof *wanted)

/* A file being read. */
struct source {
	struct texts *t;
	struct problems *ps;
	struct arena *mem;
	enum language language;
	int number; /* 1 is ours, 2 the operator's */
	const char *path;
	int line;
};

static struct text *
find(const struct texts *t, const char *key, size_t n)
{
	for (size_t i = 0; i < t->n; i++)
		if (strncmp(t->rows[i].key, key, n) == 0 &&
		    t->rows[i].key[n] == '\0')
			return &t->rows[i];
	return NULL;
}

const char *
texts_find(const struct texts *t, enum language l, const char *key)
{
	const struct text *row = find(t, key, strlen(key));

	return row == NULL ? NULL : row->in[l];
}

/* Reading. ---------------------------------------------------------------- */

/* Bytes that s begins with and a key is made of. */
static size_t
key_length(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.");
}

static void
put(struct source *s, const char *key, const char *text)
{
	struct text *row = find(s->t, key, strlen(key));

	if (row != NULL && row->set_by[s->language] == s->number) {
		problem(s->ps, s->path, s->line, "a key that was there before");
		return;
	}
	if (row == NULL && s->t->n == TEXTS_MOST) {
		problem(s->ps, s->path, s->line, "one text too many");
		return;
	}
	if (row == NULL) {
		row = &s->t->rows[s->t->n++];
		row->key = key;
		row->theirs = s->number > 1;
	}
	row->in[s->language] = text;
	row->set_by[s->language] = s->number;
}

/* The line without blanks at its ends, in place. */
static char *
trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	for (n = strlen(s); n > 0 && strchr(" \t\r", s[n - 1]) != NULL; n--)
		continue;
	s[n] = '\0';
	return s;
}

static void
read_line(struct source *s, char *line)
{
	char *text;
	size_t n;

	line = trim(line);
	if (*line == '\0' || *line == '#')
		return;
	n = key_length(line);
	text = line + n + strspn(line + n, " \t");
	if (n == 0 || *text != '=') {
		problem(s->ps, s->path, s->line,
		    "is no `key = text`, nor a comment after #");
		return;
	}
	text = trim(text + 1);
	line[n] = '\0';
	if (*text == '\0' || strstr(text, MARK) != NULL)
		problem(s->ps, s->path, s->line,
		    *text == '\0' ? "a key without a text" :
				    "a text may not hold another one");
	else
		put(s, line, text);
}

static void
read_file(struct source *s, const char *dir)
{
	const char *const dirs[2] = { dir, NULL };
	const char *name =
	    arena_printf(s->mem, "text/%s.ini", language_tag(s->language));
	char *text, *end;
	size_t n;

	text = file_read(s->ps, s->mem, dirs, name, &s->path, &n);
	for (s->line = 1; text != NULL && *text != '\0'; s->line++) {
		end = strchrnul(text, '\n');
		n = *end == '\0' ? 0 : 1;
		*end = '\0';
		read_line(s, text);
		text = end + n;
	}
}

static bool
has_file(struct arena *mem, const char *dir, enum language l)
{
	return access(arena_printf(mem, "%s/text/%s.ini", dir, language_tag(l)),
		   F_OK) == 0;
}

/* The texts that one language has and another not. */
static void
check_complete(const struct texts *t, struct problems *ps, struct arena *mem)
{
	for (size_t i = 0; i < t->n * LANGUAGES; i++) {
		const struct text *row = &t->rows[i / LANGUAGES];
		enum language l = (enum language)(i % LANGUAGES);

		if (row->in[l] == NULL)
			problem(ps,
			    arena_printf(mem, "text/%s.ini", language_tag(l)),
			    0,
			    arena_printf(mem, "has no text \"%s\"", row->key));
	}
}

/* The texts that C code asks for. */
static void
check_wanted(const struct texts *t, struct problems *ps, struct arena *mem)
{
	for (size_t i = 0; i < WANTED; i++) {
		struct text *row = find(t, wanted[i], strlen(wanted[i]));

		if (row == NULL) {
			problem(ps, "text/en.ini", 0,
			    arena_printf(mem, "has no text \"%s\"", wanted[i]));
			continue;
		}
		row->used = true;
		for (int l = 0; l < LANGUAGES; l++)
			if (row->in[l] != NULL &&
			    strstr(row->in[l], "{{") != NULL)
				problem(ps, "text", 0,
				    arena_printf(mem,
					"no {{name}} is known in \"%s\"",
					row->key));
	}
}

struct texts *
texts_load(struct problems *ps, struct arena *mem, const char *dir,
    const char *override_dir)
{
	struct source s = { .ps = ps, .mem = mem };

	s.t = arena_alloc(mem, sizeof *s.t);
	s.t->rows = arena_alloc(mem, TEXTS_MOST * sizeof *s.t->rows);
	for (int l = 0; l < LANGUAGES; l++) {
		s.language = (enum language)l;
		s.number = 1;
		read_file(&s, dir);
	}
	for (int l = 0; l < LANGUAGES; l++) {
		s.language = (enum language)l;
		s.number = 2;
		if (override_dir != NULL && *override_dir != '\0' &&
		    has_file(mem, override_dir, s.language))
			read_file(&s, override_dir);
	}
	check_complete(s.t, ps, mem);
	check_wanted(s.t, ps, mem);
	return s.t;
}

/* Filling. ---------------------------------------------------------------- */

static void
put_text(struct buf *out, const char *text, bool html)
{
	for (; *text != '\0'; text++) {
		const char *escaped = html ? html_escape(*text) : NULL;

		if (escaped != NULL)
			buf_puts(out, escaped);
		else
			buf_putc(out, *text);
	}
}

static int
line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		if (*text == '\n')
			line++;
	return line;
}

char *
texts_fill(struct texts *t, struct problems *ps, struct arena *mem,
    const struct text_place *where, const char *template, size_t *n)
{
	const char *p = template, *at;
	struct buf out;

	buf_init(&out, mem);
	for (; (at = strstr(p, MARK)) != NULL; p = at) {
		const char *key = at + strlen(MARK);
		size_t len = key_length(key);
		struct text *row = find(t, key, len);

		buf_put(&out, p, (size_t)(at - p));
		at = key + len;
		if (strncmp(at, "}}", 2) != 0 || row == NULL) {
			problem(ps, where->file, line_of(template, at),
			    arena_printf(mem, "there is no text \"%.*s\"",
				(int)(len < 60 ? len : 60), key));
			return NULL;
		}
		at += 2;
		row->used = true;
		if (row->in[where->language] != NULL)
			put_text(&out, row->in[where->language], where->html);
		if (out.len > FILE_MOST)
			break;
	}
	buf_puts(&out, p);
	*n = out.len;
	if (out.len <= FILE_MOST)
		return out.data;
	problem(ps, where->file, 0, "is larger than 32 KiB with its texts");
	return NULL;
}

void
texts_check_use(const struct texts *t, struct problems *ps, bool theirs_only)
{
	char what[120];

	for (size_t i = 0; i < t->n; i++) {
		const struct text *row = &t->rows[i];

		if (row->used || (theirs_only && !row->theirs))
			continue;
		(void)snprintf(what, sizeof what,
		    "nothing uses the text \"%.60s\"", row->key);
		problem(ps, "text", 0, what);
	}
}
