/* SPDX-License-Identifier: ISC */
/*
 * Whole mails: a header nobody can break out of, a link that survives the
 * encoding, and texts that say what the contract promises.
 */
#include "render/mail.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/encode.h"
#include "platform/config.h"
#include "render/template.h"
#include "tests/test.h"

#define TOKEN                                                                  \
	"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define LINK "https://accounts.example.org/reset-password?token=" TOKEN

static struct arena *mem;
static struct templates *templates;
static struct config config = { .site_name = "Postern",
	.mail_from = "postern@example.org",
	.public_url = "https://accounts.example.org",
	.template_override_dir = "",
	.brand_logo = "",
	.brand_color = "",
	.brand_links = "" };

static void
report(void *arg, const char *file, int line, const char *what)
{
	(void)arg;
	ck_abort_msg("%s:%d: %s", file, line, what);
}

static void
set_up(void)
{
	const char *source = getenv("POSTERN_SOURCE");
	static char dir[4096], public[4096];

	if (source == NULL)
		source = ".";
	(void)snprintf(dir, sizeof dir, "%s/templates", source);
	(void)snprintf(public, sizeof public, "%s/public", source);
	mem = arena_new(1 << 20);
	config.template_dir = dir;
	config.static_dir = public;
	templates = templates_load(&config, report, NULL);
	conf = &config;
}

static void
tear_down(void)
{
	templates_free(&templates);
	arena_free(&mem);
}

static struct mail
reset_mail(void)
{
	return (struct mail){ .name = "reset",
		.recipient = "b@example.org",
		.link = LINK,
		.lifetime = 3600,
		.message_id = "1@accounts.example.org" };
}

/* Undoes quoted-printable, with '\n' for line ends. */
static char *
decode(const char *p, const char *end)
{
	char *out = arena_alloc(mem, (size_t)(end - p) + 1), *o = out;
	unsigned char c;

	while (p < end) {
		if (p[0] == '=' && p[1] == '\r') {
			p += 3;
		} else if (p[0] == '=') {
			ck_assert_int_eq(hex_decode(&c, 1, p + 1, 2), 1);
			*o++ = (char)c;
			p += 3;
		} else if (*p == '\r') {
			p++;
		} else {
			*o++ = *p++;
		}
	}
	return out;
}

/* The decoded part of this type. */
static char *
part(const char *message, const char *type)
{
	const char *at = strstr(message, type), *end;

	ck_assert_ptr_nonnull(at);
	at = strstr(at, "\r\n\r\n");
	ck_assert_ptr_nonnull(at);
	end = strstr(at, "\r\n--=_");
	ck_assert_ptr_nonnull(end);
	return decode(at + 4, end);
}

static char *
compose(const struct mail *m)
{
	size_t n = 0;
	char *text = mail_compose(mem, templates, m, &n);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(strlen(text), n);
	return text;
}

START_TEST(message_is_lines_of_ascii)
{
	struct mail m = reset_mail();
	char *text;

	set_up();
	text = compose(&m);
	for (char *end; *text != '\0'; text = end + 2) {
		end = strstr(text, "\r\n");
		ck_assert_ptr_nonnull(end);
		ck_assert_int_le(end - text, 78);
		for (char *p = text; p < end; p++)
			ck_assert(isprint((unsigned char)*p));
	}
	tear_down();
}
END_TEST

START_TEST(header_has_each_field_once)
{
	static const char *const fields[] = { ("\r\nFrom: \"Postern\"\r\n"
					       " <postern@example.org>\r\n"),
		"\r\nTo: <b@example.org>\r\n",
		"\r\nSubject: Password Reset Request\r\n",
		"\r\nMessage-ID: <1@accounts.example.org>\r\n",
		"\r\nMIME-Version: 1.0\r\n",
		"\r\nAuto-Submitted: auto-generated\r\n" };
	struct mail m = reset_mail();
	char *text;

	set_up();
	text = compose(&m);
	ck_assert_int_eq(strncmp(text, "Date: ", 6), 0);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		char *at = strstr(text, fields[i]);

		ck_assert_msg(at != NULL, "%s", fields[i]);
		ck_assert_ptr_null(strstr(at + 1, fields[i]));
	}
	tear_down();
}
END_TEST

