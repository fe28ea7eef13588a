/* SPDX-License-Identifier: ISC */
/*
 * A mail as bytes for SMTP.  Both parts are quoted-printable (RFC 2045
 * section 6.7), whatever is in them: a link longer than a line survives any
 * relay, and "=_" in the boundary cannot occur in a part.  Nothing reaches a
 * header but what was checked to be one line of ASCII.
 */
#include "render/mail.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/encode.h"
#include "base/must.h"
#include "platform/clock.h"
#include "platform/config.h"
#include "platform/crypto.h"
#include "platform/json.h"
#include "platform/smtp.h"
#include "render/template.h"

#define LINE_MOST 76 /* characters of a quoted-printable line */
#define WORD_MOST 63 /* characters of an encoded word's text (RFC 2047) */

static bool
is_plain(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return false;
	return true;
}

/* Whether c may stand for itself in an encoded word (RFC 2047 section 5). */
static bool
is_word_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9');
}

/* Bytes of the UTF-8 character that begins with c. */
static size_t
utf8_width(unsigned char c)
{
	if (c >= 0xf0)
		return 4;
	if (c >= 0xe0)
		return 3;
	return c >= 0xc0 ? 2 : 1;
}

/* width bytes of one character; returns what they took. */
static size_t
put_word_char(struct buf *b, const char *s, size_t width)
{
	size_t before = b->len;

	for (size_t i = 0; i < width; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_word_char(c))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "=%02X", c);
	}
	return b->len - before;
}

/* UTF-8 text as encoded words, one a folded line, no character divided. */
static void
put_encoded_words(struct buf *b, const char *s)
{
	size_t used = 0;

	buf_puts(b, "=?UTF-8?Q?");
	while (*s != '\0') {
		size_t width = strnlen(s, utf8_width((unsigned char)*s));

		if (used + 3 * width > WORD_MOST) {
			buf_puts(b, "?=\r\n =?UTF-8?Q?");
			used = 0;
		}
		used += put_word_char(b, s, width);
		s += width;
	}
	buf_puts(b, "?=");
}

/* A subject: as it is, or encoded words. */
static void
put_unstructured(struct buf *b, const char *text)
{
	if (is_plain(text))
		buf_puts(b, text);
	else
		put_encoded_words(b, text);
}

/* A display name: a quoted string, or encoded words where ASCII will not do.
 * Control bytes end up encoded and so never as a line of the header. */
static void
put_display_name(struct buf *b, const char *name)
{
	if (!is_plain(name)) {
		put_encoded_words(b, name);
		return;
	}
	buf_putc(b, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *name);
	}
	buf_putc(b, '"');
}

static void
put_date(struct buf *b)
{
	time_t now = (time_t)(clock_unix_ms() / 1000);
	char text[64];
	struct tm tm;

	must(gmtime_r(&now, &tm) != NULL);
	/* The locale is never set, so these are RFC 5322's English names. */
	must(strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &tm) >
	    0);
	buf_printf(b, "Date: %s\r\n", text);
}

static void
put_header(struct buf *b, const struct mail *m, const char *subject,
    const char *boundary)
{
	put_date(b);
	buf_puts(b, "From: ");
	put_display_name(b, conf->site_name);
	buf_printf(b, "\r\n <%s>\r\n", conf->mail_from);
	buf_printf(b, "To: <%s>\r\n", m->recipient);
	buf_puts(b, "Subject: ");
	put_unstructured(b, subject);
	buf_printf(b, "\r\nMessage-ID: <%s>\r\n", m->message_id);
	buf_puts(b, "Auto-Submitted: auto-generated\r\n"); /* RFC 3834 */
	buf_puts(b, "MIME-Version: 1.0\r\n");
	buf_printf(b,
	    "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n",
	    boundary);
}

/* Whether p, of n bytes, begins with a line end; *width is its bytes. */
static bool
at_line_end(const char *p, size_t n, size_t *width)
{
	*width = n > 1 && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
	return *width == 2 || (n > 0 && p[0] == '\n');
}