START_TEST(link_stands_alone_in_the_text)
{
	struct mail m = reset_mail();
	char *text;

	set_up();
	text = compose(&m);
	ck_assert_ptr_nonnull(
	    strstr(part(text, "text/plain"), "\n\n" LINK "\n\n"));
	ck_assert_ptr_nonnull(
	    strstr(part(text, "text/html"), "<a href=\"" LINK "\">" LINK));
	ck_assert_ptr_nonnull(strstr(part(text, "text/plain"), "1 hour"));
	ck_assert_ptr_nonnull(strstr(part(text, "text/html"), "1 hour"));
	ck_assert_ptr_nonnull(strstr(part(text, "text/plain"), "not you"));
	tear_down();
}
END_TEST

/* Two of the same are not told apart by their boundary alone. */
START_TEST(boundary_is_random)
{
	struct mail m = reset_mail();
	char *first, *second;

	set_up();
	first = strstr(compose(&m), "boundary=");
	second = strstr(compose(&m), "boundary=");
	ck_assert_int_ne(strncmp(first, second, 45), 0);
	tear_down();
}
END_TEST

static const char *const notices[] = { "password_changed", "session_stolen" };

START_TEST(notice_has_no_link)
{
	struct mail m = reset_mail();
	char *text;

	set_up();
	m.name = notices[_i];
	m.link = NULL;
	text = compose(&m);
	ck_assert_ptr_null(strstr(part(text, "text/plain"), "://"));
	ck_assert_ptr_null(strstr(part(text, "text/html"), "href"));
	ck_assert_ptr_nonnull(
	    strstr(part(text, "text/plain"), "b@example.org"));
	tear_down();
}
END_TEST

static const struct {
	const char *name, *want;
} senders[] = {
	{ "Site \"A\" \\ B", "\"Site \\\"A\\\" \\\\ B\"" },
	{ "Gr\xc3\xbc\xc3\x9f"
	  "e",
	    "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=" },
	{ "x\r\nBcc: <c@d>", "=?UTF-8?Q?x=0D=0ABcc=3A=20=3Cc=40d=3E?=" },
	/* No character is divided between two words. */
	{ "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
	  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
	    "=?UTF-8?Q?=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC=E2=82=AC"
	    "=E2=82=AC=E2=82=AC?=\r\n =?UTF-8?Q?=E2=82=AC?=" },
};

START_TEST(sender_is_named_within_its_line)
{
	struct mail m = reset_mail();
	char want[400];

	set_up();
	config.site_name = senders[_i].name;
	(void)snprintf(want, sizeof want, "\r\nFrom: %s\r\n <postern@",
	    senders[_i].want);
	ck_assert_ptr_nonnull(strstr(compose(&m), want));
	tear_down();
}
END_TEST

static const struct mail unfit[] = {
	{ .recipient = "b@example.org\r\nBcc: c@example.org",
	    .message_id = "1@x" },
	{ .recipient = "b@example.org>, <c@example.org", .message_id = "1@x" },
	{ .recipient = "", .message_id = "1@x" },
	{ .recipient = "b@example.org", .message_id = "1@x>\r\nBcc: <c@d" },
};

START_TEST(unfit_address_makes_no_mail)
{
	struct mail m = reset_mail();
	size_t n;

	set_up();
	m.recipient = unfit[_i].recipient;
	m.message_id = unfit[_i].message_id;
	ck_assert_ptr_null(mail_compose(mem, templates, &m, &n));
	tear_down();
}
END_TEST

START_TEST(hostile_name_stays_text)
{
	struct mail m = reset_mail();
	char *text;

	config.site_name = "<script>\n.\n--=_x \n\t\n";
	set_up();
	text = compose(&m);
	ck_assert_ptr_null(strstr(text, "\r\n--=_x"));
	ck_assert_ptr_nonnull(strstr(part(text, "text/plain"), "--=_x"));
	ck_assert_ptr_null(strstr(part(text, "text/html"), "<script"));
	/* Blanks at the end of a line would be lost on the way. */
	ck_assert_ptr_null(strstr(text, " \r\n"));
	ck_assert_ptr_null(strstr(text, "\t\r\n"));
	tear_down();
}
END_TEST

/* docs/api.md has the English ones; beyond ASCII they are encoded words. */
static const struct {
	const char *name;
	enum language language;
	const char *want;
} subjects[] = {
	{ "verify", LANGUAGE_EN, "Verify Your Email Address" },
	{ "reset", LANGUAGE_EN, "Password Reset Request" },
	{ "password_changed", LANGUAGE_EN, "Your password was changed" },
	{ "confirm_address", LANGUAGE_EN, "Confirm Your New Email Address" },
	{ "address_changed", LANGUAGE_EN, "Your email address was changed" },
	{ "address_taken_back", LANGUAGE_EN,
	    "An account went back to its former address" },
	{ "account_deleted", LANGUAGE_EN, "Your account was deleted" },
	{ "reset", LANGUAGE_DE, "Neues Passwort angefordert" },
	{ "account_deleted", LANGUAGE_DE,
	    "=?UTF-8?Q?Ihr=20Konto=20wurde=20gel=C3=B6scht?=" },
	{ "password_changed", LANGUAGE_DE,
	    "=?UTF-8?Q?Ihr=20Passwort=20wurde=20ge=C3=A4ndert?=" },
};

START_TEST(subject_is_the_languages)
{
	struct mail m = reset_mail();
	char want[200];

	set_up();
	m.name = subjects[_i].name;
	m.language = subjects[_i].language;
	(void)snprintf(want, sizeof want,
	    "\r\nSubject: %s\r\nMessage-ID: ", subjects[_i].want);
	ck_assert_ptr_nonnull(strstr(compose(&m), want));
	tear_down();
}
END_TEST

START_TEST(german_mail_is_german)
{
	struct mail m = reset_mail();
	char *text;

	set_up();
	m.language = LANGUAGE_DE;
	text = compose(&m);
	ck_assert_ptr_nonnull(
	    strstr(part(text, "text/plain"), "Der Link gilt 1 Stunde"));
	ck_assert_ptr_nonnull(
	    strstr(part(text, "text/html"), "<html lang=\"de\">"));
	ck_assert_ptr_null(strstr(part(text, "text/plain"), "Hello"));
	tear_down();
}
END_TEST

/* The brand's links lead out of a mail, so they have a host. */
START_TEST(mail_has_the_brand)
{
	struct mail m = reset_mail();
	char *text;

	config.brand_color = "#c00";
	config.brand_links = "Imprint=/imprint";
	set_up();
	text = compose(&m);
	ck_assert_ptr_nonnull(strstr(part(text, "text/plain"),
	    "Imprint: https://accounts.example.org/imprint\n"));
	ck_assert_ptr_nonnull(strstr(part(text, "text/html"),
	    "<a href=\"https://accounts.example.org/imprint\">Imprint</a>"));
	ck_assert_ptr_nonnull(
	    strstr(part(text, "text/html"), "background: #cc0000"));
	ck_assert_ptr_nonnull(
	    strstr(part(text, "text/html"), "prefers-color-scheme: dark"));
	ck_assert_ptr_null(strstr(part(text, "text/html"), "<img"));
	tear_down();
}
END_TEST

static const struct {
	long long seconds;
	const char *want;
} lifetimes[] = {
	{ 86400, "24 hours" },
	{ 3600, "1 hour" },
	{ 5400, "90 minutes" },
	{ 60, "1 minute" },
	{ 1, "1 second" },
	{ 90, "90 seconds" },
	{ 7200, "2 hours" },
	{ 259200, "3 days" },
	{ 90000, "25 hours" },
};

START_TEST(lifetime_is_in_words)
{
	set_up();
	ck_assert_str_eq(mail_lifetime(templates, mem, LANGUAGE_EN,
			     lifetimes[_i].seconds),
	    lifetimes[_i].want);
	tear_down();
}
END_TEST

int
main(void)
{
	const struct test_case suite[] = {
		{ "ascii", message_is_lines_of_ascii, 0 },
		{ "header", header_has_each_field_once, 0 },
		{ "link", link_stands_alone_in_the_text, 0 },
		{ "boundary", boundary_is_random, 0 },
		{ "notice", notice_has_no_link, ROWS(notices) },
		{ "sender", sender_is_named_within_its_line, ROWS(senders) },
		{ "unfit", unfit_address_makes_no_mail, ROWS(unfit) },
		{ "hostile", hostile_name_stays_text, 0 },
		{ "subject", subject_is_the_languages, ROWS(subjects) },
		{ "german", german_mail_is_german, 0 },
		{ "brand", mail_has_the_brand, 0 },
		{ "lifetime", lifetime_is_in_words, ROWS(lifetimes) },
	};

	return test_main("mail", suite, ROWS(suite));
}