static bool
needs_quoting(const char *p, size_t n)
{
	size_t width;

	/* A blank at the end of a line would be lost on the way. */
	if (*p == ' ' || *p == '\t')
		return n == 1 || at_line_end(p + 1, n - 1, &width);
	return *p < '!' || *p > '~' || *p == '=';
}

static void
put_quoted_printable(struct buf *b, const char *p, size_t n)
{
	size_t column = 0, width;

	while (n > 0) {
		bool quoted;

		if (at_line_end(p, n, &width)) {
			buf_puts(b, "\r\n");
			column = 0;
			p += width;
			n -= width;
			continue;
		}
		quoted = needs_quoting(p, n);
		width = quoted ? 3 : 1;
		if (column + width > LINE_MOST - 1) {
			buf_puts(b, "=\r\n");
			column = 0;
		}
		if (quoted)
			buf_printf(b, "=%02X", (unsigned char)*p);
		else
			buf_putc(b, *p);
		column += width;
		p++;
		n--;
	}
}

static void
put_part(struct buf *b, const char *boundary, const char *type,
    const char *text, size_t n)
{
	buf_printf(b, "--%s\r\n", boundary);
	buf_printf(b, "Content-Type: %s; charset=utf-8\r\n", type);
	buf_puts(b, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	put_quoted_printable(b, text, n);
	buf_puts(b, "\r\n");
}

static struct json *
make_data(const struct templates *t, struct arena *mem, const struct mail *m)
{
	struct json *data = json_object();

	json_put_string(data, "address", m->recipient);
	if (m->link == NULL)
		return data;
	json_put_string(data, "link", m->link);
	if (m->lifetime > 0)
		json_put_string(data, "lifetime",
		    mail_lifetime(t, mem, m->language, m->lifetime));
	return data;
}

char *
mail_compose(struct arena *mem, const struct templates *t, const struct mail *m,
    size_t *n)
{
	static const struct {
		const char *ending, *type;
	} parts[] = { { "txt", "text/plain" }, { "html", "text/html" } };
	unsigned char noise[16];
	char boundary[2 + 2 * sizeof noise + 1] = "=_";
	struct json *data;
	struct buf b;

	if (!smtp_address_ok(m->recipient) ||
	    !smtp_address_ok(conf->mail_from) || !is_plain(m->message_id))
		return NULL;
	crypto_random(noise, sizeof noise);
	hex_encode(boundary + 2, noise, sizeof noise);
	buf_init(&b, mem);
	put_header(&b, m,
	    templates_text(t, m->language,
		arena_printf(mem, "mail.%s.subject", m->name)),
	    boundary);
	data = make_data(t, mem, m);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		size_t len;
		char *name =
		    arena_printf(mem, "mail/%s.%s", m->name, parts[i].ending);
		char *text =
		    template_render(t, mem, m->language, name, data, &len);

		put_part(&b, boundary, parts[i].type, text, len);
	}
	json_free(&data);
	buf_printf(&b, "--%s--\r\n", boundary);
	*n = b.len;
	return b.data;
}

char *
mail_lifetime(const struct templates *t, struct arena *mem, enum language l,
    long long seconds)
{
	static const struct {
		long long seconds;
		const char *one, *many; /* keys */
	} units[] = {
		{ 86400, "unit.day", "unit.days" },
		{ 3600, "unit.hour", "unit.hours" },
		{ 60, "unit.minute", "unit.minutes" },
		{ 1, "unit.second", "unit.seconds" },
	};
	size_t i = seconds == 86400 ? 1 : 0;
	long long count;

	while (seconds % units[i].seconds != 0)
		i++;
	count = seconds / units[i].seconds;
	return arena_printf(mem, "%lld %s", count,
	    templates_text(t, l, count == 1 ? units[i].one : units[i].many));
}
